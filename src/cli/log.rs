//! Structured lines on stderr, of the commands that run for ever: `level=info msg=delivered task=prod/…`. Main function:
//! [`say`].

use std::fmt::Write as _;

use ecspan::render::escape;

use super::terminal;

/// Tells something. Fields without a value are left out.
pub(super) fn say(level: &str, message: &str, fields: &[(&str, &str)]) {
    let mut line = format!("level={level} msg={}", quoted(message));
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(line, " {key}={}", quoted(value));
    }
    terminal::say(&line);
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let value = escape::text(value);
    if value.chars().all(plain) { value } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}
