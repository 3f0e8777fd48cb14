//! The severity that a log line states: in JSON, in logfmt, or as text. Pure, and shy: a line that does not say has none.
//! Main function: [`of`].

use serde_json::Value;

/// A severity, as a line states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severity {
    /// OpenTelemetry's severity number, 1 to 24.
    pub number: u8,
    /// The word (or number) as it stands in the line.
    pub text: String,
}

/// OpenTelemetry's numbers for what the field's libraries write; syslog's as the data model's appendix maps them.
const NAMES: [(u8, &[&str]); 9] = [
    (1, &["trace", "trc", "trce", "finest", "silly"]),
    (5, &["debug", "dbg", "dbug", "fine", "finer", "verbose"]),
    (9, &["info", "inf", "information", "informational"]),
    (10, &["notice"]),
    (13, &["warn", "warning", "wrn"]),
    (17, &["error", "err", "eror", "fail", "severe"]),
    (18, &["critical", "crit"]),
    (19, &["alert"]),
    (21, &["fatal", "panic", "dpanic", "emergency", "emerg"]),
];

/// Where JSON and logfmt put it.
const KEYS: [&str; 11] = [
    "level",
    "severity",
    "lvl",
    "log.level",
    "loglevel",
    "logLevel",
    "log_level",
    "levelname",
    "severity_text",
    "severityText",
    "@level",
];

/// Where text puts it: not beyond so many words.
const WORDS: usize = 8;

/// The severity that a line states.
pub fn of(line: &str) -> Option<Severity> {
    let line = line.trim_start();
    if line.starts_with('{') {
        return serde_json::from_str(line).ok().and_then(|value: Value| in_json(&value));
    }
    in_logfmt(line).or_else(|| in_text(line))
}

fn severity(number: u8, text: &str) -> Severity {
    Severity { number, text: text.to_owned() }
}

fn named(name: &str) -> Option<Severity> {
    let lower = name.to_ascii_lowercase();
    NAMES.iter().find(|(_, names)| names.contains(&lower.as_str())).map(|(number, _)| severity(*number, name))
}

fn in_json(value: &Value) -> Option<Severity> {
    let direct = KEYS.iter().find_map(|key| value.get(key)).or_else(|| value.get("log")?.get("level"));
    match direct {
        Some(Value::String(name)) => named(name.trim()).or_else(|| by_number(name.trim().parse().ok()?)),
        Some(Value::Number(number)) => by_number(number.as_u64()?),
        _ => None,
    }
}

/// Numbers: tens are those of bunyan and pino, below eight those of syslog.
fn by_number(number: u64) -> Option<Severity> {
    let mapped = match number {
        0 => 21,
        1 => 19,
        2 => 18,
        3 => 17,
        4 => 13,
        5 => 10,
        6 => 9,
        7 => 5,
        10..=19 => 1,
        20..=29 => 5,
        30..=39 => 9,
        40..=49 => 13,
        50..=59 => 17,
        60..=69 => 21,
        _ => return None,
    };
    Some(severity(mapped, &number.to_string()))
}

/// `level=info`, `severity="error"`.
fn in_logfmt(line: &str) -> Option<Severity> {
    ["level=", "lvl=", "severity="].iter().find_map(|key| {
        let at = line.find(key)?;
        let before = line.get(..at)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let value = line.get(at + key.len()..)?.trim_start_matches('"');
        let end = value.find(|c: char| !c.is_alphanumeric()).unwrap_or(value.len());
        named(value.get(..end)?)
    })
}

/// `<11>`, `E0102 15:04:05`, `[error]`, `ERROR`, `warning:` among the first words.
fn in_text(line: &str) -> Option<Severity> {
    if let Some((priority, _)) = line.strip_prefix('<').and_then(|rest| rest.split_once('>'))
        && let Ok(priority) = priority.parse::<u64>()
    {
        return by_number(priority % 8).map(|found| severity(found.number, &priority.to_string()));
    }
    if let Some(found) = klog(line) {
        return Some(found);
    }
    line.split_whitespace().take(WORDS).find_map(in_word)
}

/// Kubernetes and glog: `I0102 `.
fn klog(line: &str) -> Option<Severity> {
    let mut chars = line.chars();
    let number = match chars.next()? {
        'I' => 9,
        'W' => 13,
        'E' => 17,
        'F' => 21,
        _ => return None,
    };
    let digits = line.get(1..5)?;
    let is_klog = digits.bytes().all(|b| b.is_ascii_digit()) && line.get(5..6) == Some(" ");
    is_klog.then(|| severity(number, line.get(..1).unwrap_or_default()))
}

/// A word is a severity when it stands in brackets or before a colon, or shouts.
fn in_word(word: &str) -> Option<Severity> {
    let word = strip_colour(word);
    let parts = word.split(['[', ']', '(', ')', '|', ':', ',', '"', '<', '>']);
    let is_marked = word.contains(['[', '(', '|', ':', '<']);
    parts.filter(|part| part.len() >= 3).find_map(|part| {
        let bare = part.trim_matches(|c: char| !c.is_alphanumeric());
        let shouts = bare.len() >= 3 && bare.bytes().all(|b| b.is_ascii_uppercase());
        named(bare).filter(|_| shouts || is_marked)
    })
}

/// Without `ESC [ … m`.
fn strip_colour(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_of_lines_that_state_one() {
        for (line, number, text) in [
            (r#"{"level":"info","msg":"x"}"#, 9, "info"),
            (r#"{"severity":"ERROR","message":"x"}"#, 17, "ERROR"),
            (r#"{"level":50,"msg":"pino"}"#, 17, "50"),
            (r#"{"level":6,"msg":"gelf"}"#, 9, "6"),
            (r#"{"log":{"level":"warn"}}"#, 13, "warn"),
            (r#"{"log.level":"Debug"}"#, 5, "Debug"),
            (r#"time="2026-11-20T10:00:00Z" level=warning msg="x""#, 13, "warning"),
            (r#"ts=1 lvl="error" msg=x"#, 17, "error"),
            ("2026/11/20 10:00:00 [notice] 1#1: start worker", 10, "notice"),
            ("2026-11-20 10:00:00,123 ERROR [main] com.x.Y - boom", 17, "ERROR"),
            ("[2026-11-20 10:00:00] [info] up", 9, "info"),
            ("WARNING:root:careful", 13, "WARNING"),
            ("fail: Microsoft.Hosting[6]", 17, "fail"),
            ("2026-11-20 10:00:00 UTC [1] FATAL:  the database system is starting up", 21, "FATAL"),
            ("\u{1b}[32m INFO\u{1b}[0m tower: ready", 9, "INFO"),
            ("\u{1b}[31mERROR\u{1b}[0m: no", 17, "ERROR"),
            ("I0102 15:04:05.000000 1 main.go:1] hi", 9, "I"),
            ("<11>Nov 20 10:00:00 host app: x", 17, "11"),
        ] {
            assert_eq!(of(line), Some(severity(number, text)), "{line}");
        }
    }

    #[test]
    fn a_line_that_does_not_say_has_none() {
        for line in [
            "",
            "an error occurred",
            "GET /info HTTP/1.1 200",
            "10.0.0.1 - - \"GET / HTTP/1.1\" 200 0",
            r#"{"msg":"error"}"#,
            r#"{"level":{"a":1}}"#,
            r#"{"level":"custom"}"#,
            "{ not json level=error",
            "loglevel=error is set",
            "one two three four five six seven eight ERROR",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
