//! What does a language model behind an OpenAI-compatible endpoint say? `POST {url}/chat/completions`.
//!
//! Invariant: a reply is text that is not empty, and what the model thought aloud before it is left out.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::door::{Closed, Door, Patience};
use crate::kb::models::{LanguageModelSettings, NoReply, Prompt, Reply};

/// Tries within the time there is.
const TRIES: u32 = 2;
/// Longest wait between them.
const PAUSE: Duration = Duration::from_secs(2);
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
/// Between these stands what a model thinks aloud.
const THOUGHT: [&str; 2] = ["<think>", "</think>"];

/// A language model behind an endpoint.
pub(super) struct Chat {
    settings: LanguageModelSettings,
    door: Door,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

impl Chat {
    /// For an endpoint; nothing is sent yet.
    pub fn new(settings: LanguageModelSettings) -> Self {
        let door = Door::new(settings.url.clone(), settings.key.clone(), settings.timeout, MAX_ANSWER);
        Self { settings, door }
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// What it says.
    ///
    /// # Errors
    /// [`NoReply`].
    pub fn reply(&self, prompt: &Prompt) -> Result<Reply, NoReply> {
        let patience = Patience { tries: TRIES, pause: PAUSE, whole: Some(self.settings.timeout) };
        let asked = self.door.ask("/chat/completions", &self.body(prompt), "a chat completion", patience, said);
        asked.map_err(|why| match why {
            Closed::Slow(why) => NoReply::Slow(why),
            other => NoReply::Failed(other.into_words()),
        })
    }

    fn body(&self, prompt: &Prompt) -> Value {
        let mut body: Map<String, Value> = self.settings.parameters.clone();
        // Newer models of OpenAI's know the bound by the other name, and refuse this one.
        if !body.contains_key("max_completion_tokens") {
            body.insert("max_tokens".into(), json!(self.settings.max_tokens));
        }
        body.insert("model".into(), json!(self.settings.model));
        body.insert("stream".into(), json!(false));
        let message = |role: &str, text: &str| json!({ "role": role, "content": text });
        body.insert("messages".into(), json!([message("system", &prompt.system), message("user", &prompt.user)]));
        Value::Object(body)
    }
}

fn said(answer: Answer) -> Result<Reply, String> {
    let choice = answer.choices.into_iter().next().ok_or("gave no choice")?;
    if choice.finish_reason.as_deref() == Some("content_filter") {
        return Err("held its reply back".into());
    }
    let text = choice.message.content.unwrap_or_default();
    let [opens, closes] = THOUGHT;
    let said = match text.trim_start().strip_prefix(opens) {
        Some(thought) => thought.split_once(closes).map_or("", |(_, said)| said),
        None => &text,
    };
    let said = said.trim();
    if said.is_empty() {
        return Err("gave an empty reply".into());
    }
    Ok(Reply { text: said.to_owned(), whole: choice.finish_reason.as_deref() != Some("length") })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn read(answer: Value) -> Result<Reply, String> {
        said(serde_json::from_value(answer).unwrap())
    }

    #[test]
    fn a_reply_is_what_is_said_and_not_what_is_thought() {
        let of = |text: &str, reason: &str| {
            read(json!({ "choices": [{ "message": { "content": text }, "finish_reason": reason }] }))
        };
        assert_eq!(of(" yes\n", "stop"), Ok(Reply { text: "yes".into(), whole: true }));
        assert_eq!(of("<think>hm\n</think>\nyes", "length"), Ok(Reply { text: "yes".into(), whole: false }));
        assert_eq!(of("<think>never done", "length"), Err("gave an empty reply".into()));
        assert_eq!(of("x", "content_filter"), Err("held its reply back".into()));
        assert_eq!(read(json!({ "choices": [] })), Err("gave no choice".into()));
        assert_eq!(read(json!({ "choices": [{ "message": { "content": null } }] })), Err("gave an empty reply".into()));
    }

    #[test]
    fn parameters_are_passed_on_and_take_the_place_of_the_bound() {
        let settings = |parameters: Value| LanguageModelSettings {
            url: "http://a".into(),
            model: "m".into(),
            key: None,
            timeout: Duration::from_secs(1),
            max_tokens: 7,
            parallel: 1,
            parameters: parameters.as_object().unwrap().clone(),
        };
        let body = |parameters| Chat::new(settings(parameters)).body(&Prompt { system: "s".into(), user: "u".into() });
        let usual = body(json!({ "temperature": 0 }));
        assert_eq!((&usual["max_tokens"], &usual["temperature"], &usual["model"]), (&json!(7), &json!(0), &json!("m")));
        let newer = body(json!({ "max_completion_tokens": 9 }));
        assert_eq!((&newer["max_tokens"], &newer["max_completion_tokens"]), (&Value::Null, &json!(9)));
    }
}
