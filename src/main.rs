//! The `ecspan` program: parses, runs, and ends with the exit code. All else is in [`cli`] and the library.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::run(cli::parse()).into()
}
