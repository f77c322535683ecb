//! The program: reads the command line and does what it says.
//!
//! Invariant: the exit code says how it ended; `cli/failure.rs` has the list.

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// A search makes thousands of small pieces; the system's allocator took a tenth of its time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(why) = cli::Cli::parse().run() else { return ExitCode::SUCCESS };
    let code = cli::failure::exit_code(&why);
    if code != 0 {
        eprintln!("error: {why:#}");
    }
    ExitCode::from(code)
}
