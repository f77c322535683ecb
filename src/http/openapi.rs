//! The contract as OpenAPI 3.1, made from the table of routes and the types' own schemas.
//!
//! Invariant: nothing is described by hand that the code could say itself.

use std::sync::Arc;

use actix_web::http::Method;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::error::{ProblemBody, status};
use super::idempotency::MAX_KEY;
use super::route::{Access, Answer, Intake, Replay, Route, SchemaOf};
use super::settings::HttpSettings;
use crate::error::{Code, Kind};

const SCHEMAS: &str = "/components/schemas";

/// The two worlds of schemas: a type may look different when read than when written.
struct Worlds {
    requests: SchemaGenerator,
    responses: SchemaGenerator,
}

/// The document.
pub fn document(routes: &[Arc<Route>], settings: &HttpSettings) -> Value {
    let base = SchemaSettings::draft2020_12().with(|s| s.definitions_path = SCHEMAS.into());
    let mut worlds = Worlds {
        requests: base.clone().for_deserialize().into_generator(),
        responses: base.for_serialize().into_generator(),
    };
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut worlds);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    let problem = worlds.responses.subschema_for::<ProblemBody>().to_value();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Zhiyin",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Knowledge-base search and answers over versioned articles. JSON in UTF-8, times in RFC 3339, \
                unknown fields refused, every wrong field named. Writes are on disk when they are acknowledged.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "An API key." } },
            "responses": { "Problem": {
                "description": "What went wrong (RFC 9457).",
                "content": { "application/problem+json": { "schema": problem } },
            }},
            "schemas": {},
        },
        "x-limits": limits(settings),
        "x-error-codes": codes(),
    });
    join_schemas(&mut document, worlds);
    document
}

/// Puts both worlds' definitions into the document; what differs gets the ending `Input` on the request side.
fn join_schemas(document: &mut Value, mut worlds: Worlds) {
    let mut schemas = worlds.responses.take_definitions(true);
    let mut inputs = worlds.requests.take_definitions(true);
    let differing = |name: &String, schema: &Value| schemas.get(name).is_some_and(|other| other != schema);
    let renamed: Vec<String> = inputs.iter().filter(|(n, s)| differing(n, s)).map(|(n, _)| n.clone()).collect();
    for name in &renamed {
        let (old, new) = (format!("#{SCHEMAS}/{name}"), format!("#{SCHEMAS}/{name}Input"));
        inputs.values_mut().for_each(|schema| point_elsewhere(schema, &old, &new));
        for operation in request_parts(document) {
            point_elsewhere(operation, &old, &new);
        }
    }
    for (name, schema) in inputs {
        let name = if renamed.contains(&name) { format!("{name}Input") } else { name };
        schemas.insert(name, schema);
    }
    if let Some(place) = document.pointer_mut(SCHEMAS) {
        *place = Value::Object(schemas);
    }
}

fn request_parts(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(|p| p.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut());
    operations.filter_map(Value::as_object_mut).flat_map(|operation| {
        operation.iter_mut().filter(|(name, _)| matches!(name.as_str(), "requestBody" | "parameters")).map(|(_, v)| v)
    })
}

fn point_elsewhere(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| point_elsewhere(item, old, new)),
        Value::Object(fields) => fields.values_mut().for_each(|field| point_elsewhere(field, old, new)),
        _ => {}
    }
}

fn operation(route: &Route, worlds: &mut Worlds) -> Value {
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "tags": [tag(route.path)],
        "parameters": parameters(route, worlds),
        "responses": responses(route, worlds),
    });
    let Value::Object(fields) = &mut operation else {
        return operation;
    };
    match route.access {
        Access::Open => {
            fields.insert("security".into(), json!([]));
        }
        Access::Scope(scope) => {
            fields.insert("x-scope".into(), json!(scope.as_str()));
        }
    }
    if let Some(body) = request_body(route, worlds) {
        fields.insert("requestBody".into(), body);
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let path = route.path.replace("/v1", "").replace(['{', '}'], "").replace(['/', '.'], "_");
    format!("{}{path}", route.method.as_str().to_ascii_lowercase())
}

fn tag(path: &str) -> &str {
    let part = path.trim_start_matches("/v1").trim_start_matches('/').split('/').next().unwrap_or_default();
    match part {
        "search" | "suggest" | "similar" => "search",
        "answer" | "feedback" => "answers",
        "import" | "export" => "exchange",
        "dictionary" => "curation",
        "articles" | "gaps" => part,
        "spaces" | "keys" | "audit" => "administration",
        _ => "server",
    }
}

fn parameters(route: &Route, worlds: &mut Worlds) -> Vec<Value> {
    let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = parts
        .map(|name| {
            let kind = if name == "n" { "integer" } else { "string" };
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } })
        })
        .collect();
    if let Some(query) = route.query {
        all.extend(query_parameters(query, &mut worlds.requests));
    }
    if route.if_match {
        all.push(header("If-Match", "The version the write is based on, in quotes.", json!({ "type": "string" })));
    }
    if route.method == Method::POST && route.replay != Replay::Never {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": MAX_KEY });
        all.push(header("Idempotency-Key", "A repeat with this key within 24 h gets the first answer.", schema));
    }
    all
}

fn header(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema })
}

fn query_parameters(query: SchemaOf, generator: &mut SchemaGenerator) -> Vec<Value> {
    let schema = query(generator).to_value();
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let describe = |(name, field): (&String, &Value)| {
        let description = field.get("description").cloned().unwrap_or_default();
        json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()),
                "description": description, "schema": field, "style": "form", "explode": false })
    };
    fields.map(describe).collect()
}

fn request_body(route: &Route, worlds: &mut Worlds) -> Option<Value> {
    match route.intake {
        Intake::Nothing => None,
        Intake::Json => {
            let schema = route.body.map(|make| make(&mut worlds.requests).to_value())?;
            Some(json!({ "content": { "application/json": { "schema": schema } } }))
        }
        Intake::Stream => {
            let json = route.body.map(|make| make(&mut worlds.requests).to_value());
            let types = route.accepts.iter().map(|accepts| {
                let schema = json.clone().filter(|_| *accepts == "application/json");
                ((*accepts).to_owned(), json!({ "schema": schema.unwrap_or_else(|| json!({ "type": "string" })) }))
            });
            Some(json!({ "required": true, "content": types.collect::<Map<_, _>>() }))
        }
    }
}

fn responses(route: &Route, worlds: &mut Worlds) -> Value {
    let mut all = Map::new();
    for answer in &route.answers {
        let described = all.entry(answer.status.to_string()).or_insert_with(|| {
            json!({ "description": title(answer), "headers": { "X-Request-Id": { "schema": { "type": "string" } } } })
        });
        let Value::Object(described) = described else { continue };
        if answer.content_type.is_empty() {
            continue;
        }
        let schema = match answer.schema {
            Some(make) => make(&mut worlds.responses).to_value(),
            None => json!({ "type": "string" }),
        };
        let content = described.entry("content").or_insert_with(|| json!({}));
        if let Value::Object(content) = content {
            content.insert(answer.content_type.to_owned(), json!({ "schema": schema }));
        }
    }
    all.insert("default".into(), json!({ "$ref": "#/components/responses/Problem" }));
    Value::Object(all)
}

fn title(answer: &Answer) -> &'static str {
    match answer.status {
        201 => "Made.",
        202 => "Accepted.",
        503 => "Not ready.",
        _ => "Done.",
    }
}

fn limits(settings: &HttpSettings) -> Value {
    json!({
        "body_bytes": settings.max_body,
        "import_bytes": settings.max_import,
        "requests_per_second_and_key": settings.key_rate,
        "requests_per_second_and_address_without_key": settings.public_rate,
        "deadline_ms": u64::try_from(settings.deadline.as_millis()).unwrap_or(u64::MAX),
    })
}

fn codes() -> Vec<Value> {
    let who = |kind| match kind {
        Kind::Caller => "caller",
        Kind::Wait => "wait",
        Kind::Operator => "operator",
    };
    let describe = |code: &Code| json!({ "code": code.as_str(), "status": status(*code).as_u16(), "title": code.title(), "who_acts": who(code.kind()) });
    Code::ALL.iter().map(describe).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::super::routes;
    use super::*;

    fn contract() -> (Vec<Arc<Route>>, Value) {
        let routes: Vec<Arc<Route>> = routes::all().into_iter().map(Arc::new).collect();
        let document = document(&routes, &crate::http::settings::tests::small());
        (routes, document)
    }

    #[test]
    fn every_route_is_described_and_every_description_is_a_route() {
        let (routes, document) = contract();
        let mut described = BTreeSet::new();
        for (path, methods) in document.get("paths").unwrap().as_object().unwrap() {
            described.extend(methods.as_object().unwrap().keys().map(|m| format!("{} {path}", m.to_uppercase())));
        }
        let served: BTreeSet<String> = routes.iter().map(|r| format!("{} {}", r.method, r.path)).collect();
        assert_eq!(served.len(), routes.len(), "a route stands twice in the table");
        assert_eq!(described, served);
    }

    #[test]
    fn every_reference_leads_somewhere_and_ids_are_unique() {
        let (_, document) = contract();
        let (mut references, mut ids) = (Vec::new(), Vec::new());
        collect(&document, &mut references, &mut ids);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }

    fn collect(value: &Value, references: &mut Vec<String>, ids: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, references, ids)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    match (name.as_str(), field) {
                        ("$ref", Value::String(text)) => references.push(text.clone()),
                        ("operationId", Value::String(text)) => ids.push(text.clone()),
                        _ => collect(field, references, ids),
                    }
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_paths_of_the_contract() {
        let (routes, _) = contract();
        let scope = |r: &Route| match r.access {
            Access::Open => "open".to_owned(),
            Access::Scope(scope) => scope.as_str().to_owned(),
        };
        let table: Vec<String> = routes.iter().map(|r| format!("{} {} ({})", r.method, r.path, scope(r))).collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        POST /v1/search (search)
        GET /v1/search (search)
        POST /v1/search/batch (search)
        GET /v1/suggest (search)
        POST /v1/similar (search)
        GET /v1/articles/{id}/related (search)
        POST /v1/answer (search)
        POST /v1/classify (search)
        POST /v1/feedback (search)
        GET /v1/articles (articles:read)
        GET /v1/articles/{id} (articles:read)
        GET /v1/articles/{id}/versions (articles:read)
        GET /v1/articles/{id}/versions/{n} (articles:read)
        GET /v1/articles/{id}/diff (articles:read)
        GET /v1/articles/{id}/publications (articles:read)
        POST /v1/articles (articles:write)
        PUT /v1/articles/{id} (articles:write)
        POST /v1/articles/{id}/submit (articles:write)
        POST /v1/articles/{id}/approve (articles:publish)
        POST /v1/articles/{id}/reject (articles:publish)
        POST /v1/articles/{id}/publish (articles:publish)
        POST /v1/articles/{id}/unpublish (articles:publish)
        POST /v1/articles/{id}/archive (articles:publish)
        POST /v1/articles/{id}/restore (articles:publish)
        POST /v1/articles/{id}/rollback (articles:publish)
        POST /v1/articles/{id}/preview (articles:write)
        POST /v1/articles/{id}/verify (articles:publish)
        POST /v1/import (articles:write)
        GET /v1/export (articles:read)
        POST /v1/interactions (interactions)
        GET /v1/analytics/overview (analytics)
        GET /v1/analytics/questions (analytics)
        GET /v1/analytics/topics (analytics)
        GET /v1/analytics/articles (analytics)
        GET /v1/analytics/channels (analytics)
        GET /v1/analytics/coverage (analytics)
        GET /v1/analytics/forecast (analytics)
        GET /v1/analytics/alerts (analytics)
        GET /v1/tasks (articles:write)
        POST /v1/tasks/{id}/close (articles:write)
        GET /v1/gaps (gaps)
        POST /v1/gaps/replay (gaps)
        POST /v1/gaps/consolidate (gaps)
        GET /v1/gaps/pareto (gaps)
        GET /v1/gaps/{id} (gaps)
        POST /v1/gaps/{id}/dismiss (gaps)
        POST /v1/gaps/{id}/draft (gaps)
        POST /v1/gaps/{id}/link (gaps)
        POST /v1/gaps/{id}/merge (gaps)
        POST /v1/gaps/{id}/split (gaps)
        POST /v1/gaps/{id}/reopen (gaps)
        GET /v1/dictionary (curate)
        PUT /v1/dictionary (curate)
        GET /v1/classifiers (curate)
        GET /v1/classifiers/{name} (curate)
        PUT /v1/classifiers/{name} (curate)
        DELETE /v1/classifiers/{name} (curate)
        GET /v1/golden (curate)
        POST /v1/golden (curate)
        POST /v1/golden/import (curate)
        POST /v1/golden/run (curate)
        GET /v1/golden/{id} (curate)
        PUT /v1/golden/{id} (curate)
        DELETE /v1/golden/{id} (curate)
        GET /v1/duplicates (curate)
        GET /v1/pins (curate)
        POST /v1/pins (curate)
        GET /v1/pins/{id} (curate)
        PUT /v1/pins/{id} (curate)
        DELETE /v1/pins/{id} (curate)
        GET /v1/synonyms (curate)
        POST /v1/synonyms (curate)
        PUT /v1/synonyms (curate)
        POST /v1/synonyms/preview (curate)
        DELETE /v1/synonyms/{id} (curate)
        GET /v1/spaces (admin)
        POST /v1/spaces (admin)
        GET /v1/spaces/{id} (admin)
        PATCH /v1/spaces/{id} (admin)
        GET /v1/spaces/{id}/stats (admin)
        POST /v1/spaces/{id}/verify (admin)
        POST /v1/spaces/{id}/reindex (admin)
        GET /v1/spaces/{id}/webhook (admin)
        PUT /v1/spaces/{id}/webhook (admin)
        DELETE /v1/spaces/{id}/webhook (admin)
        GET /v1/keys (admin)
        POST /v1/keys (admin)
        DELETE /v1/keys/{id} (admin)
        GET /v1/models (admin)
        POST /v1/models (admin)
        GET /v1/models/{id} (admin)
        DELETE /v1/models/{id} (admin)
        POST /v1/erase (admin)
        GET /v1/audit (admin)
        GET /healthz (open)
        GET /readyz (open)
        GET /metrics (metrics)
        GET /openapi.json (open)
        GET /docs (open)
        GET / (open)
        GET /web/page.js (open)
        GET /web/labels.js (open)
        GET /web/docs.js (open)
        GET /web/page.css (open)
        "#);
    }
}
