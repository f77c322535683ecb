//! What can go wrong in the engine, and who must act.
//!
//! Invariant: a message names the value and the rule; the engine never ends the process.

/// Who must act for the operation to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The caller: the query or filter is wrong.
    Caller,
    /// Nobody: trying again later may succeed.
    Wait,
    /// The operator: the index is damaged or the disk failed.
    Operator,
}

/// What went wrong in the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A filter names a field that does not exist, or a value of the wrong type.
    #[error("{message}")]
    Filter {
        /// Path of the condition, such as `filters.all[0].value`.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A facet or option names something that does not exist.
    #[error("{message}")]
    Query {
        /// The option.
        field: String,
        /// What is wrong.
        message: String,
    },
    /// A document breaks a limit of the engine.
    #[error("document '{id}': {message}")]
    Document {
        /// The document.
        id: String,
        /// What is wrong.
        message: String,
    },
    /// Vectors cannot be had at the moment.
    #[error("embedding: {0}")]
    Embedding(String),
    /// The lexical index failed.
    #[error("lexical index: {0}")]
    Lexical(String),
    /// Another process has the index open.
    #[error("{0}: another process has this index open")]
    Locked(String),
    /// The dense index failed.
    #[error("dense index: {0}")]
    Dense(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A result of the engine.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Who must act.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Filter { .. } | Error::Query { .. } | Error::Document { .. } => Kind::Caller,
            Error::Embedding(_) | Error::Locked(_) => Kind::Wait,
            Error::Lexical(_) | Error::Dense(_) | Error::Io { .. } => Kind::Operator,
        }
    }

    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Error::Io { path: path.display().to_string(), source }
    }
}
