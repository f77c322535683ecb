//! How alike are two partitions of the same questions?

use std::collections::HashMap;

/// The field's measures of a partition against the truth.
#[derive(Clone, Copy, Default)]
pub struct Measures {
    pub v: f64,
    pub homogeneity: f64,
    pub completeness: f64,
    pub purity: f64,
    /// As purity, counting only as many of the largest clusters as there are true ones.
    pub purity_at_k: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

fn counts<T: std::hash::Hash + Eq>(keys: impl Iterator<Item = T>) -> HashMap<T, f64> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0.0) += 1.0;
    }
    counts
}

/// Rosenberg and Hirschberg, "V-Measure" (2007); precision, recall and F1 over pairs of questions.
pub fn measure(truth: &[usize], found: &[usize]) -> Measures {
    let n = truth.len() as f64;
    let (rows, columns) = (counts(truth.iter()), counts(found.iter()));
    let cells = counts(truth.iter().zip(found));
    let entropy = |counts: Vec<f64>| -> f64 { counts.iter().map(|c| -c / n * (c / n).ln()).sum() };
    let (of_truth, of_found) =
        (entropy(rows.values().copied().collect()), entropy(columns.values().copied().collect()));
    let shared = of_truth + of_found - entropy(cells.values().copied().collect());
    let share = |whole: f64| if whole > 0.0 { shared / whole } else { 1.0 };
    let (homogeneity, completeness) = (share(of_truth), share(of_found));
    let pairs = |counts: Vec<f64>| -> f64 { counts.iter().map(|c| c * (c - 1.0) / 2.0).sum() };
    let both = pairs(cells.values().copied().collect());
    let precision = both / pairs(columns.values().copied().collect()).max(1e-9);
    let recall = both / pairs(rows.values().copied().collect()).max(1e-9);
    let mut largest: HashMap<usize, f64> = HashMap::new();
    for ((_, cluster), count) in &cells {
        let most = largest.entry(**cluster).or_default();
        *most = most.max(*count);
    }
    let mut by_size: Vec<(f64, f64)> = columns.iter().map(|(cluster, size)| (*size, largest[cluster])).collect();
    by_size.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    Measures {
        v: 2.0 * homogeneity * completeness / (homogeneity + completeness).max(1e-9),
        homogeneity,
        completeness,
        purity: by_size.iter().map(|(_, most)| most).sum::<f64>() / n,
        purity_at_k: by_size.iter().take(rows.len()).map(|(_, most)| most).sum::<f64>() / n,
        precision,
        recall,
        f1: 2.0 * precision * recall / (precision + recall).max(1e-9),
    }
}
