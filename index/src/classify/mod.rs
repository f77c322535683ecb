//! Which label fits a text, learned from labelled examples; or none of them?
//!
//! A softmax linear in words, pieces of words and the text's vector, trained by AdaGrad in seconds; a temperature from
//! examples held out makes its probabilities mean what they say; a second, small model tells strangers, learned by
//! hiding labels in turn.
//!
//! Invariant: the same examples and vectors give the same classifier, and the probabilities of all labels and of none
//! of them add up to 1.

mod features;
mod linear;
mod none;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analyzer::Analyzer;
use crate::dense::Code;
use crate::document::Record;
use crate::embed::Role;
use crate::error::{Error, Result};
use crate::evaluate::Check;
use crate::filter::Filter;
use crate::index::Index;
use features::Vocabulary;
use linear::{Linear, Row, softmax};
use none::{Codes, NoneModel, Signs, nearest};
pub use settings::ClassifySettings;

impl Index {
    /// The live records that pass.
    ///
    /// # Errors
    /// [`Error::Filter`] for what the caller got wrong.
    pub fn records(&self, filter: Option<&Filter>) -> Result<Vec<Arc<Record>>> {
        let view = self.view.load_full();
        let check = filter.map(Check::of).transpose()?;
        let passes = |record: &Arc<Record>| check.as_ref().is_none_or(|check| check.passes(record));
        Ok(view.live.table.iter().map(|(_, record)| record).filter(|record| passes(record)).cloned().collect())
    }

    /// The name of the model that makes the index's vectors.
    pub fn model(&self) -> &str {
        self.embedder.id()
    }

    /// Trains a classifier on the index's words and vectors.
    ///
    /// # Errors
    /// [`Error::Embedding`] where the model cannot be reached.
    pub fn train_classifier(&self, examples: &[Example], settings: &ClassifySettings) -> Result<Classifier> {
        let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
        Ok(Classifier::train(&self.analyzer, examples, self.vectors(&texts)?, settings))
    }

    /// What texts are taken for, each with at most `top` labels.
    ///
    /// # Errors
    /// [`Error::Embedding`] where the model cannot be reached.
    pub fn classify(&self, classifier: &Classifier, texts: &[&str], top: usize) -> Result<Vec<Classified>> {
        let vectors = self.vectors(texts)?;
        Ok(texts.iter().zip(&vectors).map(|(text, vector)| classifier.classify(text, vector, top)).collect())
    }

    /// Examples and texts are of one kind, so they are embedded alike.
    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let mut out = Vec::with_capacity(texts.len());
        for some in texts.chunks(BATCH) {
            out.extend(self.embedder.embed(some, Role::Passage).map_err(|e| Error::Embedding(e.to_string()))?);
        }
        Ok(out)
    }
}

/// Texts that are embedded at once.
const BATCH: usize = 64;
/// Rounds of cross-validation: each hides one part of the labels and holds one part of the examples out.
const ROUNDS: usize = 3;
/// One in so many examples is held out in a round.
const HELD: usize = 5;
/// Examples, own and strangers each, whose neighbours are looked up in a round.
const LOOKED_UP: usize = 400;
/// Most weights of the words and pieces: labels times features.
const MOST_WEIGHTS: usize = 16_000_000;

/// A labelled example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What was said.
    pub text: String,
    /// What it is.
    pub label: String,
}

/// What a text is taken for.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Labels with their probabilities, most probable first.
    pub labels: Vec<(String, f32)>,
    /// Probability that it is none of the labels.
    pub none: f32,
}

/// A trained classifier.
pub struct Classifier {
    labels: Vec<String>,
    analyzer: Analyzer,
    vocabulary: Vocabulary,
    linear: Linear,
    codes: Codes,
    temperature: f32,
    none: NoneModel,
    calibrated: bool,
    settings: ClassifySettings,
}

/// What one round of cross-validation saw.
struct Round {
    /// Passes that were best.
    passes: usize,
    /// Scores and right label of the examples held out.
    told: Vec<(Vec<f32>, usize)>,
    /// Score rows, nearest cosines, known share, and whether the label was hidden.
    seen: Vec<(Vec<f32>, [f32; 3], bool)>,
}

/// Examples made ready.
struct Data {
    rows: Vec<Row>,
    labels: Vec<usize>,
    /// How many examples of its label stand before each.
    ordinals: Vec<usize>,
    codes: Codes,
    shares: Vec<f32>,
    kinds: usize,
    features: usize,
    dimension: usize,
}

impl Classifier {
    /// Trains on examples and their vectors (one each, unit length, of one dimension).
    pub fn train(
        analyzer: &Analyzer,
        examples: &[Example],
        vectors: Vec<Vec<f32>>,
        settings: &ClassifySettings,
    ) -> Self {
        let mut settings = *settings;
        let names: BTreeMap<&str, usize> = examples.iter().map(|example| (example.label.as_str(), 0)).collect();
        let names: BTreeMap<&str, usize> = names.into_keys().zip(0..).collect();
        settings.most_features = settings.most_features.min(MOST_WEIGHTS / names.len().max(1));
        let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
        let vocabulary = Vocabulary::of(analyzer, &texts, &settings);
        let labels: Vec<usize> =
            examples.iter().map(|example| names.get(example.label.as_str()).copied().unwrap_or(0)).collect();
        let data = Data::of(analyzer, &vocabulary, &texts, vectors, labels, names.len(), &settings);
        let rounds = if data.can_validate(&settings) { validate(&data, &settings) } else { Vec::new() };
        let told: Vec<&(Vec<f32>, usize)> = rounds.iter().flat_map(|round| &round.told).collect();
        let temperature = if told.is_empty() { settings.temperature } else { best_temperature(&told) };
        let seen: Vec<(Signs, bool)> = rounds
            .iter()
            .flat_map(|round| &round.seen)
            .map(|(scores, rest, hidden)| (signs(scores, *rest, temperature), *hidden))
            .collect();
        let fitted = NoneModel::fit(&seen, settings.prior_none);
        let passes = match rounds.len() {
            0 => settings.most_epochs / 2,
            count => (rounds.iter().map(|round| round.passes).sum::<usize>() as f32 / count as f32).round() as usize,
        };
        let all: Vec<usize> = (0..data.rows.len()).collect();
        let mut linear = Linear::new(data.kinds, data.features, data.dimension);
        linear.train(&data.rows, &data.labels, &all, &[], passes.max(1), &settings);
        Self {
            labels: names.into_keys().map(str::to_owned).collect(),
            analyzer: analyzer.clone(),
            vocabulary,
            linear,
            codes: data.codes,
            temperature,
            calibrated: fitted.is_some(),
            none: fitted.unwrap_or(NoneModel(settings.none)),
            settings,
        }
    }

    /// The labels, in order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many examples it was trained on.
    pub fn examples(&self) -> usize {
        self.codes.len()
    }

    /// Whether there were examples enough to calibrate its probabilities.
    pub fn is_calibrated(&self) -> bool {
        self.calibrated
    }

    /// What a text with this vector is taken for: at most `top` labels.
    pub fn classify(&self, text: &str, vector: &[f32], top: usize) -> Classified {
        if self.labels.is_empty() {
            return Classified { labels: Vec::new(), none: 1.0 };
        }
        let (sparse, share) = self.vocabulary.sparse(&self.analyzer, text, &self.settings);
        let (first, mean) = nearest(&Code::quantize(vector), &self.codes, |_| true);
        let scores = self.linear.scores(&Row { sparse, dense: vector.to_vec() }, &self.settings);
        let signs = signs(&scores, [first, mean, share], self.temperature);
        let none = self.none.probability(&signs);
        let mut shares: Vec<f32> = scores.iter().map(|score| score / self.temperature).collect();
        softmax(&mut shares);
        let mut labels: Vec<(String, f32)> =
            self.labels.iter().cloned().zip(shares.into_iter().map(|share| share * (1.0 - none))).collect();
        labels.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        labels.truncate(top);
        Classified { labels, none }
    }
}

impl Data {
    fn of(
        analyzer: &Analyzer,
        vocabulary: &Vocabulary,
        texts: &[&str],
        vectors: Vec<Vec<f32>>,
        labels: Vec<usize>,
        kinds: usize,
        settings: &ClassifySettings,
    ) -> Self {
        let dimension = vectors.first().map_or(0, Vec::len);
        let codes = Codes::of(&vectors);
        let (mut rows, mut shares) = (Vec::with_capacity(texts.len()), Vec::with_capacity(texts.len()));
        for (text, dense) in texts.iter().zip(vectors) {
            let (sparse, share) = vocabulary.sparse(analyzer, text, settings);
            rows.push(Row { sparse, dense });
            shares.push(share);
        }
        let mut counts = vec![0; kinds];
        let mut ordinals = Vec::with_capacity(labels.len());
        for label in &labels {
            let Some(count) = counts.get_mut(*label) else { continue };
            ordinals.push(*count);
            *count += 1;
        }
        Self { rows, labels, ordinals, codes, shares, kinds, features: vocabulary.len(), dimension }
    }

    /// Whether there are labels to hide and examples to hold out.
    fn can_validate(&self, settings: &ClassifySettings) -> bool {
        self.kinds >= ROUNDS && self.rows.len() >= settings.enough.max(self.kinds * 3)
    }

    fn hidden(&self, at: usize, round: usize) -> bool {
        self.labels.get(at).is_some_and(|label| label % ROUNDS == round)
    }

    fn held(&self, at: usize, round: usize) -> bool {
        self.ordinals.get(at).is_some_and(|ordinal| ordinal % HELD == round)
    }
}

/// All rounds, side by side.
fn validate(data: &Data, settings: &ClassifySettings) -> Vec<Round> {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..ROUNDS).map(|round| scope.spawn(move || one_round(data, round, settings))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

fn one_round(data: &Data, round: usize, settings: &ClassifySettings) -> Round {
    let all = || 0..data.rows.len();
    let trained: Vec<usize> = all().filter(|at| !data.hidden(*at, round) && !data.held(*at, round)).collect();
    let held: Vec<usize> = all().filter(|at| !data.hidden(*at, round) && data.held(*at, round)).collect();
    let strangers: Vec<usize> = all().filter(|at| data.hidden(*at, round)).collect();
    let mut linear = Linear::new(data.kinds, data.features, data.dimension);
    let passes = linear.train(&data.rows, &data.labels, &trained, &held, settings.most_epochs, settings);
    let known: Vec<bool> = (0..data.kinds).map(|label| label % ROUNDS != round).collect();
    // A hidden label never learned anything: it is no choice.
    let scores = |at: usize| -> Vec<f32> {
        let row = data.rows.get(at);
        let all = row.map(|row| linear.scores(row, settings)).unwrap_or_default();
        all.into_iter().zip(&known).map(|(score, known)| if *known { score } else { f32::NEG_INFINITY }).collect()
    };
    let right = |at: &usize| Some((scores(*at), data.labels.get(*at).copied()?));
    let told = held.iter().filter_map(right).collect();
    let look = |at: usize, hidden: bool| {
        let code = data.codes.get(at)?;
        let counts = |at: usize| !data.hidden(at, round) && !data.held(at, round);
        let (first, mean) = nearest(&code, &data.codes, counts);
        let share = data.shares.get(at).copied().unwrap_or(0.0);
        Some((scores(at), [first, mean, share], hidden))
    };
    let some = |places: &[usize]| -> Vec<usize> {
        let step = places.len().div_ceil(LOOKED_UP).max(1);
        places.iter().copied().step_by(step).collect()
    };
    let own = some(&held).into_iter().filter_map(|at| look(at, false));
    let seen = own.chain(some(&strangers).into_iter().filter_map(|at| look(at, true))).collect();
    Round { passes, told, seen }
}

/// The signs of a text that the model of strangers looks at.
fn signs(scores: &[f32], [first, mean, share]: [f32; 3], temperature: f32) -> Signs {
    let mut shares: Vec<f32> = scores.iter().map(|score| score / temperature).collect();
    softmax(&mut shares);
    let best = shares.iter().copied().fold(0.0, f32::max);
    let mut sorted: Vec<f32> = scores.iter().copied().filter(|score| score.is_finite()).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let high = sorted.first().copied().unwrap_or(0.0);
    let average = sorted.iter().sum::<f32>() / sorted.len().max(1) as f32;
    [best, (high - average) / 10.0, first, mean, share]
}

/// The temperature under which the examples held out are told best, by a search in steps.
fn best_temperature(told: &[&(Vec<f32>, usize)]) -> f32 {
    let loss = |temperature: f32| -> f32 {
        let of = |(scores, label): &&(Vec<f32>, usize)| {
            let mut shares: Vec<f32> = scores.iter().map(|score| score / temperature).collect();
            softmax(&mut shares);
            -shares.get(*label).copied().unwrap_or(0.0).max(1e-6).ln()
        };
        told.iter().map(of).sum()
    };
    let steps = (0..40).map(|step| 0.2 * 1.08_f32.powi(step));
    steps.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0)
}
