//! How do titles and questions sound, so that they can be completed from pinyin?
//!
//! Invariant: a match begins where a syllable begins: every syllable stands with a capital, and only there.

use std::sync::OnceLock;

use memchr::memmem;

use crate::pinyin::{of_character, of_text, parses};
use crate::script::Script;

/// Most ways to read a query that are looked for.
const MAX_WAYS: usize = 4;

/// The sounds of many texts, one after the other.
#[derive(Default)]
pub(super) struct Sounds {
    full: Lane,
    initials: Lane,
}

/// Texts in one string, so that one search goes through all of them.
#[derive(Default)]
struct Lane {
    text: String,
    /// Where each begins.
    starts: Vec<u32>,
}

impl Lane {
    fn push(&mut self, text: &str) {
        self.starts.push(self.text.len() as u32);
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Numbers of the texts that hold the piece, and whether they begin with it, ascending.
    fn find(&self, piece: &str, mut with: impl FnMut(usize, bool)) {
        let mut last = usize::MAX;
        for at in memmem::find_iter(self.text.as_bytes(), piece) {
            let number = self.starts.partition_point(|start| *start as usize <= at).wrapping_sub(1);
            if number != last {
                last = number;
                with(number, self.starts.get(number) == Some(&(at as u32)));
            }
        }
    }
}

/// What is looked for: pieces of full spelling, and of initials.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Heard {
    full: Vec<String>,
    initials: Option<String>,
}

impl Heard {
    /// How a folded text that is being typed may sound; empty where it is no pinyin and not Chinese.
    pub fn of(form: &str) -> Self {
        let plain: String = form.chars().filter(|c| *c != ' ' && *c != '\'').collect();
        let chinese = plain.chars().any(|c| Script::of(c) == Script::Han);
        let latin = plain.bytes().any(|b| b.is_ascii_lowercase());
        if plain.is_empty() || !plain.chars().all(|c| c.is_ascii_lowercase() || Script::of(c) == Script::Han) {
            return Self::default();
        }
        let mut ways = vec![String::new()];
        let mut rest = plain.as_str();
        while let Some(c) = rest.chars().next() {
            let letters = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
            let (next, length) = if letters == 0 {
                (of_character(c).iter().map(|s| capital(s)).collect::<Vec<_>>(), c.len_utf8())
            } else {
                let run = rest.get(..letters).unwrap_or_default();
                let parses = parses(run, letters == rest.len() || chinese);
                (parses.iter().map(|parse| parse.iter().map(|s| capital(s)).collect()).collect(), letters)
            };
            ways = next.iter().flat_map(|next| ways.iter().map(move |way| format!("{way}{next}"))).collect();
            ways.truncate(MAX_WAYS);
            rest = rest.get(length..).unwrap_or_default();
        }
        let initials = (!chinese && (2..=8).contains(&plain.len())).then(|| plain.to_ascii_uppercase());
        let full = if latin || plain.chars().count() > 1 { ways } else { Vec::new() };
        Self { full: full.into_iter().filter(|way| way.len() > 1).collect(), initials }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.initials.is_none()
    }
}

fn capital(syllable: &str) -> String {
    let mut letters = syllable.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

impl Sounds {
    /// Of folded texts, in order.
    pub fn of<'a>(forms: impl Iterator<Item = &'a str>) -> Self {
        let mut sounds = Self::default();
        for form in forms {
            sounds.push(form);
        }
        sounds.full.text.shrink_to_fit();
        sounds.initials.text.shrink_to_fit();
        sounds
    }

    fn push(&mut self, form: &str) {
        let (mut full, mut initials) = (String::new(), String::new());
        for sound in of_text(form) {
            match sound {
                Ok(syllable) => {
                    let syllable = capital(syllable);
                    initials.extend(syllable.chars().take(1));
                    full.push_str(&syllable);
                }
                // What is no character breaks words apart.
                Err(_) if full.ends_with(' ') => {}
                Err(_) => {
                    full.push(' ');
                    initials.push(' ');
                }
            }
        }
        self.full.push(&full);
        self.initials.push(&initials);
    }

    /// Numbers of the texts that sound so: whether by initials only, whether further on than the beginning.
    pub fn find(&self, heard: &Heard, mut with: impl FnMut(usize, bool, bool)) {
        for way in &heard.full {
            self.full.find(way, |number, first| with(number, false, !first));
        }
        if let Some(initials) = &heard.initials {
            self.initials.find(initials, |number, first| with(number, true, !first));
        }
    }
}

/// Sounds that are made when somebody first needs them.
#[derive(Default)]
pub(super) struct Later(OnceLock<Sounds>);

impl Later {
    pub fn get<'a>(&self, forms: impl Iterator<Item = &'a str>) -> &Sounds {
        self.0.get_or_init(|| Sounds::of(forms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str) -> Vec<(usize, bool, bool)> {
        let sounds = Sounds::of(["退货政策", "怎么退货", "银行卡", "return", "西安"].into_iter());
        let mut found = Vec::new();
        sounds.find(&Heard::of(query), |number, initials, further| found.push((number, initials, further)));
        found.sort_unstable();
        found
    }

    #[test]
    fn syllables_and_their_beginnings() {
        assert_eq!(found("tuih"), [(0, false, false), (1, false, true)]);
        assert_eq!(found("tui huo"), [(0, false, false), (1, false, true)]);
        assert_eq!(found("uihuo"), []);
        assert_eq!(found("yinhang"), [(2, false, false)]);
        assert_eq!(found("th"), [(0, true, false), (1, true, true)]);
        assert_eq!(found("退h"), [(0, false, false), (1, false, true)]);
        assert_eq!(found("退或"), [(0, false, false), (1, false, true)]);
        assert_eq!(found("xian"), [(4, false, false)]);
        assert_eq!(found("return"), []);
    }
}
