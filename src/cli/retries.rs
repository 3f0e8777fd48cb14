//! How repeated and failed attempts are told while a run goes on.

use std::time::Duration;

use ecspan::sink::Reason;

use super::terminal;

/// Tells of an attempt that failed and will be repeated.
pub(super) fn tell(name: &str, reason: &Reason, pause: Duration) {
    terminal::tell("warning", &format!("{name}: {reason}; trying again in {:.1} s", pause.as_secs_f64()));
}
