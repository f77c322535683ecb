//! `zhiyin eval`: how well search does on judged queries.
//!
//! Invariant: figures go to the standard output, progress to the standard error output; nothing of a server's data is
//! touched.

pub mod served;
mod tables;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::Value;

use super::connection::{Connection, InSpace};
use super::failure::Failure;
use super::out::Out;
use zhiyin::evaluate::ablate::ablate;
use zhiyin::evaluate::compare::{Comparison, compare};
use zhiyin::evaluate::dump::dump;
use zhiyin::evaluate::report::{PairsReport, Report, SetReport};
use zhiyin::evaluate::run::{Searcher, run};
use zhiyin::evaluate::trial::{Engine, Trial};
use zhiyin::evaluate::{self, Mode, Set, beir, named, passages_and_queries, squad};

/// Measure search on judged queries.
///
/// Makes a throw-away index of a set's passages, puts every query to it and prints how good the
/// lists are (nDCG, MRR, recall, each with a 95 % interval), what confidence is worth (AUROC, calibration,
/// precision of answers) and how long a query takes. Without arguments: the sample shop.
///
/// Files of passages and queries are JSON Lines:
///   {"id": "…", "text": "…", "title": "…", "questions": ["…"]}      (or articles as 'zhiyin export' writes them)
///   {"id": "…", "query": "…", "relevant": ["…"]}                    (relevant: [] = nothing answers it)
///
/// Examples:
///   zhiyin eval
///   zhiyin eval --passages articles.ndjson --queries golden.ndjson --report before.json
///   zhiyin eval --passages articles.ndjson --queries golden.ndjson --rank '{"title":2}' --compare before.json
///   zhiyin eval --beir nfcorpus --mode hybrid --limit 500
///   zhiyin eval samples --ablate
///   zhiyin eval --golden --space shop --server http://127.0.0.1:7700
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Eval {
    /// Sets with a name; see --sets.
    #[arg(value_name = "SET")]
    named: Vec<String>,
    /// List the sets that have a name.
    #[arg(long)]
    sets: bool,
    /// Folder with the public sets.
    #[arg(long, value_name = "DIR", env = "ZHIYIN_EVAL_DATA", hide_env_values = true)]
    data: Option<PathBuf>,
    /// Passages or articles, as JSON Lines.
    #[arg(long, value_name = "FILE", requires = "queries")]
    passages: Option<PathBuf>,
    /// Judged queries, as JSON Lines; without --passages they are put to the server's space.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// A folder in BEIR's format.
    #[arg(long, value_name = "DIR")]
    beir: Vec<PathBuf>,
    /// Which judgements of BEIR folders [default: test].
    #[arg(long, value_name = "NAME", requires = "beir")]
    split: Option<String>,
    /// A file in SQuAD's format.
    #[arg(long, value_name = "FILE")]
    squad: Vec<PathBuf>,
    /// Put the golden queries of the server's space to it.
    #[arg(long, conflicts_with_all = ["named", "passages", "beir", "squad", "queries"])]
    golden: bool,
    /// Which lists take part: keyword, semantic, hybrid, rerank; separated by commas [default: all].
    #[arg(long, value_name = "MODES", value_delimiter = ',', value_parser = Mode::named)]
    mode: Vec<Mode>,
    /// At most so many queries of each set, spread over it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Ranking weights that differ from the engine's own, such as '{"title":2}'.
    #[arg(long, value_name = "JSON")]
    rank: Option<String>,
    /// The same from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "rank")]
    rank_file: Option<PathBuf>,
    /// Model that makes the vectors: bundled, hash, or a folder that holds one [default: bundled].
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Folder of a reranker, which orders the first hits of the mode 'rerank' anew.
    #[arg(long, value_name = "DIR")]
    reranker: Option<PathBuf>,
    /// How many first hits it orders.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=100))]
    rerank_top: u32,
    /// Remove half of the passages first, so that about half of the queries cannot be answered.
    #[arg(long)]
    remove_half: bool,
    /// Seed of intervals and of what is removed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Give the passages of the public sets their titles.
    #[arg(long)]
    titles: bool,
    /// Turn features off one by one, and print what that does.
    #[arg(long)]
    ablate: bool,
    /// Write the whole report, query by query, as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Compare with a report written before, query by query.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Write, per query, all that a hybrid search looked at with its features, as JSON Lines.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Eval {
    /// Measures and prints.
    ///
    /// # Errors
    /// What cannot be read, measured or written.
    pub fn run(mut self) -> Result<()> {
        let before = self.compare.as_deref().map(Report::read).transpose().map_err(refused)?;
        if self.mode.is_empty() {
            self.mode = Mode::ALL.to_vec();
            self.mode.retain(|mode| *mode != Mode::Rerank || self.reranker.is_some());
        }
        if self.sets {
            return self.connection.clone().print(|out, _| {
                out.table(&["SET", "WHAT"], &named::NAMES.map(|(name, what)| vec![name.to_owned(), what.to_owned()]))
            });
        }
        if self.golden || (self.queries.is_some() && self.passages.is_none()) {
            return served::run(&self, before.as_ref());
        }
        if self.mode.contains(&Mode::Rerank) && self.reranker.is_none() {
            return Err(
                Failure::Usage("the mode 'rerank' needs a reranker: name its folder with --reranker".into()).into()
            );
        }
        let mut engine = Engine::new(self.model.as_deref(), self.rank()?.as_ref()).map_err(refused)?;
        if let Some(folder) = &self.reranker {
            engine = engine.reranked(folder, self.rerank_top as usize).map_err(refused)?;
        }
        let weights = serde_json::to_value(engine.rank).context("the weights")?;
        let mut report = Report::new(engine.embedder.id(), weights, self.seed);
        let mut dumped = self.dump.as_deref().map(create).transpose()?;
        self.connection.clone().print(|out, json| {
            for source in self.sources()? {
                let set = self.shaped(source.read(&self)?);
                let done = self.set(&set, &engine, &mut dumped, &mut report)?;
                if !json {
                    tables::set(out, &done)?;
                    out.flush()?;
                }
                report.sets.push(done);
            }
            self.finish(out, json, &report, before.as_ref())
        })?;
        Ok(())
    }

    fn rank(&self) -> Result<Option<Value>> {
        let text = match &self.rank_file {
            Some(file) => Some(std::fs::read_to_string(file).with_context(|| file.display().to_string())?),
            None => self.rank.clone(),
        };
        let read = |text: String| serde_json::from_str(&text);
        Ok(text.map(read).transpose().map_err(|why| Failure::Usage(format!("the weights are no JSON: {why}")))?)
    }

    /// One set in every mode that was asked for, and what else was asked of it.
    fn set(
        &self,
        set: &Set,
        engine: &Engine,
        dumped: &mut Option<BufWriter<File>>,
        report: &mut Report,
    ) -> Result<SetReport> {
        let trial = Trial::new(set, engine).map_err(refused)?;
        let mut done = self.asked(set, &trial)?;
        if !set.pairs.is_empty() {
            done.pairs = Some(PairsReport::new(&set.pairs, &trial.likeness(&set.pairs)));
        }
        if let Some(file) = dumped {
            let bar = progress(&set.name, "dump", set.queries.len());
            dump(&trial, set, file, || bar.inc(1)).map_err(refused)?;
            file.flush()?;
        }
        drop(trial);
        if self.ablate {
            let own;
            let whole = match done.modes.iter().find(|m| m.mode == Mode::Hybrid) {
                Some(whole) => whole,
                None => {
                    let trial = Trial::new(set, engine).map_err(refused)?;
                    own = run(&trial, &set.queries, Mode::Hybrid, self.seed, || {}).map_err(refused)?;
                    &own
                }
            };
            let bar = progress(&set.name, "ablate", 0);
            let asked = |name: &str| {
                bar.set_message(name.to_owned());
                bar.inc(1);
            };
            report.ablations.push(ablate(set, engine, whole, self.seed, asked).map_err(refused)?);
        }
        Ok(done)
    }

    /// Puts the queries of a set to a searcher, mode by mode.
    fn asked(&self, set: &Set, searcher: &dyn Searcher) -> Result<SetReport> {
        let mut modes = Vec::new();
        for mode in &self.mode {
            let bar = progress(&set.name, mode.as_str(), set.queries.len());
            modes.push(run(searcher, &set.queries, *mode, self.seed, || bar.inc(1)).map_err(refused)?);
            bar.finish_and_clear();
        }
        Ok(SetReport {
            set: set.name.clone(),
            passages: set.passages.len(),
            queries: set.queries.len(),
            answerable: set.queries.iter().filter(|q| q.is_answerable()).count(),
            notes: set.notes.clone(),
            modes,
            pairs: None,
        })
    }

    fn shaped(&self, mut set: Set) -> Set {
        if self.remove_half {
            set = set.without_half(self.seed);
        }
        match self.limit {
            Some(most) => set.limited(most as usize),
            None => set,
        }
    }

    /// What comes after the sets: the whole as JSON, and how it differs from another run.
    fn finish(&self, out: &mut Out, json: bool, report: &Report, before: Option<&Report>) -> Result<()> {
        let compared: Vec<Comparison> = before.map(|b| compare(b, report, self.seed)).unwrap_or_default();
        if let Some(path) = &self.report {
            report.write(path).map_err(refused)?;
        }
        if json {
            let mut whole = serde_json::to_value(report).context("the report")?;
            if let (Some(fields), Some(_)) = (whole.as_object_mut(), before) {
                fields.insert("compared".into(), serde_json::to_value(&compared).context("the comparison")?);
            }
            return out.line(whole);
        }
        for ablation in &report.ablations {
            tables::ablation(out, ablation)?;
        }
        if before.is_some() {
            tables::comparison(out, &compared)?;
        }
        Ok(())
    }

    fn sources(&self) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        if let (Some(passages), Some(queries)) = (&self.passages, &self.queries) {
            sources.push(Source::Files(passages.clone(), queries.clone()));
        }
        sources.extend(self.beir.iter().cloned().map(Source::Beir));
        sources.extend(self.squad.iter().cloned().map(Source::Squad));
        sources.extend(self.named.iter().cloned().map(Source::Named));
        if sources.is_empty() {
            let own = named::default_names(self.data.as_deref());
            sources.extend(own.into_iter().map(|name| Source::Named(name.to_owned())));
        }
        Ok(sources)
    }
}

/// Where a set comes from.
enum Source {
    Files(PathBuf, PathBuf),
    Beir(PathBuf),
    Squad(PathBuf),
    Named(String),
}

impl Source {
    #[expect(clippy::disallowed_methods, reason = "the command line is an edge: it tells the time to what it calls")]
    fn read(&self, eval: &Eval) -> Result<Set> {
        let now = Timestamp::now();
        let set = match self {
            Source::Files(passages, queries) => passages_and_queries(&stem(queries), passages, queries, now),
            Source::Beir(folder) => beir(folder, eval.split.as_deref()),
            Source::Squad(file) => squad(file),
            Source::Named(name) => named::load(name, eval.data.as_deref(), eval.titles, now),
        };
        set.map_err(refused)
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "queries".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?))
}

/// A failure of measuring, as the command line tells it.
pub fn refused(why: evaluate::Error) -> anyhow::Error {
    match why {
        evaluate::Error::Usage(message) => Failure::Usage(message).into(),
        other => other.into(),
    }
}

fn progress(set: &str, what: &str, queries: usize) -> ProgressBar {
    let bar = if queries > 0 { ProgressBar::new(queries as u64) } else { ProgressBar::new_spinner() };
    if let Ok(style) = ProgressStyle::with_template("{prefix} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.with_prefix(format!("{set} {what}"))
}
