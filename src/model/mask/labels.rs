//! How much of what is labelled does masking find, and how much of what it masks is labelled?
//!
//! Invariant: a label counts as found only where nothing of it is left and its kind is right; a piece that was masked
//! counts as right only where it lies inside a label of its kind.

use serde::{Deserialize, Serialize};

use super::{Kind, Masker, Span};

/// A text and what is personal in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// Identifies the row.
    pub id: String,
    /// Its language.
    pub language: String,
    /// The text.
    pub text: String,
    /// The personal pieces, as they follow each other in the text.
    pub spans: Vec<Label>,
    /// What the row is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it was written before or after the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

/// A personal piece of a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Label {
    /// What it is.
    pub kind: Kind,
    /// The piece.
    pub text: String,
}

/// A file of labels that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is no labelled text.
    #[error("line {line}: {why}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        why: serde_json::Error,
    },
    /// A label is not in its text.
    #[error("line {line}: '{label}' is not in the text, or not in this order")]
    Missing {
        /// Which line, from 1.
        line: usize,
        /// The label.
        label: String,
    },
}

/// How well masking does.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Rows looked at.
    pub rows: usize,
    /// Rows that hold nothing personal.
    pub negatives: usize,
    /// Rows that are masked just as they are labelled.
    pub exact: usize,
    /// By kind.
    pub kinds: Vec<Figures>,
    /// All structured kinds, and all others.
    pub structured: Figures,
    /// Names and addresses.
    pub free: Figures,
    /// Everything.
    pub all: Figures,
    /// What was missed or masked wrongly.
    pub misses: Vec<Miss>,
}

/// Counts and shares.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// What is counted.
    pub kind: String,
    /// Rows that have such a label.
    pub rows: usize,
    /// Labels.
    pub labels: usize,
    /// Labels of which nothing is left, with the right kind.
    pub found: usize,
    /// Pieces masked as this.
    pub masked: usize,
    /// Those that lie inside a label of the kind.
    pub right: usize,
    /// Labels of which something is left, whichever kind they were masked as.
    pub leaks: usize,
}

impl Figures {
    fn named(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// Share of labels that were found.
    pub fn recall(&self) -> f64 {
        share(self.found, self.labels)
    }

    /// Share of masked pieces that were labelled.
    pub fn precision(&self) -> f64 {
        share(self.right, self.masked)
    }

    /// Their harmonic mean.
    pub fn f1(&self) -> f64 {
        share(2 * self.found.min(self.right), self.labels + self.masked)
    }

    fn add(&mut self, other: &Figures) {
        self.rows += other.rows;
        self.labels += other.labels;
        self.found += other.found;
        self.masked += other.masked;
        self.right += other.right;
        self.leaks += other.leaks;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows are far below what a float holds exactly")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// What went wrong with a row.
#[derive(Debug, Clone, Serialize)]
pub struct Miss {
    /// The row.
    pub id: String,
    /// The kind of the label or of the masked piece.
    pub kind: Kind,
    /// Whether it was labelled and not found, or masked and not labelled.
    pub missed: bool,
    /// The piece of the text.
    pub piece: String,
    /// The text as it was masked.
    pub masked: String,
}

/// Reads labelled texts, one a line.
///
/// # Errors
/// A line that is no labelled text, or whose labels are not in it.
pub fn read(lines: &str) -> Result<Vec<Labelled>, Error> {
    let mut rows = Vec::new();
    for (at, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: Labelled = serde_json::from_str(line).map_err(|why| Error::Line { line: at + 1, why })?;
        if let Some(missing) = row.spans.get(row.labels().len()) {
            return Err(Error::Missing { line: at + 1, label: missing.text.clone() });
        }
        rows.push(row);
    }
    Ok(rows)
}

impl Labelled {
    /// Where the labels are, up to the first one that is not there.
    pub fn labels(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut at = 0;
        for label in &self.spans {
            let Some(found) = self.text.get(at..).and_then(|rest| rest.find(&label.text)) else { break };
            let start = at + found;
            at = start + label.text.len();
            spans.push(Span { kind: label.kind, start, end: at });
        }
        spans
    }
}

/// Masks every text and counts.
pub fn measure(masker: &Masker, rows: &[Labelled]) -> Report {
    let mut kinds: Vec<Figures> = Kind::ALL.iter().map(|kind| Figures::named(kind.name())).collect();
    let (mut exact, mut misses) = (0, Vec::new());
    for row in rows {
        let (labels, spans) = (row.labels(), masker.spans(&row.text));
        exact += usize::from(labels == spans);
        let mut miss = |span: &Span, missed: bool| {
            let piece = row.text.get(span.start..span.end).unwrap_or_default().to_owned();
            misses.push(Miss { id: row.id.clone(), kind: span.kind, missed, piece, masked: masker.mask(&row.text) });
        };
        for (kind, figures) in Kind::ALL.iter().zip(&mut kinds) {
            figures.rows += usize::from(labels.iter().any(|label| label.kind == *kind));
            for label in labels.iter().filter(|label| label.kind == *kind) {
                let hidden = is_hidden(label, &spans, &row.text);
                let named = spans.iter().any(|span| span.kind == *kind && overlap(span, label));
                figures.labels += 1;
                figures.found += usize::from(hidden && named);
                figures.leaks += usize::from(!hidden);
                if !hidden || !named {
                    miss(label, true);
                }
            }
            for span in spans.iter().filter(|span| span.kind == *kind) {
                let inside = labels.iter().any(|l| l.kind == *kind && l.start <= span.start && span.end <= l.end);
                figures.masked += 1;
                figures.right += usize::from(inside);
                if !inside {
                    miss(span, false);
                }
            }
        }
    }
    let sum = |name: &str, of: &dyn Fn(Kind) -> bool| {
        let mut sum = Figures::named(name);
        Kind::ALL.iter().zip(&kinds).filter(|(kind, _)| of(**kind)).for_each(|(_, figures)| sum.add(figures));
        sum
    };
    Report {
        rows: rows.len(),
        negatives: rows.iter().filter(|row| row.spans.is_empty()).count(),
        exact,
        structured: sum("structured", &Kind::is_structured),
        free: sum("names and addresses", &|kind: Kind| !kind.is_structured()),
        all: sum("all", &|_| true),
        kinds,
        misses,
    }
}

/// Whether every letter and digit of a label is masked.
fn is_hidden(label: &Span, spans: &[Span], text: &str) -> bool {
    let piece = text.get(label.start..label.end).unwrap_or_default();
    piece.char_indices().filter(|(_, c)| c.is_alphanumeric()).all(|(at, _)| {
        let at = label.start + at;
        spans.iter().any(|span| span.start <= at && at < span.end)
    })
}

fn overlap(a: &Span, b: &Span) -> bool {
    a.start < b.end && b.start < a.end
}
