//! Which passages are near a query vector? The vectors of one shelf (live or history): an exact scan when the candidates are few, a
//! graph when they are many.
//!
//! Invariant: readers hold snapshots; a writer publishes whole states, and building a graph blocks neither.
//!
//! # What was measured
//! `examples/bench_dense.rs`: 256 dimensions, `HashEmbedder` over made-up passages (three in ten a changed copy), short queries, k = 10,
//! breadth 480, AVX-512, two busy cores. Time of an exact scan ÷ time of a walk through the graph (above 1 the graph pays), and recall@10:
//!
//! | rows | no filter | 1/2 accepted | 1/10 | 1/100 | recall, no filter | scan, no filter |
//! |---|---|---|---|---|---|---|
//! | 5,000 | 0.27 | 0.16 | 0.01 | 0.00 | 0.994 | 95 µs |
//! | 10,000 | 0.37 | 0.26 | 0.04 | 0.01 | 0.989 | 154 µs |
//! | 50,000 | 0.84 | 0.40 | 0.11 | 0.02 | 0.976 | 641 µs |
//! | 100,000 | 1.36 | 0.71 | 0.06 | 0.01 | 0.945 | 1,457 µs |
//!
//! Scan and walk meet near 65,000 rows. Less breadth is faster and misses more (20,000 rows: 64 → 3.3 at 0.849, 160 → 1.6 at 0.937;
//! 100,000 rows: 160 → 4.0 at 0.873); hashed vectors are hard for a graph, so measure again when the embedder changes.
//!
//! The bundled model's are easier: 100,000 passages of documentation, 1,000 questions, breadth 512 / 384 / 320 / 256 / 192 / 128: recall@10
//! 0.996 / 0.994 / 0.991 / 0.986 / 0.979 / 0.969; of a hybrid search's ten hits 0 / 0 / 0.02 / 0.03 / 0.07 / 0.13 % are others than with an
//! exact scan, the first hit never. 256 is taken; a walk of 512 takes 0.2 ms longer.
//!
//! Dead rows cost time, not recall: at shares of 0.3 / 0.5 / 0.7 a walk takes 1.4 / 1.7 / 2.4 times as long (20,000 rows, breadth 160).
//! The kernel scans 3.8 times as fast as the same loop for the base instruction set. hnsw_rs places a row in about 400 µs, linking one
//! takes 80–250 µs. A row takes 300 bytes, its links 130; the graph of 100,000 rows is saved in 0.1 s and loaded in 0.25 s.

mod code;
mod graph;
mod kernel;
mod links;
mod places;
mod rows;
mod save;
mod snapshot;
mod top;

pub use code::Code;
pub use rows::PreparedQuery;
pub use snapshot::DenseSnapshot;

use arc_swap::ArcSwap;
use links::Links;
use parking_lot::Mutex;
use rows::Rows;
use std::path::Path;
use std::sync::Arc;

/// A passage and its cosine to the query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenseHit {
    /// `document << 16 | ordinal`.
    pub passage: u64,
    /// In −1..=1.
    pub cosine: f32,
}

/// When graphs are built and how; the defaults are what [`self`] measured.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseSettings {
    /// Live passages from which on a graph is kept.
    pub graph_from: usize,
    /// Rows outside the graph that wait before they are linked into it.
    pub tail: usize,
    /// Share of dead rows from which on a graph is built anew (and a shelf with a graph compacted).
    pub dead_share: f64,
    /// Rows linked since the build, as a share of the built ones, from which on the graph is built anew.
    pub growth: f64,
    /// Links of a row in the upper layers; the bottom layer has twice as many (M in the paper).
    pub links: usize,
    /// Candidates looked at to place a row (ef_construction in the paper).
    pub build_breadth: usize,
    /// Candidates that a search keeps at least (ef in the paper).
    pub search_breadth: usize,
    /// Rows that hnsw_rs places, spread over the shelf; the others are linked to them, which costs a fifth of the time.
    pub placed: usize,
    /// Threads that hnsw_rs's part of a build may use.
    pub threads: usize,
    /// Overrides the measured constant of the cost rule; zero always takes the graph where there is one.
    pub walk_cost: Option<usize>,
}

impl Default for DenseSettings {
    fn default() -> Self {
        Self {
            graph_from: 60_000,
            tail: 1_024,
            dead_share: 0.3,
            growth: 3.0,
            links: 16,
            build_breadth: 128,
            search_breadth: 256,
            placed: 20_000,
            threads: 1,
            walk_cost: None,
        }
    }
}

impl DenseSettings {
    /// Candidates to keep for k hits: rows share documents, so more than k.
    fn breadth(&self, k: usize) -> usize {
        k.saturating_mul(3).max(self.search_breadth)
    }

    fn width(&self) -> usize {
        2 * self.links.clamp(2, 128)
    }
}

/// What one [`Dense::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Rows placed by a new build of the graph.
    pub built: usize,
    /// Rows linked into the existing graph.
    pub linked: usize,
    /// Dead rows whose memory was given back.
    pub reclaimed: usize,
    /// Rows that no walk reached after a build and that were linked again.
    pub repaired: usize,
}

impl Maintenance {
    /// Whether nothing was to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

/// The size of a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DenseStats {
    /// Rows in memory, dead ones included.
    pub rows: usize,
    /// Passages that can be found.
    pub live: usize,
    /// Dead rows that still take memory.
    pub tombstones: usize,
    /// Rows in the graph, dead ones included.
    pub in_graph: usize,
    /// Bytes of vectors, maps and graph.
    pub bytes: usize,
}

/// Why the graph could not be saved or loaded; searches go on without it.
#[derive(Debug, thiserror::Error)]
pub enum DenseError {
    /// The file system refused.
    #[error("the graph file could not be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The graph could not be encoded.
    #[error("the graph could not be encoded: {0}")]
    Encode(String),
}

/// The writer's handle on the vectors of one shelf.
#[derive(Debug)]
pub struct Dense {
    published: ArcSwap<DenseSnapshot>,
    /// Held while a new state is made from the published one.
    writing: Mutex<()>,
    /// Held for the whole of a build, a save or a load: row numbers change under it alone.
    maintaining: Mutex<()>,
}

impl Dense {
    /// An empty shelf for vectors of `dimension` values.
    #[must_use]
    pub fn new(dimension: usize, settings: DenseSettings) -> Self {
        let snapshot = DenseSnapshot { rows: Rows::new(dimension), graph: None, settings };
        Self { published: ArcSwap::from_pointee(snapshot), writing: Mutex::default(), maintaining: Mutex::default() }
    }

    /// The state as of now; it never changes.
    #[must_use]
    pub fn snapshot(&self) -> Arc<DenseSnapshot> {
        self.published.load_full()
    }

    /// Adds passages, or gives them new vectors; all of the batch appears at once.
    ///
    /// A code of another dimension is skipped and logged as an error: it comes from another model than the shelf's.
    pub fn insert(&self, rows: impl IntoIterator<Item = (u64, Code)>) {
        self.change(|next| {
            for (passage, code) in rows {
                if code.values.len() == next.rows.dimension {
                    next.rows.push(passage, &code.values);
                } else {
                    tracing::error!(
                        passage,
                        found = code.values.len(),
                        expected = next.rows.dimension,
                        "vector of another dimension skipped"
                    );
                }
            }
        });
    }

    /// Takes passages out, all at once; those that are not here are no error.
    pub fn remove(&self, passages: &[u64]) {
        self.change(|next| {
            for passage in passages {
                next.rows.remove(*passage);
            }
        });
    }

    fn change(&self, edit: impl FnOnce(&mut DenseSnapshot)) {
        let _writing = self.writing.lock();
        let mut next = DenseSnapshot::clone(&self.published.load());
        edit(&mut next);
        self.published.store(Arc::new(next));
    }

    /// Brings the graph up to date and gives back dead rows; for a thread off the request path.
    ///
    /// Readers and writers go on meanwhile; what they add is picked up by the next call.
    ///
    /// # Errors
    /// None today; the type leaves room for a build that can fail.
    pub fn maintain(&self) -> Result<Maintenance, DenseError> {
        let _maintaining = self.maintaining.lock();
        let now = self.snapshot();
        let (rows, live) = (f64::from(now.rows.len()), now.rows.live());
        let dead = rows - live as f64;
        let dead_limit = if now.graph.is_some() { now.settings.dead_share } else { 0.5 };
        if dead > 0.0 && dead >= dead_limit * rows {
            return Ok(self.compact(&now));
        }
        Ok(match &now.graph {
            None if live >= now.settings.graph_from.max(1) => self.rebuild(&now),
            Some(graph) if rows - f64::from(graph.built) > now.settings.growth * f64::from(graph.built) => {
                self.rebuild(&now)
            }
            Some(graph) if (now.rows.len() - graph.covered()) as usize >= now.settings.tail.max(1) => {
                self.link_tail(&now, graph)
            }
            _ => Maintenance::default(),
        })
    }

    fn rebuild(&self, now: &DenseSnapshot) -> Maintenance {
        let (graph, done) = build(&now.rows, &now.settings);
        self.change(|next| next.graph = graph);
        done
    }

    fn link_tail(&self, now: &DenseSnapshot, graph: &Links) -> Maintenance {
        let mut graph = graph.clone();
        let linked = (now.rows.len() - graph.covered()) as usize;
        graph.extend(&now.rows, now.rows.len(), now.settings.build_breadth);
        self.change(|next| next.graph = Some(Arc::new(graph)));
        Maintenance { linked, ..Maintenance::default() }
    }

    /// Moves the live rows together and builds the graph over them.
    fn compact(&self, now: &DenseSnapshot) -> Maintenance {
        let (mut rows, kept) = now.rows.compacted();
        let wants_graph = rows.live() >= now.settings.graph_from.max(1);
        let (graph, mut done) = if wants_graph { build(&rows, &now.settings) } else { Default::default() };
        done.reclaimed = now.rows.len() as usize - kept.len();
        self.change(|next| {
            // What died or came while the rows were moved, in that order: a passage may have died and come back.
            for old in kept.iter().filter(|old| next.rows.dead.contains(**old)) {
                rows.remove(now.rows.passage(*old));
            }
            for row in (now.rows.len()..next.rows.len()).filter(|row| !next.rows.dead.contains(*row)) {
                rows.push(next.rows.passage(row), next.rows.code(row));
            }
            next.rows = rows;
            next.graph = graph;
        });
        done
    }

    /// Writes the graph into `dir`, whole or not at all; the vectors are the caller's to keep.
    ///
    /// # Errors
    /// [`DenseError`] when the folder cannot be written; an earlier file then stays as it was.
    pub fn save(&self, dir: &Path) -> Result<(), DenseError> {
        let _maintaining = self.maintaining.lock();
        let now = self.snapshot();
        match &now.graph {
            Some(graph) => save::save(dir, &now.rows, graph),
            None => save::forget(dir),
        }
    }

    /// Takes the graph from `dir` after the rows were inserted; false when it is missing, damaged or of other vectors.
    ///
    /// Rows that the file does not know are linked in, rows that are gone are bridged; beyond a fifth of either it is refused, and
    /// the next [`Dense::maintain`] builds a new one.
    ///
    /// # Errors
    /// [`DenseError::Io`] when the file is there and cannot be read.
    pub fn load_graph(&self, dir: &Path) -> Result<bool, DenseError> {
        let _maintaining = self.maintaining.lock();
        let now = self.snapshot();
        if now.rows.live() < now.settings.graph_from.max(1) {
            return Ok(false);
        }
        let graph = save::load(dir, &now.rows, &now.settings)?;
        let loaded = graph.is_some();
        if loaded {
            self.change(|next| next.graph = graph.map(Arc::new));
        }
        Ok(loaded)
    }

    /// The size of the shelf as of now.
    #[must_use]
    pub fn stats(&self) -> DenseStats {
        let now = self.snapshot();
        let rows = now.rows.len() as usize;
        DenseStats {
            rows,
            live: now.rows.live(),
            tombstones: rows - now.rows.live(),
            in_graph: now.graph.as_ref().map_or(0, |graph| graph.covered() as usize),
            bytes: now.rows.bytes() + now.graph.as_ref().map_or(0, |graph| graph.bytes()),
        }
    }
}

fn build(rows: &Rows, settings: &DenseSettings) -> (Option<Arc<Links>>, Maintenance) {
    let Some(mut graph) = graph::build(rows, settings) else { return Default::default() };
    let (repaired, lost) = graph.repair(rows, settings.build_breadth);
    if lost > 0 {
        tracing::debug!(lost, "rows that only a scan finds");
    }
    (Some(Arc::new(graph)), Maintenance { built: rows.live(), repaired, ..Maintenance::default() })
}
