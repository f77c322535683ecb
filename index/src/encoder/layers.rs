//! What does an encoder compute? Embeddings, then layers of attention and feed-forward (Devlin et al. 2018; Liu et al. 2019).
//!
//! Invariant: texts of a batch are laid end to end without padding, so no text's states depend on its neighbours.

use super::ModelError;
use super::config::{Family, Shape};
use super::function::{add, normalise_rows, softmax_rows};
use super::matrix::Panels;
use super::tokens::Sequence;
use super::weights::Weights;

/// `x · Wᵀ + b`.
pub(crate) struct Linear {
    panels: Panels,
    bias: Vec<f32>,
}

impl Linear {
    /// Of tensors by their whole names.
    pub fn read(weights: &Weights, name: &str, outputs: usize, inputs: usize) -> Result<Self, ModelError> {
        let weight = weights.named(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = weights.named(&format!("{name}.bias"), &[outputs])?;
        Ok(Self { panels: Panels::of_columns(weight.chunks_exact(inputs), inputs), bias })
    }

    fn of(weights: &Weights, names: &[String], outputs: usize, inputs: usize) -> Result<Self, ModelError> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(weights.tensor(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(weights.tensor(&format!("{name}.bias"), &[outputs])?);
        }
        Ok(Self { panels: Panels::of_columns(weight.chunks_exact(inputs), inputs), bias })
    }

    /// For rows laid end to end.
    pub fn apply(&self, rows: &[f32], inputs: usize) -> Vec<f32> {
        let rows = rows.chunks_exact(inputs);
        let mut out = vec![0.0; rows.len() * self.panels.columns()];
        self.panels.multiply(rows, Some(&self.bias), &mut out);
        out
    }
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    fn read(weights: &Weights, name: &str, shape: &Shape) -> Result<Self, ModelError> {
        Ok(Self {
            weight: weights.tensor(&format!("{name}.weight"), &[shape.hidden])?,
            bias: weights.tensor(&format!("{name}.bias"), &[shape.hidden])?,
            epsilon: shape.epsilon,
        })
    }

    fn apply(&self, rows: &mut [f32]) {
        normalise_rows(rows, &self.weight, &self.bias, self.epsilon);
    }
}

struct Layer {
    query_key_value: Linear,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

impl Layer {
    fn read(weights: &Weights, number: usize, shape: &Shape) -> Result<Self, ModelError> {
        let at = |part: &str| format!("encoder.layer.{number}.{part}");
        let (hidden, wide) = (shape.hidden, shape.intermediate);
        let three = ["query", "key", "value"].map(|part| at(&format!("attention.self.{part}")));
        Ok(Self {
            query_key_value: Linear::of(weights, &three, hidden, hidden)?,
            attended: Linear::of(weights, &[at("attention.output.dense")], hidden, hidden)?,
            attended_norm: Norm::read(weights, &at("attention.output.LayerNorm"), shape)?,
            up: Linear::of(weights, &[at("intermediate.dense")], wide, hidden)?,
            down: Linear::of(weights, &[at("output.dense")], hidden, wide)?,
            norm: Norm::read(weights, &at("output.LayerNorm"), shape)?,
        })
    }

    fn apply(&self, states: &mut Vec<f32>, lengths: &[usize], shape: &Shape) {
        let all = self.query_key_value.apply(states, shape.hidden);
        let mut context = vec![0.0; states.len()];
        let mut all = all.as_slice();
        let mut rest = context.as_mut_slice();
        for length in lengths {
            let (own, others) = all.split_at(length * 3 * shape.hidden);
            let (out, after) = rest.split_at_mut(length * shape.hidden);
            attend(own, out, *length, shape);
            (all, rest) = (others, after);
        }
        let mut next = self.attended.apply(&context, shape.hidden);
        add(&mut next, states);
        self.attended_norm.apply(&mut next);
        let mut wide = self.up.apply(&next, shape.hidden);
        shape.activation.apply(&mut wide);
        let mut out = self.down.apply(&wide, shape.intermediate);
        add(&mut out, &next);
        self.norm.apply(&mut out);
        *states = out;
    }
}

/// Attention within one text: `softmax(Q Kᵀ / √d) V` for each head.
fn attend(query_key_value: &[f32], out: &mut [f32], length: usize, shape: &Shape) {
    let (hidden, wide) = (shape.hidden, shape.hidden / shape.heads);
    let scale = 1.0 / (wide as f32).sqrt();
    let mut scores = vec![0.0; length * length];
    let mut heads = vec![0.0; length * wide];
    for head in 0..shape.heads {
        let part = |which: usize| {
            let from = which * hidden + head * wide;
            let rows = query_key_value.chunks_exact(3 * hidden);
            rows.map(move |row| row.get(from..from + wide).unwrap_or_default())
        };
        Panels::of_columns(part(1), wide).multiply(part(0), None, &mut scores);
        softmax_rows(&mut scores, length, scale);
        Panels::of_rows(part(2), wide).multiply(scores.chunks_exact(length), None, &mut heads);
        for (row, values) in out.chunks_exact_mut(hidden).zip(heads.chunks_exact(wide)) {
            if let Some(place) = row.get_mut(head * wide..(head + 1) * wide) {
                place.copy_from_slice(values);
            }
        }
    }
}

/// An encoder's weights, ready to compute.
pub(crate) struct Layers {
    pub shape: Shape,
    words: Vec<f32>,
    positions: Vec<f32>,
    types: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

impl Layers {
    /// Reads all tensors; the first one that is missing or of another shape is named.
    pub fn read(weights: &Weights, shape: Shape) -> Result<Self, ModelError> {
        let table =
            |name: &str, rows: usize| weights.tensor(&format!("embeddings.{name}.weight"), &[rows, shape.hidden]);
        Ok(Self {
            words: table("word_embeddings", shape.vocabulary)?,
            positions: table("position_embeddings", shape.positions)?,
            types: table("token_type_embeddings", shape.types)?,
            norm: Norm::read(weights, "embeddings.LayerNorm", &shape)?,
            layers: (0..shape.layers).map(|n| Layer::read(weights, n, &shape)).collect::<Result<_, _>>()?,
            shape,
        })
    }

    /// The last states of all tokens, texts end to end.
    pub fn states(&self, texts: &[&Sequence]) -> Vec<f32> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        let mut states = vec![0.0; lengths.iter().sum::<usize>() * self.shape.hidden];
        let mut rows = states.chunks_exact_mut(self.shape.hidden);
        for text in texts {
            for ((id, kind), (position, row)) in text.ids.iter().zip(&text.types).zip(self.places(text).zip(&mut rows))
            {
                for (table, number) in
                    [(&self.words, *id as usize), (&self.positions, position), (&self.types, *kind as usize)]
                {
                    add(row, table.chunks_exact(self.shape.hidden).nth(number).unwrap_or_default());
                }
            }
        }
        self.norm.apply(&mut states);
        for layer in &self.layers {
            layer.apply(&mut states, &lengths, &self.shape);
        }
        states
    }

    /// Where each token stands; RoBERTa counts what is not padding, from the padding id on.
    fn places<'a>(&self, text: &'a Sequence) -> impl Iterator<Item = usize> + use<'a> {
        let (family, padding, first) = (self.shape.family, self.shape.padding, self.shape.first_position());
        let mut next = first;
        text.ids.iter().map(move |id| {
            if family == Family::Roberta && *id == padding {
                return padding as usize;
            }
            next += 1;
            next - 1
        })
    }
}
