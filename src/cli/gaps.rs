//! `zhiyin gaps`: what could not be answered.
//!
//! Invariant: only what the server shows of a gap is printed; its texts are masked there.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::article::{items, more};
use super::client::{Request, encode};
use super::connection::{Connection, Directory, InSpace};
use super::out::Out;
use super::text::{self, one_line, percent, time};

/// See what customers ask and no article answers.
///
/// Examples:
///   zhiyin gaps list --status open
///   zhiyin gaps pareto                        the fewest that cover 80 % of what is not answered
///   zhiyin gaps get g_…
///   zhiyin gaps dismiss g_… --reason "not our product"
///   zhiyin gaps draft g_…                     a draft article with the gap's questions
///   zhiyin gaps draft g_… --generate never    its body out of agents' answers, word for word
///   zhiyin gaps link g_… return-policy-zh     its questions added to an article, as a draft version
///   zhiyin gaps merge g_… g_… g_…             the others end in the first
///   zhiyin gaps split g_… g_…                 these wordings ask for something else
///   zhiyin gaps consolidate                   group everything anew, now
///   zhiyin gaps replay                        ask them again: closed only by proof
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Gaps {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List gaps, those first whose answer is worth most.
    List {
        /// Only in this state: open, drafting, awaiting_review, closed, reopened, dismissed.
        #[arg(long)]
        status: Option<String>,
        /// Only for this cause: missing, present_not_found, stale, hidden, partial, out_of_scope.
        #[arg(long)]
        cause: Option<String>,
        /// Gaps of a page.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where to read on, as the page before said.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a gap: how it was asked, and what stands near.
    Get {
        /// Id of the gap.
        id: String,
    },
    /// Set a gap aside.
    Dismiss {
        /// Id of the gap.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
        /// The cause as you see it, such as out_of_scope.
        #[arg(long)]
        cause: Option<String>,
    },
    /// Make one gap of several: the others end in the first.
    Merge {
        /// Id of the gap that stays.
        id: String,
        /// Ids of those that end.
        #[arg(required = true)]
        gaps: Vec<String>,
    },
    /// Take wordings out of a gap, as a gap of their own.
    Split {
        /// Id of the gap.
        id: String,
        /// Ids of the wordings, as `get` shows them.
        #[arg(required = true)]
        wordings: Vec<String>,
    },
    /// Group what could not be answered anew, now.
    Consolidate,
    /// Show the fewest gaps that cover a share of what is not answered.
    Pareto {
        /// The share, in percent.
        #[arg(long, default_value_t = 80)]
        percent: u32,
    },
    /// Make a draft article of a gap.
    Draft {
        /// Id of the gap.
        id: String,
        /// Title [default: the gap's label].
        #[arg(long)]
        title: Option<String>,
        /// Category [default: that of the nearest article].
        #[arg(long)]
        category: Option<String>,
        /// Id of the article [default: made by the server].
        #[arg(long)]
        article: Option<String>,
        /// Make it although an article answers already, or is being written.
        #[arg(long)]
        anyway: bool,
        /// Whether a language model may write the body: auto (where the server has one), never.
        #[arg(long, value_parser = ["auto", "never"], default_value = "auto")]
        generate: String,
    },
    /// Add a gap's questions to an article, as a draft version.
    Link {
        /// Id of the gap.
        id: String,
        /// Id of the article.
        article: String,
    },
    /// Open a gap again.
    Reopen {
        /// Id of the gap.
        id: String,
    },
    /// Ask the questions of gaps that have an article, and the golden queries, again, now.
    Replay,
}

impl Gaps {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        connection.run(Directory::Existing, |session| {
            let path = |id: &str, rest: &str| format!("/v1/gaps/{}{rest}", encode(id));
            let request = match action {
                Action::List { status, cause, limit, cursor } => {
                    let request = Request::get("/v1/gaps").with("status", status).with("cause", cause);
                    let request = request.with("limit", Some(limit));
                    let answer = session.call(&space.of(request.with("cursor", cursor)))?;
                    return session.show(&answer, list);
                }
                Action::Get { id } => Request::get(path(&id, "")),
                Action::Dismiss { id, reason, cause } => {
                    Request::post(path(&id, "/dismiss")).body(json!({ "reason": reason, "cause": cause }))
                }
                Action::Merge { id, gaps } => Request::post(path(&id, "/merge")).body(json!({ "gaps": gaps })),
                Action::Split { id, wordings } => {
                    Request::post(path(&id, "/split")).body(json!({ "wordings": wordings }))
                }
                Action::Consolidate => {
                    let answer = session.call(&space.of(Request::post("/v1/gaps/consolidate")))?;
                    return session.show(&answer, consolidated);
                }
                Action::Pareto { percent } => {
                    let request = Request::get("/v1/gaps/pareto").with("percent", Some(percent));
                    let answer = session.call(&space.of(request))?;
                    return session.show(&answer, pareto);
                }
                Action::Draft { id, title, category, article, anyway, generate } => {
                    let wanted = json!({
                        "title": title, "category": category, "article_id": article, "anyway": anyway, "generate": generate,
                    });
                    let answer = session.call(&space.of(Request::post(path(&id, "/draft")).body(wanted)))?;
                    return session.show(&answer, drafted);
                }
                Action::Link { id, article } => {
                    let request = Request::post(path(&id, "/link")).body(json!({ "article_id": article }));
                    let answer = session.call(&space.of(request))?;
                    return session.show(&answer, made);
                }
                Action::Reopen { id } => Request::post(path(&id, "/reopen")),
                Action::Replay => {
                    let answer = session.call(&space.of(Request::post("/v1/gaps/replay")))?;
                    return session.show(&answer, replayed);
                }
            };
            let answer = session.call(&space.of(request))?;
            session.show(&answer, show)
        })
    }
}

fn list(out: &mut Out, page: &Value) -> Result<()> {
    let rows: Vec<Vec<String>> = items(page)
        .map(|gap| {
            let [id, status, queries, sessions, label] =
                ["id", "status", "queries", "sessions", "label"].map(|field| text::of(text::at(gap, field)));
            let worth = percent(text::at(gap, "impact"));
            let cause = text::of(text::at(text::at(gap, "cause"), "kind"));
            vec![id, worth, status, cause, queries, sessions, time(text::at(gap, "last_seen")), label]
        })
        .collect();
    out.table(&["ID", "WORTH", "STATUS", "CAUSE", "ASKED", "BY", "LAST", "QUESTION"], &rows)?;
    more(out, page)
}

fn show(out: &mut Out, gap: &Value) -> Result<()> {
    out.line(out.bold(&one_line(&text::of(text::at(gap, "label")))))?;
    let (first, last) = (time(text::at(gap, "first_seen")), time(text::at(gap, "last_seen")));
    let [id, status, queries, sessions] =
        ["id", "status", "queries", "sessions"].map(|field| text::of(text::at(gap, field)));
    out.line(format!("{id} · {status} · asked {queries} times by {sessions}, from {first} to {last}"))?;
    worth(out, gap)?;
    for wording in text::at(gap, "wordings").as_array().into_iter().flatten() {
        let [id, queries, question] = ["id", "queries", "question"].map(|field| text::of(text::at(wording, field)));
        out.line(format!("  ? {}  ({id}, asked {queries} times)", one_line(&question)))?;
    }
    for near in text::at(gap, "nearest").as_array().into_iter().flatten() {
        let [article, title] = ["article_id", "title"].map(|field| text::of(text::at(near, field)));
        out.line(format!("  near: {} ({article}) {}", one_line(&title), percent(text::at(near, "score"))))?;
    }
    let proof = text::at(gap, "verification");
    if !proof.is_null() {
        let [article, version] = ["article_id", "version"].map(|field| text::of(text::at(proof, field)));
        let (share, bar) = (percent(text::at(proof, "share")), percent(text::at(proof, "bar")));
        out.line(format!("asked again with {article} v{version}: {share} answered ({bar} needed)"))?;
        let [asked, wordings, claimed] =
            ["asked", "wordings", "by_known_question"].map(|field| text::of(text::at(proof, field)));
        out.line(format!("{asked} of {wordings} wordings asked; {claimed} answered only as known questions"))?;
        for asked in text::at(proof, "questions").as_array().into_iter().flatten() {
            let sure = |when: &str| percent(text::at(text::at(asked, when), "confidence"));
            let question = one_line(&text::of(text::at(asked, "question")));
            out.line(format!("  {} → {}  {question}{}", sure("before"), sure("after"), remark(asked)))?;
        }
        let since: Vec<String> = items_of(proof, "asked_since").map(|question| one_line(&text::of(question))).collect();
        if !since.is_empty() {
            out.line(format!("asked since it was closed, and not answered: {}", since.join(" · ")))?;
        }
        let cause = text::at(proof, "cause");
        if !cause.is_null() {
            let [article, change, by] = ["article_id", "change", "by"].map(|field| text::of(text::at(cause, field)));
            out.line(format!("behind it: {article} was {change} by {by}, {}", time(text::at(cause, "at"))))?;
        }
    }
    if !text::at(gap, "related").is_null() {
        out.line(format!("beside the closed gap {}", text::of(text::at(gap, "related"))))?;
    }
    history(out, gap)
}

fn items_of<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    text::at(of, field).as_array().into_iter().flatten()
}

/// What is to be known of a question that was asked again.
fn remark(asked: &Value) -> String {
    match (text::of(text::at(asked, "not_proven")).as_str(), text::of(text::at(asked, "rests_on")).as_str()) {
        ("no_text", _) => "  (the article found says nothing)".to_owned(),
        (_, "known_question") => {
            format!("  (as a known question; the answer: {})", one_line(&text::of(text::at(asked, "quote"))))
        }
        _ => String::new(),
    }
}

/// How it came to hold its questions.
fn history(out: &mut Out, gap: &Value) -> Result<()> {
    for event in items_of(gap, "history") {
        let [change, by, other, wordings] =
            ["change", "by", "gap", "wordings"].map(|field| text::of(text::at(event, field)));
        let with =
            if text::at(event, "gap").is_null() { String::new() } else { format!(" {other}, {wordings} wordings") };
        out.line(format!("{} {change}{with}, by {by}", time(text::at(event, "at"))))?;
    }
    Ok(())
}

/// What answering is worth, and why it was not answered.
fn worth(out: &mut Out, gap: &Value) -> Result<()> {
    let parts = text::at(gap, "worth");
    let part = |field: &str| percent(text::at(parts, field));
    let (demand, failure) = (part("demand"), part("failure"));
    let effort = if text::at(parts, "effort").is_null() { "unknown".to_owned() } else { part("effort") };
    let impact = percent(text::at(gap, "impact"));
    out.line(format!("worth {impact}: demand {demand}, failure {failure}, agents' effort {effort}"))?;
    let cause = text::at(gap, "cause");
    if !cause.is_null() {
        let [kind, proof, article] = ["kind", "proof", "article_id"].map(|field| text::of(text::at(cause, field)));
        let named = if text::at(cause, "article_id").is_null() { String::new() } else { format!(": {article}") };
        out.line(format!("cause: {kind} (by {proof}){named}"))?;
    }
    let words: Vec<String> = text::at(gap, "keywords").as_array().into_iter().flatten().map(text::of).collect();
    if words.is_empty() { Ok(()) } else { out.line(format!("words: {}", words.join(", "))) }
}

fn consolidated(out: &mut Out, report: &Value) -> Result<()> {
    let [forms, gaps, moved, ended, founded, took] =
        ["forms", "gaps", "moved", "ended", "founded", "took_ms"].map(|field| text::of(text::at(report, field)));
    out.line(format!(
        "{forms} wordings under {gaps} gaps: {moved} moved, {ended} gaps ended, {founded} founded, in {took} ms"
    ))
}

fn pareto(out: &mut Out, found: &Value) -> Result<()> {
    let [needed, gaps] = ["needed", "gaps"].map(|field| text::of(text::at(found, field)));
    out.line(format!("{needed} of {gaps} gaps cover {} of what is not answered", percent(text::at(found, "covered"))))?;
    let steps = text::at(found, "steps").as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = steps
        .map(|step| {
            let [id, status, label] = ["id", "status", "label"].map(|field| text::of(text::at(step, field)));
            vec![id, percent(text::at(step, "covered")), status, label]
        })
        .collect();
    out.table(&["ID", "COVERED", "STATUS", "QUESTION"], &rows)
}

fn made(out: &mut Out, answer: &Value) -> Result<()> {
    show(out, text::at(answer, "gap"))?;
    let article = text::at(answer, "article");
    let [id, version, title] = ["id", "version", "title"].map(|field| text::of(text::at(article, field)));
    let left_out = text::at(answer, "left_out").as_u64().unwrap_or_default();
    match text::at(answer, "saved").as_bool() {
        Some(false) if left_out > 0 => {}
        Some(false) => out.line(format!("nothing to add: {id} v{version} has all of its questions"))?,
        _ => out.line(format!("draft: {id} v{version} {}", one_line(&title)))?,
    }
    match left_out {
        0 => Ok(()),
        n => out.line(format!("no room for {n} of its questions: {id} has as many known questions as an article may")),
    }
}

/// What was made, and who wrote its body.
fn drafted(out: &mut Out, answer: &Value) -> Result<()> {
    made(out, answer)?;
    let generation = text::at(answer, "generation");
    let [reason, model, kept, removed, references] =
        ["reason", "model", "kept", "removed", "references_removed"].map(|field| text::of(text::at(generation, field)));
    let removed = format!("{kept} sentences kept, {removed} removed, {references} references removed");
    match text::at(generation, "generated").as_bool() {
        Some(true) => out.line(format!("body: written by {model}, to be checked by a person: {removed}")),
        _ if text::at(answer, "needs_text").as_bool() == Some(true) => {
            out.line("body: says nothing yet; without text it answers nothing and proves nothing")
        }
        _ => out.line(format!("body: what agents answered, word for word ({})", reason.replace('_', " "))),
    }
}

fn replayed(out: &mut Out, report: &Value) -> Result<()> {
    let list = |of: &Value, field: &str| {
        let ids: Vec<String> = text::at(of, field).as_array().into_iter().flatten().map(text::of).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    };
    out.line(format!("{} gaps asked again", text::of(text::at(report, "replayed"))))?;
    out.line(format!("closed: {}", list(report, "closed")))?;
    out.line(format!("opened again: {}", list(report, "reopened")))?;
    let golden = text::at(report, "golden");
    let [asked, passed] = ["asked", "passed"].map(|field| text::of(text::at(golden, field)));
    out.line(format!("{asked} golden queries asked, {passed} as expected"))?;
    out.line(format!("regressed: {}", list(golden, "regressed")))?;
    out.line(format!("recovered: {}", list(golden, "recovered")))
}
