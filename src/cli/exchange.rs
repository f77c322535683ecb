//! `zhiyin import` and `zhiyin export`: knowledge in and out, as files.
//!
//! Invariant: a file under its final name is a whole export; a refused row is told with its line and stops nothing else.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::failure::Failure;
use super::folder::{self, Documents, Starts};
use super::out::Out;
use super::text;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line; exports hold all versions and publications.
    Ndjson,
    /// Markdown with YAML front matter; exports hold the newest version of each article.
    Markdown,
    /// Comma-separated, with a header row.
    Csv,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Markdown => "markdown",
            Format::Csv => "csv",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Format::Ndjson => "application/x-ndjson",
            Format::Markdown => "text/markdown",
            Format::Csv => "text/csv",
        }
    }

    /// By the name of a file.
    fn guess(path: &Path) -> Option<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("ndjson" | "jsonl" | "json") => Some(Format::Ndjson),
            Some("csv") => Some(Format::Csv),
            _ if folder::is_markdown(path) => Some(Format::Markdown),
            _ => None,
        }
    }
}

/// Import articles from a file, a folder of Markdown files, or the standard input ('-').
///
/// A row gives an article as it should be: one that is there already gets a new version where
/// something changed, and importing the same again changes nothing. With --publish it is then
/// live, unless its validity is over. A row with 'versions', as 'zhiyin export' writes them,
/// is a whole history: it is for an article that is not there yet, and needs --publish for
/// what was or is live.
///
/// Each article is written whole or not at all. A bad row is listed with its line and stops
/// nothing else; the exit code is then 4.
///
/// Examples:
///   zhiyin import articles.ndjson --publish
///   zhiyin import handbook/ --dry-run
///   zhiyin export --server http://old:7700 | zhiyin import - --publish --data-dir data
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Import {
    /// File, folder, or '-' for the standard input.
    #[arg(value_name = "FILE|DIR|-")]
    source: PathBuf,
    /// How it is written; guessed from the name unless given ('-' is ndjson).
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Publish what is imported.
    #[arg(long)]
    publish: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not wait until a search finds what was imported.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

struct Source {
    reader: Box<dyn Read>,
    bytes: Option<u64>,
    files: Option<Starts>,
}

impl Import {
    /// Imports and prints the report.
    ///
    /// # Errors
    /// [`Failure::Found`] when rows were refused; what the server or the file refuses.
    pub fn run(self) -> Result<()> {
        let format = self.format()?;
        let source = self.open(format)?;
        let wait = (!self.no_wait && !self.dry_run).then_some("searchable");
        let request = Request::post("/v1/import")
            .with("format", Some(format.as_str()))
            .with("publish", self.publish.then_some(true))
            .with("dry_run", self.dry_run.then_some(true));
        let request = self.space.of(request);
        let tried = request.clone().with("dry_run", (!self.dry_run).then_some(true));
        let request = request.with("wait", wait);
        self.connection.run(Directory::Made, |session| {
            // An import without rows: a key that may not import is refused before a long body is on its way.
            session.client().send(&tried, format.media_type(), io::empty())?;
            let bar = progress(source.bytes);
            let answer = session.client().send(&request, format.media_type(), bar.wrap_read(source.reader));
            bar.finish_and_clear();
            let answer = answer?;
            session.show(&answer, |out, report| show(out, report, source.files.as_ref()))?;
            if answer.searchable == Some(false) {
                eprintln!("The index is still catching up; what was imported can be found in a moment.");
            }
            match text::at(&answer.value, "failed").as_u64() {
                Some(failed) if failed > 0 => Err(Failure::Found(format!("{failed} rows were refused")).into()),
                _ => Ok(()),
            }
        })
    }

    fn format(&self) -> Result<Format> {
        let path = &self.source;
        let guess = if path.as_os_str() == "-" {
            Some(Format::Ndjson)
        } else if path.is_dir() {
            Some(Format::Markdown)
        } else {
            Format::guess(path)
        };
        let format = self.format.or(guess).ok_or_else(|| {
            Failure::Usage(format!(
                "the name '{}' does not tell how it is written: say it with --format",
                path.display()
            ))
        })?;
        if path.is_dir() && format != Format::Markdown {
            return Err(Failure::Usage("a folder is imported as Markdown only".into()).into());
        }
        Ok(format)
    }

    fn open(&self, format: Format) -> Result<Source> {
        let path = &self.source;
        if path.as_os_str() == "-" {
            return Ok(Source { reader: Box::new(io::stdin()), bytes: None, files: None });
        }
        if path.is_dir() || (format == Format::Markdown && path.is_file() && !folder::holds_many(path)?) {
            let documents = Documents::of(path)?;
            let (bytes, files) = (Some(documents.bytes), Some(documents.starts()));
            return Ok(Source { reader: Box::new(documents), bytes, files });
        }
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
        Ok(Source { reader: Box::new(io::BufReader::new(file)), bytes, files: None })
    }
}

/// A bar on a terminal; nothing elsewhere.
pub fn progress(bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), "{wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {binary_bytes_per_sec}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}

fn show(out: &mut Out, report: &Value, files: Option<&Starts>) -> Result<()> {
    let count = |field: &str| text::of(text::at(report, field));
    for failure in text::at(report, "failures").as_array().into_iter().flatten() {
        let line = text::at(failure, "line").as_u64().unwrap_or_default();
        let place = match files.and_then(|files| files.locate(line)) {
            Some((file, line)) => format!("{}:{line}", text::one_line(&file)),
            None => format!("line {line}"),
        };
        let id = text::at(failure, "id").as_str().map(|id| format!(" ({})", text::one_line(id))).unwrap_or_default();
        out.line(format!("{}{id}: {}", out.red(&place), text::one_line(&text::of(text::at(failure, "reason")))))?;
    }
    let [rows, created, updated, unchanged, failed] = ["rows", "created", "updated", "unchanged", "failed"].map(count);
    let tried =
        if text::at(report, "dry_run").as_bool().unwrap_or(false) { " (dry run: nothing was written)" } else { "" };
    out.line(format!(
        "{rows} rows: {created} created, {updated} updated, {unchanged} unchanged, {failed} failed{tried}"
    ))
}

/// Export everything: articles with all their versions and publications.
///
/// NDJSON holds whole histories: importing it into an empty server gives the same knowledge,
/// byte for byte when exported again. Markdown holds the newest version of each article, for
/// people and for version control.
///
/// Examples:
///   zhiyin export --output backup.ndjson
///   zhiyin export --format markdown --output handbook/
///   zhiyin export | wc -l
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Export {
    /// How to write it; guessed from the output's name unless given, else ndjson.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write, or a folder (its name ends with '/') for a Markdown file per article; the standard output unless given.
    #[arg(long, short, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Export {
    /// Exports.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let folder = self.output.as_deref().filter(|path| path.is_dir() || path.to_string_lossy().ends_with('/'));
        let guess =
            if folder.is_some() { Some(Format::Markdown) } else { self.output.as_deref().and_then(Format::guess) };
        let format = self.format.or(guess).unwrap_or(Format::Ndjson);
        if folder.is_some() && format != Format::Markdown {
            return Err(Failure::Usage("only Markdown is written into a folder".into()).into());
        }
        let request = self.space.of(Request::get("/v1/export").with("format", Some(format.as_str())));
        self.connection.run(Directory::Existing, |session| {
            let source = session.client().open(&request)?;
            match (&self.output, folder) {
                (_, Some(folder)) => {
                    let bar = progress(None);
                    let count = folder::write_files(bar.wrap_read(source), folder)?;
                    bar.finish_and_clear();
                    eprintln!("{count} articles are in {}", folder.display());
                }
                (Some(file), None) => {
                    let bar = progress(None);
                    let bytes = write_file(&mut bar.wrap_read(source), file)?;
                    bar.finish_and_clear();
                    eprintln!("{bytes} bytes are in {}", file.display());
                }
                (None, None) => print(source, &mut session.out)?,
            }
            Ok(())
        })
    }
}

fn print(mut source: impl Read, out: &mut Out) -> Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = source.read(&mut piece).context("the export broke off")?;
        if read == 0 {
            return Ok(());
        }
        out.bytes(piece.get(..read).unwrap_or_default())?;
    }
}

/// Writes beside the file and then renames, so that a broken export never stands under its name.
fn write_file(source: &mut impl Read, path: &Path) -> Result<u64> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let told = || format!("cannot write {}", draft.display());
    let mut file = File::create(&draft).with_context(told)?;
    let copied = io::copy(source, &mut file).context("the export broke off").and_then(|bytes| {
        file.flush().and_then(|()| file.sync_all()).with_context(told)?;
        std::fs::rename(&draft, path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(bytes)
    });
    if copied.is_err() {
        // What is there is not whole; that it cannot be removed adds nothing to what is told.
        let _ = std::fs::remove_file(&draft);
    }
    copied
}
