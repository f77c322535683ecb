//! By which signs is a sentence preferred, and when is enough quoted? Weights are data.
//! Invariant: the file that is compiled in is the default, and names every weight.

use serde::{Deserialize, Serialize};

/// What is seen of a sentence that may answer, one number a sign; most lie in [0, 1].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signs {
    /// Share of the question's information (IDF) that its words cover.
    pub words: f32,
    /// Share of the information that tells this unit from the others read: terms weighed by their IDF among these too.
    pub local: f32,
    /// What the unit before it covers beyond that.
    pub before: f32,
    /// What the unit after it covers beyond that.
    pub after: f32,
    /// What headings, lead line, table head and title cover beyond that.
    pub place: f32,
    /// Cosine with the question.
    pub cosine: f32,
    /// Whether it looks like what is asked for: a number, a time, a reason …
    pub sign: f32,
    /// Logarithm of its length over 40 characters, in [-2, 2].
    pub length: f32,
    /// 1 for the first unit of its passage, then 1/2, 1/3 …
    pub first: f32,
    /// Whether it is a question itself.
    pub echo: f32,
    /// Logarithm of its hit's score over that of the best hit, in [-3, 0].
    pub hit: f32,
}

impl Signs {
    /// The values, in the order of the fields.
    pub fn values(&self) -> [f32; 11] {
        [
            self.words,
            self.local,
            self.before,
            self.after,
            self.place,
            self.cosine,
            self.sign,
            self.length,
            self.first,
            self.echo,
            self.hit,
        ]
    }

    /// The weighted sum.
    pub(crate) fn weighed(&self, weights: &Signs) -> f32 {
        self.values().iter().zip(weights.values()).map(|(value, weight)| value * weight).sum()
    }

    /// The mean of two.
    pub(crate) fn mean(&self, other: &Signs) -> Signs {
        let half = |a: f32, b: f32| (a + b) / 2.0;
        Signs {
            words: half(self.words, other.words),
            local: half(self.local, other.local),
            before: half(self.before, other.before),
            after: half(self.after, other.after),
            place: half(self.place, other.place),
            cosine: half(self.cosine, other.cosine),
            sign: half(self.sign, other.sign),
            ..*self
        }
    }
}

/// How sentences are chosen: data, not code; the defaults are `index/data/answer.json`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerSettings {
    /// Weight of each sign; a softmax over the candidates makes probabilities of the sums.
    pub weights: Signs,
    /// Probability covered from which no further sentence is quoted.
    pub enough: f32,
    /// A further sentence is quoted when it is at least this probable, as a share of the best one's probability.
    pub rival: f32,
    /// Columns (two for a Chinese character) from which on nothing is added.
    pub budget: usize,
    /// Most sentences chosen, those that they lean on not counted.
    pub most: usize,
    /// Most estimated tokens (see [`crate::chunk::estimate_tokens`]) of a list or of steps that are quoted whole.
    pub whole_list: usize,
    /// Most tokens of a neighbouring sentence that is quoted along because the answer leans on it.
    pub along: usize,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        const DATA: &str = include_str!("../../data/answer.json");
        // The file is part of the program and read by a test; a broken one must not get this far.
        serde_json::from_str(DATA).unwrap_or(FALLBACK)
    }
}

/// Words and vectors alike: what is left if the data file cannot be read.
const FALLBACK: AnswerSettings = AnswerSettings {
    weights: Signs {
        words: 4.0,
        local: 0.0,
        before: 1.0,
        after: 0.0,
        place: 1.0,
        cosine: 2.0,
        sign: 1.0,
        length: 0.0,
        first: 0.0,
        echo: -2.0,
        hit: 1.0,
    },
    enough: 0.7,
    rival: 0.3,
    budget: 150,
    most: 2,
    whole_list: 400,
    along: 50,
};

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_the_default() {
        let written: AnswerSettings = serde_json::from_str(include_str!("../../data/answer.json")).expect("it parses");
        assert_eq!(written, AnswerSettings::default());
    }
}
