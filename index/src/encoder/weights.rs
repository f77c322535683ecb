//! Where are a model's weights? In safetensors files: one, or several named by an index.
//!
//! Invariant: nothing is read outside the place a checked header gives; a tensor has the shape that was asked for.
//!
//! Source: the safetensors format, version 0.x: 8 bytes of length, a JSON header, then the values, little-endian.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ModelError;

const ONE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Longest header, as the format says.
const MAX_HEADER: u64 = 100_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    F32,
    F16,
    Bf16,
    Other,
}

#[derive(Debug, Clone)]
struct Place {
    file: usize,
    kind: Kind,
    shape: Vec<usize>,
    start: u64,
    bytes: u64,
}

/// The tensors of a model by name.
#[derive(Debug)]
pub(crate) struct Weights {
    files: Vec<PathBuf>,
    places: BTreeMap<String, Place>,
    /// What stands before the names, such as `bert.`.
    prefix: String,
}

/// Prefixes under which published checkpoints keep an encoder.
const PREFIXES: [&str; 5] = ["", "bert.", "roberta.", "xlm_roberta.", "model."];

impl Weights {
    /// Reads the headers of the model's files.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let files = files(folder)?;
        let mut places = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            header(file, number, &mut places)?;
        }
        let first = "embeddings.word_embeddings.weight";
        let prefix = PREFIXES.iter().find(|prefix| places.contains_key(&format!("{prefix}{first}")));
        let Some(prefix) = prefix else {
            let message = format!("tensor '{first}' is missing: this is no BERT or XLM-R encoder");
            return Err(ModelError::new(files.first().unwrap_or(&folder.join(ONE)), message));
        };
        Ok(Self { files, places, prefix: (*prefix).to_owned() })
    }

    /// The files, for their checksum.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// A tensor of the encoder.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.named(&format!("{}{name}", self.prefix), shape)
    }

    /// Whether a tensor is there, by its whole name.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A tensor by its whole name.
    pub fn named(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let fallback = PathBuf::from(ONE);
        let Some(place) = self.places.get(name) else {
            return Err(ModelError::new(
                self.files.first().unwrap_or(&fallback),
                format!("tensor '{name}' is missing"),
            ));
        };
        let path = self.files.get(place.file).unwrap_or(&fallback);
        if place.shape != shape {
            let message = format!("tensor '{name}' has shape {:?}; config.json wants {shape:?}", place.shape);
            return Err(ModelError::new(path, message));
        }
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(place.start))?;
            let mut bytes = vec![0; usize::try_from(place.bytes).map_err(std::io::Error::other)?];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|why| ModelError::new(path, format!("tensor '{name}' cannot be read: {why}")))?;
        let halves = || bytes.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b));
        let values: Vec<f32> = match place.kind {
            Kind::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Kind::F16 => halves().map(half).collect(),
            Kind::Bf16 => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
            Kind::Other => {
                let message = format!("tensor '{name}' is not of type F32, F16 or BF16");
                return Err(ModelError::new(path, message));
            }
        };
        if values.iter().all(|v| v.is_finite()) {
            return Ok(values);
        }
        Err(ModelError::new(path, format!("tensor '{name}' holds values that are not finite")))
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let one = folder.join(ONE);
    if one.is_file() {
        return Ok(vec![one]);
    }
    let index = folder.join(INDEX);
    if !index.is_file() {
        let other = folder.join("pytorch_model.bin").is_file();
        let hint = if other { "; pytorch_model.bin is not read: save the model as safetensors" } else { "" };
        return Err(ModelError::new(&one, format!("is missing{hint}")));
    }
    let value = super::config::read_json(&index)?;
    let map = value.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| ModelError::new(&index, "key 'weight_map' is missing"))?;
    let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let plain =
        |name: &&str| !name.contains(['/', '\\']) && Path::new(name).extension().is_some_and(|e| e == "safetensors");
    if let Some(odd) = names.iter().find(|name| !plain(name)) {
        return Err(ModelError::new(&index, format!("'{odd}' is no safetensors file of this folder")));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

fn header(path: &Path, number: usize, places: &mut BTreeMap<String, Place>) -> Result<(), ModelError> {
    let wrong = |why: String| ModelError::new(path, why);
    let io = |why: std::io::Error| ModelError::new(path, format!("cannot be read: {why}"));
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| wrong("is shorter than the header of a safetensors file".into()))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || length + 8 > size {
        return Err(wrong(format!("is no safetensors file: its header would have {length} bytes of {size}")));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact(&mut bytes).map_err(io)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|why| wrong(format!("its header is no JSON: {why}")))?;
    let tensors = value.as_object().ok_or_else(|| wrong("its header is no JSON object".into()))?;
    for (name, about) in tensors.iter().filter(|(name, _)| *name != "__metadata__") {
        let place = place(about, number, length + 8).filter(|p| p.start + p.bytes <= size);
        let place =
            place.ok_or_else(|| wrong(format!("tensor '{name}' lies outside the file or is described wrongly")))?;
        places.insert(name.clone(), place);
    }
    Ok(())
}

fn place(about: &Value, file: usize, data: u64) -> Option<Place> {
    let (kind, size) = match about.get("dtype")?.as_str()? {
        "F32" => (Kind::F32, 4),
        "F16" => (Kind::F16, 2),
        "BF16" => (Kind::Bf16, 2),
        _ => (Kind::Other, 0),
    };
    let numbers = |key: &str| -> Option<Vec<u64>> { about.get(key)?.as_array()?.iter().map(Value::as_u64).collect() };
    let shape = numbers("shape")?;
    let offsets = numbers("data_offsets")?;
    let [from, to] = *offsets.as_slice() else { return None };
    let bytes = to.checked_sub(from)?;
    let wanted = shape.iter().try_fold(size, |product: u64, n| product.checked_mul(*n))?;
    if kind != Kind::Other && wanted != bytes {
        return None;
    }
    let shape = shape.into_iter().map(usize::try_from).collect::<Result<_, _>>().ok()?;
    Some(Place { file, kind, shape, start: data.checked_add(from)?, bytes })
}

/// IEEE 754 binary16 to binary32.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let fraction = u32::from(bits) & 0x3ff;
    match exponent {
        0 => {
            // Subnormal: the fraction counts steps of 2⁻²⁴.
            let value = fraction as f32 * f32::from_bits(0x3380_0000);
            f32::from_bits(value.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_as_the_standard_says() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65_504.0),
            (0x8000, -0.0),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
