//! `zhiyin erase`: taking away what is held of a session or a customer.
//!
//! Invariant: it cannot be undone, so it must be said twice: the command and `--yes`.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::client::Request;
use super::connection::{Connection, Directory};
use super::failure::Failure;
use super::out::Out;
use super::text;

/// Take away everything that is held of a conversation or a customer. It cannot be undone.
///
/// Examples:
///   zhiyin erase --session chat-4711 --yes
///   zhiyin erase --customer 10086 --space shop --yes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Erase {
    /// The conversation, as it was named when handed in.
    #[arg(long, value_name = "ID", required_unless_present = "customer", conflicts_with = "customer")]
    session: Option<String>,
    /// The customer, as named when handed in.
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Only in this space [default: all].
    #[arg(long)]
    space: Option<String>,
    /// Yes, take it away.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Erase {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the server or the output refuses; a missing `--yes`.
    pub fn run(self) -> Result<()> {
        let Self { session, customer, space, yes, connection } = self;
        if !yes {
            return Err(Failure::Usage("what is erased cannot be had back; say --yes".into()).into());
        }
        connection.run(Directory::Existing, |own| {
            let mut body = json!({ "space": space, "session_id": session, "customer_id": customer });
            if let Some(fields) = body.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            let answer = own.call(&Request::post("/v1/erase").body(body))?;
            own.show(&answer, show)
        })
    }
}

fn show(out: &mut Out, report: &Value) -> Result<()> {
    let erased = text::at(report, "erased");
    for (name, count) in erased.as_object().into_iter().flatten() {
        out.line(format!("{:>8} {}", text::of(count), name.replace('_', " ")))?;
    }
    out.line(out.dim(&text::of(text::at(report, "kept"))))?;
    out.line(format!("In the audit log: {}", text::of(text::at(report, "erasure_id"))))
}
