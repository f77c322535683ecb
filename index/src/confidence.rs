//! How sure is a search that its first hit answers? A logistic model of how far the evidence stands above what
//! questions without an answer bring up in the same space.
//!
//! Invariant: more of a sign never means less confidence; a space without measurements of its own goes by the settings.
//!
//! The evidence is a weighted sum of signs, by kind: a known question is matched by its vector, a passage by its words,
//! a passage in the other language by translations. What such a sum means differs from space to space: in a shop with a
//! thousand questions about payments anything about money is near something. So [`Background`] holds what known
//! questions score whose article is left out, and what that is above the usual is taken off.

use serde::{Deserialize, Serialize};

use crate::fuse::{Features, QueryFeatures, share};
use crate::settings::{Evidence, RankSettings};

/// From here on a lead says no more.
const MAX_LEAD: f32 = 0.5;
/// Share of what is said that must be said by translations for a passage to count as one in the other language.
const TRANSLATED: f32 = 0.5;
/// What cosines usually are beside a share of the query's words that two sentences hold: for none of them, and more for all.
const PASSAGE_BESIDE: (f32, f32) = (0.42, 0.46);
const QUESTION_BESIDE: (f32, f32) = (0.45, 0.45);
/// After so many pretended questions a space's own measure counts half.
const PRIOR: f32 = 20.0;

/// What a first hit's evidence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A passage in the query's language.
    Passage,
    /// A passage that says it in the other language.
    Translated,
    /// A known question.
    Question,
}

/// What pretended questions score that find their own document missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    /// How many were asked.
    pub count: u32,
    /// Their median: some find what answers them all the same.
    pub middle: f32,
}

/// The scales of a space, by kind of evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Background {
    pub passage: Scale,
    pub translated: Scale,
    pub question: Scale,
}

impl Background {
    fn of(&self, kind: Kind) -> Scale {
        match kind {
            Kind::Passage => self.passage,
            Kind::Translated => self.translated,
            Kind::Question => self.question,
        }
    }
}

impl Scale {
    /// The scale of some sums.
    pub fn new(mut sums: Vec<f32>) -> Self {
        sums.sort_unstable_by(f32::total_cmp);
        Self { count: sums.len() as u32, middle: sums.get(sums.len() / 2).copied().unwrap_or_default() }
    }

    /// How much higher sums stand in this space than in the usual one.
    fn above(self, usual: &Evidence) -> f32 {
        let own = self.count as f32 / (self.count as f32 + PRIOR);
        usual.pretended.map_or(0.0, |pretended| own * (self.middle - pretended))
    }
}

/// The kind of evidence, and the sum of its signs.
pub(crate) fn evidence(features: &Features, query: &QueryFeatures, rank: &RankSettings) -> (Kind, f32) {
    let kind = match (features.question, features.translated) {
        (true, _) => Kind::Question,
        (false, Some(translated)) if translated > TRANSLATED => Kind::Translated,
        (false, _) => Kind::Passage,
    };
    // A question's words weigh more when ordering; how much of the query it covers must not.
    let weight = if features.question { rank.questions.max(1.0).sqrt() } else { 1.0 };
    let share = (share(features, query) / weight / features.sayable.unwrap_or(1.0).max(0.25)).min(1.0);
    let window = features.window.unwrap_or(share);
    let cosine = features.cosine.unwrap_or(0.0).clamp(0.0, 1.0);
    let sentence = features.sentence.unwrap_or(cosine).clamp(0.0, 1.0);
    let nearest = query.nearest.clamp(0.0, 1.0);
    let wording = features.wording.unwrap_or(window);
    let aligned = features.aligned.unwrap_or(sentence);
    // Where one list alone was asked, its sign stands for the other's.
    let like = sentence * sentence;
    let (share, window, wording, known) =
        if query.words { (share, window, wording, query.known) } else { (like, like, like, sentence) };
    let (sentence, cosine, nearest, aligned) = if query.vectors {
        (sentence, cosine, nearest, aligned)
    } else {
        let (base, rate) = if kind == Kind::Question { QUESTION_BESIDE } else { PASSAGE_BESIDE };
        let usual = base + rate * window;
        (usual, usual, usual, usual)
    };
    let lead = features.lead.unwrap_or(0.0).clamp(0.0, MAX_LEAD);
    let w = weights(kind, rank);
    let sum = w.share * share
        + w.sentence * sentence
        + w.window * window
        + w.wording * wording
        + w.aligned * aligned
        + w.known * known
        + w.lead * lead
        + w.cosine * cosine
        + w.nearest * nearest
        + w.company * features.company.unwrap_or(0.0);
    (kind, sum)
}

fn weights(kind: Kind, rank: &RankSettings) -> &Evidence {
    match kind {
        Kind::Passage => &rank.confidence.passage,
        Kind::Translated => &rank.confidence.translated,
        Kind::Question => &rank.confidence.question,
    }
}

/// Probability that a passage with these features answers the query.
pub(crate) fn confidence(
    features: &Features,
    query: &QueryFeatures,
    rank: &RankSettings,
    background: &Background,
) -> f32 {
    let (kind, sum) = evidence(features, query, rank);
    let usual = weights(kind, rank);
    let above = (sum - usual.middle - background.of(kind).above(usual)) / usual.spread;
    let above = above - features.against.map_or(0.0, |against| rank.negative.confidence * against.weight);
    1.0 / (1.0 + (rank.confidence.offset - rank.confidence.slope * above).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ConfidenceSettings;

    const BOTH: QueryFeatures =
        QueryFeatures { ideal: 10.0, known: 1.0, spread: 0.1, nearest: 0.5, words: true, vectors: true };

    fn features(bm25: f32, cosine: f32) -> Features {
        Features { bm25: Some(bm25), cosine: Some(cosine), ..Features::default() }
    }

    #[test]
    fn confidence_grows_with_each_sign() {
        let (rank, none) = (RankSettings::default(), Background::default());
        let weak = features(1.0, 0.1);
        let of = |features: &Features| confidence(features, &BOTH, &rank, &none);
        let before = of(&weak);
        assert!((0.0..=1.0).contains(&before));
        let more = [
            Features { bm25: Some(6.0), ..weak },
            Features { sentence: Some(0.8), ..weak },
            Features { window: Some(0.9), ..weak },
            Features { wording: Some(0.9), ..weak },
            Features { lead: Some(0.4), ..weak },
        ];
        for more in more {
            assert!(of(&more) > before, "{more:?}: {} > {before}", of(&more));
        }
        let question = Features { question: true, ..weak };
        let near = Features { cosine: Some(0.9), ..question };
        assert!(of(&near) > of(&question));
        assert!(of(&Features { aligned: Some(0.9), ..near }) > of(&Features { aligned: Some(0.5), ..near }));
        let contextual = rank.contextual.map(|own| own.question);
        let rank = contextual.map_or(rank, |question| RankSettings {
            confidence: ConfidenceSettings { question, ..rank.confidence },
            ..rank
        });
        let of = |features: &Features| confidence(features, &BOTH, &rank, &none);
        assert!(of(&near) > of(&question));
        assert!(of(&Features { company: Some(0.1), ..near }) > of(&near));
    }

    #[test]
    fn the_same_evidence_means_less_where_everything_is_alike() {
        let rank = RankSettings::default();
        let features = Features { question: true, ..features(8.0, 0.8) };
        let own = |middle: f32, count: u32| {
            let question = Scale { count, middle };
            confidence(&features, &BOTH, &rank, &Background { question, ..Background::default() })
        };
        assert!(own(10.0, 200) < own(7.0, 200));
        let usual = confidence(&features, &BOTH, &rank, &Background::default());
        assert!((own(10.0, 2) - usual).abs() < (own(10.0, 200) - usual).abs(), "two questions say little");
    }

    #[test]
    fn words_alone_can_be_as_sure_as_both() {
        let (rank, none) = (RankSettings::default(), Background::default());
        let said = Features { window: Some(0.9), wording: Some(0.9), lead: Some(0.5), ..features(9.0, 0.0) };
        let of =
            |features: &Features, vectors: bool| confidence(features, &QueryFeatures { vectors, ..BOTH }, &rank, &none);
        let alone = of(&Features { cosine: None, ..said }, false);
        let beside = of(&Features { sentence: Some(0.8), cosine: Some(0.7), ..said }, true);
        assert!(alone > 0.9 && (alone - beside).abs() < 0.05, "{alone} and {beside}");
        assert!(of(&Features { cosine: None, ..features(1.0, 0.0) }, false) < 0.3);
    }

    #[test]
    fn a_scale_is_the_median() {
        let scale = Scale::new((0..100).rev().map(|n| n as f32 / 10.0).collect());
        assert_eq!(scale, Scale { count: 100, middle: 5.0 });
        assert_eq!(Scale::new(Vec::new()), Scale::default());
    }
}
