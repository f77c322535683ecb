//! `zhiyin analytics`: figures of what came in.
//!
//! Invariant: only what the server counted is printed.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::interactions::counts;
use super::out::Out;
use super::text::{self, at, of, one_line, percent};

/// See what came in, and how much of it the knowledge answers.
///
/// Examples:
///   zhiyin analytics overview
///   zhiyin analytics overview --from 2026-11-01 --to 2026-11-30
///   zhiyin analytics questions --limit 50      what is asked most, rising and falling
///   zhiyin analytics topics                    its words
///   zhiyin analytics articles                  useful, never hit, stale
///   zhiyin analytics forecast                  the next 48 hours, and how wrong such forecasts were
///   zhiyin analytics alerts                    what the space's rules raised
///   zhiyin analytics coverage --bucket month   the share that is answered, and what closed gaps gained
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Analytics {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct Period {
    /// First day, in UTC; 29 days before the last one unless given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// Last day, in UTC; today unless given.
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<String>,
    /// Into which pieces days are put together: day, week, month.
    #[arg(long)]
    bucket: Option<String>,
    /// Items of each list; 20 unless given.
    #[arg(long)]
    limit: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Sum up the days of a range.
    Overview(Period),
    /// What is asked most, and what is asked more or less than in the period before.
    Questions(Period),
    /// The words of what is asked.
    Topics(Period),
    /// How useful articles are, and which are never hit or stale.
    Articles(Period),
    /// What came in through each channel.
    Channels(Period),
    /// The share that is answered, what closed gaps gained, and what is open.
    Coverage(Period),
    /// The volume of the next 48 hours, or of those behind --to.
    Forecast(Period),
    /// Alerts that the space's rules raised.
    Alerts(Period),
}

impl Analytics {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        type Show = fn(&mut Out, &Value) -> Result<()>;
        let (name, period, show): (&str, Period, Show) = match action {
            Action::Overview(period) => ("overview", period, overview),
            Action::Questions(period) => ("questions", period, questions),
            Action::Topics(period) => ("topics", period, topics),
            Action::Articles(period) => ("articles", period, articles),
            Action::Channels(period) => ("channels", period, channels),
            Action::Coverage(period) => ("coverage", period, coverage),
            Action::Forecast(period) => ("forecast", period, forecast),
            Action::Alerts(period) => ("alerts", period, alerts),
        };
        connection.run(Directory::Existing, |session| {
            let request = Request::get(format!("/v1/analytics/{name}")).with("from", period.from);
            let request = request.with("to", period.to).with("bucket", period.bucket).with("limit", period.limit);
            let answer = session.call(&space.of(request))?;
            session.show(&answer, show)
        })
    }
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    at(value, field).as_array().into_iter().flatten()
}

fn heading(out: &mut Out, report: &Value) -> Result<()> {
    let [space, from, to] = ["space", "from", "to"].map(|field| of(at(report, field)));
    out.line(out.bold(&format!("{space} from {from} to {to}")))
}

/// A share, or what stands for none.
fn share(value: &Value) -> String {
    if value.is_null() { "–".to_owned() } else { percent(value) }
}

fn overview(out: &mut Out, overview: &Value) -> Result<()> {
    heading(out, overview)?;
    let at_ = |field: &str| of(at(overview, field));
    let rate = at(overview, "answer_rate");
    let rate = if rate.is_null() { "nothing was asked".to_owned() } else { format!("{} answered", percent(rate)) };
    out.line(format!("{rate}; {} live queries", at_("live/queries")))?;
    out.line(format!(
        "{} conversations, {} turns, {} of customers; set aside: {}",
        at_("conversations"),
        at_("turns"),
        at_("customer_turns"),
        counts(at(overview, "set_aside"))
    ))?;
    out.line(format!(
        "{} questions: {} answered, {} not, {} still to be searched",
        at_("questions"),
        at_("matched"),
        at_("unmatched"),
        at_("pending")
    ))?;
    let mean = at(overview, "csat/mean");
    let mean = if mean.is_null() { String::new() } else { format!(", satisfaction {} of 5", of(mean)) };
    out.line(format!("{} settled, {} handed off{mean}", at_("resolved"), at_("handed_off")))?;
    let [handoff, again, helped] =
        ["handoff_rate", "reask_rate", "feedback/helpful_share"].map(|field| share(at(overview, field)));
    out.line(format!("handed off {handoff}, asked again {again}, helped {helped}"))?;
    let fields = ["conversations", "turns", "questions", "matched", "unmatched", "live/queries", "live/matched"];
    let channels = at(overview, "channels").as_object().into_iter().flatten();
    let rows: Vec<Vec<String>> = channels
        .map(|(name, channel)| {
            let figures = fields.iter().map(|field| of(at(channel, field)));
            std::iter::once(one_line(name)).chain(figures).collect()
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    out.table(&["CHANNEL", "CONVERSATIONS", "TURNS", "QUESTIONS", "ANSWERED", "NOT", "LIVE", "ANSWERED"], &rows)
}

fn questions(out: &mut Out, report: &Value) -> Result<()> {
    heading(out, report)?;
    let rows = |field: &str| -> Vec<Vec<String>> {
        list(report, field)
            .map(|asked| {
                let [queries, before, direction] = ["queries", "before", "direction"].map(|name| of(at(asked, name)));
                let article = at(asked, "article_id");
                let answered = share(at(asked, "answered_share"));
                vec![queries, before, direction, answered, of(at(asked, "question")), of(article)]
            })
            .collect()
    };
    let head = ["ASKED", "BEFORE", "GOES", "ANSWERED", "QUESTION", "ARTICLE"];
    out.table(&head, &rows("items"))?;
    for field in ["rising", "falling"] {
        let rows = rows(field);
        if !rows.is_empty() {
            out.line(out.bold(field))?;
            out.table(&head, &rows)?;
        }
    }
    match at(report, "approximate").as_bool() {
        Some(true) => out.line("A question that was among the most asked of no day may be missing."),
        _ => Ok(()),
    }
}

fn topics(out: &mut Out, report: &Value) -> Result<()> {
    heading(out, report)?;
    let rows: Vec<Vec<String>> = list(report, "words")
        .map(|word| ["word", "count", "before", "direction", "weight"].map(|field| of(at(word, field))).to_vec())
        .collect();
    out.table(&["WORD", "QUESTIONS", "BEFORE", "GOES", "WEIGHT"], &rows)
}

fn articles(out: &mut Out, report: &Value) -> Result<()> {
    heading(out, report)?;
    let [live, never, stale] = ["live", "never_hit_count", "stale_count"].map(|field| of(at(report, field)));
    out.line(format!("{live} live articles; {never} never hit, {stale} to be looked at"))?;
    let fields = ["shown", "answered", "clicked", "helpful", "unhelpful", "handed_off"];
    let rows: Vec<Vec<String>> = list(report, "items")
        .map(|article| {
            let figures = fields.iter().map(|field| of(at(article, field)));
            let names = ["article_id", "title"].map(|field| of(at(article, field)));
            figures.chain([share(at(article, "usefulness"))]).chain(names).collect()
        })
        .collect();
    out.table(&["SHOWN", "ANSWERED", "OPENED", "HELPED", "NOT", "HANDED OFF", "USEFUL", "ARTICLE", "TITLE"], &rows)?;
    for article in list(report, "never_hit") {
        let [id, title] = ["article_id", "title"].map(|field| one_line(&of(at(article, field))));
        out.line(format!("never hit: {title} ({id}), live since {}", text::time(at(article, "live_since"))))?;
    }
    for article in list(report, "stale") {
        let [id, title, reason] = ["article_id", "title", "reason"].map(|field| one_line(&of(at(article, field))));
        out.line(format!("{}: {title} ({id}), {}", reason.replace('_', " "), text::time(at(article, "at"))))?;
    }
    Ok(())
}

fn channels(out: &mut Out, report: &Value) -> Result<()> {
    heading(out, report)?;
    let rows: Vec<Vec<String>> = list(report, "items")
        .map(|channel| {
            let counts = ["channel", "queries", "conversations"].map(|field| of(at(channel, field)));
            let shares = ["answer_rate", "handoff_rate", "reask_rate"].map(|field| share(at(channel, field)));
            counts.into_iter().chain(shares).chain([of(at(channel, "csat"))]).collect()
        })
        .collect();
    out.table(&["CHANNEL", "QUERIES", "CONVERSATIONS", "ANSWERED", "HANDED OFF", "ASKED AGAIN", "CSAT"], &rows)
}

fn coverage(out: &mut Out, report: &Value) -> Result<()> {
    heading(out, report)?;
    let point = |point: &Value| -> Vec<String> {
        let counts = ["from", "demand", "answered"].map(|field| of(at(point, field)));
        let shares = ["coverage", "gain"].map(|field| share(at(point, field)));
        counts.into_iter().chain(shares).chain([of(at(point, "gained"))]).collect()
    };
    let rows: Vec<Vec<String>> = list(report, "points").map(point).collect();
    out.table(&["FROM", "ASKED", "ANSWERED", "COVERAGE", "GAIN", "BY CLOSED GAPS"], &rows)?;
    let gaps = at(report, "gaps");
    let [open, sessions, median] = ["open", "sessions", "median_age_days"].map(|field| of(at(gaps, field)));
    out.line(format!("{open} gaps are open, asked by {sessions}; median age {median} days"))?;
    out.line(format!("why: {}", counts(at(gaps, "causes"))))
}

fn forecast(out: &mut Out, report: &Value) -> Result<()> {
    let reason = at(report, "reason");
    if !reason.is_null() {
        return out.line(format!("No forecast: {}", one_line(&of(reason))));
    }
    let [model, total] = ["model", "total"].map(|field| of(at(report, field)));
    out.line(out.bold(&format!("about {total} queries in 48 hours ({})", model.replace('_', " "))))?;
    let shares = ["wape", "wape_of_days", "wape_of_last_week", "interval", "interval_held"];
    let [error, days, naive, meant, held] = shares.map(|field| share(at(report, &format!("error/{field}"))));
    let tried = of(at(report, "error/forecasts"));
    out.line(format!("{tried} forecasts held against what came: off by {error} by hour, {days} by day;"))?;
    out.line(format!("repeating the week before: {naive}. Intervals made for {meant} of the hours held {held}."))?;
    let rows: Vec<Vec<String>> = list(report, "points")
        .map(|point| {
            let counts = ["queries", "low", "high"].map(|field| at(point, field).as_f64().unwrap_or_default());
            std::iter::once(text::time(at(point, "at"))).chain(counts.map(|n| format!("{n:.1}"))).collect()
        })
        .collect();
    out.table(&["HOUR", "QUERIES", "LOW", "HIGH"], &rows)
}

fn alerts(out: &mut Out, page: &Value) -> Result<()> {
    let rows: Vec<Vec<String>> = list(page, "items")
        .map(|alert| {
            let delivery = at(alert, "delivery/state");
            let delivery = if delivery.is_null() { "not sent".to_owned() } else { of(delivery) };
            let [rule, message] = ["rule", "message"].map(|field| of(at(alert, field)));
            vec![text::time(at(alert, "raised_at")), rule, delivery, message]
        })
        .collect();
    out.table(&["RAISED", "RULE", "WEBHOOK", "WHAT"], &rows)?;
    super::article::more(out, page)
}
