//! Ctrl-C and SIGTERM: work ends, what was done is said, and the exit code tells. Another Ctrl-C saves what is being sent, and ends;
//! a third one does not wait for that. Another SIGTERM changes nothing, since whoever supervises a program may send several.
//!
//! One listener for the whole program, from the first [`stop`] on: who waits in turns misses nothing in between.

use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ecspan::run::Stop;

use super::exit::Exit;
use super::{log, progress, terminal};

static STOP: OnceLock<Stop> = OnceLock::new();
static RECEIVED: OnceLock<Exit> = OnceLock::new();
static IS_CUT_SHORT: AtomicBool = AtomicBool::new(false);

/// The signal that asked to end, if one did.
pub(super) fn received() -> Option<Exit> {
    RECEIVED.get().copied()
}

/// The signal, if whoever sent it did not wait for the end either.
pub(super) fn cut_short() -> Option<Exit> {
    received().filter(|_| IS_CUT_SHORT.load(Ordering::Relaxed))
}

/// The wish of whoever sends a signal, for engines.
pub(super) fn stop() -> Stop {
    STOP.get_or_init(|| listen(&FOR_A_PERSON)).clone()
}

/// The same of a command that tells everything in structured lines, and leaves to its queue what it has not done.
pub(super) fn stop_in_a_log() -> Stop {
    STOP.get_or_init(|| listen(&FOR_A_LOG)).clone()
}

/// What is told of interruptions.
struct Words {
    tell: fn(&str),
    first: Option<&'static str>,
    second: &'static str,
    third: &'static str,
}

const FOR_A_PERSON: Words = Words {
    tell: |what| terminal::tell("note", what),
    first: Some("what is in hand is being sent; another Ctrl-C ends that, and saves it"),
    second: "interrupted again: nothing more is sent, what is in hand is saved; another Ctrl-C does not wait for that",
    third: "interrupted once more: ending at once; what was not saved yet is lost: the same command does it anew",
};

const FOR_A_LOG: Words = Words {
    tell: |what| log::say("info", what, &[]),
    // The engine says it.
    first: None,
    second: "interrupted again: what is in hand goes back to the queue",
    third: "interrupted once more: ending at once; what is in hand comes back to the queue by itself",
};

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

/// What is over so soon needs no word on how to end it sooner.
const MOMENT: Duration = Duration::from_millis(500);

/// Before the first command waits, the default action ends the process, as it should.
fn listen(words: &'static Words) -> Stop {
    let stop = Stop::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        let first = next().await;
        let _ = RECEIVED.set(first);
        asked.request();
        if hear(&asked, first, words).await.is_ok() {
            progress::end();
            std::process::exit(first.code().into());
        }
    });
    stop
}

/// Waits until whoever interrupts does not want to wait any more.
async fn hear(stop: &Stop, signal: Exit, words: &Words) -> io::Result<()> {
    let Words { tell, first, second, third } = words;
    let again = tokio::signal::ctrl_c();
    tokio::pin!(again);
    tokio::select! {
        again = &mut again => again?,
        () = tokio::time::sleep(MOMENT) => {
            if let Some(first) = first.filter(|_| signal == Exit::Interrupted && stop.is_delivering()) {
                tell(first);
            }
            again.await?;
        }
    }
    IS_CUT_SHORT.store(true, Ordering::Relaxed);
    if !stop.hurry() {
        tell("interrupted again: ending at once; nothing was being sent, and the same command does the rest anew");
        return Ok(());
    }
    tell(second);
    tokio::signal::ctrl_c().await?;
    tell(third);
    Ok(())
}

async fn next() -> Exit {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        () = terminated() => Exit::Terminated,
    }
}

/// By whoever supervises the program, or since its terminal is gone: who wants to outlive that says so beforehand (nohup).
#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let told = async |kind: SignalKind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler the default action ends the process, as it should.
        Err(_) => std::future::pending().await,
    };
    if ignores_hangup() {
        return told(SignalKind::terminate()).await;
    }
    tokio::select! {
        () = told(SignalKind::terminate()) => {}
        () = told(SignalKind::hangup()) => {}
    }
}

/// Whether a SIGHUP would change nothing. Known of Linux only.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
