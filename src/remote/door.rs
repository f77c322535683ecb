//! How is an OpenAI-compatible endpoint asked? JSON in and out, with retries, in bounded time, behind a breaker.
//!
//! Invariant: the key is in no message; a redirect is never followed; while the breaker is open nothing is sent.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{HeaderMap, StatusCode};
use ureq::{Agent, Error};

use super::breaker::Breaker;
use crate::model::account::Secret;

/// Wait before the second try; each further one is twice as long.
const BACKOFF: Duration = Duration::from_millis(200);
/// Characters of an endpoint's own words in a message.
const WORDS: usize = 200;

/// The way to one endpoint, and how it did.
pub(super) struct Door {
    url: String,
    key: Option<Secret>,
    agent: Agent,
    breaker: Breaker,
    /// Longest time for one try.
    timeout: Duration,
    /// Most bytes of an answer.
    most: u64,
}

/// How long an answer may be waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Tries in all.
    pub tries: u32,
    /// Longest wait before a further one, whatever the endpoint asks for: beyond it the breaker and the caller wait.
    pub pause: Duration,
    /// Longest time for all of it; unless given, each try has its own.
    pub whole: Option<Duration>,
}

/// Why nothing of use came back; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closed {
    /// The endpoint works, and refuses what it was given.
    Rejected(String),
    /// It took too long.
    Slow(String),
    /// Anything else.
    Unavailable(String),
}

impl Closed {
    /// In words.
    pub fn into_words(self) -> String {
        match self {
            Closed::Rejected(why) | Closed::Slow(why) | Closed::Unavailable(why) => why,
        }
    }
}

/// Why a try failed.
struct Failure {
    why: Closed,
    /// Whether another try may help, and the wait the endpoint asks for.
    again: Option<Option<Duration>>,
}

impl Failure {
    fn passing(why: String, wait: Option<Duration>) -> Self {
        Self { why: Closed::Unavailable(why), again: Some(wait) }
    }

    fn lasting(why: String) -> Self {
        Self { why: Closed::Unavailable(why), again: None }
    }

    /// What broke off on the way.
    fn broken(what: &str, why: &Error) -> Self {
        let words = format!("{what}: {why}");
        let why = if matches!(why, Error::Timeout(_)) { Closed::Slow(words) } else { Closed::Unavailable(words) };
        Self { why, again: Some(None) }
    }
}

impl Door {
    /// The way to an address; nothing is sent yet.
    pub fn new(url: String, key: Option<Secret>, timeout: Duration, most: u64) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("zhiyin/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(timeout))
            // A redirect would carry the key to another place.
            .max_redirects(0)
            .max_redirects_will_error(false);
        Self { url, key, agent: config.build().into(), breaker: Breaker::new(), timeout, most }
    }

    /// Posts `body` to a path below the address; `read` makes of the answer what is wanted, called `what` in messages,
    /// or says what is wrong with it.
    ///
    /// # Errors
    /// Why there is no answer, or none of use.
    pub fn ask<A: DeserializeOwned, T>(
        &self,
        path: &str,
        body: &Value,
        what: &str,
        patience: Patience,
        read: impl Fn(A) -> Result<T, String>,
    ) -> Result<T, Closed> {
        let url = format!("{}{path}", self.url);
        let (body, started) = (body.to_string(), Instant::now());
        let left = || patience.whole.map_or(self.timeout, |whole| whole.saturating_sub(started.elapsed()));
        let mut pause = BACKOFF;
        for more in (0..patience.tries).rev() {
            if let Err(wait) = self.breaker.ask(Instant::now()) {
                let seconds = wait.as_secs_f32().ceil();
                return Err(Closed::Unavailable(format!(
                    "{} has failed; it is asked again in {seconds:.0} s",
                    self.url
                )));
            }
            let read = |answer: A| read(answer).map_err(|why| Failure::lasting(format!("{url} {why}")));
            let failure = match self.once(&url, &body, what, left().min(self.timeout)).and_then(read) {
                Ok(wanted) => {
                    self.breaker.succeeded();
                    return Ok(wanted);
                }
                Err(failure) => failure,
            };
            if let Closed::Rejected(_) = failure.why {
                self.breaker.refused();
                return Err(failure.why);
            }
            self.breaker.failed(Instant::now(), failure.again.flatten());
            let wait = failure.again.map(|asked| asked.unwrap_or(pause).max(pause));
            match wait.filter(|wait| more > 0 && *wait <= patience.pause && *wait < left()) {
                Some(wait) => std::thread::sleep(wait),
                None => return Err(failure.why),
            }
            pause *= 2;
        }
        Err(Closed::Unavailable(format!("{} gave no {what}", self.url)))
    }

    fn once<A: DeserializeOwned>(&self, url: &str, body: &str, what: &str, within: Duration) -> Result<A, Failure> {
        let request = self.agent.post(url).header("content-type", "application/json");
        let mut request = request.config().timeout_global(Some(within)).build();
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        let mut response = request.send(body).map_err(|why| Failure::broken(url, &why))?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let read = response.body_mut().with_config().limit(self.most).read_to_string();
        let text = read.map_err(|why| Failure::broken(&format!("{url}: the answer broke off"), &why))?;
        if !status.is_success() {
            return Err(refusal(url, status, &text, wait));
        }
        serde_json::from_str(&text)
            .map_err(|why| Failure::lasting(format!("{url} answered with something else than {what}: {why}")))
    }
}

fn refusal(url: &str, status: StatusCode, text: &str, wait: Option<Duration>) -> Failure {
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
    let message = format!("{url} answered with status {}: {words}", status.as_u16());
    match status.as_u16() {
        400 | 413 | 422 => Failure { why: Closed::Rejected(message), again: None },
        408 | 425 | 429 | 500..=599 => Failure::passing(message, wait),
        _ => Failure::lasting(message),
    }
}

/// Seconds to wait, as the endpoint asks (RFC 9110, section 10.2.3); its form as a date is not heeded.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse::<f64>().ok().filter(|s| (0.0..=86_400.0).contains(s)).map(Duration::from_secs_f64)
}
