//! `zhiyin model`: which models are there, which one a space uses, and fetching others.
//!
//! Invariant: the server fetches and loads; what is shown here is what it says.

use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::article::items;
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace, Session};
use super::text;

/// How often a download or a rebuild is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Choose embedding models, and fetch others (needs an admin key).
///
/// 'bundled' comes with the program. A model that is fetched, a folder in the Hugging Face layout
/// (BERT and XLM-R families) or an OpenAI-compatible endpoint of the configuration may take its place:
/// the index is built anew with it while the old one serves.
///
/// Examples:
///   zhiyin model list
///   zhiyin model pull bge-small-zh
///   zhiyin model pull intfloat/multilingual-e5-small --mirror https://hf.example.com
///   zhiyin model use bge-small-zh-v1.5 --space shop
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Model {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the models, and who uses them.
    List,
    /// Let a space use a model; 'default' for the server's.
    Use {
        /// Name of the model.
        name: String,
        /// Score the best hits with it instead: a cross-encoder, or 'none'.
        #[arg(long)]
        rerank: bool,
        /// Do not wait until the new index serves (with --data-dir it is always waited for).
        #[arg(long)]
        no_wait: bool,
    },
    /// Fetch a model from a hub; what an earlier try left is gone on with.
    Pull {
        /// The repository, such as BAAI/bge-small-zh-v1.5, or a short name such as bge-small-zh.
        source: String,
        /// Name to use it by [default: the repository's own].
        #[arg(long)]
        name: Option<String>,
        /// Branch, tag or commit [default: main].
        #[arg(long)]
        revision: Option<String>,
        /// Address of the hub [default: the server's model_hub].
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
    },
    /// Remove a model that was fetched.
    Remove {
        /// Name of the model.
        name: String,
    },
}

impl Model {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Made, |session| match action {
            Action::List => list(session),
            Action::Use { name, rerank, no_wait } => use_model(session, &space, &name, rerank, no_wait),
            Action::Pull { source, name, revision, mirror } => {
                let order = json!({ "source": source, "name": name, "revision": revision, "mirror": mirror });
                pull(session, order)
            }
            Action::Remove { name } => {
                let answer = session.call(&Request::delete(path(&name)))?;
                session.show(&answer, |out, _| out.line(format!("{name} is gone.")))
            }
        })
    }
}

fn path(name: &str) -> String {
    format!("/v1/models/{}", encode(name))
}

fn list(session: &mut Session) -> Result<()> {
    let answer = session.call(&Request::get("/v1/models"))?;
    session.show(&answer, |out, list| {
        let rows: Vec<Vec<String>> = items(list)
            .map(|model| {
                let default = text::at(model, "default").as_bool().unwrap_or(false);
                let of = |field: &str| text::of(text::at(model, field));
                let state =
                    if of("problem").is_empty() { of("state") } else { format!("{}: {}", of("state"), of("problem")) };
                let name = format!("{}{}", of("name"), if default { " *" } else { "" });
                vec![
                    name,
                    of("task"),
                    of("kind"),
                    of("dimension"),
                    of("languages"),
                    size(text::at(model, "bytes")),
                    state,
                    of("spaces"),
                    of("source"),
                ]
            })
            .collect();
        out.table(&["NAME", "TASK", "KIND", "DIMENSION", "LANGUAGES", "SIZE", "STATE", "SPACES", "SOURCE"], &rows)?;
        out.line(out.dim("* what spaces use that set none"))
    })
}

fn size(bytes: &Value) -> String {
    bytes.as_u64().map_or_else(String::new, |bytes| format!("{:.1} MB", bytes as f64 / 1e6))
}

fn use_model(session: &mut Session, space: &InSpace, name: &str, rerank: bool, no_wait: bool) -> Result<()> {
    let setting = if rerank { "reranker" } else { "model" };
    let value = if name == "default" { Value::Null } else { Value::from(name) };
    let place = format!("/v1/spaces/{}", encode(space.id()));
    let changed = session.call(&Request::patch(&place).body(json!({ "settings": { setting: value } })))?;
    if rerank {
        return session.show(&changed, |out, _| out.line(format!("Space {} reranks with {name} now.", space.id())));
    }
    let look = || session.call(&Request::get(format!("{place}/stats")));
    let goes_on = |stats: &Value| {
        let flag = |field: &str| text::at(stats, field).as_bool().unwrap_or(false);
        flag("rebuilding") && text::at(stats, "model_problem").is_null()
    };
    let mut stats = look()?;
    if !no_wait || session.is_inside() {
        let bar = ProgressBar::new_spinner().with_message(format!("building the index with {name}"));
        while goes_on(&stats.value) {
            bar.tick();
            std::thread::sleep(LOOK);
            stats = look()?;
        }
        bar.finish_and_clear();
    }
    let waits = goes_on(&stats.value);
    session.show(&stats, |out, stats| {
        let model = text::of(text::at(stats, "model"));
        let problem = text::of(text::at(stats, "model_problem"));
        match (waits, problem.is_empty()) {
            (true, _) => {
                out.line(format!("The index is being built with {name}; the one of {model} serves until then."))
            }
            (false, true) => out.line(format!("Space {} uses {model} now.", space.id())),
            (false, false) => out.line(out.red(&format!("Space {} still uses {model}: {problem}", space.id()))),
        }
    })
}

fn pull(session: &mut Session, order: Value) -> Result<()> {
    let mut answer = session.call(&Request::post("/v1/models").body(order))?;
    let name = text::of(text::at(&answer.value, "name"));
    let bar = ProgressBar::new(0).with_message(name.clone());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        bar.set_style(style);
    }
    while text::at(&answer.value, "state") == "pulling" {
        bar.set_length(text::at(&answer.value, "total_bytes").as_u64().unwrap_or_default());
        bar.set_position(text::at(&answer.value, "bytes").as_u64().unwrap_or_default());
        std::thread::sleep(LOOK);
        answer = session.call(&Request::get(path(&name)))?;
    }
    bar.finish_and_clear();
    if let Some(problem) = text::at(&answer.value, "problem").as_str() {
        return Err(anyhow!("{name} could not be fetched: {}", text::one_line(problem)));
    }
    session.show(&answer, |out, model| {
        let bytes = size(text::at(model, "bytes"));
        out.line(format!("{name} is here ({bytes}); 'zhiyin model use {name}' lets a space use it."))
    })
}
