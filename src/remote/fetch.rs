//! How does one file come whole? In pieces that go on where the last one broke off, checked before it gets its name.
//!
//! Invariant: a file under its own name has the size and the checksum that the hub told; until then it ends in `.part`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use ureq::Agent;
use ureq::http::HeaderMap;

/// Longest time to connect and for an answer to begin.
const BEGIN: Duration = Duration::from_secs(15);
/// Longest time for one piece; what has come by then is kept, and the next piece is asked for.
const PIECE: Duration = Duration::from_secs(30);
/// Tries in a row that bring nothing.
const TRIES: u32 = 4;
/// Wait between them; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// What talks to hubs.
pub(super) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("zhiyin/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(BEGIN))
        .timeout_recv_response(Some(BEGIN))
        .timeout_recv_body(Some(PIECE));
    config.build().into()
}

/// What a hub says of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Checksum {
    /// Of a large file.
    Sha256(String),
    /// Of a small one: git's name for it.
    GitBlob(String),
}

impl Checksum {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let tag = headers.get("x-linked-etag").or_else(|| headers.get("etag"))?.to_str().ok()?;
        let tag = tag.trim().trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        let hex = tag.chars().all(|c| c.is_ascii_hexdigit());
        match tag.len() {
            64 if hex => Some(Self::Sha256(tag)),
            40 if hex => Some(Self::GitBlob(tag)),
            _ => None,
        }
    }

    fn fits(&self, path: &Path) -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        let (mut context, wanted) = match self {
            Checksum::Sha256(wanted) => (Context::new(&SHA256), wanted),
            Checksum::GitBlob(wanted) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {}\0", file.metadata()?.len()).as_bytes());
                (context, wanted)
            }
        };
        let mut piece = vec![0; 256 * 1024];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                n => context.update(piece.get(..n).unwrap_or_default()),
            }
        }
        let found: String = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(found == *wanted)
    }
}

/// A file to be fetched.
pub(super) struct Fetch<'a> {
    agent: &'a Agent,
    url: String,
    path: PathBuf,
    checksum: Option<Checksum>,
    /// Bytes, where the hub says it.
    pub size: Option<u64>,
}

/// How a piece ended.
enum Piece {
    Whole,
    Broken(String),
}

impl<'a> Fetch<'a> {
    /// Asks the hub about a file, without following it to where it is stored: the hub itself names the checksum.
    pub fn about(agent: &'a Agent, url: &str, path: &Path) -> Result<Self, String> {
        let head = agent.head(url).config().max_redirects(0).max_redirects_will_error(false).build();
        let response = head.call().map_err(|why| format!("{url}: {why}"))?;
        let status = response.status();
        if !(status.is_success() || status.is_redirection()) {
            return Err(format!("{url} answered with status {}", status.as_u16()));
        }
        let headers = response.headers();
        let number = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
        let own = number("content-length").filter(|_| status.is_success());
        let size = number("x-linked-size").or(own);
        let checksum = Checksum::read(headers);
        Ok(Self { agent, url: url.to_owned(), path: path.to_owned(), checksum, size })
    }

    /// Fetches it, or what is missing of it; gives its size. `progress` gets the bytes that are there; false stops.
    pub fn run(&self, progress: &dyn Fn(u64) -> bool) -> Result<u64, String> {
        let told = |why: std::io::Error| format!("{}: {why}", self.path.display());
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(told)?;
        }
        if self.path.exists() && self.is_right(&self.path)? {
            return self.length(&self.path);
        }
        let mut part = self.path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let resumed = part.exists();
        self.fill(&part, progress)?;
        if !self.is_right(&part)? {
            std::fs::remove_file(&part).map_err(told)?;
            // What an earlier try left may be of another revision: once more from the beginning.
            if !resumed {
                return Err(format!("{}: its checksum is not the one the hub told; it was thrown away", self.url));
            }
            self.fill(&part, progress)?;
            if !self.is_right(&part)? {
                std::fs::remove_file(&part).map_err(told)?;
                return Err(format!("{}: its checksum is not the one the hub told; it was thrown away", self.url));
            }
        }
        std::fs::rename(&part, &self.path).map_err(told)?;
        self.length(&self.path)
    }

    fn length(&self, path: &Path) -> Result<u64, String> {
        std::fs::metadata(path).map(|m| m.len()).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn is_right(&self, path: &Path) -> Result<bool, String> {
        if self.size.is_some_and(|size| Ok(size) != self.length(path)) {
            return Ok(false);
        }
        match &self.checksum {
            Some(checksum) => checksum.fits(path).map_err(|why| format!("{}: {why}", path.display())),
            None => {
                tracing::warn!(url = self.url, "the hub told no checksum; only the size was checked");
                Ok(true)
            }
        }
    }

    fn fill(&self, part: &Path, progress: &dyn Fn(u64) -> bool) -> Result<(), String> {
        let (mut tries, mut pause) = (0, PAUSE);
        loop {
            let before = self.length(part).unwrap_or_default();
            if self.size == Some(before) && before > 0 {
                return Ok(());
            }
            match self.piece(part, before, progress)? {
                Piece::Whole => return Ok(()),
                Piece::Broken(why) => {
                    if !progress(self.length(part).unwrap_or_default()) {
                        return Err("it was stopped; fetching it again goes on from there".into());
                    }
                    if self.length(part).unwrap_or_default() > before {
                        (tries, pause) = (0, PAUSE);
                        continue;
                    }
                    tries += 1;
                    if tries == TRIES {
                        return Err(format!("{}: {why}; fetching it again goes on from there", self.url));
                    }
                    std::thread::sleep(pause);
                    pause *= 2;
                }
            }
        }
    }

    fn piece(&self, part: &Path, from: u64, progress: &dyn Fn(u64) -> bool) -> Result<Piece, String> {
        let told = |why: std::io::Error| format!("{}: {why}", part.display());
        let mut request = self.agent.get(&self.url);
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(why) => return Ok(Piece::Broken(why.to_string())),
        };
        let mut file = match response.status().as_u16() {
            206 if from > 0 => OpenOptions::new().append(true).open(part).map_err(told)?,
            // The whole file comes, whatever was asked for.
            200 => File::create(part).map_err(told)?,
            // Nothing is left to ask for, or what is there is longer than the file.
            416 => {
                std::fs::remove_file(part).map_err(told)?;
                return Ok(Piece::Broken("what was there did not fit".into()));
            }
            status => return Ok(Piece::Broken(format!("status {status}"))),
        };
        let mut there = self.length(part).unwrap_or_default();
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut bytes = vec![0; 256 * 1024];
        loop {
            match body.read(&mut bytes) {
                Ok(0) => break,
                Ok(n) => {
                    file.write_all(bytes.get(..n).unwrap_or_default()).map_err(told)?;
                    there += n as u64;
                    if !progress(there) {
                        return Err("it was stopped; fetching it again goes on from there".into());
                    }
                }
                Err(why) => return Ok(Piece::Broken(why.to_string())),
            }
        }
        file.sync_all().map_err(told)?;
        match self.size {
            Some(size) if there < size => Ok(Piece::Broken(format!("it broke off at {there} of {size} bytes"))),
            _ => Ok(Piece::Whole),
        }
    }
}
