//! What can be said on the command line.
//!
//! Invariant: results go to the standard output, everything else to the standard error output.

mod serve;

use clap::{Parser, Subcommand};

/// Knowledge-base search and answers over versioned articles.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and the page.
    Serve(serve::Serve),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// What kept it from being done, for people.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(serve) => serve.run(),
        }
    }
}
