//! `zhiyin serve`: the server, until it is asked to stop.
//!
//! Invariant: the admin key is printed once, by the start that made it, and never logged.

use std::path::PathBuf;

use clap::Args;

use super::out::Out;
use zhiyin::app::{self, App};
use zhiyin::config::{Config, Flags};
use zhiyin::http;

/// Serve the API and the page.
///
/// On an empty data directory this makes an admin key and prints it once; set
/// ZHIYIN_ADMIN_KEY to choose it.
/// SIGTERM and Ctrl-C stop the server after it has finished what it accepted.
///
/// Examples:
///   zhiyin serve
///   zhiyin serve --data-dir /var/lib/zhiyin --listen 0.0.0.0:7700
///   zhiyin serve --print-config > zhiyin.toml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Serve {
    /// Where everything is kept [default: data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the API and the page [default: 127.0.0.1:7700].
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Address of a private listener for /metrics without a key.
    #[arg(long, value_name = "ADDR:PORT")]
    metrics_listen: Option<String>,
    /// Settings, as in `zhiyin serve --print-config`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print every setting with its default, and end.
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    /// Serves until asked to stop.
    ///
    /// # Errors
    /// What kept the server from starting or ending well.
    pub fn run(self) -> anyhow::Result<()> {
        let mut out = Out::new(true);
        if self.print_config {
            out.bytes(zhiyin::config::DEFAULT_FILE.as_bytes())?;
            return out.flush();
        }
        let flags = Flags::default()
            .with("data_dir", self.data_dir.map(|dir| dir.display().to_string()))
            .with("listen", self.listen)
            .with("metrics_listen", self.metrics_listen);
        let loaded = Config::load(self.config.as_deref(), flags)?;
        app::log(&loaded.config)?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let app = App::start(&loaded.config)?;
        out.line(format!("Zhiyin listens on http://{}", app.address))?;
        if let Some(secret) = &app.admin_secret {
            out.line(format!("Admin key (shown this once): {secret}"))?;
        }
        out.flush()?;
        http::until_asked_to_stop()?;
        tracing::info!("stopping: finishing what was accepted");
        app.stop()?;
        Ok(())
    }
}
