//! `zhiyin demo`: a server with the sample knowledge, to try things out.
//!
//! Invariant: what was loaded came in through the API; without a data directory nothing is left behind.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, Request};
use super::connection;
use super::out::Out;
use super::text;
use zhiyin::app::{self, App};
use zhiyin::config::{Config, Flags};
use zhiyin::http;

/// The sample knowledge: a shop that does not exist.
const ARTICLES: &str = include_str!("../../kb-samples/articles.ndjson");

/// What its words mean beside themselves, one rule a line.
const SYNONYMS: &str = include_str!("../../kb-samples/synonyms.ndjson");

/// Serve the sample knowledge, to try things out.
///
/// A fictitious electronics shop with its cloud service: articles in Chinese and English,
/// with histories. Public search is open, so that the page and the examples need no key.
/// Ctrl-C stops the server; unless a data directory is given, what it held is gone then.
///
/// Examples:
///   zhiyin demo
///   zhiyin demo --listen 127.0.0.1:8080 --data-dir demo-data
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Demo {
    /// Where everything is kept [default: a temporary folder].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the API and the page.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7700")]
    listen: String,
}

impl Demo {
    /// Serves until asked to stop.
    ///
    /// # Errors
    /// What kept the server from starting, loading or ending well.
    pub fn run(self) -> Result<()> {
        let temporary = tempfile::Builder::new().prefix("zhiyin-demo-").tempdir()?;
        let dir = self.data_dir.as_deref().unwrap_or(temporary.path());
        let flags = Flags::default()
            .with("data_dir", Some(dir.display()))
            .with("listen", Some(&self.listen))
            .with("log_filter", Some("warn"));
        let config = Config::load(None, flags)?.config;
        app::log(&config)?;
        let app = App::start(&config)?;
        let served = greet(&app).and_then(|()| Ok(http::until_asked_to_stop()?));
        let stopped = app.stop();
        served?;
        Ok(stopped?)
    }
}

fn greet(app: &App) -> Result<()> {
    let client = connection::inside(app)?;
    load(&client)?;
    let mut out = Out::new(false);
    let page = format!("http://{}", app.address);
    out.line(format!("Zhiyin serves a sample shop at {}", out.bold(&page)))?;
    match &app.admin_secret {
        Some(secret) => out.line(format!("Admin key: {}", out.bold(secret)))?,
        None => {
            out.line("Admin key: the one that the first start of this data directory printed, or ZHIYIN_ADMIN_KEY")?
        }
    }
    out.line(examples(&page, app.admin_secret.as_deref()))?;
    out.flush()
}

/// Loads the samples where the space is empty, and opens its search to everyone.
fn load(client: &Client) -> Result<()> {
    let stats = client.call(&Request::get("/v1/spaces/default/stats"))?;
    if text::at(&stats.value, "articles").as_u64() == Some(0) {
        let import = Request::post("/v1/import").with("publish", Some(true)).with("wait", Some("searchable"));
        let report = client.send(&import, "application/x-ndjson", ARTICLES.as_bytes())?.value;
        anyhow::ensure!(
            text::at(&report, "failed").as_u64() == Some(0),
            "the samples were refused: {}",
            text::at(&report, "failures")
        );
        let rules = SYNONYMS.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        client.call(&Request::put("/v1/synonyms").body(json!({ "items": rules })))?;
    }
    client.call(&Request::patch("/v1/spaces/default").body(json!({ "settings": { "public_search": true } })))?;
    Ok(())
}

fn examples(page: &str, secret: Option<&str>) -> String {
    let key = secret.unwrap_or("<admin key>");
    format!(
        r#"
Ask in a browser: {page}      The API: {page}/docs

Or in a terminal:
  curl -s {page}/v1/answer -H 'Content-Type: application/json' -d '{{"question":"退货运费谁出"}}'
  curl -s {page}/v1/answer -H 'Content-Type: application/json' -d '{{"question":"who pays for return shipping"}}'
  curl -s {page}/v1/search -H 'Content-Type: application/json' -d '{{"query":"买了几天可以退货","limit":3}}'
  curl -s '{page}/v1/search?q=api+rate+limit&limit=3'
  zhiyin search 会员多少钱 --server {page} --key {key}
  zhiyin article versions return-policy-zh --server {page} --key {key}

Ctrl-C stops the server."#
    )
}
