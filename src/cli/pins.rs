//! `zhiyin pin`: what stands first, never or alone when a query is asked.
//!
//! Invariant: what is shown of a pin is what the server says is in force.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::article::{items, more};
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace};
use super::out::Out;
use super::text::{self, time};

/// Pin articles to queries: first, never or instead of all others.
///
/// Queries are compared in their normalised form: case, width, script and punctuation do not count.
///
/// Examples:
///   zhiyin pin add 双十一退货 --first promo-returns-zh --until 2026-11-20T00:00:00Z
///   zhiyin pin add "cloud outage" --match contains --instead status-page-en --answers
///   zhiyin pin list --query "is there a cloud outage?"
///   zhiyin pin remove pin_…
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Pin {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List pins.
    List {
        /// Only pins that this query meets now.
        #[arg(long, value_name = "QUERY")]
        query: Option<String>,
        /// Pins of a page.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where to read on, as the page before said.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Make a pin.
    Add(Said),
    /// Replace what a pin says.
    Set {
        /// Id of the pin.
        id: String,
        #[command(flatten)]
        said: Said,
    },
    /// Show a pin.
    Get {
        /// Id of the pin.
        id: String,
    },
    /// Take a pin away.
    Remove {
        /// Id of the pin.
        id: String,
    },
}

#[derive(Debug, Args)]
struct Said {
    /// The text that queries are compared with; several words are one text.
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// How a query must look.
    #[arg(long = "match", value_enum, default_value_t = Match::Exact)]
    matching: Match,
    /// Articles to stand before all others, with commas between.
    #[arg(long, value_name = "IDS", value_delimiter = ',', group = "action")]
    first: Vec<String>,
    /// Articles not to be found.
    #[arg(long, value_name = "IDS", value_delimiter = ',', group = "action")]
    never: Vec<String>,
    /// Articles to stand alone.
    #[arg(
        long, value_name = "IDS", value_delimiter = ',', group = "action",
        required_unless_present_any = ["first", "never"]
    )]
    instead: Vec<String>,
    /// The first article answers for certain: the query counts as matched with confidence 1.
    #[arg(long)]
    answers: bool,
    /// From when on (RFC 3339) [default: at once].
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when, excluded (RFC 3339) [default: for good].
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Match {
    /// It is the text.
    Exact,
    /// It begins with it.
    Prefix,
    /// It holds it.
    Contains,
}

impl Said {
    fn body(self) -> Value {
        let (action, articles) = match (self.first.is_empty(), self.never.is_empty()) {
            (false, _) => ("first", self.first),
            (true, false) => ("never", self.never),
            (true, true) => ("instead", self.instead),
        };
        let matching = match self.matching {
            Match::Exact => "exact",
            Match::Prefix => "prefix",
            Match::Contains => "contains",
        };
        json!({
            "query": self.query.join(" "), "match": matching, "action": action, "articles": articles,
            "answers": self.answers, "from": self.from, "until": self.until, "note": self.note,
        })
    }
}

impl Pin {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Existing, |session| {
            let path = |id: &str| format!("/v1/pins/{}", encode(id));
            let request = match action {
                Action::List { query, limit, cursor } => {
                    let request = Request::get("/v1/pins").with("q", query).with("limit", Some(limit));
                    let answer = session.call(&space.of(request.with("cursor", cursor)))?;
                    return session.show(&answer, |out, page| {
                        table(out, &items(page).collect::<Vec<_>>())?;
                        more(out, page)
                    });
                }
                Action::Remove { id } => {
                    session.call(&space.of(Request::delete(path(&id))))?;
                    return if session.json { Ok(()) } else { session.out.line(format!("Removed {id}.")) };
                }
                Action::Add(said) => Request::post("/v1/pins").body(said.body()),
                Action::Set { id, said } => Request::put(path(&id)).body(said.body()),
                Action::Get { id } => Request::get(path(&id)),
            };
            let answer = session.call(&space.of(request))?;
            session.show(&answer, |out, pin| table(out, &[pin]))
        })
    }
}

fn table(out: &mut Out, pins: &[&Value]) -> Result<()> {
    let rows: Vec<Vec<String>> = pins
        .iter()
        .map(|pin| {
            let [id, matching, query, action, articles, note] =
                ["id", "match", "query", "action", "articles", "note"].map(|field| text::of(text::at(pin, field)));
            let answers = text::at(pin, "answers").as_bool() == Some(true);
            let action = if answers { format!("{action}, answers") } else { action };
            let (from, until) = (time(text::at(pin, "from")), time(text::at(pin, "until")));
            vec![id, matching, query, action, articles, from, until, note]
        })
        .collect();
    out.table(&["ID", "MATCH", "QUERY", "ACTION", "ARTICLES", "FROM", "UNTIL", "NOTE"], &rows)
}
