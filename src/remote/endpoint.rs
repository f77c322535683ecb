//! Which vector does an OpenAI-compatible endpoint give? `POST {url}/embeddings`, in batches, with retries.
//!
//! Invariant: a vector that is handed on has the configured dimension and length 1; the key is in no message.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};
use zhiyin_index::embed::{EmbedError, Embedder, Role};

use super::breaker::Breaker;
use crate::kb::models::EndpointSettings;

/// Tries of a request for somebody who waits, and of one that can wait.
const QUERY_TRIES: u32 = 2;
const PASSAGE_TRIES: u32 = 4;
/// Wait before the second try; each further one is twice as long.
const BACKOFF: Duration = Duration::from_millis(200);
/// Longest wait before a try, whatever the endpoint asks for: beyond it the breaker and the caller wait instead.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_QUERY_WAIT: Duration = Duration::from_millis(500);
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;
/// Characters of an endpoint's own words in a message.
const WORDS: usize = 200;

/// An embedder behind an endpoint.
pub struct EndpointEmbedder {
    id: String,
    settings: EndpointSettings,
    agent: Agent,
    breaker: Breaker,
}

/// Why a try failed.
struct Failure {
    error: EmbedError,
    /// Whether another try may help, and the wait the endpoint asks for.
    again: Option<Option<Duration>>,
}

impl Failure {
    fn passing(why: String, wait: Option<Duration>) -> Self {
        Self { error: EmbedError::Unavailable(why), again: Some(wait) }
    }

    fn lasting(why: String) -> Self {
        Self { error: EmbedError::Unavailable(why), again: None }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl EndpointEmbedder {
    /// For an endpoint; nothing is sent yet.
    pub fn new(settings: EndpointSettings) -> Self {
        let EndpointSettings { url, model, dimension, query_prefix, passage_prefix, .. } = &settings;
        let named = format!("{url}\n{model}\n{dimension}\n{query_prefix}\n{passage_prefix}");
        let hash = blake3::hash(named.as_bytes()).to_hex();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("zhiyin/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(settings.timeout))
            // A redirect would carry the key to another place.
            .max_redirects(0)
            .max_redirects_will_error(false);
        Self {
            id: format!("endpoint-{}", hash.get(..32).unwrap_or_default()),
            agent: config.build().into(),
            settings,
            breaker: Breaker::new(),
        }
    }

    fn request(&self, texts: &[String], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let (tries, longest) = match role {
            Role::Query => (QUERY_TRIES, LONGEST_QUERY_WAIT),
            Role::Passage => (PASSAGE_TRIES, LONGEST_WAIT),
        };
        let mut pause = BACKOFF;
        for left in (0..tries).rev() {
            if let Err(wait) = self.breaker.ask(Instant::now()) {
                let message = format!(
                    "{} has failed; it is asked again in {:.0} s",
                    self.settings.url,
                    wait.as_secs_f32().ceil()
                );
                return Err(EmbedError::Unavailable(message));
            }
            let failure = match self.once(texts) {
                Ok(vectors) => {
                    self.breaker.succeeded();
                    return Ok(vectors);
                }
                Err(failure) => failure,
            };
            if let EmbedError::Rejected(_) = failure.error {
                self.breaker.refused();
                return Err(failure.error);
            }
            self.breaker.failed(Instant::now(), failure.again.flatten());
            let wait = failure.again.map(|asked| asked.unwrap_or(pause).max(pause));
            match wait.filter(|wait| left > 0 && *wait <= longest) {
                Some(wait) => std::thread::sleep(wait),
                None => return Err(failure.error),
            }
            pause *= 2;
        }
        Err(EmbedError::Unavailable(format!("{} gave no vectors", self.settings.url)))
    }

    fn once(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        let url = format!("{}/embeddings", self.settings.url);
        let body = json!({ "model": self.settings.model, "input": texts, "encoding_format": "float" });
        let mut request = self.agent.post(&url).header("content-type", "application/json");
        if let Some(key) = &self.settings.key {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        let sent = request.send(body.to_string());
        let mut response = sent.map_err(|why| Failure::passing(format!("{url}: {why}"), None))?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let read = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = read.map_err(|why| Failure::passing(format!("{url}: the answer broke off: {why}"), None))?;
        if !status.is_success() {
            return Err(refusal(&url, status, &text, wait));
        }
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|why| Failure::lasting(format!("{url} answered with something else than vectors: {why}")))?;
        self.vectors(answer, texts.len()).map_err(|why| Failure::lasting(format!("{url} {why}")))
    }

    fn vectors(&self, answer: Answer, wanted: usize) -> Result<Vec<Vec<f32>>, String> {
        let mut items: Vec<(usize, Vec<f32>)> = answer
            .data
            .into_iter()
            .enumerate()
            .map(|(place, item)| (item.index.unwrap_or(place), item.embedding))
            .collect();
        items.sort_by_key(|(place, _)| *place);
        if items.len() != wanted || items.iter().enumerate().any(|(n, (place, _))| n != *place) {
            return Err(format!("gave {} vectors for {wanted} texts", items.len()));
        }
        let dimension = self.settings.dimension;
        if let Some((_, odd)) = items.iter().find(|(_, vector)| vector.len() != dimension) {
            return Err(format!("gave a vector of {} values; the configuration says {dimension}", odd.len()));
        }
        let unit = |(_, mut vector): (usize, Vec<f32>)| {
            let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
            if !length.is_finite() {
                return Err("gave a vector whose values are not finite".to_owned());
            }
            if length > 0.0 {
                for x in &mut vector {
                    *x = (f64::from(*x) / length) as f32;
                }
            }
            Ok(vector)
        };
        items.into_iter().map(unit).collect()
    }
}

fn refusal(url: &str, status: StatusCode, text: &str, wait: Option<Duration>) -> Failure {
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
    let message = format!("{url} answered with status {}: {words}", status.as_u16());
    match status.as_u16() {
        400 | 413 | 422 => Failure { error: EmbedError::Rejected(message), again: None },
        408 | 425 | 429 | 500..=599 => Failure::passing(message, wait),
        _ => Failure::lasting(message),
    }
}

/// Seconds to wait, as the endpoint asks (RFC 9110, section 10.2.3); its form as a date is not heeded.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse::<f64>().ok().filter(|s| (0.0..=86_400.0).contains(s)).map(Duration::from_secs_f64)
}

impl Embedder for EndpointEmbedder {
    fn id(&self) -> &str {
        &self.id
    }

    fn dimension(&self) -> usize {
        self.settings.dimension
    }

    fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let prefix = if role == Role::Query { &self.settings.query_prefix } else { &self.settings.passage_prefix };
        let mut vectors = vec![vec![0.0; self.settings.dimension]; texts.len()];
        let said: Vec<(usize, String)> = texts
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(place, text)| (place, format!("{prefix}{text}")))
            .collect();
        for batch in said.chunks(self.settings.batch.max(1)) {
            let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
            for ((place, _), vector) in batch.iter().zip(self.request(&texts, role)?) {
                if let Some(target) = vectors.get_mut(*place) {
                    *target = vector;
                }
            }
        }
        Ok(vectors)
    }
}
