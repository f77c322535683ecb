//! `zhiyin article`: reading and changing single articles.
//!
//! Invariant: a new version says which version it is based on, so that nobody's change is overwritten unseen.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Answer, Request, encode};
use super::connection::{Connection, Directory, InSpace, Session};
use super::content::Content;
use super::out::Out;
use super::preview::Preview;
use super::text::{self, joined, one_line, time};

/// Read and change articles: versions, review, publication.
///
/// Examples:
///   zhiyin article create --id return-policy --title 退货政策 --body-file return-policy.md --tag 退货
///   zhiyin article preview return-policy      what publishing the latest version would change
///   zhiyin article publish return-policy
///   zhiyin article save return-policy --body-file return-policy.md --note "15 days now" --publish
///   zhiyin article list --status published --category 售后
///   zhiyin article diff return-policy 1 2
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Article {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show an article: its live version, another one, or the one that was live at a time.
    Get(Get),
    /// List articles.
    List(List),
    /// Make an article, as a draft or published at once.
    Create(Create),
    /// Save a new version; what is not given stays as in the latest version.
    Save(Save),
    /// Hand the latest version in for review.
    Submit(Act),
    /// Approve the version in review.
    Approve(Act),
    /// Send the version in review back.
    Reject(Act),
    /// Make a version live, now or later.
    Publish(Publish),
    /// Take the live version out of search.
    Unpublish(Act),
    /// Put the article away; its history stays.
    Archive(Act),
    /// Bring an archived article back, as a draft.
    Restore(Act),
    /// Publish a new version equal to an earlier one.
    Rollback(Rollback),
    /// Say that the live version is still true; sets the next review date.
    Verify(Act),
    /// Show what publishing a version would change for recent and golden queries; nothing is published.
    Preview(Preview),
    /// List an article's versions.
    Versions(Id),
    /// Compare two versions by line and by word.
    Diff(Diff),
    /// List when which version was live, by whom and why.
    Publications(Id),
}

#[derive(Debug, Args)]
struct Id {
    /// Id of the article.
    id: String,
}

#[derive(Debug, Args)]
struct Get {
    #[command(flatten)]
    article: Id,
    /// A version's number, or 'latest' [default: the live one].
    #[arg(long, value_name = "N|latest", conflicts_with = "as_of")]
    version: Option<String>,
    /// The version that was live at that moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Print the body alone.
    #[arg(long)]
    body: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Only in this state: draft, in_review, scheduled, published, archived.
    #[arg(long)]
    status: Option<String>,
    /// Only in or under this category.
    #[arg(long)]
    category: Option<String>,
    /// Only with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only of this owner.
    #[arg(long)]
    owner: Option<String>,
    /// Only in this language: zh, en, und.
    #[arg(long)]
    language: Option<String>,
    /// Only due for review before (RFC 3339).
    #[arg(long, value_name = "TIME")]
    review_due_before: Option<String>,
    /// Only with these words in title or id.
    #[arg(long, short, value_name = "WORDS")]
    q: Option<String>,
    /// Order: id, -updated_at, created_at, title, review_due_at.
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Articles of a page.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Where to read on, as the page before said.
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct Create {
    /// Id; made by the server unless given.
    #[arg(long)]
    id: Option<String>,
    /// Publish it at once.
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    content: Content,
}

#[derive(Debug, Args)]
struct Save {
    #[command(flatten)]
    article: Id,
    /// The version the change is based on [default: the latest one].
    #[arg(long, value_name = "N")]
    expected_version: Option<u32>,
    /// Publish the new version at once.
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    content: Content,
}

#[derive(Debug, Args)]
struct Act {
    #[command(flatten)]
    article: Id,
    /// Refuse unless this is the latest version.
    #[arg(long, value_name = "N")]
    expected_version: Option<u32>,
    /// Why.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct Publish {
    #[command(flatten)]
    act: Act,
    /// The version to publish [default: the latest one].
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// When (RFC 3339) [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Until when (RFC 3339) [default: without end].
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Debug, Args)]
struct Rollback {
    #[command(flatten)]
    act: Act,
    /// The version to go back to.
    #[arg(long, value_name = "N")]
    to: u32,
}

#[derive(Debug, Args)]
struct Diff {
    #[command(flatten)]
    article: Id,
    /// The one version.
    from: u32,
    /// The other version.
    to: u32,
}

impl Article {
    /// Does what was asked and shows the article, or what was asked of it.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, space, connection } = self;
        let directory = if matches!(action, Action::Create(_)) { Directory::Made } else { Directory::Existing };
        connection.run(directory, |session| action.run(session, &space))
    }
}

fn path(id: &Id, rest: &str) -> String {
    format!("/v1/articles/{}{rest}", encode(&id.id))
}

impl Action {
    fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        match self {
            Action::Get(get) => get.run(session, space),
            Action::List(list) => list.run(session, space),
            Action::Create(create) => create.run(session, space),
            Action::Save(save) => save.run(session, space),
            Action::Submit(act) => act.run("submit", json!({}), session, space),
            Action::Approve(act) => act.run("approve", json!({}), session, space),
            Action::Reject(act) => act.run("reject", json!({}), session, space),
            Action::Publish(publish) => {
                let body = json!({ "version": publish.version, "at": publish.at, "until": publish.until });
                publish.act.run("publish", body, session, space)
            }
            Action::Unpublish(act) => act.run("unpublish", json!({}), session, space),
            Action::Archive(act) => act.run("archive", json!({}), session, space),
            Action::Restore(act) => act.run("restore", json!({}), session, space),
            Action::Rollback(Rollback { mut act, to }) => {
                if act.expected_version.is_none() {
                    act.expected_version = version_of(&latest(session, space, &act.article)?.value);
                }
                act.run("rollback", json!({ "to": to }), session, space)
            }
            Action::Verify(act) => act.run("verify", json!({}), session, space),
            Action::Preview(preview) => preview.run(session, space),
            Action::Versions(id) => versions(session, space, &id),
            Action::Diff(diff) => diff.run(session, space),
            Action::Publications(id) => publications(session, space, &id),
        }
    }
}

fn latest(session: &Session, space: &InSpace, id: &Id) -> Result<Answer> {
    session.call(&space.of(Request::get(path(id, "")).with("version", Some("latest"))))
}

fn version_of(article: &Value) -> Option<u32> {
    text::at(article, "latest_version").as_u64().and_then(|number| u32::try_from(number).ok())
}

/// Where searches find a change, the answer waits until they do.
fn searchable(space: &InSpace, request: Request) -> Request {
    space.of(request).with("wait", Some("searchable"))
}

impl Get {
    fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        let request = Request::get(path(&self.article, "")).with("version", self.version).with("as_of", self.as_of);
        let answer = session.call(&space.of(request))?;
        session.show(&answer, |out, article| {
            if self.body { out.line(text::clean(&text::of(text::at(article, "body")))) } else { show(out, article) }
        })
    }
}

impl List {
    fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        let request = Request::get("/v1/articles")
            .with("status", self.status)
            .with("category", self.category)
            .with("tag", self.tag)
            .with("owner", self.owner)
            .with("language", self.language)
            .with("review_due_before", self.review_due_before)
            .with("q", self.q)
            .with("sort", self.sort)
            .with("limit", Some(self.limit))
            .with("cursor", self.cursor);
        let answer = session.call(&space.of(request))?;
        session.show(&answer, |out, page| {
            let rows: Vec<Vec<String>> = items(page)
                .map(|article| {
                    ["id", "status", "version", "category", "title"]
                        .map(|field| text::of(text::at(article, field)))
                        .to_vec()
                })
                .collect();
            out.table(&["ID", "STATUS", "VERSION", "CATEGORY", "TITLE"], &rows)?;
            more(out, page)
        })
    }
}

/// The items of a list.
pub fn items(page: &Value) -> impl Iterator<Item = &Value> {
    text::at(page, "items").as_array().into_iter().flatten()
}

/// Says how to read on, where there is more.
pub fn more(out: &mut Out, page: &Value) -> Result<()> {
    match text::at(page, "next_cursor").as_str() {
        Some(cursor) => out.line(out.dim(&format!("More: --cursor {cursor}"))),
        None => Ok(()),
    }
}

impl Create {
    fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        let mut body = self.content.apply(Map::new())?;
        if let Some(id) = self.id {
            body.insert("id".into(), id.into());
        }
        if self.publish {
            body.insert("publish".into(), true.into());
        }
        let answer = session.call(&searchable(space, Request::post("/v1/articles")).body(body.into()))?;
        session.show(&answer, done)
    }
}

impl Save {
    fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        let found = latest(session, space, &self.article)?;
        let body = self.content.apply(Content::of(&found.value))?;
        let expected = self.expected_version.or_else(|| version_of(&found.value));
        let request = searchable(space, Request::put(path(&self.article, ""))).if_match(expected).body(body.into());
        let mut answer = session.call(&request)?;
        if self.publish {
            let saved = version_of(&answer.value);
            let body = json!({ "version": saved });
            let request = searchable(space, Request::post(path(&self.article, "/publish"))).if_match(saved).body(body);
            answer = session.call(&request)?;
        }
        session.show(&answer, done)
    }
}

impl Act {
    fn run(self, action: &str, body: Value, session: &mut Session, space: &InSpace) -> Result<()> {
        let Value::Object(mut body) = body else { return Ok(()) };
        body.insert("note".into(), self.note.into());
        body.retain(|_, value| !value.is_null());
        let request = searchable(space, Request::post(path(&self.article, &format!("/{action}"))));
        let answer = session.call(&request.if_match(self.expected_version).body(body.into()))?;
        session.show(&answer, done)
    }
}

fn done(out: &mut Out, article: &Value) -> Result<()> {
    let live = match text::at(article, "live_version").as_u64() {
        Some(version) => format!("version {version} is live"),
        None => "no version is live".to_owned(),
    };
    let facts = [
        format!("{} v{}", text::of(text::at(article, "id")), text::of(text::at(article, "version"))),
        text::of(text::at(article, "status")),
        live,
    ];
    out.line(one_line(&joined(&facts)))
}

fn show(out: &mut Out, article: &Value) -> Result<()> {
    out.line(out.bold(&one_line(&text::of(text::at(article, "title")))))?;
    done(out, article)?;
    let lists = ["category", "tags", "questions", "negative_questions", "audience", "language", "owner", "note"];
    let times = ["valid_from", "valid_until", "review_due_at", "created_at", "published_at"];
    let facts = lists.map(|field| (field, text::of(text::at(article, field)))).into_iter();
    let facts = facts.chain(times.map(|field| (field, time(text::at(article, field)))));
    for (field, value) in facts.filter(|(_, value)| !value.is_empty()) {
        out.line(format!("{} {}", out.dim(&text::pad(field, 18)), one_line(&value)))?;
    }
    for (name, value) in text::at(article, "attributes").as_object().into_iter().flatten() {
        out.line(format!("{} {}", out.dim(&text::pad(name, 18)), one_line(&text::of(value))))?;
    }
    out.line("")?;
    out.line(text::clean(&text::of(text::at(article, "body"))))
}

fn versions(session: &mut Session, space: &InSpace, id: &Id) -> Result<()> {
    let answer = session.call(&space.of(Request::get(path(id, "/versions"))))?;
    session.show(&answer, |out, list| {
        let rows: Vec<Vec<String>> = items(list)
            .map(|version| {
                let live = if text::at(version, "live").as_bool().unwrap_or(false) { "live" } else { "" };
                let [number, author, title, note] =
                    ["version", "author", "title", "note"].map(|field| text::of(text::at(version, field)));
                vec![number, live.to_owned(), time(text::at(version, "created_at")), author, title, note]
            })
            .collect();
        out.table(&["VERSION", "", "SAVED", "AUTHOR", "TITLE", "NOTE"], &rows)
    })
}

fn publications(session: &mut Session, space: &InSpace, id: &Id) -> Result<()> {
    let answer = session.call(&space.of(Request::get(path(id, "/publications"))))?;
    session.show(&answer, |out, list| {
        let rows: Vec<Vec<String>> = items(list)
            .map(|publication| {
                let [version, by, reason] =
                    ["version", "by", "reason"].map(|field| text::of(text::at(publication, field)));
                vec![version, time(text::at(publication, "from")), time(text::at(publication, "until")), by, reason]
            })
            .collect();
        out.table(&["VERSION", "FROM", "UNTIL", "BY", "REASON"], &rows)
    })
}

impl Diff {
    fn run(self, session: &mut Session, space: &InSpace) -> Result<()> {
        let request =
            Request::get(path(&self.article, "/diff")).with("from", Some(self.from)).with("to", Some(self.to));
        let answer = session.call(&space.of(request))?;
        session.show(&answer, |out, diff| {
            for change in text::at(diff, "fields").as_array().into_iter().flatten() {
                out.line(out.bold(&one_line(&text::of(text::at(change, "field")))))?;
                out.line(out.red(&format!("- {}", one_line(&text::of(text::at(change, "from"))))))?;
                out.line(out.green(&format!("+ {}", one_line(&text::of(text::at(change, "to"))))))?;
            }
            for line in text::at(diff, "body").as_array().into_iter().flatten() {
                let text = text::clean(&text::of(text::at(line, "text")));
                match text::at(line, "change").as_str() {
                    Some("removed") => out.line(out.red(&format!("- {text}")))?,
                    Some("added") => out.line(out.green(&format!("+ {text}")))?,
                    _ => out.line(format!("  {text}"))?,
                }
            }
            Ok(())
        })
    }
}
