//! `zhiyin key`: who may do what.
//!
//! Invariant: a secret is printed once, by the command that made the key.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::article::items;
use super::client::{Request, encode};
use super::connection::{Connection, Directory, Session};
use super::text::{self, one_line, time};

/// Make, list and take back API keys (needs an admin key).
///
/// Scopes: search, articles:read, articles:write, articles:publish, gaps, curate,
/// interactions, analytics, metrics, admin.
///
/// Examples:
///   zhiyin key create portal --scope search --origin https://shop.example
///   zhiyin key create editors --scope articles:read --scope articles:write --audience public --audience agent
///   zhiyin key revoke k_…
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Key {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key; its secret is shown this once.
    Create(Create),
    /// List the keys.
    List,
    /// Take a key back, at once.
    Revoke {
        /// Id of the key, as listed.
        id: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Name for people; stands as author and actor.
    name: String,
    /// What it may do; may be given more than once.
    #[arg(long, required = true)]
    scope: Vec<String>,
    /// Where; every space unless given; may be given more than once.
    #[arg(long, value_name = "ID")]
    space: Vec<String>,
    /// Whose articles it may see: public, agent, internal; public unless given; may be given more than once.
    #[arg(long)]
    audience: Vec<String>,
    /// Web origin that may use it from a browser; may be given more than once.
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Requests a second.
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
    /// Not valid from then on (RFC 3339).
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

impl Key {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let Self { action, connection } = self;
        let directory = if matches!(action, Action::Create(_)) { Directory::Made } else { Directory::Existing };
        connection.run(directory, |session| match action {
            Action::Create(create) => create.run(session),
            Action::List => list(session),
            Action::Revoke { id } => revoke(session, &id),
        })
    }
}

impl Create {
    fn run(self, session: &mut Session) -> Result<()> {
        let mut body = json!({
            "name": self.name, "scopes": self.scope, "spaces": self.space, "allowed_origins": self.origin,
            "rate_limit": self.rate_limit, "expires_at": self.expires_at,
        });
        if let (Some(fields), false) = (body.as_object_mut(), self.audience.is_empty()) {
            fields.insert("audiences".into(), self.audience.into());
        }
        let answer = session.call(&Request::post("/v1/keys").body(body))?;
        session.show(&answer, |out, key| {
            out.line(format!("{}  {}", text::of(text::at(key, "id")), one_line(&text::of(text::at(key, "name")))))?;
            out.line(format!("Secret (shown this once): {}", out.bold(&text::of(text::at(key, "secret")))))
        })
    }
}

fn list(session: &mut Session) -> Result<()> {
    let answer = session.call(&Request::get("/v1/keys"))?;
    session.show(&answer, |out, list| {
        let rows: Vec<Vec<String>> = items(list)
            .map(|key| {
                let [id, name, scopes, spaces, audiences] =
                    ["id", "name", "scopes", "spaces", "audiences"].map(|field| text::of(text::at(key, field)));
                let spaces = if spaces.is_empty() { "all".to_owned() } else { spaces };
                let state = match (time(text::at(key, "revoked_at")), time(text::at(key, "expires_at"))) {
                    (at, _) if !at.is_empty() => format!("revoked {at}"),
                    (_, at) if !at.is_empty() => format!("until {at}"),
                    _ => String::new(),
                };
                vec![id, name, scopes, spaces, audiences, time(text::at(key, "created_at")), state]
            })
            .collect();
        out.table(&["ID", "NAME", "SCOPES", "SPACES", "AUDIENCES", "MADE", ""], &rows)
    })
}

fn revoke(session: &mut Session, id: &str) -> Result<()> {
    let answer = session.call(&Request::delete(format!("/v1/keys/{}", encode(id))))?;
    session.show(&answer, |out, key| {
        out.line(format!("{} was taken back at {}", text::of(text::at(key, "id")), time(text::at(key, "revoked_at"))))
    })
}
