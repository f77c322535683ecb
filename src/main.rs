//! The program: reads the command line and does what it says.
//!
//! Invariant: ends with status 0 when it was done, 1 when it was not, 2 when the command line is wrong.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why:#}");
            ExitCode::FAILURE
        }
    }
}
