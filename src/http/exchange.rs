//! Knowledge in and out over HTTP, as streams.
//!
//! Invariant: neither an import nor an export is ever held in memory whole,
//! and a body that breaks off never looks like one that ended.

use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use actix_web::rt::time;
use actix_web::web::{Bytes, BytesMut};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::body::Body;
use super::call::{Call, Incoming, Outcome, Reply};
use super::edits::until_searchable;
use super::error::Problem;
use super::fields::Wait;
use super::payload::Payload;
use super::query::Query;
use crate::error::{Code, Error};
use crate::id::SpaceId;
use crate::model::exchange::{Format, ImportReport};

/// Pieces that may wait between the network and the use case.
const PIECES: usize = 16;
/// Bytes of a piece of an export.
const PIECE: usize = 64 * 1024;

/// Media types an import may have.
pub const IMPORT_TYPES: &[&str] = &["application/x-ndjson", "text/markdown", "text/csv"];

/// Parameters of `POST /v1/import`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// How the body is written; by `Content-Type`, else `ndjson`, unless given.
    format: Option<Format>,
    /// Publish what is imported; needs `articles:publish`.
    publish: Option<bool>,
    /// Check everything, write nothing.
    dry_run: Option<bool>,
    /// Hold the answer until a search finds what was imported.
    wait: Option<Wait>,
}

impl Body for ImportParameters {
    const QUERY: bool = true;
}
impl Query for ImportParameters {}

/// `POST /v1/import`.
pub async fn import(mut call: Call) -> Outcome {
    let p: ImportParameters = call.query()?;
    let space = p.space.unwrap_or_else(SpaceId::default_space);
    let editor = call.kb().editor(&call.caller, &space)?;
    let publisher = match p.publish {
        Some(true) => Some(call.kb().publisher(&call.caller, &space)?),
        _ => None,
    };
    let format = format_of(p.format, &call)?;
    let payload = streamed(&mut call)?;
    let (kb, now, dry_run) = (call.kb().clone(), call.now, p.dry_run.unwrap_or(false));
    let work = move |body: &mut dyn BufRead| kb.import(&editor, publisher.as_ref(), format, dry_run, body, now);
    let report: ImportReport = fed(&call, payload, work).await?;
    let reply = Reply::ok(&report)?;
    if p.wait.is_none() || dry_run {
        return Ok(reply);
    }
    let searchable = until_searchable(&call, space).await;
    Ok(reply.with(HeaderName::from_static("x-searchable"), if searchable { "true" } else { "false" }))
}

/// The body of a call that streams it.
///
/// # Errors
/// `internal` when it was read before.
pub fn streamed(call: &mut Call) -> Result<Payload, Problem> {
    match std::mem::replace(&mut call.body, Incoming::Whole(Bytes::new())) {
        Incoming::Stream(payload) => Ok(payload),
        Incoming::Whole(_) => Err(Problem::internal("a streamed body was read before its handler")),
    }
}

/// Feeds a body to the work that reads it, both at the same time; a broken body ends both, and its own problem is told.
///
/// # Errors
/// What is wrong with the body, and what the work ends with.
pub async fn fed<T: Send + 'static>(
    call: &Call,
    payload: Payload,
    work: impl FnOnce(&mut dyn BufRead) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    let (sender, receiver) = mpsc::channel(PIECES);
    let work = call.state.bulk.run(move || work(&mut Pieces::new(receiver)));
    let (fed, worked) = futures_util::future::join(feed(payload, sender), work).await;
    fed?;
    worked
}

fn format_of(asked: Option<Format>, call: &Call) -> Result<Format, Problem> {
    if let Some(format) = asked {
        return Ok(format);
    }
    let Some(header) = call.head.headers().get(CONTENT_TYPE) else {
        return Ok(Format::Ndjson);
    };
    let text = header.to_str().unwrap_or("?").to_ascii_lowercase();
    match text.split(';').next().unwrap_or_default().trim() {
        "application/x-ndjson" | "application/jsonl" | "application/json" | "application/octet-stream" => {
            Ok(Format::Ndjson)
        }
        "text/markdown" => Ok(Format::Markdown),
        "text/csv" => Ok(Format::Csv),
        other => {
            let detail = format!("an import is {}, or any type with ?format=; not '{other}'", IMPORT_TYPES.join(", "));
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}

/// What passes from the network to the use case; the end is said, so that a broken body is told from a whole one.
enum Piece {
    Bytes(Bytes),
    End,
}

async fn feed(mut payload: Payload, sender: Sender<Piece>) -> Result<(), Problem> {
    while let Some(bytes) = payload.next().await? {
        if sender.send(Piece::Bytes(bytes)).await.is_err() {
            // The use case has stopped reading; its own result says why.
            return Ok(());
        }
    }
    let _ = sender.send(Piece::End).await;
    Ok(())
}

/// The body as the use case reads it, on a blocking thread.
struct Pieces {
    receiver: Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

impl Pieces {
    fn new(receiver: Receiver<Piece>) -> Self {
        Self { receiver, current: Bytes::new(), ended: false }
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.current = bytes,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body broke off")),
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.current.split_to(amount.min(self.current.len()));
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// Parameters of `GET /v1/export`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportParameters {
    /// The space; `default` unless given.
    space: Option<SpaceId>,
    /// `ndjson` (all versions) unless given; `markdown` has the newest versions only.
    format: Option<Format>,
}

impl Body for ExportParameters {
    const QUERY: bool = true;
}
impl Query for ExportParameters {}

/// `GET /v1/export`.
#[expect(clippy::disallowed_methods, reason = "a stream outlives its handler")]
pub async fn export(call: Call) -> Outcome {
    let p: ExportParameters = call.query()?;
    let space = p.space.unwrap_or_else(SpaceId::default_space);
    let historian = call.kb().historian(&call.caller, &space)?;
    let format = p.format.unwrap_or_default();
    let kb = call.kb().clone();
    let (content_type, ending) = match format {
        Format::Ndjson => ("application/x-ndjson", "ndjson"),
        Format::Markdown => ("text/markdown; charset=utf-8", "md"),
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let (sender, mut receiver) = mpsc::channel(PIECES);
    let permit = call.state.bulk.permit().await?;
    let patience = call.state.settings.client_timeout;
    let work = move || {
        let _permit = permit;
        let mut out = Outlet::new(sender, patience);
        let written = kb.export(&historian, format, &mut out).map_err(Problem::from);
        let flushed = written.and_then(|_| out.flush().map_err(|why| Problem::internal(format!("export: {why}"))));
        if let Err(problem) = flushed {
            out.fail(problem);
        }
    };
    drop(actix_web::rt::task::spawn_blocking(work));
    // The first piece decides between a problem and a stream.
    let first = match receiver.recv().await {
        Some(Err(problem)) => return Err(problem),
        Some(Ok(bytes)) => bytes,
        None => Bytes::new(),
    };
    let request_id = std::sync::Arc::clone(&call.request_id);
    let rest = stream::unfold(Some(receiver), move |receiver| {
        let request_id = std::sync::Arc::clone(&request_id);
        async move {
            let mut receiver = receiver?;
            match receiver.recv().await? {
                Ok(bytes) => Some((Ok(bytes), Some(receiver))),
                Err(problem) => {
                    tracing::error!(request_id = &*request_id, cause = ?problem.cause, "an export broke off");
                    Some((Err(io::Error::other("the export broke off")), None))
                }
            }
        }
    });
    let pieces = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
    let name = format!("attachment; filename=\"{space}.{ending}\"");
    Ok(Reply::stream(content_type, Box::pin(pieces)).with(CONTENT_DISPOSITION, &name))
}

/// Where the use case writes, on a blocking thread; gathers small writes into pieces.
struct Outlet {
    sender: Sender<Result<Bytes, Problem>>,
    gathered: BytesMut,
    patience: Duration,
}

impl Outlet {
    fn new(sender: Sender<Result<Bytes, Problem>>, patience: Duration) -> Self {
        Self { sender, gathered: BytesMut::with_capacity(PIECE), patience }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = self.gathered.split().freeze();
        let sent = Handle::current().block_on(time::timeout(self.patience, self.sender.send(Ok(piece))));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the reader has gone")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the reader does not read")),
        }
    }

    fn fail(&mut self, problem: Problem) {
        // A reader who has gone needs no word.
        let _ = self.sender.try_send(Err(problem));
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() { Ok(()) } else { self.send() }
    }
}
