//! `zhiyin answer`: an answer from the live articles, with its sources.
//!
//! Invariant: an answer is printed with every source it rests on, or as the plain word that there is none.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::client::Request;
use super::connection::{Connection, Directory, InSpace};
use super::out::Out;
use super::search::filter;
use super::text::{self, clean, joined, one_line, percent};

/// Answer a question from the live articles, with the sentences it rests on.
///
/// A question that nothing answers is filed under a gap: see 'zhiyin gaps list'.
///
/// Examples:
///   zhiyin answer 退货的运费谁出
///   zhiyin answer "how long is the warranty" --json
///   zhiyin answer 那运费谁出 --after 买了几天可以退货
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Answer {
    /// What to answer; several words are one question.
    #[arg(required = true, value_name = "QUESTION")]
    question: Vec<String>,
    /// Only from articles for which this holds, as in 'zhiyin search'.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// What the customer asked before, oldest first; may be given several times.
    #[arg(long = "after", value_name = "QUESTION")]
    history: Vec<String>,
    /// Conversation the question belongs to.
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    #[command(flatten)]
    space: InSpace,
    #[command(flatten)]
    connection: Connection,
}

impl Answer {
    /// Asks and prints the answer.
    ///
    /// # Errors
    /// What the server or the output refuses.
    pub fn run(self) -> Result<()> {
        let history: Vec<Value> = self.history.iter().map(|text| json!({ "role": "user", "text": text })).collect();
        let body = json!({
            "question": self.question.join(" "), "filters": filter(self.filter.as_ref())?,
            "conversation_id": self.conversation, "history": history,
        });
        self.connection.run(Directory::Existing, |session| {
            session.catch_up(&self.space)?;
            let answer = session.call(&self.space.of(Request::post("/v1/answer")).body(body))?;
            session.show(&answer, show)
        })
    }
}

fn show(out: &mut Out, answer: &Value) -> Result<()> {
    let confidence = format!("confidence {}", percent(text::at(answer, "confidence")));
    match text::at(answer, "answer/text").as_str() {
        Some(words) => {
            out.line(clean(words))?;
            out.line("")?;
        }
        None if text::at(answer, "status").as_str() == Some("clarify") => {
            out.line("This may mean several things:")?;
            for option in text::at(answer, "clarify/options").as_array().into_iter().flatten() {
                out.line(format!("  - {}", one_line(&text::of(option))))?;
            }
        }
        None => {
            out.line("The knowledge does not answer this.")?;
            if let Some(gap) = text::at(answer, "gap_id").as_str() {
                out.line(format!("Filed under the gap {}.", one_line(gap)))?;
            }
        }
    }
    for source in text::at(answer, "citations").as_array().into_iter().flatten() {
        let title = out.bold(&one_line(&text::of(text::at(source, "title"))));
        let place = format!("{} v{}", text::of(text::at(source, "article_id")), text::of(text::at(source, "version")));
        out.line(format!("[{}] {title}  {}", text::of(text::at(source, "index")), out.dim(&place)))?;
        out.line(format!("    “{}”", one_line(&text::of(text::at(source, "quote")))))?;
    }
    let mut facts = vec![confidence];
    if text::at(answer, "handoff/recommended").as_bool().unwrap_or(false) {
        facts.push(format!("better with a person: {}", text::of(text::at(answer, "handoff/reasons"))));
    }
    facts.push(format!("{:.1} ms", text::at(answer, "took_ms").as_f64().unwrap_or_default()));
    out.line(out.dim(&joined(&facts)))
}
