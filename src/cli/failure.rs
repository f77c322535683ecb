//! How a command ends when it did not succeed, and what its exit code says.
//!
//! Invariant: each way of failing has one exit code, listed in the help.

use std::fmt;

use serde::Deserialize;

/// What the exit codes mean, for the help.
pub const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 cannot reach the server · 4 differences or failed rows found";

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// The server said no, or failed.
    Refused(Box<Refusal>),
    /// No server answers there.
    Unreachable(String),
    /// What was asked makes no sense.
    Usage(String),
    /// The command did its work and found differences or failed rows, which it has listed.
    Found(String),
    /// Whoever read the output has gone.
    ReaderGone,
}

/// Problem details, as the server sends them (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    title: String,
    detail: String,
    code: String,
    request_id: String,
    errors: Vec<WrongField>,
    /// The problem as it came.
    #[serde(skip)]
    pub text: String,
}

#[derive(Debug, Deserialize)]
struct WrongField {
    field: String,
    message: String,
}

impl Refusal {
    /// Reads a refusal; a body that is no problem (a proxy's page, say) stands as its own detail.
    pub fn read(status: u16, text: String) -> Self {
        match serde_json::from_str::<Refusal>(&text) {
            Ok(problem) if !problem.title.is_empty() => Self { text, ..problem },
            _ => Self {
                title: format!("the server answered with status {status}"),
                detail: text.chars().take(300).collect(),
                text,
                ..Self::default()
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for wrong in &self.errors {
            write!(f, "\n  {}: {}", wrong.field, wrong.message)?;
        }
        if !self.code.is_empty() {
            write!(f, "\n  code {}, request {}", self.code, self.request_id)?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(refusal) => refusal.fmt(f),
            Failure::Unreachable(why) | Failure::Usage(why) | Failure::Found(why) => f.write_str(why),
            Failure::ReaderGone => f.write_str("the reader of the output has gone"),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code that a failure ends with.
pub fn exit_code(why: &anyhow::Error) -> u8 {
    match why.downcast_ref::<Failure>() {
        Some(Failure::ReaderGone) => 0,
        Some(Failure::Usage(_)) => 2,
        Some(Failure::Unreachable(_)) => 3,
        Some(Failure::Found(_)) => 4,
        Some(Failure::Refused(_)) | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_every_field() {
        let body = r#"{"type":"x","title":"Wrong","status":422,"detail":"two fields","code":"invalid_request","request_id":"r1",
            "errors":[{"field":"title","message":"is empty"},{"field":"tags","message":"has 51 items"}]}"#;
        let told = Refusal::read(422, body.into()).to_string();
        assert_eq!(
            told,
            "Wrong: two fields\n  title: is empty\n  tags: has 51 items\n  code invalid_request, request r1"
        );
    }

    #[test]
    fn another_body_is_told_too() {
        let told = Refusal::read(502, "<h1>Bad gateway</h1>".into()).to_string();
        assert_eq!(told, "the server answered with status 502: <h1>Bad gateway</h1>");
    }

    #[test]
    fn each_failure_has_its_code() {
        let code = |failure: Failure| exit_code(&failure.into());
        assert_eq!(code(Failure::Refused(Box::default())), 1);
        assert_eq!(code(Failure::Usage(String::new())), 2);
        assert_eq!(code(Failure::Unreachable(String::new())), 3);
        assert_eq!(code(Failure::Found(String::new())), 4);
        assert_eq!(code(Failure::ReaderGone), 0);
        assert_eq!(exit_code(&anyhow::anyhow!("anything")), 1);
    }
}
