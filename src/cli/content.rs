//! The content of an article as options of a command.
//!
//! Invariant: only what is given changes; what it must look like is for the server to say.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::text;

/// Fields of an article that a new version takes over from the one before.
const FIELDS: [&str; 13] = [
    "title",
    "body",
    "questions",
    "negative_questions",
    "category",
    "tags",
    "audience",
    "language",
    "attributes",
    "valid_from",
    "valid_until",
    "owner",
    "review_every_days",
];

/// What an article says and what is known of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Content")]
pub struct Content {
    /// Take the fields from this JSON file ('-': the standard input), before the options below.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Title.
    #[arg(long)]
    title: Option<String>,
    /// Body, in Markdown.
    #[arg(long, conflicts_with = "body_file")]
    body: Option<String>,
    /// File with the body ('-': the standard input).
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// Another way customers ask it; may be given more than once.
    #[arg(long, value_name = "QUESTION")]
    question: Vec<String>,
    /// A question that sounds like it but is not answered by it; may be given more than once.
    #[arg(long, value_name = "QUESTION")]
    negative_question: Vec<String>,
    /// Where it stands in the tree of subjects, such as 售后/退货.
    #[arg(long)]
    category: Option<String>,
    /// Tag; may be given more than once.
    #[arg(long)]
    tag: Vec<String>,
    /// Who may see it: public, agent, internal.
    #[arg(long)]
    audience: Option<String>,
    /// Language: zh, en; detected unless given.
    #[arg(long)]
    language: Option<String>,
    /// Attribute for filters: NAME=TEXT, or NAME:=NUMBER; may be given more than once.
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// Not live before (RFC 3339).
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Not live from then on (RFC 3339).
    #[arg(long, value_name = "TIME")]
    valid_until: Option<String>,
    /// Who keeps it right.
    #[arg(long)]
    owner: Option<String>,
    /// Days from a verification to the next review.
    #[arg(long, value_name = "DAYS")]
    review_every_days: Option<u32>,
    /// Why it is written.
    #[arg(long)]
    note: Option<String>,
}

impl Content {
    /// The content of an article as it was read.
    pub fn of(article: &Value) -> Map<String, Value> {
        let fields = FIELDS.iter().map(|field| ((*field).to_owned(), text::at(article, field).clone()));
        fields.filter(|(_, value)| !value.is_null()).collect()
    }

    /// The fields with what was given laid over them.
    ///
    /// # Errors
    /// A file that cannot be read, or an attribute without a value.
    pub fn apply(self, mut fields: Map<String, Value>) -> Result<Map<String, Value>> {
        if let Some(path) = &self.from {
            let text = read(path)?;
            let given: Map<String, Value> = serde_json::from_str(&text)
                .map_err(|why| Failure::Usage(format!("{} holds no JSON object: {why}", path.display())))?;
            fields.extend(given);
        }
        let body = match &self.body_file {
            Some(path) => Some(read(path)?),
            None => self.body,
        };
        let texts = [
            ("title", self.title),
            ("body", body),
            ("category", self.category),
            ("audience", self.audience),
            ("language", self.language),
            ("valid_from", self.valid_from),
            ("valid_until", self.valid_until),
            ("owner", self.owner),
            ("note", self.note),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                fields.insert(field.into(), text.into());
            }
        }
        let lists = [("questions", self.question), ("negative_questions", self.negative_question), ("tags", self.tag)];
        for (field, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            fields.insert(field.into(), list.into());
        }
        if let Some(days) = self.review_every_days {
            fields.insert("review_every_days".into(), days.into());
        }
        if !self.attribute.is_empty() {
            let attributes: Result<Map<String, Value>> = self.attribute.iter().map(|text| attribute(text)).collect();
            fields.insert("attributes".into(), attributes?.into());
        }
        Ok(fields)
    }
}

fn read(path: &Path) -> Result<String> {
    let told = || format!("cannot read {}", path.display());
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).with_context(told)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(told)
}

fn attribute(text: &str) -> Result<(String, Value)> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| Failure::Usage(format!("'{text}' is not NAME=TEXT or NAME:=NUMBER")))?;
    let Some(name) = name.strip_suffix(':') else { return Ok((name.to_owned(), value.into())) };
    let number: f64 =
        value.parse().map_err(|_| Failure::Usage(format!("'{value}' is not a number, as {name}:= asks for")))?;
    Ok((name.to_owned(), number.into()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        content: Content,
    }

    fn apply(words: &[&str], fields: Value) -> Value {
        let Value::Object(fields) = fields else { unreachable!("the tests give objects") };
        let cli = Cli::try_parse_from([&["zhiyin"], words].concat()).unwrap();
        Value::Object(cli.content.apply(fields).unwrap())
    }

    #[test]
    fn only_what_is_given_changes() {
        let before = Content::of(&json!({ "id": "a", "title": "old", "tags": ["x"], "owner": null, "version": 3 }));
        let after = apply(&["--title", "new", "--attribute", "sku=007", "--attribute", "days:=15"], before.into());
        assert_eq!(after, json!({ "title": "new", "tags": ["x"], "attributes": { "sku": "007", "days": 15.0 } }));
    }

    #[test]
    fn an_attribute_needs_a_value() {
        assert!(attribute("days").is_err());
        assert!(attribute("days:=many").is_err());
    }
}
