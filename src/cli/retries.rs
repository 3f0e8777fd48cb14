//! How repeated and failed attempts are told while a run goes on.

use std::time::Duration;

use ecspan::sink::Reason;

use super::terminal;

/// Tells of what was not accepted.
pub(super) fn tell_lost(name: &str, items: u64, reason: &str) {
    terminal::tell("error", &format!("{name}: {items} not accepted: {reason}"));
}

/// Tells of an attempt that failed and will be repeated.
pub(super) fn tell(name: &str, reason: &Reason, pause: Duration) {
    terminal::tell("warning", &format!("{name}: {reason}; trying again in {:.1} s", pause.as_secs_f64()));
}
