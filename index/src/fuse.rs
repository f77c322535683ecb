//! How do two lists become one?
//!
//! Invariant: a passage's place depends on its own features and the query's, never on how many were asked for
//! (reciprocal rank aside).

use serde::Serialize;

use crate::negative::Against;
use crate::settings::Fusion;

/// How many of a query's best shares their spread is taken of.
const SPREAD_OF: usize = 30;

/// What is known of a passage that may answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Features {
    /// BM25; absent where the passage holds no word of the query.
    pub bm25: Option<f32>,
    /// Cosine; absent where there is no vector.
    pub cosine: Option<f32>,
    /// Place in the words' list, from 1.
    pub words_rank: Option<u32>,
    /// Place in the vectors' list, from 1.
    pub vectors_rank: Option<u32>,
    /// Best cosine of one of its sentences, or of two that stand together; absent where nobody looked.
    pub sentence: Option<f32>,
    /// How near the query's words come to the words of its best two sentences, in [0, 1]; absent where nobody looked.
    pub aligned: Option<f32>,
    /// How far the document's next known questions are as near as this one; absent for passages of the body, and where
    /// nobody looked.
    pub company: Option<f32>,
    /// Largest share of the query's information that two sentences standing together hold; absent where nobody looked.
    pub window: Option<f32>,
    /// Largest share of the query's wording that two sentences standing together hold: of its characters and words, and
    /// of those that follow each other, in equal parts; absent where nobody read.
    pub wording: Option<f32>,
    /// Share of the query's information that a passage in its script can hold; absent where nobody read.
    pub sayable: Option<f32>,
    /// Share of what those sentences hold that they say in the other language; absent where nobody read.
    pub translated: Option<f32>,
    /// How far its document is ahead of the next one; absent where it is not the first.
    pub lead: Option<f32>,
    /// Whether the passage is a known question rather than a piece of the body.
    pub question: bool,
    /// What its document's negative questions say against it; absent where it has none, or nobody looked.
    pub against: Option<Against>,
}

/// What is known of the query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct QueryFeatures {
    /// BM25 of a passage that holds all its terms.
    pub ideal: f32,
    /// Share of its information carried by terms that occur anywhere, in [0, 1].
    pub known: f32,
    /// Standard deviation of its 30 best shares of the ideal BM25.
    pub spread: f32,
    /// Largest cosine of any passage of both lists.
    pub nearest: f32,
    /// Whether the words' list takes part.
    pub words: bool,
    /// Whether the vectors' list takes part.
    pub vectors: bool,
}

/// The share of the query's information that the passage covers: its BM25 over the ideal one.
pub(crate) fn share(features: &Features, query: &QueryFeatures) -> f32 {
    if query.ideal > 0.0 { features.bm25.unwrap_or(0.0) / query.ideal } else { 0.0 }
}

/// How far a query's best shares stand apart: their standard deviation.
pub(crate) fn spread(shares: impl Iterator<Item = f32>) -> f32 {
    let mut best: Vec<f32> = shares.collect();
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    best.truncate(SPREAD_OF);
    let count = best.len().max(1) as f32;
    let mean = best.iter().sum::<f32>() / count;
    (best.iter().map(|share| (share - mean).powi(2)).sum::<f32>() / count).sqrt()
}

/// What passages are ordered by.
pub(crate) fn relevance(features: &Features, query: &QueryFeatures, fusion: Fusion) -> f32 {
    match (query.words, query.vectors) {
        (true, false) => return share(features, query),
        (false, true) => return features.cosine.unwrap_or(0.0),
        _ => {}
    }
    let own = features.cosine.unwrap_or(0.0).max(0.0);
    // Where nobody looked closer, the whole passage stands for its best sentence, which is hardly ever farther.
    let nearest = features.sentence.unwrap_or(own).max(0.0);
    match fusion {
        Fusion::Convex { words, scale, sentence } => {
            words * scale * share(features, query) + (1.0 - words) * own + sentence * nearest
        }
        Fusion::Spread { words, floor, most, less, cosine, sentence, aligned, company, rephrased } => {
            let words = (words / (query.spread.min(most) + floor) - less).max(0.0);
            let rephrased = if features.question { rephrased } else { 0.0 };
            words * ((1.0 - rephrased) * share(features, query) + rephrased * own)
                + cosine * own
                + sentence * nearest
                + aligned * features.aligned.unwrap_or(0.0)
                + company * features.company.unwrap_or(0.0)
        }
        Fusion::ReciprocalRank { k, words } => {
            let part = |rank: Option<u32>, weight: f32| rank.map_or(0.0, |r| weight / (k + r as f32));
            part(features.words_rank, words) + part(features.vectors_rank, 1.0 - words)
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::settings::RankSettings;

    const BOTH: QueryFeatures =
        QueryFeatures { ideal: 10.0, known: 1.0, spread: 0.1, nearest: 0.8, words: true, vectors: true };

    fn features(bm25: f32, cosine: f32) -> Features {
        Features {
            bm25: Some(bm25),
            cosine: Some(cosine),
            words_rank: Some(1),
            vectors_rank: Some(1),
            ..Features::default()
        }
    }

    #[test]
    fn fusing_one_list_keeps_its_order() {
        let words = QueryFeatures { vectors: false, ..BOTH };
        let convex = Fusion::Convex { words: 0.7, scale: 2.0, sentence: 0.0 };
        assert!(relevance(&features(5.0, 0.0), &words, convex) > relevance(&features(4.0, 1.0), &words, convex));
    }

    #[test]
    fn words_weigh_more_where_they_tell_passages_apart_little() {
        let fusion = RankSettings::default().fusion;
        let lead = |spread: f32| {
            let query = QueryFeatures { spread, ..BOTH };
            relevance(&features(6.0, 0.3), &query, fusion) - relevance(&features(5.0, 0.3), &query, fusion)
        };
        assert!(lead(0.02) > lead(0.1) && lead(0.1) > lead(0.15), "{} {} {}", lead(0.02), lead(0.1), lead(0.15));
        assert_eq!(lead(0.5), lead(9.0), "beyond the most that counts");
        assert!((spread([0.5, 0.1, 0.3].into_iter()) - 0.163_299).abs() < 1e-5);
        assert_eq!((spread(std::iter::empty()), spread([0.7].into_iter())), (0.0, 0.0));
    }

    #[test]
    fn the_data_file_is_the_default() {
        let written: RankSettings = serde_json::from_str(include_str!("../data/rank.json")).expect("it parses");
        assert_eq!(written, RankSettings::default());
    }
}
