//! Judged queries put to a server's space, through its API.
//!
//! Invariant: the searches leave no record: they are measurements, not questions of customers.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::super::client::Request;
use super::super::connection::{Directory, InSpace, Session};
use super::super::failure::Failure;
use super::super::text;
use super::{Eval, refused, stem, tables};
use zhiyin::evaluate::report::Report;
use zhiyin::evaluate::run::{DEPTH, Found, Searcher};
use zhiyin::evaluate::{Error, Judged, Mode, Set, queries};

/// Measures the space of a server.
pub fn run(eval: &Eval, before: Option<&Report>) -> Result<()> {
    let wrong = [
        (eval.dump.is_some(), "--dump"),
        (eval.ablate, "--ablate"),
        (eval.remove_half, "--remove-half"),
        (eval.rank.is_some() || eval.rank_file.is_some(), "--rank"),
        (eval.model.is_some(), "--model"),
        (eval.reranker.is_some(), "--reranker"),
    ];
    if let Some((_, option)) = wrong.iter().find(|(is, _)| *is) {
        let message = format!("{option} needs an index of its own: give --passages beside --queries");
        return Err(Failure::Usage(message).into());
    }
    eval.connection.run(Directory::Existing, |session| {
        session.catch_up(&eval.space)?;
        let set = set(eval, session)?;
        if set.queries.is_empty() {
            let space = eval.space.id();
            let message = format!("space '{space}' has no golden queries; 'zhiyin golden add' makes one");
            return Err(Failure::Usage(message).into());
        }
        let set = eval.shaped(set);
        let served = Served { session, space: &eval.space, lowest: RefCell::default() };
        let done = eval.asked(&set, &served)?;
        let mut report = Report::new("the server's", Value::Null, eval.seed);
        if !session.json {
            tables::set(&mut session.out, &done)?;
        }
        report.sets.push(done);
        let json = session.json;
        eval.finish(&mut session.out, json, &report, before)
    })
}

fn set(eval: &Eval, session: &Session) -> Result<Set> {
    let name = format!("space {}", eval.space.id());
    if let Some(file) = &eval.queries {
        let queries = queries(file).map_err(refused)?;
        return Ok(Set { name: format!("{name}, {}", stem(file)), queries, ..Set::default() });
    }
    let queries = golden(session, &eval.space)?;
    Ok(Set { name: format!("{name}, golden"), queries, ..Set::default() })
}

/// The golden queries of a space.
pub fn golden(session: &Session, space: &InSpace) -> Result<Vec<Judged>> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let request = Request::get("/v1/golden").with("limit", Some(100)).with("cursor", cursor.as_ref());
        let page = session.call(&space.of(request))?.value;
        for item in text::at(&page, "items").as_array().into_iter().flatten() {
            let articles = text::at(item, "articles").as_array().into_iter().flatten();
            found.push(Judged {
                id: text::of(text::at(item, "id")),
                text: text::of(text::at(item, "query")),
                relevant: articles.map(|id| (text::of(id), 1)).collect(),
                ..Judged::default()
            });
        }
        cursor = text::at(&page, "next_cursor").as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// A server's space, asked through its API.
pub struct Served<'a> {
    /// The way to it.
    pub session: &'a Session,
    /// The space.
    pub space: &'a InSpace,
    /// The lowest confidence that matched: as good as the threshold, which only an admin may read.
    pub lowest: RefCell<Option<f64>>,
}

impl Searcher for Served<'_> {
    fn search(&self, query: &Judged, mode: Mode) -> Result<Found, Error> {
        let filter = query
            .audience
            .as_ref()
            .map(|audience| json!({ "field": "audience", "op": "in", "value": ["public", audience] }));
        let (lists, rerank) = match mode {
            Mode::Rerank => (Mode::Hybrid.as_str(), true),
            other => (other.as_str(), false),
        };
        let body = json!({
            "query": query.text, "limit": DEPTH, "mode": lists, "rerank": rerank, "filters": filter, "log": false,
        });
        let started = Instant::now();
        let request = self.space.of(Request::post("/v1/search")).body(body);
        let answer = self.session.call(&request).map_err(|why| Error::Asked(format!("{}: {why:#}", query.id)))?.value;
        let whole = started.elapsed();
        let took = text::at(&answer, "took_ms").as_f64().map(|ms| Duration::from_secs_f64(ms.max(0.0) / 1e3));
        let confidence = text::at(&answer, "confidence").as_f64().unwrap_or_default();
        if text::at(&answer, "matched").as_bool() == Some(true) {
            let mut lowest = self.lowest.borrow_mut();
            *lowest = Some(lowest.map_or(confidence, |known: f64| known.min(confidence)));
        }
        let hits = text::at(&answer, "hits").as_array().into_iter().flatten();
        Ok(Found {
            ids: hits.map(|hit| text::of(text::at(hit, "article_id"))).collect(),
            confidence,
            took: took.unwrap_or(whole),
        })
    }

    fn threshold(&self) -> Option<f64> {
        *self.lowest.borrow()
    }
}
