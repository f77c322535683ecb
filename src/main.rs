//! The program: reads the command line and does what it says.
//!
//! Invariant: the exit code says how it ended; `cli/failure.rs` has the list.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let Err(why) = cli::Cli::parse().run() else { return ExitCode::SUCCESS };
    let code = cli::failure::exit_code(&why);
    if code != 0 {
        eprintln!("error: {why:#}");
    }
    ExitCode::from(code)
}
