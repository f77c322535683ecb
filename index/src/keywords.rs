//! What is a text about? Its content words, whole, each as it was written and in the form that matches.
//!
//! Invariant: no function word, no number, no single character, no part of a word that is there whole; each form once.

use crate::index::Index;
use crate::script::is_number;
use crate::terms::QueryKind;

/// A content word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The matching form: a stem where the word is English.
    pub term: String,
    /// As it was written, folded.
    pub written: String,
}

impl Index {
    /// The content words of a text, in their order.
    pub fn keywords(&self, text: &str) -> Vec<Keyword> {
        let analysis = self.analyzer.analysis(text);
        let mut found: Vec<Keyword> = Vec::new();
        let mut whole_end = 0;
        for (at, range) in &analysis.places {
            let Some(term) = analysis.terms.get(*at).filter(|term| term.kind == QueryKind::Word) else { continue };
            if range.end <= whole_end {
                continue;
            }
            whole_end = range.end;
            let Some(written) = analysis.folded.text.get(range.clone()) else { continue };
            let says =
                written.chars().nth(1).is_some() && written.chars().any(char::is_alphabetic) && !is_number(written);
            if says && !term.stop && !found.iter().any(|known| known.term == term.term) {
                found.push(Keyword { term: term.term.clone(), written: written.to_owned() });
            }
        }
        found
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::IndexSettings;
    use crate::embed::HashEmbedder;

    #[test]
    fn content_words_stand_whole_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let (index, _) = Index::open(dir.path(), IndexSettings::default(), Arc::new(HashEmbedder::default())).unwrap();
        let words = |text: &str| index.keywords(text).into_iter().map(|word| word.written).collect::<Vec<_>>();
        assert_eq!(words("北京大学的 deliveries 是 24 小时吗"), ["北京大学", "deliveries", "小时"]);
        assert_eq!(words("退货退货,怎么退货"), ["退货"]);
        assert_eq!(words("我的号码是七七八九,批发价"), ["号码", "批发价"]);
        assert_eq!(
            index.keywords("Deliveries").first().unwrap().term,
            index.keywords("delivery").first().unwrap().term
        );
    }
}
