//! The severity that a log line states: in JSON, in logfmt, or as text. Pure, and shy: a line that does not say has none.
//! Main function: [`of`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::colour::uncoloured;

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
        return in_json(line);
    }
    in_logfmt(line).or_else(|| in_text(line))
}

fn severity(number: u8, text: &str) -> Severity {
    Severity { number, text: text.to_owned() }
}

fn named(name: &str) -> Option<Severity> {
    let is_meant = |names: &[&str]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
    NAMES.iter().find(|(_, names)| is_meant(names)).map(|(number, _)| severity(*number, name))
}

fn in_json(line: &str) -> Option<Severity> {
    let mut json = serde_json::Deserializer::from_str(line);
    let stated = Wanted::OfLine.deserialize(&mut json).ok()?;
    json.end().ok()?;
    stated?
}

/// What is wanted of a value of JSON. All is read, and what is no JSON refused, but nothing is kept: most of what a line costs would be
/// to build it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Of an object, what the first of [`KEYS`] says, else the `level` of its `log`.
    OfLine,
    /// Of an object, what its `level` says.
    OfLog,
    /// What it says itself.
    Itself,
    Nothing,
}

/// Whether there is what is wanted, and the severity that it is.
type Stated = Option<Option<Severity>>;

impl Wanted {
    /// What is wanted of the value of a key, and how far behind others it is believed.
    fn of(self, key: &str) -> (Self, usize) {
        match self {
            Self::OfLine if key == "log" => (Self::OfLog, KEYS.len()),
            Self::OfLine => {
                KEYS.iter().position(|one| *one == key).map_or((Self::Nothing, 0), |rank| (Self::Itself, rank))
            }
            Self::OfLog if key == "level" => (Self::Itself, 0),
            Self::OfLog | Self::Itself | Self::Nothing => (Self::Nothing, 0),
        }
    }

    fn is(self, found: impl FnOnce() -> Option<Severity>) -> Stated {
        (self == Self::Itself).then(found)
    }
}

impl<'de> DeserializeSeed<'de> for Wanted {
    type Value = Stated;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Stated, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted {
    type Value = Stated;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Stated, E> {
        Ok(self.is(|| None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Stated, E> {
        Ok(self.is(|| None))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Stated, E> {
        Ok(self.is(|| by_number(number)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Stated, E> {
        Ok(self.is(|| None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Stated, E> {
        let text = text.trim();
        Ok(self.is(|| named(text).or_else(|| by_number(text.parse().ok()?))))
    }

    fn visit_unit<E>(self) -> Result<Stated, E> {
        Ok(self.is(|| None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Stated, A::Error> {
        while items.next_element_seed(Self::Nothing)?.is_some() {}
        Ok(self.is(|| None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Stated, A::Error> {
        // By rank; of a key that is there twice the last one counts.
        let mut stated: [Stated; KEYS.len() + 1] = Default::default();
        while let Some((wanted, rank)) = fields.next_key_seed(Key(self))? {
            let found = fields.next_value_seed(wanted)?;
            if wanted != Self::Nothing
                && let Some(place) = stated.get_mut(rank)
            {
                *place = found;
            }
        }
        Ok(stated.into_iter().flatten().next().or_else(|| self.is(|| None)))
    }
}

/// A key of an object of which this is wanted.
struct Key(Wanted);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = (Wanted, usize);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = (Wanted, usize);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.of(key))
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
    let word = uncoloured(word);
    let parts = word.split(['[', ']', '(', ')', '|', ':', ',', '"', '<', '>']);
    let is_marked = word.contains(['[', '(', '|', ':', '<']);
    parts.filter(|part| part.len() >= 3).find_map(|part| {
        let bare = part.trim_matches(|c: char| !c.is_alphanumeric());
        let shouts = bare.len() >= 3 && bare.bytes().all(|b| b.is_ascii_uppercase());
        named(bare).filter(|_| shouts || is_marked)
    })
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

    /// As whoever builds the whole value would: the order of [`KEYS`] decides, not that of the line, and a key that is there twice is its last.
    #[test]
    fn of_several_keys_the_one_that_is_believed_most_decides() {
        for (line, expected) in [
            (r#"{"severity":"ERROR","level":"info"}"#, Some((9, "info"))),
            (r#"{"level":"custom","severity":"ERROR"}"#, None),
            (r#"{"level":null,"log":{"level":"warn"}}"#, None),
            (r#"{"level":"info","level":"warn"}"#, Some((13, "warn"))),
            (r#"{"log":{"level":"warn"},"lvl":"debug"}"#, Some((5, "debug"))),
            (r#"{"log":{"level":"warn"},"log":"text"}"#, None),
            (r#"{"log":{"inner":{"level":"warn"}},"a":[{"level":"error"}]}"#, None),
            (r#"{"level":" 40 "}"#, Some((13, "40"))),
            (r#"{"l\u0065vel":"w\u0061rn"}"#, Some((13, "warn"))),
            (r#"{"level":-4}"#, None),
            (r#"{"level":30.0}"#, None),
            (r#"{"level":["error"]}"#, None),
            (r#"{"level":"error"} and more"#, None),
            (r#"{"level":"error","a":"\ud800"}"#, None),
            (r#"{"level":"error","a":1e999}"#, None),
            (r#"{"level":"error""#, None),
        ] {
            assert_eq!(of(line), expected.map(|(number, text)| severity(number, text)), "{line}");
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
