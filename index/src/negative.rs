//! Is the query nearer to a question that a document does not answer than to anything it answers with?
//!
//! Invariant: this is evidence: a document loses relevance and confidence by it, and never its place among the hits.
//! Only documents that lead are looked at, and where none has negative questions nothing is computed or changed.

use std::collections::HashSet;

use serde::Serialize;

use crate::closer::{LOOKED_AT, Question, pieces};
use crate::dense::PreparedQuery;
use crate::document::{Record, document_of, passage_id};
use crate::embed::dot;
use crate::error::Result;
use crate::normalize::form;
use crate::parts::Part;
use crate::rank::Candidate;
use crate::settings::NegativeSettings;
use crate::show::stored;

/// Documents that lead, as far as their negative questions are read: some of them may fall behind others.
const LEADING: usize = 2 * LOOKED_AT;
/// Least distance from what a document answers with to sameness: nearer, differences are chance.
const LEAST_ROOM: f32 = 0.2;

/// What the nearest negative question of a document says against it. Nearness is in [0, 1]; absent where that list does
/// not take part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Against {
    /// Which of the document's negative questions, from 0.
    pub number: u32,
    /// Whether the query has the same form: words and digits alike.
    pub exact: bool,
    /// Share of the query's information that it holds.
    pub words: Option<f32>,
    /// Its cosine.
    pub cosine: Option<f32>,
    /// The largest share that something holds which the document answers with.
    pub own_words: Option<f32>,
    /// The largest cosine of something that it answers with.
    pub own_cosine: Option<f32>,
    /// How much this says against the document, in [0, 1].
    pub weight: f32,
}

/// How near a text comes to the query.
#[derive(Clone, Copy, Default)]
struct Near {
    words: Option<f32>,
    cosine: Option<f32>,
    exact: bool,
}

impl Near {
    /// Words and vector count alike; the same form is as near as can be.
    fn sum(self) -> f32 {
        match (self.words, self.cosine) {
            _ if self.exact => 1.0,
            (Some(words), Some(cosine)) => (words + cosine.clamp(0.0, 1.0)) / 2.0,
            (words, cosine) => words.or(cosine).unwrap_or(0.0).clamp(0.0, 1.0),
        }
    }
}

/// The query, as far as it was understood.
pub(crate) struct Asked<'a> {
    /// As it was typed.
    pub text: &'a str,
    pub vector: Option<&'a [f32]>,
    pub prepared: Option<&'a PreparedQuery>,
    pub question: Option<&'a Question<'a>>,
}

impl Asked<'_> {
    /// Weighs the negative questions of the documents that lead: their candidates lose relevance, and say why.
    pub fn weigh(&self, parts: &[Part<'_>], candidates: &mut [Candidate], weights: &NegativeSettings) -> Result<()> {
        if *weights == NegativeSettings::NONE || parts.iter().all(|part| part.shelf.table.negatives == 0) {
            return Ok(());
        }
        let form = form(self.text);
        for (number, document) in leading(candidates) {
            let Some(part) = parts.get(number) else { continue };
            let Some(record) = part.shelf.table.get(document).filter(|record| record.negatives > 0) else { continue };
            let is_its = |c: &Candidate| (c.part, document_of(c.passage)) == (number, document);
            let own: Vec<&Candidate> = candidates.iter().filter(|c| is_its(c)).collect();
            let Some(against) = self.against(&form, part, document, record, &own, weights)? else { continue };
            for candidate in candidates.iter_mut().filter(|c| is_its(c)) {
                candidate.features.against = Some(against);
                candidate.relevance -= weights.relevance * against.weight * candidate.relevance.max(0.0);
            }
        }
        Ok(())
    }

    fn against(
        &self,
        form: &str,
        part: &Part<'_>,
        document: u32,
        record: &Record,
        candidates: &[&Candidate],
        weights: &NegativeSettings,
    ) -> Result<Option<Against>> {
        let negatives = stored(part, passage_id(document, 0))?.negatives;
        let near = negatives.iter().zip(0..).map(|(negative, number)| {
            let cosine = |vector| negative.code.as_ref().map(|code| cosine(vector, &code.dequantize()));
            let words = self.covered(&[&negative.text]);
            (number, Near { words, cosine: self.vector.and_then(cosine), exact: is(form, &negative.text) })
        });
        // The first of those that are equally near.
        let nearest = near.reduce(|best, next| if next.1.sum() > best.1.sum() { next } else { best });
        let Some((number, nearest)) = nearest else { return Ok(None) };
        let own = self.own(form, part, document, record, candidates)?;
        let weight = weight(nearest, own, weights);
        let Near { words, cosine, exact } = nearest;
        Ok(Some(Against { number, exact, words, cosine, own_words: own.words, own_cosine: own.cosine, weight }))
    }

    /// How near comes the nearest of what a document answers with: its title, known questions and best passages.
    fn own(
        &self,
        form: &str,
        part: &Part<'_>,
        document: u32,
        record: &Record,
        candidates: &[&Candidate],
    ) -> Result<Near> {
        let mut own = Near { exact: record.questions.iter().any(|question| is(form, question)), ..Near::default() };
        let mut add = |words: Option<f32>, cosine: Option<f32>| {
            own.words = own.words.into_iter().chain(words).reduce(f32::max);
            own.cosine = own.cosine.into_iter().chain(cosine).reduce(f32::max);
        };
        for (question, ordinal) in record.questions.iter().zip(record.chunks..) {
            let passage = passage_id(document, ordinal);
            let cosine = self.prepared.and_then(|query| part.shelf.dense.cosine(query, passage));
            add(self.covered(&[question]), cosine);
        }
        for candidate in candidates {
            add(None, candidate.features.cosine);
            add(None, candidate.features.sentence);
            if self.question.is_some() && !candidate.features.question {
                let passage = stored(part, candidate.passage)?;
                let headings = passage.heading.join(" / ");
                let above = [record.title.as_str(), headings.as_str()];
                let texts: Vec<&str> = above.into_iter().chain(pieces(&passage.text)).collect();
                add(self.covered(&texts), None);
            }
        }
        add(self.covered(&[&record.title]), None);
        Ok(own)
    }

    fn covered(&self, texts: &[&str]) -> Option<f32> {
        self.question.map(|question| question.covered(texts))
    }
}

/// What share of the way from the document's own nearness to sameness the negative question is ahead.
fn weight(negative: Near, own: Near, weights: &NegativeSettings) -> f32 {
    let ahead = (negative.sum() - own.sum()).max(0.0);
    let most = if negative.exact { 1.0 } else { weights.like };
    if negative.exact && !own.exact { 1.0 } else { (ahead / (1.0 - own.sum()).max(LEAST_ROOM)).min(1.0) * most }
}

/// Part and document of the first candidates, one each, best first.
fn leading(candidates: &[Candidate]) -> Vec<(usize, u32)> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_unstable_by(|a, b| {
        b.relevance.total_cmp(&a.relevance).then(a.part.cmp(&b.part)).then(a.passage.cmp(&b.passage))
    });
    let mut seen = HashSet::new();
    let places = order.into_iter().map(|c| (c.part, document_of(c.passage)));
    places.filter(|place| seen.insert(*place)).take(LEADING).collect()
}

/// The cosine of a unit vector and one that lost a little of its length on the disk.
fn cosine(asked: &[f32], kept: &[f32]) -> f32 {
    let length = dot(kept, kept).sqrt();
    if length > 0.0 { dot(asked, kept) / length } else { 0.0 }
}

fn is(asked: &str, text: &str) -> bool {
    !asked.is_empty() && form(text) == asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RankSettings;

    fn near(words: f32, cosine: f32) -> Near {
        Near { words: Some(words), cosine: Some(cosine), exact: false }
    }

    fn counts(negative: Near, own: Near) -> f32 {
        weight(negative, own, &RankSettings::default().negative)
    }

    #[test]
    fn it_counts_by_how_far_it_is_ahead_and_most_where_it_is_the_same() {
        let own = near(0.5, 0.6);
        assert_eq!(counts(near(0.5, 0.6), own), 0.0);
        assert_eq!(counts(near(0.2, 0.3), own), 0.0, "what is farther says nothing");
        let (little, much) = (counts(near(0.6, 0.7), own), counts(near(0.9, 0.9), own));
        assert!(0.0 < little && little < much && much < 0.8, "{little} {much}");
        let same = Near { exact: true, ..near(0.9, 0.9) };
        assert_eq!(counts(same, own), 1.0);
        assert_eq!(counts(same, Near { exact: true, ..own }), 0.0, "it answers the very question, too");
    }

    #[test]
    fn small_leads_near_sameness_are_chance() {
        assert!(counts(near(0.97, 0.97), near(0.95, 0.95)) < 0.1);
    }

    #[test]
    fn one_list_alone_counts_whole() {
        let words = |share: f32| Near { words: Some(share), ..Near::default() };
        assert!((counts(words(0.75), words(0.5)) - 0.4).abs() < 1e-6);
        assert_eq!(counts(Near::default(), Near::default()), 0.0);
    }

    #[test]
    fn a_form_is_the_same_however_it_is_written() {
        let asked = form("How LONG, does it take?");
        assert!(is(&asked, "how long does it take") && !is(&asked, "how long did it take"));
        assert!(is(&form("退貨後 多久到賬?"), "退货后 多久到账") && !is(&form("?!"), "!"));
    }
}
