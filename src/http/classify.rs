//! Classifying texts, and the classifiers a space keeps, over HTTP.
//!
//! Invariant: exactly one teacher is named: a classifier, examples, or the space's own labels.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::{self, Body};
use super::call::{Call, Incoming, Outcome, Reply};
use super::error::Problem;
use super::fields::{AtMost, Between, InSpace, Whole};
use crate::error::{Code, Error, FieldError};
use crate::id::{ClassifierName, SpaceId};
use crate::model::classify::{
    ClassifyRequest, ClassifyResponse, LabelledExample, LabelsFrom, MAX_EXAMPLES, MAX_EXAMPLES_INLINE, MAX_TEXTS,
    MAX_TOP, Teacher,
};
use crate::model::text::QueryText;

/// Media types that examples may have.
pub const EXAMPLE_TYPES: &[&str] = &["application/json", "application/x-ndjson"];
/// Labels shown unless said otherwise.
const TOP: u32 = 3;
/// Most bytes of examples.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Wrong lines that are named.
const MAX_NAMED: usize = 20;

/// Texts to classify.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClassifyRequest")]
pub struct ClassifyBody {
    /// The text; it or `texts`.
    #[serde(default)]
    text: Option<QueryText>,
    /// Several texts.
    #[serde(default)]
    texts: Option<AtMost<QueryText, MAX_TEXTS>>,
    /// The space; `default` unless given.
    #[serde(default)]
    space: Option<SpaceId>,
    /// A classifier of the space; it, `examples` or `labels_from`.
    #[serde(default)]
    classifier: Option<ClassifierName>,
    /// Labelled examples to learn from, for this request only.
    #[serde(default)]
    examples: Option<AtMost<LabelledExample, MAX_EXAMPLES_INLINE>>,
    /// Learn from the space's own articles; `categories` where nothing else is named.
    #[serde(default)]
    labels_from: Option<LabelsFrom>,
    /// Labels shown of each text; 3 unless given.
    #[serde(default)]
    top: Option<Between<1, MAX_TOP>>,
}

impl Body for ClassifyBody {}

impl ClassifyBody {
    fn request(self) -> Result<ClassifyRequest, Error> {
        let texts = match (self.text, self.texts) {
            (Some(text), None) => vec![text],
            (None, Some(texts)) if !texts.0.is_empty() => texts.0,
            (None, Some(_)) => return Err(Error::field("texts", "must not be empty")),
            (None, None) => return Err(Error::field("text", "is required, unless texts is given")),
            (Some(_), Some(_)) => return Err(Error::field("texts", "must not be given beside text")),
        };
        let teacher = match (self.classifier, self.examples, self.labels_from) {
            (Some(name), None, None) => Teacher::Named(name),
            (None, Some(examples), None) if !examples.0.is_empty() => Teacher::Examples(examples.0),
            (None, Some(_), None) => return Err(Error::field("examples", "must not be empty")),
            (None, None, from) => Teacher::Space(from.unwrap_or(LabelsFrom::Categories)),
            _ => {
                let message = "only one of classifier, examples and labels_from may be given";
                return Err(Error::field("classifier", message));
            }
        };
        Ok(ClassifyRequest { texts, teacher, top: self.top.map_or(TOP, |top| top.0) })
    }
}

/// `POST /v1/classify`.
pub async fn classify(call: Call) -> Outcome {
    let in_url = call.query::<InSpace>()?.space;
    let mut body: ClassifyBody = call.body()?;
    let space = super::fields::space(body.space.take(), in_url)?;
    let reader = call.kb().reader(&call.caller, &space)?;
    let request = body.request()?;
    let kb = call.kb().clone();
    let response: ClassifyResponse = call.state.searches.run(move || kb.classify(&reader, &request)).await?;
    Reply::ok(&response)
}

/// Labelled examples.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Classifier")]
pub struct ClassifierBody {
    /// Every example.
    examples: AtMost<LabelledExample, MAX_EXAMPLES>,
}

impl Body for ClassifierBody {}

/// `PUT /v1/classifiers/{name}`.
pub async fn put(mut call: Call) -> Outcome {
    let name: ClassifierName = call.part("name")?;
    let space = call.query::<InSpace>()?.space.unwrap_or_else(SpaceId::default_space);
    let curator = call.kb().curator(&call.caller, &space)?;
    let lines = is_ndjson(&call)?;
    let body = std::mem::replace(&mut call.body, Incoming::Whole(Bytes::new()));
    let Incoming::Stream(mut payload) = body else {
        return Err(Problem::internal("a classifier's body was read before its handler"));
    };
    let mut bytes = Vec::new();
    while let Some(piece) = payload.next().await? {
        if bytes.len() + piece.len() > MAX_BYTES {
            let detail = format!("a classifier's examples may have {MAX_BYTES} bytes");
            return Err(Problem::new(Code::PayloadTooLarge, detail));
        }
        bytes.extend_from_slice(&piece);
    }
    let (kb, now) = (call.kb().clone(), call.now);
    let examples = if lines { parse_lines(&bytes)? } else { body::parse::<ClassifierBody>(&bytes)?.examples.0 };
    let view = call.state.bulk.run(move || kb.put_classifier(&curator, &name, examples, now)).await?;
    Reply::ok(&view)
}

fn is_ndjson(call: &Call) -> Result<bool, Problem> {
    let header = call.head.headers().get(CONTENT_TYPE).map(|h| h.to_str().unwrap_or("?").to_ascii_lowercase());
    let text = header.unwrap_or_else(|| EXAMPLE_TYPES.join(""));
    match text.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(false),
        "application/x-ndjson" | "application/jsonl" => Ok(true),
        other => {
            let detail = format!("examples are {}; not '{other}'", EXAMPLE_TYPES.join(" or "));
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}

/// One example a line; every wrong line is named, up to a number of them.
fn parse_lines(bytes: &[u8]) -> Result<Vec<LabelledExample>, Error> {
    let mut examples = Vec::new();
    let mut wrong = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(example) => examples.push(example),
            Err(why) if wrong.len() < MAX_NAMED => {
                wrong.push(FieldError::new(format!("line {}", at + 1), why.to_string()))
            }
            Err(_) => {}
        }
    }
    if wrong.is_empty() { Ok(examples) } else { Err(Error::InvalidRequest(wrong)) }
}

/// `GET /v1/classifiers`.
pub async fn list(call: Call) -> Outcome {
    let space = call.query::<InSpace>()?.space.unwrap_or_else(SpaceId::default_space);
    let curator = call.kb().curator(&call.caller, &space)?;
    let kb = call.kb().clone();
    let found = call.state.searches.run(move || kb.list_classifiers(&curator)).await?;
    Reply::ok(&Whole::of(found))
}

/// `GET /v1/classifiers/{name}`.
pub async fn get(call: Call) -> Outcome {
    let name: ClassifierName = call.part("name")?;
    let space = call.query::<InSpace>()?.space.unwrap_or_else(SpaceId::default_space);
    let curator = call.kb().curator(&call.caller, &space)?;
    let kb = call.kb().clone();
    Reply::ok(&call.state.searches.run(move || kb.get_classifier(&curator, &name)).await?)
}

/// `DELETE /v1/classifiers/{name}`.
pub async fn delete(call: Call) -> Outcome {
    let name: ClassifierName = call.part("name")?;
    let space = call.query::<InSpace>()?.space.unwrap_or_else(SpaceId::default_space);
    let curator = call.kb().curator(&call.caller, &space)?;
    let (kb, now) = (call.kb().clone(), call.now);
    Reply::ok(&call.state.writes.run(move || kb.delete_classifier(&curator, &name, now)).await?)
}
