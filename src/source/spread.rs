//! A document whose lines stand each in a record of its own: a program printed it into a log (journald, docker, Loki, a search) or onto a
//! terminal that was recorded. It reads no document itself. Main functions: [`text_of`], [`records`].

use serde_json::Value;

/// What is said where such lines were put together.
pub(super) const NOTE: &str = "lines that stand in records of their own are put together";
/// A larger text is not put together: its records would have to be held.
pub(super) const LARGEST: usize = 4 * 1024 * 1024;
/// A line is no deeper inside of its record.
const DEEPEST: usize = 4;

/// The text whose lines these records hold, if one of them is the beginning of a document.
pub(super) fn text_of(records: &[&Value]) -> Option<String> {
    if let Some((head, rest)) = records.split_first()
        && is_recording(head)
    {
        let output = |record: &&Value| match record.as_array().map(Vec::as_slice) {
            Some([_, Value::String(kind), Value::String(text)]) if kind == "o" => Some(text.clone()),
            _ => None,
        };
        return Some(rest.iter().filter_map(output).collect());
    }
    let place = records.iter().find_map(|record| opening(record, DEEPEST))?;
    let mut lines: Vec<&str> = records.iter().filter_map(|record| record.pointer(&place)?.as_str()).collect();
    if lines.iter().any(|line| is_cut(line)) {
        // A line that was too long for one record: docker writes 16 KiB into each.
        return Some(lines.concat());
    }
    let first = |is: &dyn Fn(&str) -> bool| lines.iter().position(|line| is(line));
    // Searches give what is newest first.
    if first(&closes) < first(&opens) {
        lines.reverse();
    }
    (lines.len() > 2).then(|| lines.iter().flat_map(|line| [line.trim_end_matches(['\r', '\n']), "\n"]).collect())
}

/// The records of a text that is a list of such, as far as the first one tells.
pub(super) fn records(text: &str) -> Option<Vec<Value>> {
    // Most texts have one document, and are not read for this.
    const BETWEEN: [&str; 4] = ["}\n{", "}\r\n{", "}\n[", "}\r\n["];
    if text.len() > LARGEST || !BETWEEN.iter().any(|between| text.contains(between)) {
        return None;
    }
    let mut found = vec![];
    for record in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let record = record.ok()?;
        if found.is_empty() && !may_be_one(&record) {
            return None;
        }
        found.push(record);
    }
    Some(found)
}

/// Whether a document may be the first of several that hold a line each.
pub(super) fn may_be_one(record: &Value) -> bool {
    const KEYS: [&str; 8] = ["message", "log", "msg", "textPayload", "line", "text", "_raw", "content"];
    let is_line = |(key, value): (&String, &Value)| {
        let is_named = KEYS.iter().any(|name| name.eq_ignore_ascii_case(key));
        is_named && value.as_str().is_some_and(|text| !text.contains("askArn") || is_cut(text))
    };
    let holds = |value: &Value| value.as_object().is_some_and(|object| object.iter().any(is_line));
    is_recording(record) || holds(record) || record.as_object().is_some_and(|object| object.values().any(holds))
}

/// Whether a recording of asciinema begins so.
fn is_recording(record: &Value) -> bool {
    let has = |name| record.get(name).is_some();
    record.get("version").is_some_and(Value::is_u64) && (has("width") && has("height") || has("term"))
}

/// Where in a record a line stands with which a document begins.
fn opening(record: &Value, depth: usize) -> Option<String> {
    let inside = |key: String, value| {
        Some(format!("/{}{}", key.replace('~', "~0").replace('/', "~1"), opening(value, depth - 1)?))
    };
    match record {
        Value::String(text) if opens(text) || is_cut(text) => Some(String::new()),
        _ if depth == 0 => None,
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| inside(index.to_string(), item)),
        Value::Object(object) => object.iter().find_map(|(key, value)| inside(key.clone(), value)),
        _ => None,
    }
}

/// Whether a line begins a document that has a line a value.
fn opens(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(['{', '[']) && !line.contains(['"', '}', '\n'])
}

/// Whether a line is a document of which the rest is missing.
fn is_cut(line: &str) -> bool {
    const SHORTEST: usize = 1_000;
    let is_such = line.len() >= SHORTEST && line.starts_with('{') && !line.ends_with('\n');
    is_such && serde_json::from_str::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

fn closes(line: &str) -> bool {
    matches!(line.trim(), "}" | "]" | "}," | "],")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_found_wherever_they_stand_in_their_records_and_in_either_order() {
        let lines = ["{", "  \"a\": 1", "}"];
        let text = Some("{\n  \"a\": 1\n}\n".to_owned());
        let of = |record: &dyn Fn(&str) -> Value| {
            let records: Vec<Value> = lines.iter().map(|line| record(line)).collect();
            let backwards = records.iter().rev().collect::<Vec<_>>();
            (text_of(&records.iter().collect::<Vec<_>>()), text_of(&backwards))
        };
        let both = (text.clone(), text);
        assert_eq!(of(&|line| json!(line)), both);
        assert_eq!(of(&|line| json!({"time": "x", "log": format!("{line}\n")})), both);
        assert_eq!(of(&|line| json!(["1795168260000000000", line])), both);
        assert_eq!(of(&|line| json!({"_source": {"a/b": {"message": line}}})), both);
        assert_eq!(of(&|line| json!({"log": format!("x{line}y")})), (None, None));
    }

    #[test]
    fn a_line_that_was_too_long_for_a_record_is_one_again() {
        let line = format!("{{\"taskArn\": \"{}\"}}\n", "a".repeat(3_000));
        let parts: Vec<Value> =
            [&line[..1_500], &line[1_500..2_900], &line[2_900..]].iter().map(|part| json!({"log": part})).collect();
        assert!(may_be_one(&parts[0]));
        assert_eq!(text_of(&parts.iter().collect::<Vec<_>>()), Some(line));
    }

    #[test]
    fn a_recording_is_what_was_printed() {
        let text = "{\"version\": 2, \"width\": 80, \"height\": 24}\n[0.1, \"o\", \"$ aws\\r\\n{\\\"a\"]\n[0.2, \"i\", \"x\"]\n[0.3, \"o\", \"\\\": 1}\"]\n";
        let records = records(text).unwrap_or_default();
        assert_eq!(text_of(&records.iter().collect::<Vec<_>>()).as_deref(), Some("$ aws\r\n{\"a\": 1}"));
        assert_eq!(super::records("{\"message\": \"{\\\"taskArn\\\": 1}\"}\n{}"), None);
        assert_eq!(super::records("{\"message\": \"a\"}\n{"), None);
    }
}
