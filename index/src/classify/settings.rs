//! How a classifier is trained: data, not code; the defaults are `index/data/classify.json`.
//! Invariant: the file that is compiled in is the default, and names every setting.

use serde::{Deserialize, Serialize};

use super::none::SIGNS;

/// How a classifier is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifySettings {
    /// Learning rate of AdaGrad (Duchi, Hazan and Singer 2011).
    pub rate: f32,
    /// Most passes over the examples.
    pub most_epochs: usize,
    /// Passes without gain on the examples held out after which training ends.
    pub patience: usize,
    /// Length of the vector's part of an example.
    pub dense: f32,
    /// Length of the part of words and neighbouring words.
    pub words: f32,
    /// Length of the part of character pieces.
    pub pieces: f32,
    /// Most words and pieces that are told apart.
    pub most_features: usize,
    /// Share of texts that belong to no label, as far as nothing is known of the text.
    pub prior_none: f32,
    /// Examples from which on the probabilities are calibrated by cross-validation.
    pub enough: usize,
    /// Temperature of the softmax with fewer examples.
    pub temperature: f32,
    /// Logistic model of "none of these" with fewer examples: constant, then as `SIGNS` names them.
    pub none: [f32; SIGNS + 1],
}

impl Default for ClassifySettings {
    fn default() -> Self {
        const DATA: &str = include_str!("../../data/classify.json");
        // The file is part of the program and read by a test; a broken one must not get this far.
        serde_json::from_str(DATA).unwrap_or(FALLBACK)
    }
}

/// What is left if the data file cannot be read.
const FALLBACK: ClassifySettings = ClassifySettings {
    rate: 0.5,
    most_epochs: 20,
    patience: 2,
    dense: 1.0,
    words: 0.5,
    pieces: 0.5,
    most_features: 30_000,
    prior_none: 0.2,
    enough: 30,
    temperature: 1.0,
    none: [2.0, 0.0, 0.0, -3.0, -3.0, -2.0],
};

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_the_default() {
        let written: ClassifySettings =
            serde_json::from_str(include_str!("../../data/classify.json")).expect("it parses");
        assert_eq!(written, ClassifySettings::default());
    }
}
