//! Ctrl-C and SIGTERM: work ends, what was done is said, and the exit code tells.

use std::sync::OnceLock;

use super::exit::Exit;

static RECEIVED: OnceLock<Exit> = OnceLock::new();

/// The signal that asked to end, if one did.
pub(super) fn received() -> Option<Exit> {
    RECEIVED.get().copied()
}

/// Waits for a signal that asks to end.
pub(super) async fn wait() {
    let exit = tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        () = terminated() => Exit::Terminated,
    };
    // The first one counts.
    let _ = RECEIVED.set(exit);
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
