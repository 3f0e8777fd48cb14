//! Times as ECS data has them: epoch numbers and ISO text in every form that was seen. Main function: [`parse`].

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::model::Time;

/// Epoch numbers from here on are milliseconds, a thousand times that microseconds, and again nanoseconds: as seconds (and so on) they
/// would be in the year 5138.
const MILLIS_FROM: f64 = 1e11;

/// 0001-01-01, in seconds: what .NET and Go mean by no time.
const YEAR_ONE: f64 = -62_135_596_800.0;

/// The time that `value` gives: `Ok(None)` where it is absent (null, empty, the `0001-01-01T00:00:00` of .NET and Go, the epoch
/// itself), `Err` where it is no time.
pub(crate) fn parse(value: &Value) -> Result<Option<Time>, NotATime> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => match (number.as_f64(), number.as_u64()) {
            (Some(0.0 | YEAR_ONE), _) => Ok(None),
            // A double would round them.
            (_, Some(nanos)) if nanos as f64 >= MILLIS_FROM * 1e6 => Ok(Some(Time::from_unix_nanos(nanos))),
            (Some(rounded), None) if is_rounded_millis(rounded) => Err(NotATime),
            (number, _) => number.and_then(epoch).map(Some).ok_or(NotATime),
        },
        Value::String(text) => text_time(text),
        Value::Object(object) => object_time(object),
        _ => Err(NotATime),
    }
}

/// As PowerShell writes what it knows more of, as MongoDB does, and as Java and protobuf do with their parts.
fn object_time(object: &Map<String, Value>) -> Result<Option<Time>, NotATime> {
    let first = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key));
    if let Some(inner) = first(&["value", "Value", "$date", "$numberLong"]) {
        return parse(inner);
    }
    let seconds = first(&["seconds", "epochSecond", "epochSeconds"]).and_then(Value::as_u64).ok_or(NotATime)?;
    let nanos = first(&["nanos", "nano", "nanosecondsOfSecond"]).map_or(Some(0), Value::as_u64).ok_or(NotATime)?;
    let whole = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos)).ok_or(NotATime)?;
    Ok((whole > 0).then(|| Time::from_unix_nanos(whole)))
}

/// `parse`, rounded to the millisecond: the control plane's precision, so that every spelling of one time is equal. .NET
/// prints `.4059998` for .406.
pub(crate) fn parse_millis(value: &Value) -> Result<Option<Time>, NotATime> {
    Ok(parse(value)?.map(Time::round_to_millis))
}

/// A value that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotATime;

/// Epoch seconds (whole or with a fraction), milliseconds or microseconds. A double holds microseconds of today exactly enough to
/// round to them, and no more.
fn epoch(number: f64) -> Option<Time> {
    let micros = match number {
        number if number >= MILLIS_FROM * 1e3 => number,
        number if number >= MILLIS_FROM => number * 1e3,
        number => number * 1e6,
    };
    // Below 2^53 every whole number is exact.
    (micros > 0.0 && micros < 9e15).then(|| Time::from_unix_nanos(micros.round() as u64 * 1_000))
}

fn text_time(text: &str) -> Result<Option<Time>, NotATime> {
    let text = text.trim();
    if text.is_empty() || text == "null" || text.starts_with("0001-01-01T00:00:00") {
        return Ok(None);
    }
    // As PowerShell 5 writes it.
    if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        // An offset behind it says where the clock stood, not when.
        let end = millis.get(1..).and_then(|rest| rest.find(['+', '-'])).map_or(millis.len(), |end| end + 1);
        let millis = millis.get(..end).unwrap_or_default();
        return millis.parse().ok().and_then(epoch).map(Some).ok_or(NotATime);
    }
    // As rows with commas and databases hold them.
    if text.starts_with(|c: char| c.is_ascii_digit())
        && let Ok(number) = serde_json::from_str::<serde_json::Number>(text)
    {
        // A year alone is no time, nor is a date without dashes, nor what a spreadsheet has rounded.
        let is_one = number.as_f64().is_some_and(|number| number == 0.0 || number >= 1e9) && !is_rounded(text);
        return if is_one { parse(&Value::Number(number)) } else { Err(NotATime) };
    }
    // Without a zone this fails, as it must: guessing one would invent a time.
    let of_mail = || jiff::fmt::rfc2822::parse(text).map(|time| time.timestamp());
    let of_unix = || jiff::Timestamp::strptime("%a %b %d %H:%M:%S %z %Y", of_date(text));
    let timestamp: Timestamp = text
        .parse()
        .or_else(|_| printed(text).parse())
        .or_else(|_| of_mail())
        .or_else(|_| of_unix())
        .map_err(|_| NotATime)?;
    if timestamp == Timestamp::UNIX_EPOCH {
        return Ok(None);
    }
    u64::try_from(timestamp.as_nanosecond()).map(|nanos| Some(Time::from_unix_nanos(nanos))).map_err(|_| NotATime)
}

/// A number with a power of ten and fewer digits than it has seconds: `1.79517E+12`.
fn is_rounded(text: &str) -> bool {
    const SECONDS: usize = 10;
    let digits = text.split_once(['e', 'E']).map(|(digits, _)| digits.bytes().filter(u8::is_ascii_digit).count());
    digits.is_some_and(|digits| digits < SECONDS)
}

/// Milliseconds of which only the first seven digits are some, in a number that was written with a power of ten.
fn is_rounded_millis(number: f64) -> bool {
    const LAST_DIGITS: f64 = 1e6;
    (MILLIS_FROM..MILLIS_FROM * 1e3).contains(&number) && number % LAST_DIGITS == 0.0
}

/// Why something is no time that looks like one.
pub(crate) fn why_none(value: &Value) -> Option<&'static str> {
    const OUT_OF_RANGE: &str = "it is out of range, which is 1970-01-01 to 2554-07-21";
    const LONGEST_ZONE: usize = 5;
    const ROUNDED: &str = "it is rounded, as spreadsheets do";
    let text = match value {
        Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(is_rounded_millis) => {
            return Some(ROUNDED);
        }
        Value::Number(_) => {
            return Some("it is out of range, which is 1970 to 2255 in seconds, milliseconds or microseconds");
        }
        Value::String(text) => text.trim(),
        _ => return None,
    };
    if is_rounded(text) && text.parse::<f64>().is_ok() {
        return Some(ROUNDED);
    }
    let is_time = |text: &str| matches!(text_time(text), Ok(Some(_)));
    let is_date_with_zone =
        |zone: &str| text.rsplit_once(' ').is_some_and(|(time, year)| is_time(&format!("{time} {zone} {year}")));
    if is_time(&format!("{text}Z")) || is_time(&format!("{text} +0000")) || is_date_with_zone("+0000") {
        return Some("it has no zone");
    }
    // The name of a zone stands apart, or behind the digits.
    let is_name = |word: &&str| word.len() <= LONGEST_ZONE && word.chars().all(|c| c.is_ascii_uppercase());
    let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 1).filter(is_name);
    if words.into_iter().any(|word| is_time(&text.replace(&format!(" {word}"), word).replace(word, " +0000"))) {
        return Some("names of zones but UTC are not read, since several zones share one");
    }
    // What comes before 1970 or after 2554 is told by its date.
    let date = text.get(..10)?.parse::<jiff::civil::Date>().ok()?;
    (!(1970..2554).contains(&date.year())).then_some(OUT_OF_RANGE)
}

/// A time as Ruby and Go print it, `2026-11-20 10:00:00.1 +0000 UTC`, in the form of ISO 8601.
fn printed(text: &str) -> String {
    let (bare, is_utc) = text.strip_suffix(" UTC").map_or((text, false), |bare| (bare, true));
    match bare.rsplit_once(' ') {
        Some((time, zone)) if zone.starts_with(['+', '-']) => format!("{time}{zone}"),
        _ if is_utc => format!("{bare}Z"),
        _ => String::new(),
    }
}

/// A time as `date` and Java print it, `Fri Nov 20 10:00:00 UTC 2026`, with its zone as a number. The names of others are not unique.
fn of_date(text: &str) -> String {
    text.replace(" UTC ", " +0000 ").replace(" GMT ", " +0000 ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nanos(value: Value) -> u64 {
        parse(&value).ok().flatten().map_or(0, Time::unix_nanos)
    }

    #[test]
    fn what_a_program_rounded_is_no_time_in_json_either() {
        let rounded: Value = serde_json::from_str("1.79516E+12").unwrap_or_default();
        assert_eq!((parse(&rounded), why_none(&rounded)), (Err(NotATime), Some("it is rounded, as spreadsheets do")));
        for exact in [json!(1.795_162_502_118e12), json!(1_795_000_000_000_u64), json!(1_795_000_000.0)] {
            assert!(parse(&exact).is_ok_and(|time| time.is_some()), "{exact}");
        }
    }

    #[test]
    fn one_moment_in_every_spelling() {
        let expected = 1_548_662_355_254_000_000;
        for value in [
            json!(1_548_662_355.254),
            json!(1_548_662_355_254_u64),
            json!("2019-01-28T07:59:15.254Z"),
            json!("2019-01-28T16:59:15.254000+09:00"),
            json!("2019-01-28T07:59:15.2540000Z"),
            json!("2019-01-28 07:59:15.254000+00:00"),
            json!("2019-01-28 16:59:15.254 +0900"),
            json!("2019-01-28 07:59:15.254 +0000 UTC"),
            json!("2019-01-28 07:59:15.254 UTC"),
            json!("/Date(1548662355254)/"),
            json!("/Date(1548662355254+0100)/"),
            json!({"value": "/Date(1548662355254)/", "DisplayHint": 2, "DateTime": "Monday, January 28, 2019"}),
            json!({"$date": "2019-01-28T07:59:15.254Z"}),
            json!({"$date": {"$numberLong": "1548662355254"}}),
            json!({"seconds": 1_548_662_355, "nanos": 254_000_000}),
            json!({"nano": 254_000_000, "epochSecond": 1_548_662_355}),
            json!("2019-01-28T07:59:15.254000000Z"),
            json!("1548662355.254"),
            json!("1548662355254"),
            json!(1_548_662_355_254_000_u64),
            json!(1_548_662_355_254_000_000_u64),
            json!("1548662355254000000"),
        ] {
            assert_eq!(nanos(value.clone()), expected, "{value}");
        }
        assert_eq!(nanos(json!(1_548_662_511)), 1_548_662_511_000_000_000);
        for text in [
            "Mon, 28 Jan 2019 07:59:15 GMT",
            "Mon, 28 Jan 2019 08:59:15 +0100",
            "28 Jan 2019 07:59:15 +0000",
            "Mon Jan 28 07:59:15 UTC 2019",
            "Mon Jan 28 08:59:15 +0100 2019",
        ] {
            assert_eq!(nanos(json!(text)), 1_548_662_355_000_000_000, "{text}");
        }
        assert_eq!(nanos(json!("2018-02-01T20:55:08.366329616Z")), 1_517_518_508_366_329_616);
    }

    #[test]
    fn every_millisecond_survives_a_float() {
        for millis in 0..1_000_u64 {
            let text = format!("1548662355.{millis:03}");
            let value: Value = serde_json::from_str(&text).expect("a number");
            assert_eq!(nanos(value), 1_548_662_355_000_000_000 + millis * 1_000_000);
        }
    }

    #[test]
    fn an_unset_time_is_absent_and_a_wrong_one_is_an_error() {
        for unset in [
            json!(null),
            json!(""),
            json!("0001-01-01T00:00:00"),
            json!("0001-01-01T00:00:00Z"),
            json!("1970-01-01T00:00:00Z"),
            json!("1970-01-01T09:00:00+09:00"),
            json!(0),
            json!(0.0),
            json!(-62_135_596_800_i64),
        ] {
            assert_eq!(parse(&unset), Ok(None), "{unset}");
        }
        for wrong in [
            json!("yesterday"),
            json!("2021-11-27T01:49:41"),
            json!(true),
            json!(-5),
            json!([1]),
            json!("2026"),
            json!("20261120"),
            json!("Mon Jan 28 07:59:15 CST 2019"),
            json!("Tue, 28 Jan 2019 07:59:15"),
        ] {
            assert_eq!(parse(&wrong), Err(NotATime), "{wrong}");
        }
    }

    #[test]
    fn what_looks_like_a_time_and_is_none_is_told_why() {
        for (value, expected) in [
            (json!("9999-12-31T23:59:59.999Z"), "out of range"),
            (json!("1969-12-31T23:59:59Z"), "out of range"),
            (json!(-5), "out of range"),
            (json!("2021-11-27T01:49:41"), "has no zone"),
            (json!("2021-11-27 01:49:41.25"), "has no zone"),
            (json!("Mon, 28 Jan 2019 07:59:15"), "has no zone"),
            (json!("Mon Jan 28 07:59:15 2019"), "has no zone"),
            (json!("Mon Jan 28 07:59:15 PST 2019"), "names of zones"),
            (json!("2019-01-28 07:59:15 CEST"), "names of zones"),
            (json!("2019-01-28T07:59:15CEST"), "names of zones"),
        ] {
            let why = why_none(&value);
            assert!(why.is_some_and(|why| why.contains(expected)) && parse(&value).is_err(), "{value}: {why:?}");
        }
        for value in [json!("yesterday"), json!("2026"), json!(true), json!("Mon"), json!("")] {
            assert_eq!(why_none(&value), None, "{value}");
        }
    }

    #[test]
    fn the_control_planes_times_are_milliseconds() {
        for (text, expected) in [("41.251999+09:00", 252), ("41.4059998Z", 406), ("41.4054999Z", 405), ("41.251Z", 251)]
        {
            let time = parse_millis(&json!(format!("2021-11-27T01:49:{text}"))).ok().flatten();
            assert_eq!(time.map(|time| time.unix_nanos() % 1_000_000_000), Some(expected * 1_000_000), "{text}");
        }
    }
}
