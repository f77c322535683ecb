//! The pages that come with the program.
//!
//! Invariant: a page runs only the scripts and styles of this folder (its policy forbids anything else).

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::web::Bytes;

use super::call::{Call, Outcome, Reply};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

fn page(text: &'static str) -> Outcome {
    Ok(asset(HTML, text).with(CONTENT_SECURITY_POLICY, POLICY))
}

fn asset(content_type: &'static str, text: &'static str) -> Reply {
    Reply::bytes(StatusCode::OK, content_type, Bytes::from_static(text.as_bytes())).with(CACHE_CONTROL, "no-cache")
}

/// `GET /`.
pub async fn first_page(_: Call) -> Outcome {
    page(include_str!("../web/index.html"))
}

/// `GET /docs`.
pub async fn docs(_: Call) -> Outcome {
    page(include_str!("../web/docs.html"))
}

/// `GET /web/page.js`.
pub async fn page_script(_: Call) -> Outcome {
    Ok(asset(SCRIPT, include_str!("../web/page.js")))
}

/// `GET /web/labels.js`.
pub async fn labels_script(_: Call) -> Outcome {
    Ok(asset(SCRIPT, include_str!("../web/labels.js")))
}

/// `GET /web/docs.js`.
pub async fn docs_script(_: Call) -> Outcome {
    Ok(asset(SCRIPT, include_str!("../web/docs.js")))
}

/// `GET /web/page.css`.
pub async fn style(_: Call) -> Outcome {
    Ok(asset(STYLE, include_str!("../web/page.css")))
}

/// `GET /openapi.json`.
pub async fn openapi(call: Call) -> Outcome {
    Ok(Reply::bytes(StatusCode::OK, "application/json", call.state.openapi.clone()))
}
