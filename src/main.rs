//! The `ecspan` program: parses, runs, and ends with the exit code. All else is in [`cli`] and the library.

use std::process::ExitCode;

use clap::Parser;

mod cli;

fn main() -> ExitCode {
    let cli = cli::args::Cli::parse();
    cli::run(cli).into()
}
