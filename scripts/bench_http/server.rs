//! The server under test, in a process of its own.
//!
//! Invariant: it ends when its standard input does, as after a graceful stop.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zhiyin::app::App;
use zhiyin::config::Config;
use zhiyin::model::account::Secret;

use super::client::{Client, SECRET};

/// Serves `dir/data` until the standard input ends.
pub fn serve(dir: &Path) -> Result<()> {
    let config = Config {
        data_dir: dir.join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        admin_key: Some(Secret::new(SECRET.to_owned())),
        key_rate: 1_000_000,
        log_filter: "warn".into(),
        ..Config::default()
    };
    zhiyin::app::log(&config)?;
    let app = App::start(&config)?;
    println!("{}", app.address);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(app.stop()?)
}

/// A running server.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub fn start(dir: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let server = Self { child, address: line.trim().parse().context("the server did not start")? };
        let mut client = Client::new(server.address)?;
        while client.send("GET", "/readyz", "application/json", b"")?.0 != 200 {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Stops it gracefully.
    pub fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        ensure!(self.child.wait()?.success(), "the server ended badly");
        Ok(())
    }

    /// Waits until the server has had next to nothing to do for a while: merges and graphs are made.
    pub fn settle(&self) -> Result<()> {
        let limit = Instant::now() + Duration::from_secs(300);
        let mut quiet = 0;
        while quiet < 4 && Instant::now() < limit {
            let before = self.ticks()?;
            std::thread::sleep(Duration::from_secs(1));
            quiet = if self.ticks()? - before <= 5 { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    /// Processor time used, in hundredths of a second.
    fn ticks(&self) -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, rest) = stat.rsplit_once(')').context("no process name")?;
        let fields: Vec<u64> = rest.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
        Ok(fields.iter().sum())
    }

    /// Resident memory.
    pub fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmRSS"));
        line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }
}
