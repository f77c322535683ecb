//! What keeps a set from being measured.
//!
//! Invariant: a line that cannot be used is named by its file and number, and every one of them is told (up to a limit).

use std::fmt;
use std::path::{Path, PathBuf};

/// Bad lines that are told one by one.
const TOLD: usize = 20;

/// A line that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl BadLine {
    pub(super) fn new(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// What keeps a set from being measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Lines of a file cannot be used.
    #[error("{}", told(.0))]
    Lines(Vec<BadLine>),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// What was asked for is not there, or makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] zhiyin_index::Error),
    /// What was asked instead of the engine refused or failed.
    #[error("{0}")]
    Asked(String),
}

/// A result of measuring.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }
}

fn told(lines: &[BadLine]) -> String {
    let mut text = format!("{} bad lines", lines.len());
    for line in lines.iter().take(TOLD) {
        text.push_str(&format!("\n  {line}"));
    }
    if lines.len() > TOLD {
        text.push_str(&format!("\n  … and {} more", lines.len() - TOLD));
    }
    text
}
