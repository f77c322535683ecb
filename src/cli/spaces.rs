//! `zhiyin space`, `zhiyin reindex` and `zhiyin verify`: whole knowledge bases and their indexes.
//!
//! Invariant: `verify` ends with its own exit code when anything differs.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};

use super::article::items;
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace, Session};
use super::failure::Failure;
use super::out::Out;
use super::text::{self, one_line, time};

/// How often a rebuild is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Make and set spaces, the isolated knowledge bases of a server (needs an admin key).
///
/// Examples:
///   zhiyin space create shop 商城 --public-search true
///   zhiyin space set default --threshold 0.6 --require-review true
///   zhiyin space stats default
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Space {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a space.
    Create {
        /// Id.
        id: String,
        /// Name for people.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// List the spaces.
    List,
    /// Show a space and its settings.
    Get {
        /// Id of the space.
        id: String,
    },
    /// Change a space's name or settings; what is not given stays.
    Set {
        /// Id of the space.
        id: String,
        /// Name for people.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show how much a space holds.
    Stats {
        /// Id of the space.
        id: String,
    },
    /// Show where a space's alerts are sent; with --url send them there, signed with a secret that is shown once.
    Webhook {
        /// Id of the space.
        id: String,
        /// Address to send them to.
        #[arg(long)]
        url: Option<String>,
        /// Send them nowhere.
        #[arg(long, conflicts_with = "url")]
        remove: bool,
    },
}

#[derive(Debug, Args)]
struct Settings {
    /// Confidence from which a query counts as matched, 0 to 1, or 'default' for the engine's own.
    #[arg(long)]
    threshold: Option<String>,
    /// Whether only approved versions may be published.
    #[arg(long, value_name = "BOOL")]
    require_review: Option<bool>,
    /// Whether who approves may not be who wrote.
    #[arg(long, value_name = "BOOL")]
    four_eyes: Option<bool>,
    /// Whether searches without a key may read the public articles.
    #[arg(long, value_name = "BOOL")]
    public_search: Option<bool>,
    /// Days for which turns of conversations are kept; 0 for ever.
    #[arg(long, value_name = "DAYS")]
    keep_turns: Option<u32>,
    /// Days for which records of searches, answers and questions are kept; 0 for ever.
    #[arg(long, value_name = "DAYS")]
    keep_queries: Option<u32>,
    /// Days for which feedback is kept; 0 for ever.
    #[arg(long, value_name = "DAYS")]
    keep_feedback: Option<u32>,
    /// Whether numbers of orders and parcels are masked.
    #[arg(long, value_name = "BOOL")]
    mask_orders: Option<bool>,
    /// Mask numbers of this form too, such as LM#{10}: # a digit, ? a letter, * either, {n} or {n,m} how often. May be
    /// given more than once; 'none' takes all away.
    #[arg(long, value_name = "FORM")]
    mask: Vec<String>,
    /// An example of what customers ask that is other business. May be given more than once; 'none' takes all away.
    #[arg(long, value_name = "TEXT")]
    out_of_scope: Vec<String>,
    /// Which figures raise alerts, as JSON such as '{"answer_rate_below": 0.6, "spikes": true}'.
    #[arg(long, value_name = "JSON")]
    alerts: Option<String>,
}

impl Settings {
    fn fields(&self) -> Result<Map<String, Value>> {
        let mut fields = Map::new();
        match self.threshold.as_deref() {
            None => {}
            Some("default") => drop(fields.insert("threshold".into(), Value::Null)),
            Some(text) => {
                let number: f64 = text.parse().map_err(|_| {
                    Failure::Usage(format!("--threshold is a number from 0 to 1 or 'default', not '{text}'"))
                })?;
                fields.insert("threshold".into(), number.into());
            }
        }
        let switches = [
            ("require_review", self.require_review),
            ("four_eyes", self.four_eyes),
            ("public_search", self.public_search),
        ];
        for (name, value) in switches {
            if let Some(value) = value {
                fields.insert(name.into(), value.into());
            }
        }
        let days = [
            ("turns_days", self.keep_turns),
            ("queries_days", self.keep_queries),
            ("feedback_days", self.keep_feedback),
        ];
        let kept: Map<String, Value> =
            days.into_iter().filter_map(|(name, days)| Some((name.to_owned(), days?.into()))).collect();
        if !kept.is_empty() {
            fields.insert("retention".into(), kept.into());
        }
        let mut masked = Map::new();
        if let Some(orders) = self.mask_orders {
            masked.insert("orders".into(), orders.into());
        }
        if !self.mask.is_empty() {
            let forms: Vec<&String> = self.mask.iter().filter(|form| *form != "none").collect();
            masked.insert("patterns".into(), json!(forms));
        }
        if !masked.is_empty() {
            fields.insert("privacy".into(), masked.into());
        }
        if !self.out_of_scope.is_empty() {
            let examples: Vec<&String> = self.out_of_scope.iter().filter(|text| *text != "none").collect();
            fields.insert("out_of_scope".into(), json!(examples));
        }
        if let Some(text) = &self.alerts {
            let rules: Value = serde_json::from_str(text)
                .map_err(|why| Failure::Usage(format!("--alerts is an object of rules in JSON: {why}")))?;
            fields.insert("alerts".into(), rules);
        }
        Ok(fields)
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/spaces/{}{rest}", encode(id))
}

impl Space {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, connection } = self;
        let directory = if matches!(action, Action::Create { .. }) { Directory::Made } else { Directory::Existing };
        connection.run(directory, |session| {
            let request = match action {
                Action::List => return list(session),
                Action::Create { id, name, settings } => {
                    Request::post("/v1/spaces").body(json!({ "id": id, "name": name, "settings": settings.fields()? }))
                }
                Action::Get { id } => Request::get(path(&id, "")),
                Action::Set { id, name, settings } => {
                    let mut body = json!({ "settings": settings.fields()? });
                    if let (Some(name), Some(fields)) = (name, body.as_object_mut()) {
                        fields.insert("name".into(), name.into());
                    }
                    Request::patch(path(&id, "")).body(body)
                }
                Action::Stats { id } => Request::get(path(&id, "/stats")),
                Action::Webhook { id, remove: true, .. } => {
                    let answer = session.call(&Request::delete(path(&id, "/webhook")))?;
                    return session.show(&answer, |out, _| out.line("Alerts are sent nowhere."));
                }
                Action::Webhook { id, url: Some(url), .. } => {
                    Request::put(path(&id, "/webhook")).body(json!({ "url": url }))
                }
                Action::Webhook { id, .. } => Request::get(path(&id, "/webhook")),
            };
            let answer = session.call(&request)?;
            session.show(&answer, facts)
        })
    }
}

fn list(session: &mut Session) -> Result<()> {
    let answer = session.call(&Request::get("/v1/spaces"))?;
    session.show(&answer, |out, list| {
        let rows: Vec<Vec<String>> = items(list)
            .map(|space| {
                let open = if text::at(space, "settings/public_search").as_bool().unwrap_or(false) {
                    "open"
                } else {
                    "with a key"
                };
                vec![
                    text::of(text::at(space, "id")),
                    text::of(text::at(space, "name")),
                    open.to_owned(),
                    time(text::at(space, "created_at")),
                ]
            })
            .collect();
        out.table(&["ID", "NAME", "SEARCH", "MADE"], &rows)
    })
}

/// Every field on its line; those of an object within, by their own names.
fn facts(out: &mut Out, value: &Value) -> Result<()> {
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => facts(out, value)?,
            Value::Null => out.line(format!("{} default", text::pad(name, 18)))?,
            value => out.line(format!("{} {}", text::pad(name, 18), one_line(&text::of(value))))?,
        }
    }
    Ok(())
}

/// Build a space's index anew from the store, while the old one serves (needs an admin key).
///
/// Examples:
///   zhiyin reindex --wait
///   zhiyin reindex --space shop --data-dir data
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Reindex {
    /// Wait until the new index serves (always so with --data-dir).
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Reindex {
    /// Starts the rebuild and, where asked, waits for its end.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        self.connection.run(Directory::Existing, |session| {
            let answer = session.call(&Request::post(path(self.space.id(), "/reindex")))?;
            if !self.wait && !session.is_inside() {
                return session
                    .show(&answer, |out, _| out.line("The index is being built; the old one serves until then."));
            }
            let bar = ProgressBar::new_spinner().with_message("building the index");
            let stats = loop {
                let stats = session.call(&Request::get(path(self.space.id(), "/stats")))?;
                if !text::at(&stats.value, "rebuilding").as_bool().unwrap_or(false) {
                    break stats;
                }
                bar.tick();
                std::thread::sleep(LOOK);
            };
            bar.finish_and_clear();
            session.show(&stats, facts)
        })
    }
}

/// Check the store against the index and its files' checksums (needs an admin key).
///
/// Ends with exit code 4 when anything differs; 'zhiyin reindex' mends the index.
///
/// Examples:
///   zhiyin verify
///   zhiyin verify --space shop --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Verify {
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Verify {
    /// Checks and says what differs.
    ///
    /// # Errors
    /// [`Failure::Found`] when something differs; what the server or the output refuses.
    pub fn run(self) -> Result<()> {
        self.connection.run(Directory::Existing, |session| {
            session.catch_up(&self.space)?;
            let answer = session.call(&Request::post(path(self.space.id(), "/verify")))?;
            let differences = text::at(&answer.value, "differences").as_array().map_or(0, Vec::len);
            session.show(&answer, |out, report| {
                for difference in text::at(report, "differences").as_array().into_iter().flatten() {
                    out.line(out.red(&one_line(&text::of(difference))))?;
                }
                let [articles, live, indexed, pending] =
                    ["articles", "live", "indexed", "pending"].map(|field| text::of(text::at(report, field)));
                out.line(format!(
                    "{articles} articles, {live} live; {indexed} indexed, {pending} waiting for the index"
                ))?;
                if differences == 0 { out.line(out.green("The index holds what the store says.")) } else { Ok(()) }
            })?;
            match differences {
                0 => Ok(()),
                found => Err(Failure::Found(format!("{found} differences")).into()),
            }
        })
    }
}
