//! Every way a request can be wrong before it reaches a use case.

use serde_json::json;

use crate::actors::TestApp;

#[test]
fn unknown_paths_and_methods_are_problems_too() {
    let app = TestApp::start();
    insta::assert_snapshot!(app.nobody().get("/v2/search").story(), @r#"
    404
    {
      "type": "/docs#route_not_found",
      "title": "There is no such path",
      "status": 404,
      "detail": "there is no path /v2/search; /docs lists those there are",
      "code": "route_not_found",
      "request_id": "[request_id]"
    }
    "#);
    let refused = app.nobody().delete("/v1/search");
    assert_eq!(refused.header("allow"), Some("POST, GET"));
    insta::assert_snapshot!(refused.story(), @r#"
    405
    {
      "type": "/docs#method_not_allowed",
      "title": "The path has no such method",
      "status": 405,
      "detail": "/v1/search has no method DELETE; it has POST, GET",
      "code": "method_not_allowed",
      "request_id": "[request_id]"
    }
    "#);
}

#[test]
fn a_body_that_is_not_json_is_told_where() {
    let app = TestApp::start();
    let refused = app.admin().post_raw("/v1/search", "application/json", "{\"query\": \"a\",\n \"limit\": }");
    insta::assert_snapshot!(refused.story(), @r#"
    400
    {
      "type": "/docs#malformed_body",
      "title": "The body cannot be read",
      "status": 400,
      "detail": "the body is not valid JSON: expected value at line 2 column 11",
      "code": "malformed_body",
      "request_id": "[request_id]"
    }
    "#);
    assert_eq!(app.admin().post_raw("/v1/search", "application/json", "[]").problem(422), "invalid_query");
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let app = TestApp::start();
    let body = json!({
        "query": "", "limit": 1000, "offset": -1, "mode": "psychic", "colour": "red", "as_of": "yesterday",
        "filters": { "all": [ { "field": "tags", "op": "near", "value": 1 }, { "op": "eq" } ] },
    });
    insta::assert_snapshot!(app.admin().post("/v1/search", body).story(), @r#"
    422
    {
      "type": "/docs#invalid_query",
      "title": "The query is wrong",
      "status": 422,
      "detail": "the query has wrong fields: colour: is not a known field; known are: as_of, channel, conversation_id, explain, facets, filters, limit, log, mode, offset, query, rerank, space; filters.all[0].op: 'near' is not an operator; known are: eq, ne, in, not_in, gt, gte, lt, lte, between, under, prefix, contains, exists, missing; filters.all[1].field: is required; query: a query must not be empty; as_of: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y; mode: unknown variant `psychic`, expected one of `hybrid`, `keyword`, `semantic`; offset: must be from 0 to 1000, not -1; limit: must be from 1 to 100, not 1000",
      "code": "invalid_query",
      "request_id": "[request_id]",
      "errors": [
        {
          "field": "colour",
          "message": "is not a known field; known are: as_of, channel, conversation_id, explain, facets, filters, limit, log, mode, offset, query, rerank, space"
        },
        {
          "field": "filters.all[0].op",
          "message": "'near' is not an operator; known are: eq, ne, in, not_in, gt, gte, lt, lte, between, under, prefix, contains, exists, missing"
        },
        {
          "field": "filters.all[1].field",
          "message": "is required"
        },
        {
          "field": "query",
          "message": "a query must not be empty"
        },
        {
          "field": "as_of",
          "message": "failed to parse four digit integer as year: invalid digit, expected 0-9 but got y"
        },
        {
          "field": "mode",
          "message": "unknown variant `psychic`, expected one of `hybrid`, `keyword`, `semantic`"
        },
        {
          "field": "offset",
          "message": "must be from 0 to 1000, not -1"
        },
        {
          "field": "limit",
          "message": "must be from 1 to 100, not 1000"
        }
      ]
    }
    "#);
    let body = json!({ "body": 7, "questions": ["", "ok", 3], "tags": "a", "review_every_days": 0 });
    insta::assert_snapshot!(app.admin().post("/v1/articles", body).story(), @r#"
    422
    {
      "type": "/docs#invalid_request",
      "title": "Fields of the request are wrong",
      "status": 422,
      "detail": "the request has wrong fields: title: is required; body: invalid type: integer `7`, expected a string; review_every_days: must be from 1 to 3650, not 0; tags: invalid type: string \"a\", expected a list of at most 50 items; questions[0]: a question must not be empty; questions[2]: invalid type: integer `3`, expected a string",
      "code": "invalid_request",
      "request_id": "[request_id]",
      "errors": [
        {
          "field": "title",
          "message": "is required"
        },
        {
          "field": "body",
          "message": "invalid type: integer `7`, expected a string"
        },
        {
          "field": "review_every_days",
          "message": "must be from 1 to 3650, not 0"
        },
        {
          "field": "tags",
          "message": "invalid type: string \"a\", expected a list of at most 50 items"
        },
        {
          "field": "questions[0]",
          "message": "a question must not be empty"
        },
        {
          "field": "questions[2]",
          "message": "invalid type: integer `3`, expected a string"
        }
      ]
    }
    "#);
}

#[test]
fn every_wrong_parameter_is_named_at_once() {
    let app = TestApp::start();
    insta::assert_snapshot!(app.admin().get("/v1/search?limit=0&explain=maybe&colour=red&channel=%ff").story(), @r#"
    422
    {
      "type": "/docs#invalid_query",
      "title": "The query is wrong",
      "status": 422,
      "detail": "the query has wrong fields: channel: is not percent-encoded UTF-8; colour: is not a known field; known are: as_of, channel, conversation_id, explain, facets, limit, log, mode, offset, q, rerank, space; q: is required; limit: must be from 1 to 100, not 0; explain: invalid type: string \"maybe\", expected a boolean",
      "code": "invalid_query",
      "request_id": "[request_id]",
      "errors": [
        {
          "field": "channel",
          "message": "is not percent-encoded UTF-8"
        },
        {
          "field": "colour",
          "message": "is not a known field; known are: as_of, channel, conversation_id, explain, facets, limit, log, mode, offset, q, rerank, space"
        },
        {
          "field": "q",
          "message": "is required"
        },
        {
          "field": "limit",
          "message": "must be from 1 to 100, not 0"
        },
        {
          "field": "explain",
          "message": "invalid type: string \"maybe\", expected a boolean"
        }
      ]
    }
    "#);
    assert_eq!(app.admin().get("/v1/articles/a%20b").problem(422), "invalid_query");
    assert_eq!(app.admin().get("/v1/articles/a/versions/one").problem(422), "invalid_query");
    assert_eq!(app.admin().get("/v1/articles/a?version=1&as_of=2026-01-01T00:00:00Z").problem(422), "invalid_query");
    assert_eq!(
        app.admin().and("If-Match", "latest").put("/v1/articles/a", json!({ "title": "t" })).problem(422),
        "invalid_query"
    );
}

#[test]
fn a_body_of_another_type_is_refused() {
    let app = TestApp::start();
    insta::assert_snapshot!(app.admin().post_raw("/v1/search", "text/plain", "hello").story(), @r#"
    415
    {
      "type": "/docs#unsupported_media_type",
      "title": "The body's type is not supported",
      "status": 415,
      "detail": "send 'Content-Type: application/json' in UTF-8, not 'text/plain'",
      "code": "unsupported_media_type",
      "request_id": "[request_id]"
    }
    "#);
    let latin = app.admin().post_raw("/v1/search", "application/json; charset=latin1", "{}");
    assert_eq!(latin.problem(415), "unsupported_media_type");
    let packed = app.admin().and("Content-Encoding", "br").post("/v1/search", json!({ "query": "a" }));
    assert_eq!(packed.problem(415), "unsupported_media_type");
    assert_eq!(app.admin().post_raw("/v1/import", "application/xml", "<a/>").problem(415), "unsupported_media_type");
    let good = app.admin().post_raw("/v1/search", "application/json; charset=UTF-8", r#"{"query": "a"}"#);
    assert_eq!(good.status, 200, "{}", good.body);
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let app = TestApp::start();
    let address = app.app().address;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let body: &[u8] = b"{\"query\": \"\xff\xfe\"}";
    let head = format!(
        "POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-secret-of-the-tests\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    std::io::Write::write_all(&mut stream, &[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("malformed_body"), "{answer}");
}
