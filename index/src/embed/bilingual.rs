//! Which vector does a text get from the bundled model? The weighted mean of learned vectors of its words, its Chinese
//! characters and character groups, and of the pieces of words that training never saw; Chinese and English in one space.
//!
//! Invariant: the vector depends on the model file and the text alone, and is the one that the training code gives
//! (`index/tests/bilingual.rs`).
//!
//! Format of `data/bilingual.bin` (little-endian): magic `ZYEMB1\n\0`, length of the header (u32), header (JSON: id, dimension,
//! tf_exponent, units, pieces, sources), length of the texts (u32), texts (units then pieces, one a line, UTF-8), one scale a row
//! (f32), the rows (4 bits a value, two's complement less -8; the low halves hold the first half of the values), BLAKE3 of all
//! before it. Made by `scripts/embedding/`.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::{Alignment, EmbedError, Embedder, Role, dot};
use crate::normalize::folded;
use crate::script::Script;

const DATA: &[u8] = include_bytes!("../../data/bilingual.bin");
const MAGIC: &[u8; 8] = b"ZYEMB1\n\0";
const CHECKSUM: usize = 32;
/// Longest group of Chinese characters that may be a unit.
const LONGEST_GROUP: usize = 4;
/// Lengths of the pieces of an unknown word, its boundary marks counted.
const PIECES: std::ops::RangeInclusive<usize> = 2..=5;
/// Characters of an unknown word that are cut into pieces.
const LONGEST_WORD: usize = 32;

/// The model that is part of the program, read once.
static BUNDLED: LazyLock<Result<Arc<Model>, String>> = LazyLock::new(|| Model::read(DATA).map(Arc::new));

#[derive(Debug, Deserialize)]
struct Header {
    id: String,
    dimension: usize,
    tf_exponent: f32,
    units: usize,
    pieces: usize,
}

type Texts = HashMap<&'static str, u32, BuildHasherDefault<Quick>>;

/// Multiply and rotate: the keys are the model's own, so nobody can make them collide.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, words: u128) {
        let (low, high) = (words as u64, (words >> 64) as u64);
        self.write_u64(low.wrapping_add(high.rotate_left(17)));
    }

    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
}

/// Groups of Chinese characters by their packed code points, and the rows they have.
type Groups = HashMap<u128, Group, BuildHasherDefault<Quick>>;

/// What is known of a group of characters.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    row: Option<u32>,
    /// Whether a longer group begins with it.
    begins: bool,
}

struct Model {
    header: Header,
    units: Texts,
    groups: Groups,
    pieces: Texts,
    scales: Vec<f32>,
    rows: &'static [u8],
    arch: pulp::Arch,
}

/// The bundled static bilingual embedding; cloning it is cheap.
///
/// ```
/// use zhiyin_index::embed::{BilingualEmbedder, Embedder, Role};
/// let embedder = BilingualEmbedder::bundled()?;
/// let vectors = embedder.embed(&["怎么退货", "how do I return an item", "天气预报"], Role::Query)?;
/// let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
/// assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]));
/// # Ok::<(), zhiyin_index::embed::EmbedError>(())
/// ```
#[derive(Clone)]
pub struct BilingualEmbedder {
    model: Arc<Model>,
}

impl BilingualEmbedder {
    /// The model that is part of the program.
    ///
    /// # Errors
    /// [`EmbedError::Rejected`] where the file's checksum or layout is wrong.
    pub fn bundled() -> Result<Self, EmbedError> {
        BUNDLED.clone().map(|model| Self { model }).map_err(EmbedError::Rejected)
    }

    /// The vector of a word: that of the unit, where it is one.
    fn word_vector(&self, word: &str) -> Vec<f32> {
        let Some(row) = self.model.unit(&folded(word)) else { return self.vector(word) };
        let mut sum = vec![0.0_f32; self.model.header.dimension];
        self.model.arch.dispatch(Sum { model: &self.model, rows: &[(row, 1.0)], sum: &mut sum });
        sum
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let model = &*self.model;
        let folded = folded(text);
        let mut found = Vec::with_capacity(folded.len());
        model.units_of(&folded, &mut found);
        found.sort_unstable_by_key(|(row, _)| *row);
        let rows = found.chunk_by(|a, b| a.0 == b.0).filter_map(|same| {
            let ((row, weight), count) = (same.first()?, same.len() as f32);
            if same.len() == 1 {
                return Some((*row, *weight));
            }
            let mean = same.iter().map(|(_, weight)| weight).sum::<f32>() / count;
            Some((*row, mean * count.powf(model.header.tf_exponent)))
        });
        let mut sum = vec![0.0_f32; model.header.dimension];
        model.arch.dispatch(Sum { model, rows: &rows.collect::<Vec<_>>(), sum: &mut sum });
        sum
    }
}

impl Embedder for BilingualEmbedder {
    fn id(&self) -> &str {
        &self.model.header.id
    }

    fn dimension(&self) -> usize {
        self.model.header.dimension
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn embed(&self, texts: &[&str], _role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| self.vector(text)).collect())
    }

    fn align(&self, words: &[&str], texts: &[&str]) -> Option<Vec<Alignment>> {
        let model = &*self.model;
        let asked: Vec<Vec<f32>> = words.iter().map(|word| self.word_vector(word)).collect();
        let mut rows = Vec::new();
        let aligned = texts.iter().map(|text| {
            rows.clear();
            let unknown = model.words_of(&folded(text), &mut rows);
            // What is said twice counts once.
            rows.sort_unstable();
            rows.dedup();
            let mut into = Alignment { words: vec![0.0; asked.len()], back: 0.0 };
            model.arch.dispatch(Align { model, asked: &asked, rows: &rows, unknown: &unknown, into: &mut into });
            into
        });
        Some(aligned.collect())
    }
}

impl Model {
    fn read(data: &'static [u8]) -> Result<Self, String> {
        let broken = || "the bundled model is cut short".to_owned();
        let body_len = data.len().checked_sub(CHECKSUM).ok_or_else(broken)?;
        let (body, checksum) = data.split_at(body_len);
        if blake3::hash(body).as_bytes() != checksum {
            return Err("the bundled model's checksum does not match".to_owned());
        }
        let rest = body.strip_prefix(MAGIC).ok_or("the bundled model has an unknown format")?;
        let (header, rest) = sized(rest).ok_or_else(broken)?;
        let header: Header = serde_json::from_slice(header).map_err(|e| format!("the bundled model's header: {e}"))?;
        let (texts, rest) = sized(rest).ok_or_else(broken)?;
        let texts = std::str::from_utf8(texts).map_err(|e| format!("the bundled model's texts: {e}"))?;
        let rows = header.units + header.pieces;
        let (scales, rest) = rest.split_at_checked(rows * 4).ok_or_else(broken)?;
        if header.dimension == 0 || !header.dimension.is_multiple_of(2) || rest.len() != rows * header.dimension / 2 {
            return Err("the bundled model's rows do not have the size its header says".to_owned());
        }
        if texts.lines().count() != rows {
            return Err("the bundled model's texts are not as many as its header says".to_owned());
        }
        let mut lines = texts.lines().zip(0_u32..);
        let (mut units, mut groups) = (Texts::default(), Groups::default());
        for (unit, row) in lines.by_ref().take(header.units) {
            if unit.chars().all(|c| Script::of(c) == Script::Han) {
                add_group(unit, row, &mut groups);
            } else {
                units.insert(unit, row);
            }
        }
        let pieces: Texts = lines.collect();
        let scales = scales.chunks_exact(4).filter_map(|b| Some(f32::from_le_bytes(b.try_into().ok()?))).collect();
        Ok(Self { header, units, groups, pieces, scales, rows: rest, arch: pulp::Arch::new() })
    }

    /// A row's packed values and what they are multiplied by.
    #[inline(always)]
    fn row(&self, row: u32) -> Option<(&[u8], f32)> {
        let half = self.header.dimension / 2;
        let start = row as usize * half;
        Some((self.rows.get(start..start + half)?, *self.scales.get(row as usize)?))
    }

    /// Adds a row to the halves of a sum.
    #[inline(always)]
    fn add(&self, row: u32, weight: f32, low: &mut [f32], high: &mut [f32]) {
        let Some((packed, scale)) = self.row(row) else { return };
        let factor = weight * scale;
        for ((byte, low), high) in packed.iter().zip(low).zip(high) {
            let both = i32::from(byte.cast_signed());
            *low += ((both << 28) >> 28) as f32 * factor;
            *high += (both >> 4) as f32 * factor;
        }
    }

    /// The row of a folded text that is one unit.
    fn unit(&self, text: &str) -> Option<u32> {
        if text.chars().all(|c| Script::of(c) == Script::Han) {
            let short = text.chars().count() <= LONGEST_GROUP;
            return short.then(|| self.groups.get(&text.chars().fold(0, packed))?.row)?;
        }
        self.units.get(text).copied()
    }

    /// The words of a folded text by their rows: groups of Chinese characters, characters that no longer group holds,
    /// words of other scripts; unknown ones apart, each by the rows of its pieces.
    fn words_of(&self, text: &str, rows: &mut Vec<u32>) -> Vec<Vec<(u32, f32)>> {
        let mut unknown: Vec<Vec<(u32, f32)>> = Vec::new();
        for (run, han) in Runs(text) {
            if !han {
                if let Some(row) = self.units.get(run) {
                    rows.push(*row);
                } else {
                    let mut pieces = Vec::new();
                    self.word(run, &mut pieces);
                    unknown.push(pieces);
                }
                continue;
            }
            let mut held = 0;
            for (place, (start, _)) in run.char_indices().enumerate() {
                self.groups_at(run.get(start..).unwrap_or_default(), |row, length| {
                    if length > 1 {
                        held = held.max(place + length);
                        rows.push(row);
                    }
                });
                if place >= held {
                    self.groups_at(run.get(start..).unwrap_or_default(), |row, _| rows.push(row));
                }
            }
        }
        unknown
    }

    /// The rows of a folded text and their weights, in the order of the text.
    fn units_of(&self, text: &str, found: &mut Vec<(u32, f32)>) {
        for (run, han) in Runs(text) {
            if han {
                self.groups(run, found);
            } else {
                self.word(run, found);
            }
        }
    }

    /// Every group of one to four characters that is a unit.
    fn groups(&self, run: &str, found: &mut Vec<(u32, f32)>) {
        let mut rest = run.chars();
        while !rest.as_str().is_empty() {
            self.groups_at(rest.as_str(), |row, _| found.push((row, 1.0)));
            rest.next();
        }
    }

    /// The groups that a run begins with, and of how many characters each is.
    #[inline(always)]
    fn groups_at(&self, run: &str, mut with: impl FnMut(u32, usize)) {
        let mut key = 0;
        for (c, length) in run.chars().take(LONGEST_GROUP).zip(1..) {
            key = packed(key, c);
            let Some(group) = self.groups.get(&key) else { break };
            if let Some(row) = group.row {
                with(row, length);
            }
            if !group.begins {
                break;
            }
        }
    }

    /// The word, or the pieces of an unknown one, which share its weight.
    fn word(&self, word: &str, found: &mut Vec<(u32, f32)>) {
        if let Some(row) = self.units.get(word) {
            found.push((*row, 1.0));
            return;
        }
        let marked: String =
            std::iter::once('<').chain(word.chars().take(LONGEST_WORD)).chain(std::iter::once('>')).collect();
        let bounds: Vec<usize> = marked.char_indices().map(|(at, _)| at).chain([marked.len()]).collect();
        let mut rows: Vec<u32> = Vec::new();
        for length in PIECES {
            let ends = bounds.iter().skip(length);
            let pieces = bounds.iter().zip(ends).filter_map(|(start, end)| marked.get(*start..*end));
            rows.extend(pieces.filter_map(|piece| self.pieces.get(piece)));
        }
        if rows.is_empty() {
            let mut letter = [0; 4];
            let letters = word.chars().take(LONGEST_WORD);
            rows.extend(letters.filter_map(|c| self.pieces.get(&*c.encode_utf8(&mut letter))));
        }
        let weight = 1.0 / (rows.len() as f32).sqrt();
        found.extend(rows.into_iter().map(|row| (row, weight)));
    }
}

/// The words of a folded text: runs of Chinese characters (true), and of other letters and digits.
struct Runs<'a>(&'a str);

impl<'a> Iterator for Runs<'a> {
    type Item = (&'a str, bool);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = self.0.chars().next()?;
            let han = Script::of(first) == Script::Han;
            let within = |c: char| (han || c.is_alphanumeric()) && (Script::of(c) == Script::Han) == han;
            let end = self.0.find(|c| !within(c)).unwrap_or(self.0.len());
            let (run, after) = self.0.split_at(if end == 0 { first.len_utf8() } else { end });
            self.0 = after;
            // Otherwise between words.
            if end > 0 {
                return Some((run, han));
            }
        }
    }
}

/// The key of a group with one more character.
fn packed(key: u128, c: char) -> u128 {
    (key << 32) | u128::from(u32::from(c))
}

/// Adds a group and all that it begins with.
fn add_group(unit: &'static str, row: u32, groups: &mut Groups) {
    let length = unit.chars().count();
    let mut key = 0;
    for (c, place) in unit.chars().zip(1..) {
        key = packed(key, c);
        let group = groups.entry(key).or_default();
        if place == length {
            group.row = Some(row);
        } else {
            group.begins = true;
        }
    }
}

/// Adds up rows and brings the sum to length 1, compiled for the widest instruction set of the machine.
struct Sum<'a> {
    model: &'a Model,
    rows: &'a [(u32, f32)],
    sum: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (low, high) = self.sum.split_at_mut(self.model.header.dimension / 2);
        for (row, weight) in self.rows {
            self.model.add(*row, *weight, low, high);
        }
        // In lanes: one sum would wait for each addition.
        let mut lanes = [0.0_f32; 16];
        for piece in self.sum.chunks(16) {
            lanes.iter_mut().zip(piece).for_each(|(lane, v)| *lane += v * v);
        }
        let length = lanes.iter().sum::<f32>().sqrt();
        if length > 0.0 {
            self.sum.iter_mut().for_each(|v| *v /= length);
        }
    }
}

/// Compares the words of a text with those that are asked for, compiled for the widest instruction set of the machine.
struct Align<'a> {
    model: &'a Model,
    /// Unit vectors.
    asked: &'a [Vec<f32>],
    /// Words of the text that have a row.
    rows: &'a [u32],
    /// Those that have not, by their pieces.
    unknown: &'a [Vec<(u32, f32)>],
    into: &'a mut Alignment,
}

impl pulp::NullaryFnOnce for Align<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut word = vec![0.0_f32; self.model.header.dimension];
        let (mut back, mut count) = (0.0, 0.0_f32);
        let known = self.rows.iter().map(|row| (*row, 1.0));
        let known = known.map(|row| (Some(row), &[][..]));
        for (row, pieces) in known.chain(self.unknown.iter().map(|pieces| (None, pieces.as_slice()))) {
            word.fill(0.0);
            let (low, high) = word.split_at_mut(self.model.header.dimension / 2);
            for (row, weight) in row.iter().chain(pieces) {
                self.model.add(*row, *weight, low, high);
            }
            let length = dot(&word, &word).sqrt();
            if length == 0.0 {
                continue;
            }
            let mut nearest = 0.0_f32;
            for (asked, best) in self.asked.iter().zip(&mut self.into.words) {
                let cosine = (dot(asked, &word) / length).min(1.0);
                *best = best.max(cosine);
                nearest = nearest.max(cosine);
            }
            back += nearest;
            count += 1.0;
        }
        self.into.back = back / count.max(1.0);
    }
}

/// A piece that its length (u32) stands before, and what follows it.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
