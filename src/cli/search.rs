//! `zhiyin search` and `zhiyin suggest`: what the knowledge holds, best first.
//!
//! Invariant: what is printed is what the server found; nothing is ranked or cut here.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::failure::Failure;
use super::out::Out;
use super::text::{self, joined, marked, one_line, percent};

/// Search the live articles.
///
/// One hit per article: its best passage, with the words that matched. The percentage is the
/// probability that the hit answers the query.
///
/// Examples:
///   zhiyin search 买了三天还能退吗
///   zhiyin search "refund window" --limit 3 --mode keyword
///   zhiyin search 运费 --filter '{"field":"category","op":"under","value":"售后"}' --facet category
///   zhiyin search 退货 --as-of 2026-05-01T00:00:00Z
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Search {
    /// What to search for; several words are one query.
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// Hits wanted.
    #[arg(long, default_value_t = 10)]
    limit: u32,
    /// Hits to pass over.
    #[arg(long, default_value_t = 0)]
    offset: u32,
    /// Which lists take part.
    #[arg(long, value_enum, default_value_t = Mode::Hybrid)]
    mode: Mode,
    /// Only articles for which this holds: a tree of all, any, not and {field, op, value}.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Search what was live at that moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Count the matching articles by this field; may be given more than once.
    #[arg(long, value_name = "FIELD")]
    facet: Vec<String>,
    /// Say, per hit, why it stands there.
    #[arg(long)]
    explain: bool,
    /// Keep no record of the query.
    #[arg(long)]
    no_log: bool,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Words and meaning.
    Hybrid,
    /// Words only.
    Keyword,
    /// Meaning only.
    Semantic,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Mode::Hybrid => "hybrid",
            Mode::Keyword => "keyword",
            Mode::Semantic => "semantic",
        }
    }
}

/// A filter tree as it was written on the command line.
pub fn filter(text: Option<&String>) -> Result<Value> {
    let read =
        |text: &String| serde_json::from_str(text).map_err(|why| Failure::Usage(format!("--filter is no JSON: {why}")));
    Ok(text.map(read).transpose()?.unwrap_or(Value::Null))
}

impl Search {
    /// Searches and prints the hits.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let body = json!({
            "query": self.query.join(" "), "limit": self.limit, "offset": self.offset, "mode": self.mode.as_str(),
            "filters": filter(self.filter.as_ref())?, "as_of": self.as_of, "facets": self.facet,
            "explain": self.explain, "log": !self.no_log,
        });
        self.connection.run(Directory::Existing, |session| {
            session.catch_up(&self.space)?;
            let answer = session.call(&self.space.of(Request::post("/v1/search")).body(body))?;
            session.show(&answer, |out, found| show(out, found, self.offset))
        })
    }
}

fn show(out: &mut Out, found: &Value, offset: u32) -> Result<()> {
    if let Some(corrected) = text::at(found, "corrected_query").as_str() {
        out.line(format!("Searched for: {}", one_line(corrected)))?;
    }
    for (number, hit) in (offset + 1..).zip(text::at(found, "hits").as_array().into_iter().flatten()) {
        show_hit(out, number, hit)?;
    }
    for (field, counts) in text::at(found, "facets").as_object().into_iter().flatten() {
        show_facet(out, field, counts.as_object())?;
    }
    let matched = if text::at(found, "matched").as_bool().unwrap_or(false) { "matched" } else { "not matched" };
    let mut summary = vec![
        format!("{} articles", text::of(text::at(found, "total"))),
        format!("confidence {}: {matched}", percent(text::at(found, "confidence"))),
        format!("{:.1} ms", text::at(found, "took_ms").as_f64().unwrap_or_default()),
    ];
    if let Some(missing) = text::at(found, "degraded").as_array() {
        summary.push(format!("without {}", text::of(&Value::Array(missing.clone()))));
    }
    out.line(out.dim(&joined(&summary)))
}

fn show_hit(out: &mut Out, number: u32, hit: &Value) -> Result<()> {
    let title = out.bold(&one_line(&text::of(text::at(hit, "title"))));
    out.line(format!("{number}. {title}  {}", percent(text::at(hit, "score"))))?;
    let facts = [
        format!("{} v{}", text::of(text::at(hit, "article_id")), text::of(text::at(hit, "version"))),
        text::of(text::at(hit, "category")),
        text::of(text::at(hit, "tags")),
        match text::at(hit, "audience").as_str() {
            Some("public") | None => String::new(),
            Some(audience) => format!("for {audience}"),
        },
        text::of(text::at(hit, "url")),
    ];
    out.line(format!("   {}", out.dim(&joined(&facts))))?;
    if let Some(question) = text::at(hit, "matched_question").as_str() {
        out.line(format!("   ? {}", one_line(question)))?;
    }
    let passage = text::at(hit, "passage");
    let heading: Vec<String> = text::at(passage, "heading").as_array().into_iter().flatten().map(text::of).collect();
    if !heading.is_empty() {
        out.line(format!("   {}", one_line(&heading.join(" › "))))?;
    }
    let snippet = text::at(passage, "html").as_str().unwrap_or_default();
    out.line(format!("   {}", marked(snippet, out.mark())))?;
    if !text::at(hit, "explain").is_null() {
        let explained = serde_json::to_string_pretty(text::at(hit, "explain")).context("the explanation")?;
        for line in explained.lines() {
            out.line(format!("     {}", text::clean(line)))?;
        }
    }
    out.line("")
}

fn show_facet(out: &mut Out, field: &str, counts: Option<&Map<String, Value>>) -> Result<()> {
    out.line(out.bold(field))?;
    let mut counts: Vec<(&String, u64)> =
        counts.into_iter().flatten().map(|(value, count)| (value, count.as_u64().unwrap_or_default())).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (value, count) in counts {
        out.line(format!("  {count:>5}  {}", one_line(value)))?;
    }
    out.line("")
}

/// Complete what somebody is typing to titles and known questions.
///
/// Examples:
///   zhiyin suggest 退货
///   zhiyin suggest "how to re" --limit 5
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Suggest {
    /// What has been typed so far.
    #[arg(required = true, value_name = "PREFIX")]
    prefix: Vec<String>,
    /// Completions wanted.
    #[arg(long, default_value_t = 10)]
    limit: u32,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Suggest {
    /// Asks for completions and prints them.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let request =
            Request::get("/v1/suggest").with("q", Some(self.prefix.join(" "))).with("limit", Some(self.limit));
        self.connection.run(Directory::Existing, |session| {
            session.catch_up(&self.space)?;
            let answer = session.call(&self.space.of(request))?;
            session.show(&answer, |out, found| {
                let rows: Vec<Vec<String>> = text::at(found, "suggestions")
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|one| ["text", "kind", "article_id"].map(|field| text::of(text::at(one, field))).to_vec())
                    .collect();
                out.table(&["TEXT", "KIND", "ARTICLE"], &rows)
            })
        })
    }
}
