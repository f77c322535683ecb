//! Answers and what people say about them, over HTTP.
//!
//! Invariant: a streamed answer says the same as a whole one, in more pieces.

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::call::{Call, Outcome, Reply};
use super::error::Problem;
use super::fields::{AtMost, Between, InSpace};
use super::filters::{self, FilterTree};
use crate::error::{Error, FieldError};
use crate::id::{ArticleId, QueryId, SpaceId};
use crate::kb::NewFeedback;
use crate::model::answer::{AnswerRequest, AnswerResponse, AnswerStatus, MAX_HISTORY};
use crate::model::text::{Handle, LongText, Note, QueryText};

/// Media type of server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The customer.
    User,
    /// A person or machine that answered.
    Assistant,
}

/// An earlier turn of the conversation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who said it.
    role: Role,
    /// What was said.
    text: LongText,
}

/// What is known of the customer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "checked at the door; read once answers differ by segment")]
pub struct Customer {
    /// Segment, such as `vip`.
    #[serde(default)]
    segment: Option<Handle>,
}

/// Whether a language model may word the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Generate {
    /// Where one is configured; else it is extracted, verbatim.
    Auto,
    /// Never: it is extracted, verbatim.
    Never,
}

/// A question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AnswerRequest")]
pub struct AnswerBody {
    /// What is asked.
    question: QueryText,
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Conversation it belongs to.
    #[serde(default)]
    conversation_id: Option<Handle>,
    /// Earlier turns, oldest first: a question that leans on one of the customer's is read with its topic.
    #[serde(default)]
    history: Option<AtMost<Turn, MAX_HISTORY>>,
    /// Where the question comes from.
    #[serde(default)]
    channel: Option<Handle>,
    /// What is known of the customer; without rules for segments it does not change the answer.
    #[serde(default)]
    #[expect(dead_code, reason = "checked at the door; read once answers differ by segment")]
    customer: Option<Customer>,
    /// Only documents for which this holds.
    #[serde(default)]
    filters: Option<FilterTree>,
    /// Answer with server-sent events.
    #[serde(default)]
    stream: Option<bool>,
    /// Whether the space's reranker, where it has one, orders the best hits anew; `true` unless given.
    #[serde(default)]
    rerank: Option<bool>,
    /// Whether a language model may word the answer; `auto` unless given. As yet answers are extracted in either case.
    #[serde(default)]
    #[expect(dead_code, reason = "both values extract: a language model words drafts only")]
    generate: Option<Generate>,
}

impl Body for AnswerBody {
    const QUERY: bool = true;
    fn closer_look(body: &Map<String, Value>, errors: &mut Vec<FieldError>) {
        filters::closer_look(body, errors);
    }
}

/// `POST /v1/answer`.
pub async fn answer(call: Call) -> Outcome {
    let in_url = call.query::<InSpace>()?.space;
    let body: AnswerBody = call.body()?;
    let space = super::fields::space(body.space, in_url)?;
    let reader = call.kb().reader(&call.caller, &space)?;
    let request = AnswerRequest {
        question: body.question,
        conversation_id: body.conversation_id,
        history: said_by_customer(body.history),
        channel: body.channel,
        filters: body.filters.map(|tree| tree.0),
        rerank: body.rerank.unwrap_or(true),
    };
    let (kb, now) = (call.kb().clone(), call.now);
    let response = call.state.searches.run(move || kb.answer(&reader, &request, now)).await?;
    let answered = response.status == AnswerStatus::Answered;
    call.state.metrics.query("answer", answered, !response.degraded.is_empty());
    if body.stream.unwrap_or(false) { events(&response) } else { Reply::ok(&response) }
}

fn said_by_customer(history: Option<AtMost<Turn, MAX_HISTORY>>) -> Vec<LongText> {
    let turns = history.map(|turns| turns.0).unwrap_or_default();
    turns.into_iter().filter(|turn| turn.role == Role::User).map(|turn| turn.text).collect()
}

/// The answer as events: `meta` (all but the words and their sources), one `delta` a paragraph, `citations`, `done`.
///
/// An extracted answer is whole before its first event, so a failure is an ordinary problem answer.
fn events(response: &AnswerResponse) -> Outcome {
    let mut meta = serde_json::to_value(response).map_err(|why| Problem::internal(format!("response: {why}")))?;
    if let Value::Object(fields) = &mut meta {
        fields.retain(|name, _| !matches!(name.as_str(), "answer" | "citations"));
    }
    let mut text = String::new();
    push_event(&mut text, "meta", &meta);
    if let Some(answer) = &response.answer {
        for piece in answer.text.split_inclusive("\n\n") {
            push_event(&mut text, "delta", &json!({ "text": piece }));
        }
    }
    push_event(&mut text, "citations", &json!({ "citations": response.citations }));
    push_event(&mut text, "done", &json!({ "answer_id": response.answer_id, "answer": response.answer }));
    Ok(Reply::bytes(StatusCode::OK, EVENT_STREAM, Bytes::from(text)))
}

fn push_event(text: &mut String, name: &str, data: &Value) {
    // JSON has no raw line breaks, so each event's data is one line.
    text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
}

/// What somebody says about an answer or a search.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FeedbackRequest")]
pub struct FeedbackBody {
    /// The answer meant; it or `query_id`.
    #[serde(default)]
    answer_id: Option<QueryId>,
    /// The search meant; it or `answer_id`.
    #[serde(default)]
    query_id: Option<QueryId>,
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// Whether it helped.
    #[serde(default)]
    helpful: Option<bool>,
    /// Customer satisfaction.
    #[serde(default)]
    csat: Option<Between<1, 5>>,
    /// Customer effort.
    #[serde(default)]
    ces: Option<Between<1, 7>>,
    /// The article meant: the one that was rated, or opened.
    #[serde(default)]
    article_id: Option<ArticleId>,
    /// In words; personal data is masked before it is kept.
    #[serde(default)]
    comment: Option<Note>,
    /// That the customer opened the article (`article_id`) out of what was found; `false` takes it back. For a query that
    /// matched nothing it shows that the article answers it under other words, unless a low rating of it follows.
    #[serde(default)]
    clicked: Option<bool>,
}

impl Body for FeedbackBody {}

impl FeedbackBody {
    fn about(&self) -> Result<QueryId, Error> {
        match (&self.answer_id, &self.query_id) {
            (Some(id), None) | (None, Some(id)) => Ok(id.clone()),
            (None, None) => Err(Error::field("answer_id", "is required, unless query_id is given")),
            (Some(_), Some(_)) => Err(Error::field("query_id", "must not be given beside answer_id")),
        }
    }

    fn says_something(&self) -> Result<(), Error> {
        let said = [self.helpful.is_some(), self.csat.is_some(), self.ces.is_some(), self.comment.is_some()];
        let something = said.contains(&true) || self.clicked.is_some();
        something
            .then_some(())
            .ok_or_else(|| Error::field("helpful", "one of helpful, csat, ces, comment and clicked is required"))
    }
}

/// `POST /v1/feedback`.
pub async fn feedback(call: Call) -> Outcome {
    let in_url = call.query::<InSpace>()?.space;
    let body: FeedbackBody = call.body()?;
    let about = body.about()?;
    body.says_something()?;
    let space = super::fields::space(body.space, in_url)?;
    let reader = call.kb().reader(&call.caller, &space)?;
    let feedback = NewFeedback {
        helpful: body.helpful,
        csat: body.csat.and_then(|score| u8::try_from(score.0).ok()),
        ces: body.ces.and_then(|score| u8::try_from(score.0).ok()),
        article_id: body.article_id,
        comment: body.comment.map(String::from),
        clicked: body.clicked,
    };
    let (kb, now) = (call.kb().clone(), call.now);
    call.state.writes.run(move || kb.record_feedback(&reader, &about, feedback, now)).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::call::Outgoing;
    use super::*;
    use crate::model::answer::{AnswerText, Handoff};
    use crate::model::article::Language;

    #[test]
    fn a_streamed_answer_says_what_a_whole_one_says() {
        let response = AnswerResponse {
            answer_id: "a_1".parse().unwrap(),
            status: AnswerStatus::Answered,
            confidence: 0.9,
            answer: Some(AnswerText {
                text: "一\n\n二 [1]".into(),
                html: "<p>一</p>".into(),
                language: Language::Zh,
                generated: false,
            }),
            citations: vec![],
            clarify: None,
            handoff: Handoff { recommended: false, reasons: vec![] },
            interpreted_question: "?".into(),
            gap_id: None,
            degraded: vec![],
            took_ms: 1.0,
        };
        let Outgoing::Whole(bytes) = events(&response).ok().unwrap().body else { unreachable!("whole") };
        insta::assert_snapshot!(String::from_utf8(bytes.to_vec()).unwrap(), @r#"
        event: meta
        data: {"answer_id":"a_1","status":"answered","confidence":0.9,"clarify":null,"handoff":{"recommended":false,"reasons":[]},"interpreted_question":"?","gap_id":null,"took_ms":1.0}

        event: delta
        data: {"text":"一\n\n"}

        event: delta
        data: {"text":"二 [1]"}

        event: citations
        data: {"citations":[]}

        event: done
        data: {"answer_id":"a_1","answer":{"text":"一\n\n二 [1]","html":"<p>一</p>","language":"zh","generated":false}}
        "#);
    }
}
