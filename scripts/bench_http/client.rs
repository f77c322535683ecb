//! How the bench talks to the server: one kept-open connection, a request at a time.
//!
//! Invariant: as little work as a client can do, since it shares the cores with the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};

/// The secret of the first admin key.
pub const SECRET: &str = "bench-secret-of-the-admin";

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), head: String::new() })
    }

    /// Sends a request; gives status and body.
    pub fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)?;
        self.answer()
    }

    fn line(&mut self) -> Result<&str> {
        self.head.clear();
        self.stream.read_line(&mut self.head)?;
        Ok(self.head.trim_end())
    }

    fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        let status: u16 = self.line()?.split(' ').nth(1).context("no status line")?.parse()?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                ensure!(!name.eq_ignore_ascii_case("transfer-encoding"), "the answer has no length");
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse()?;
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }

    /// A JSON request that must succeed.
    pub fn call(&mut self, method: &str, path: &str, body: &[u8]) -> Result<serde_json::Value> {
        let (status, body) = self.send(method, path, "application/json", body)?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body)?)
    }

    /// A search; gives whether the first hit is the wanted article.
    pub fn finds(&mut self, query: &str, wanted: &str) -> Result<bool> {
        let body = serde_json::to_vec(&serde_json::json!({ "query": query, "limit": 3 }))?;
        let found = self.call("POST", "/v1/search", &body)?;
        Ok(found["hits"].as_array().into_iter().flatten().any(|hit| hit["article_id"] == wanted))
    }
}
