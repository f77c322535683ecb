//! How the commands talk to a server: HTTP requests out, JSON or a refusal back.
//!
//! Invariant: the only file of the command line that speaks HTTP; a failure is never taken for an answer.

use std::io::Read;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use ureq::http::{self, HeaderMap};
use ureq::{Agent, Body, SendBody};

use super::failure::{Failure, Refusal};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for the answer to an ordinary request to begin; the server has limits of its own.
const RESPONSE: Duration = Duration::from_secs(120);
/// Most bytes of an answer that is held in memory.
const MAX_ANSWER: u64 = 1 << 30;

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Request {
    method: http::Method,
    path: String,
    body: Option<Value>,
    if_match: Option<u32>,
}

impl Request {
    fn new(method: http::Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, if_match: None }
    }

    /// Reads.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(http::Method::GET, path)
    }

    /// Does something.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(http::Method::POST, path)
    }

    /// Replaces.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(http::Method::PUT, path)
    }

    /// Changes a part.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(http::Method::PATCH, path)
    }

    /// Takes away.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(http::Method::DELETE, path)
    }

    /// With a parameter, where a value is given.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let sign = if self.path.contains('?') { '&' } else { '?' };
            self.path.push(sign);
            self.path.push_str(&format!("{name}={}", encode(&value.to_string())));
        }
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Only when the article is at that version.
    #[must_use]
    pub fn if_match(mut self, version: Option<u32>) -> Self {
        self.if_match = version;
        self
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The body as it came.
    pub text: String,
    /// The body; null where there is none.
    pub value: Value,
    /// Whether a search finds the change, where that was asked.
    pub searchable: Option<bool>,
}

/// Talks to one server with one key.
pub struct Client {
    agent: Agent,
    base: String,
    key: Option<String>,
}

impl Client {
    /// For the server at that address, such as `http://127.0.0.1:7700`.
    ///
    /// # Errors
    /// [`Failure::Usage`] for an address that is none.
    pub fn new(base: &str, key: Option<String>) -> Result<Self> {
        let base = base.trim();
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        let uri = base.parse::<http::Uri>().ok();
        let fit = uri.is_some_and(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")));
        if !fit {
            return Err(
                Failure::Usage(format!("'{base}' is not a server's address, such as http://127.0.0.1:7700")).into()
            );
        }
        Ok(Self { agent: agent(true), base: base.trim_end_matches('/').to_owned(), key })
    }

    /// For a server inside this process.
    pub fn inside(address: std::net::SocketAddr, key: String) -> Self {
        // A proxy, which the environment may name, cannot reach into this process.
        Self { agent: agent(false), base: format!("http://{address}"), key: Some(key) }
    }

    /// Makes a request and reads its answer.
    ///
    /// # Errors
    /// [`Failure::Refused`], [`Failure::Unreachable`].
    pub fn call(&self, request: &Request) -> Result<Answer> {
        let (body, kind) = match &request.body {
            Some(body) => (body.to_string(), Some("application/json")),
            // A POST without a body still says so: its length is 0.
            None => (String::new(), None),
        };
        let head = self.head(request, kind)?;
        let sent = if body.is_empty() && request.method != http::Method::POST {
            self.agent.run(head.body(()).map_err(wrong)?)
        } else {
            self.agent.run(head.body(body).map_err(wrong)?)
        };
        self.answer(sent)
    }

    /// Sends a body as it is read.
    ///
    /// # Errors
    /// As [`Client::call`]; also what keeps the body from being read.
    pub fn send(&self, request: &Request, kind: &str, mut body: impl Read) -> Result<Answer> {
        let head = self.head(request, Some(kind))?;
        let request = head.body(SendBody::from_reader(&mut body)).map_err(wrong)?;
        // Reading, indexing and waiting take as long as they take.
        let request = self.agent.configure_request(request).timeout_recv_response(None).build();
        self.answer(self.agent.run(request))
    }

    /// Opens an answer to be read as it comes.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn open(&self, request: &Request) -> Result<impl Read + use<>> {
        let head = self.head(request, None)?;
        let response = self.agent.run(head.body(()).map_err(wrong)?).map_err(|why| self.unreachable(&why))?;
        let response = self.refused(response)?;
        Ok(response.into_body().into_reader())
    }

    fn head(&self, request: &Request, kind: Option<&str>) -> Result<http::request::Builder> {
        let mut head =
            http::Request::builder().method(request.method.clone()).uri(format!("{}{}", self.base, request.path));
        if let Some(key) = &self.key {
            let value = http::HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| Failure::Usage("the key has characters that no key has".into()))?;
            head = head.header(http::header::AUTHORIZATION, value);
        }
        if let Some(kind) = kind {
            head = head.header(http::header::CONTENT_TYPE, kind);
        }
        if let Some(version) = request.if_match {
            head = head.header(http::header::IF_MATCH, format!("\"{version}\""));
        }
        Ok(head)
    }

    fn answer(&self, sent: Result<http::Response<Body>, ureq::Error>) -> Result<Answer> {
        let response = self.refused(sent.map_err(|why| self.unreachable(&why))?)?;
        let searchable = searchable(response.headers());
        let text = self.text(response)?;
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)
                .map_err(|why| anyhow::anyhow!("{} did not answer with JSON: {why}", self.base))?
        };
        Ok(Answer { text, value, searchable })
    }

    fn refused(&self, response: http::Response<Body>) -> Result<http::Response<Body>> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = self.text(response)?;
        Err(Failure::Refused(Box::new(Refusal::read(status.as_u16(), text))).into())
    }

    fn text(&self, mut response: http::Response<Body>) -> Result<String> {
        let read = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        Ok(read.map_err(|why| Failure::Unreachable(format!("the answer of {} broke off: {why}", self.base)))?)
    }

    fn unreachable(&self, why: &ureq::Error) -> Failure {
        Failure::Unreachable(format!(
            "cannot reach {}: {why}\n  start a server with 'zhiyin serve', name one with --server, or a data directory with --data-dir",
            self.base
        ))
    }
}

fn agent(proxy: bool) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("zhiyin/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(RESPONSE));
    let config = if proxy { config } else { config.proxy(None) };
    config.build().into()
}

fn wrong(why: http::Error) -> Failure {
    Failure::Usage(format!("this cannot be asked of a server: {why}"))
}

fn searchable(headers: &HeaderMap) -> Option<bool> {
    headers.get("x-searchable").map(|value| value.as_bytes() == b"true")
}

/// A text as it stands in a URL (RFC 3986, section 2.3).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_parts_are_encoded() {
        let request =
            Request::get("/v1/suggest").with("q", Some("退 a&b")).with("limit", None::<u32>).with("space", Some("s"));
        assert_eq!(request.path, "/v1/suggest?q=%E9%80%80%20a%26b&space=s");
        assert_eq!(encode("a/../b"), "a%2F..%2Fb");
    }

    #[test]
    fn an_address_is_checked_before_it_is_used() {
        assert_eq!(Client::new("127.0.0.1:7700/", None).unwrap().base, "http://127.0.0.1:7700");
        for wrong in ["ftp://a", "http://", "a b"] {
            let why = Client::new(wrong, None).err().unwrap();
            assert!(matches!(why.downcast_ref(), Some(Failure::Usage(_))), "{wrong}: {why}");
        }
    }
}
