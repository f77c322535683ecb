//! Knowledge in and out: rows, failures, dry runs, and the way there and back.

use serde_json::json;

use crate::actors::TestApp;

const ROWS: &str = concat!(
    "{\"id\": \"returns\", \"title\": \"退货政策\", \"body\": \"七天内可以退货。\"}\n",
    "{\"id\": \"broken\"\n",
    "{\"id\": \"untitled\"}\n",
    "{\"id\": \"invoice\", \"title\": \"开具发票\"}\n",
);

#[test]
fn a_bad_row_is_named_and_stops_nothing_else() {
    let app = TestApp::start();
    let who = app.publisher();
    let dry = who.post_raw("/v1/import?dry_run=true", "application/x-ndjson", ROWS).expect(200);
    assert_eq!((&dry["dry_run"], &dry["created"]), (&json!(true), &json!(2)), "{dry}");
    assert_eq!(who.get("/v1/articles").expect(200)["items"], json!([]));

    let report = who.post_raw("/v1/import?publish=true&wait=searchable", "application/x-ndjson", ROWS).expect(200);
    assert_eq!((&report["rows"], &report["created"], &report["failed"]), (&json!(4), &json!(2), &json!(2)), "{report}");
    let lines: Vec<u64> = report["failures"].as_array().unwrap().iter().map(|f| f["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 3]);
    assert_eq!(who.get("/v1/search?q=%E9%80%80%E8%B4%A7").expect(200)["hits"][0]["article_id"], "returns");

    let again = who.post_raw("/v1/import?publish=true", "application/x-ndjson", ROWS).expect(200);
    assert_eq!((&again["created"], &again["unchanged"]), (&json!(0), &json!(2)), "{again}");
}

#[test]
fn publishing_an_import_needs_the_right() {
    let app = TestApp::start();
    assert_eq!(
        app.editor().post_raw("/v1/import?publish=true", "application/x-ndjson", ROWS).problem(403),
        "forbidden"
    );
}

#[test]
fn there_and_back_is_the_same_byte_for_byte() {
    let first = TestApp::start();
    let who = first.publisher();
    who.post_raw("/v1/import?publish=true", "application/x-ndjson", ROWS).expect(200);
    who.put(
        "/v1/articles/returns",
        json!({ "title": "退货政策", "body": "十五天内可以退货。", "expected_version": 1 }),
    )
    .expect(200);
    let out = who.get("/v1/export");
    assert_eq!(out.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(out.header("content-disposition"), Some("attachment; filename=\"default.ndjson\""));

    let second = TestApp::start();
    let report = second.publisher().post_raw("/v1/import?publish=true", "application/x-ndjson", &out.body).expect(200);
    assert_eq!(report["failed"], 0, "{report}");
    assert_eq!(second.publisher().get("/v1/export").body, out.body);
}

#[test]
fn a_body_that_breaks_off_is_not_one_that_ended() {
    let app = TestApp::start();
    let mut stream = std::net::TcpStream::connect(app.app().address).unwrap();
    let head = "POST /v1/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-secret-of-the-tests\r\n\
                Content-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n{\"id\": \"half\", \"title\": \"t\"";
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    drop(stream);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(app.admin().get("/v1/articles/half?version=latest").problem(404), "article_not_found");
}
