//! How is the graph made? hnsw_rs places rows spread over the shelf; what it built is copied into flat arrays and dropped, and the
//! other rows are linked to it.
//!
//! hnsw_rs never reads or writes a file here (its loader can end the process), never answers a query (its filtered search does not
//! stop early), and never sees a vector: its points are row numbers, and the distance looks the codes up.
//!
//! Invariant: the distance is never negative and never NaN; hnsw_rs panics on both.

use super::DenseSettings;
use super::links::{Layer, Links, NONE};
use super::rows::Rows;
use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;

/// Layers that hnsw_rs may use.
const LAYERS: usize = 16;
/// Rows inserted by one thread before others join: a graph of a few points has nothing to run in parallel.
const ALONE: usize = 64;

/// 1 − cosine of two rows, each given as a slice of one row number.
struct RowDistance<'a>(&'a Rows);

impl Distance<u32> for RowDistance<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        let (Some(a), Some(b)) = (a.first(), b.first()) else { return 2.0 };
        // `cosine` is clamped to −1..=1 and the norms are finite, so this lies in 0..=2.
        1.0 - self.0.cosine(*a, *b)
    }
}

/// Builds the graph over the searchable rows; none when there are none.
pub fn build(rows: &Rows, settings: &DenseSettings) -> Option<Links> {
    let members: Vec<u32> = (0..rows.len()).filter(|row| rows.is_searchable(*row)).collect();
    // More than 256 links make hnsw_rs end the process.
    let links = settings.links.clamp(2, 128);
    let step = members.len().div_ceil(settings.placed.max(ALONE)).max(1);
    let placed: Vec<u32> = members.iter().copied().step_by(step).collect();
    let hnsw = Hnsw::new(links, placed.len(), LAYERS, settings.build_breadth, RowDistance(rows));
    let (alone, together) = placed.split_at_checked(ALONE).unwrap_or((&placed, &[]));
    insert(&hnsw, alone);
    // hnsw_rs's own parallel insert takes every core; threads of our own keep to the number that was given.
    std::thread::scope(|scope| {
        let share = together.len().div_ceil(settings.threads.max(1)).max(1);
        for part in together.chunks(share) {
            let hnsw = &hnsw;
            scope.spawn(move || insert(hnsw, part));
        }
    });
    let mut graph = freeze(&hnsw, rows.len(), 2 * links)?;
    drop(hnsw);
    for (_, row) in members.iter().enumerate().filter(|(at, _)| at % step != 0) {
        graph.link(rows, *row, settings.build_breadth);
    }
    Some(graph)
}

fn insert(hnsw: &Hnsw<'_, u32, RowDistance<'_>>, rows: &[u32]) {
    for row in rows {
        hnsw.insert((&[*row], *row as usize));
    }
}

/// Copies the links into flat arrays.
fn freeze(hnsw: &Hnsw<'_, u32, RowDistance<'_>>, rows: u32, width: usize) -> Option<Links> {
    if hnsw.get_nb_point() == 0 {
        return None;
    }
    let points = hnsw.get_point_indexation();
    let top = usize::from(points.get_max_level_observed());
    // The walks start at the first point that reached the top layer: every later one of that layer was linked from it.
    let entry = points.get_layer_iterator(top).next()?.get_origin_id() as u32;
    let mut links = Links { width, base: vec![NONE; rows as usize * width], upper: Vec::new(), entry, built: rows };
    let mut upper: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); top];
    for point in points {
        let row = point.get_origin_id() as u32;
        let level = usize::from(point.get_point_id().0);
        let mut lists = point
            .get_neighborhood_id()
            .into_iter()
            .map(|list| list.into_iter().map(|n| n.d_id as u32).filter(move |n| *n != row));
        links.set_list(row, lists.next()?);
        for (layer, list) in upper.iter_mut().zip(lists).take(level) {
            layer.push((row, list.collect()));
        }
    }
    links.upper = upper.into_iter().map(layer).collect();
    Some(links)
}

fn layer(mut nodes: Vec<(u32, Vec<u32>)>) -> Layer {
    nodes.sort_unstable_by_key(|(row, _)| *row);
    let (nodes, lists) = nodes.into_iter().unzip();
    Layer { nodes, lists }
}
