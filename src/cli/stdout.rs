//! Data on stdout. Main function: [`print`].

use std::io::{ErrorKind, Write};

use super::exit::Exit;
use super::problem::Problem;
use super::progress;

/// Prints data to stdout. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<Exit, Problem> {
    let mut out = anstream::stdout().lock();
    match progress::aside(|| out.write_all(text.as_bytes()).and_then(|()| out.flush())) {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(error) => Err(Problem::failed(format!("failed to write to stdout: {error}"))),
    }
}

/// Of a command whose data goes nowhere else. (What is only drawn may be discarded: Python and service managers do it by a `/dev/null`
/// that cannot be told from a closed stdout.)
pub(crate) fn must_be_open() -> Result<(), Problem> {
    let failed = |error| Problem::failed(format!("failed to open stdout for writing: {error}"));
    ecspan::sink::stdout().map(drop).map_err(failed)
}
