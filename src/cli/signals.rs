//! Ctrl-C and SIGTERM: work ends, what was done is said, and the exit code tells. Another Ctrl-C ends the program at once; another
//! SIGTERM does not, since whoever supervises a program may send several.
//!
//! One listener for the whole program, from the first [`stop`] on: who waits in turns misses nothing in between.

use std::future::Future;
use std::sync::OnceLock;

use ecspan::run::Stop;

use super::exit::Exit;
use super::terminal;

static STOP: OnceLock<Stop> = OnceLock::new();
static RECEIVED: OnceLock<Exit> = OnceLock::new();

/// The signal that asked to end, if one did.
pub(super) fn received() -> Option<Exit> {
    RECEIVED.get().copied()
}

/// The wish of whoever sends a signal, for engines.
pub(super) fn stop() -> Stop {
    STOP.get_or_init(listen).clone()
}

/// Waits for a signal that asks to end, or that asked.
pub(super) fn wait() -> impl Future<Output = ()> + Send + 'static {
    stop().wait()
}

/// A file that may not grow any more (`ulimit -f`) is a full disk: a write that fails, and is told. The system would end the
/// process with SIGXFSZ, unless somebody listens.
#[cfg(unix)]
pub(super) fn outlive_full_disks() {
    /// The same everywhere but on MIPS.
    const SIGXFSZ: i32 = 25;
    // Listening is never undone. Where it fails the system does what it did.
    let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
}

#[cfg(not(unix))]
pub(super) const fn outlive_full_disks() {}

/// Before the first command waits, the default action ends the process, as it should.
fn listen() -> Stop {
    let stop = Stop::new();
    let ask = stop.clone();
    tokio::spawn(async move {
        let _first = RECEIVED.set(next().await);
        ask.request();
        if tokio::signal::ctrl_c().await.is_ok() {
            terminal::tell(
                "note",
                "interrupted again: ending at once; what was still in hand is neither sent nor saved: the same command does it anew",
            );
            std::process::exit(Exit::Interrupted.code().into());
        }
    });
    stop
}

async fn next() -> Exit {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        () = terminated() => Exit::Terminated,
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler the default action ends the process, as it should.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
