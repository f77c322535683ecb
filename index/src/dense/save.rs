//! How does the graph survive a restart? One file: a checksum, then the links by passage.
//!
//! Invariant: no byte is decoded before the checksum over all of them fits, and a link is used only between passages whose codes
//! are those that were saved.

use super::links::{Layer, Links, NONE, Near, choose};
use super::rows::Rows;
use super::{DenseError, DenseSettings};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// The file in the folder that the caller names.
const FILE: &str = "graph.zhiyin";
const TEMPORARY: &str = "graph.zhiyin.new";
/// Opens the file; the number changes with the format.
const MAGIC: &[u8; 8] = b"zyGRAPH1";
const CHECKSUM: usize = blake3::OUT_LEN;
/// A saved graph is used when at least this share of it is still here, and of what is here is in it.
const SHARE_KNOWN: f64 = 0.8;

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    dimension: usize,
    /// The passage and a mark of the code of each row; the links name positions in this list.
    nodes: Vec<(u64, u32)>,
    links: Links,
}

/// A short mark of a code: a row whose vector changed gets a new place in the graph.
fn mark(code: &[i8]) -> u32 {
    let mixed = code.chunks(8).fold(0xcbf2_9ce4_8422_2325_u64, |hash, part| {
        let word = part.iter().fold(0u64, |word, value| word << 8 | u64::from(*value as u8));
        (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
    });
    (mixed ^ (mixed >> 32)) as u32
}

/// Writes the graph; the earlier file stays whole until the new one is.
pub fn save(dir: &Path, rows: &Rows, links: &Links) -> Result<(), DenseError> {
    let nodes = (0..links.covered()).map(|row| (rows.passage(row), mark(rows.code(row)))).collect();
    let saved = Saved { dimension: rows.dimension, nodes, links: links.clone() };
    let body = postcard::to_stdvec(&saved).map_err(|e| DenseError::Encode(e.to_string()))?;
    fs::create_dir_all(dir)?;
    let temporary = dir.join(TEMPORARY);
    let mut file = File::create(&temporary)?;
    file.write_all(MAGIC)?;
    file.write_all(blake3::hash(&body).as_bytes())?;
    file.write_all(&body)?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join(FILE))?;
    // The rename itself is durable only when the folder is synced.
    File::open(dir)?.sync_all()?;
    Ok(())
}

/// Removes a saved graph that no longer describes the shelf.
pub fn forget(dir: &Path) -> Result<(), DenseError> {
    match fs::remove_file(dir.join(FILE)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

/// Reads the graph for the rows at hand; none when there is none or it does not fit them.
pub fn load(dir: &Path, rows: &Rows, settings: &DenseSettings) -> Result<Option<Links>, DenseError> {
    let bytes = match fs::read(dir.join(FILE)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let Some(saved) = decode(&bytes) else { return Ok(None) };
    drop(bytes);
    if saved.dimension != rows.dimension || !is_sound(&saved) || saved.links.width != settings.width() {
        return Ok(None);
    }
    let now = positions(&saved, rows);
    let here = now.iter().filter(|row| **row != NONE).count();
    let enough = |whole: usize| here as f64 >= SHARE_KNOWN * whole as f64;
    if here == 0 || !enough(now.len()) || !enough(rows.live()) {
        return Ok(None);
    }
    Ok(Some(moved(&saved.links, &now, rows, settings)))
}

fn decode(bytes: &[u8]) -> Option<Saved> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (checksum, body) = rest.split_at_checked(CHECKSUM)?;
    if blake3::hash(body).as_bytes() != checksum {
        return None;
    }
    postcard::from_bytes(body).ok()
}

/// Whether every link names a node that is there; guards against a file that a faulty program wrote with a right checksum.
fn is_sound(saved: &Saved) -> bool {
    let nodes = saved.nodes.len();
    let links = &saved.links;
    let inside = |node: &u32| (*node as usize) < nodes;
    links.width > 0
        && nodes.checked_mul(links.width) == Some(links.base.len())
        && inside(&links.entry)
        && links.base.iter().all(|node| *node == NONE || inside(node))
        && links
            .upper
            .iter()
            .all(|l| l.nodes.len() == l.lists.len() && l.nodes.iter().chain(l.lists.iter().flatten()).all(inside))
}

/// The row that each saved node has today, [`NONE`] for one that is gone or changed.
fn positions(saved: &Saved, rows: &Rows) -> Vec<u32> {
    let here = |(passage, old): &(u64, u32)| rows.places.get(*passage).filter(|row| mark(rows.code(*row)) == *old);
    let mut taken = crate::bitset::DocSet::with_capacity(rows.len() as usize);
    saved.nodes.iter().map(|node| here(node).filter(|row| taken.insert(*row)).unwrap_or(NONE)).collect()
}

/// The graph under today's row numbers, bridged over what is gone and with what is new linked in.
fn moved(old: &Links, now: &[u32], rows: &Rows, settings: &DenseSettings) -> Links {
    let row_of = |node: u32| now.get(node as usize).copied().filter(|row| *row != NONE);
    let width = old.width;
    let base = vec![NONE; rows.len() as usize * width];
    let mut links = Links { width, base, upper: Vec::new(), entry: 0, built: rows.len() };
    let mut known = crate::bitset::DocSet::with_capacity(rows.len() as usize);
    for (node, row) in (0u32..).zip(now).filter(|(_, row)| **row != NONE) {
        known.insert(*row);
        if old.list(node).iter().all(|n| row_of(*n).is_some()) {
            links.set_list(*row, old.list(node).iter().filter_map(|n| row_of(*n)));
        } else {
            links.set_list(*row, bridged(old, node, *row, &row_of, rows));
        }
    }
    links.upper =
        old.upper.iter().map(|layer| moved_layer(layer, &row_of)).filter(|layer| !layer.nodes.is_empty()).collect();
    let highest = links.upper.last().and_then(|layer| layer.nodes.first()).copied();
    links.entry = row_of(old.entry).or(highest).or_else(|| known.iter().next()).unwrap_or(0);
    for row in (0..rows.len()).filter(|row| !known.contains(*row) && rows.is_searchable(*row)) {
        links.link(rows, row, settings.build_breadth);
    }
    links.repair(rows, settings.build_breadth);
    links
}

/// The links of a node that lost some: those of the lost ones stand in for them.
fn bridged(old: &Links, node: u32, row: u32, row_of: &impl Fn(u32) -> Option<u32>, rows: &Rows) -> Vec<u32> {
    let mut candidates: Vec<u32> = Vec::new();
    for next in old.list(node) {
        match row_of(*next) {
            Some(next) => candidates.push(next),
            None => candidates.extend(old.list(*next).iter().filter_map(|n| row_of(*n))),
        }
    }
    candidates.sort_unstable();
    candidates.dedup();
    let mut near: Vec<Near> = candidates
        .into_iter()
        .filter(|other| *other != row)
        .map(|other| Near { cosine: rows.cosine(row, other), row: other })
        .collect();
    near.sort_unstable_by(|a, b| b.cmp(a));
    choose(rows, &near, old.width).into_iter().map(|near| near.row).collect()
}

fn moved_layer(layer: &Layer, row_of: &impl Fn(u32) -> Option<u32>) -> Layer {
    let here = layer.nodes.iter().zip(&layer.lists);
    let mut moved: Vec<(u32, Vec<u32>)> = here
        .filter_map(|(node, list)| Some((row_of(*node)?, list.iter().filter_map(|n| row_of(*n)).collect())))
        .collect();
    moved.sort_unstable_by_key(|(row, _)| *row);
    let (nodes, lists) = moved.into_iter().unzip();
    Layer { nodes, lists }
}
