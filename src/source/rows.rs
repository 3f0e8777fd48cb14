//! Answers of CloudWatch Logs Insights: rows of fields, back in the form of what was logged. Pure. Main functions: [`is_answer`],
//! [`logged`].

use serde_json::{Map, Value, json};

use super::error::ReadError;
use super::json::At;

/// Whether `at` is an answer of GetQueryResults.
pub(crate) fn is_answer(at: &At<'_>) -> bool {
    let is_row =
        |row: &Value| row.as_array().is_some_and(|fields| fields.iter().all(|field| field.get("field").is_some()));
    let results = at.get("results");
    let rows = results.as_ref().and_then(|at| at.value.as_array());
    rows.is_some_and(|rows| match rows.first() {
        Some(first) => is_row(first),
        None => at.has("statistics") || at.has("status"),
    })
}

/// What is wrong with an answer of a query that had not ended, or did not end well: rows may be missing.
pub(crate) fn unfinished(at: &At<'_>) -> Option<ReadError> {
    let status = at.text("status")?;
    (status != "Complete").then(|| ReadError::Unfinished { place: at.place.clone(), status })
}

/// What the rows hold: log events where a row has its `@message`; else an object of its fields, `detail.lastStatus` within `detail`.
pub(crate) fn logged(at: &At<'_>) -> Value {
    let results = at.get("results");
    let rows = results.as_ref().map_or(at.value, |at| at.value).as_array().into_iter().flatten();
    rows.map(one).collect()
}

/// Whether `at` is a row as the console saves it, an object of its fields.
pub(crate) fn is_saved(at: &At<'_>) -> bool {
    at.value.get("@message").is_some() && at.value.get("@timestamp").is_some()
}

/// A row: its fields and their values.
fn fields(row: &Value) -> Vec<(&str, &Value)> {
    match row {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        _ => row.as_array().into_iter().flatten().filter_map(named).collect(),
    }
}

fn named(field: &Value) -> Option<(&str, &Value)> {
    Some((field.get("field")?.as_str()?, field.get("value")?))
}

fn one(row: &Value) -> Value {
    let fields = fields(row);
    let named = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| (*value).clone());
    let text = |message: Value| if message.is_string() { message } else { Value::String(message.to_string()) };
    let Some(message) = named("@message").map(text) else {
        let mut object = Value::Object(Map::new());
        for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('@')) {
            put(&mut object, &name.split('.').collect::<Vec<_>>(), value);
        }
        return object;
    };
    // A query's times are UTC and do not say so.
    let time = named("@timestamp").and_then(|time| Some(format!("{}Z", time.as_str()?.trim().replacen(' ', "T", 1))));
    match time {
        Some(time) => json!({ "timestamp": time, "message": message, "logStreamName": named("@logStream") }),
        None => json!({ "message": message }),
    }
}

/// Puts a value where its field's name says: `containers.0.name` is of the first of a list.
fn put(into: &mut Value, path: &[&str], value: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *into = value.clone();
        return;
    };
    let index = first.parse::<usize>().ok().filter(|index| *index < MOST);
    match index {
        Some(index) => {
            if !into.is_array() {
                *into = json!([]);
            }
            if let Some(items) = into.as_array_mut() {
                if items.len() <= index {
                    items.resize(index + 1, Value::Null);
                }
                items.get_mut(index).into_iter().for_each(|item| put(item, rest, value));
            }
        }
        None => {
            if !into.is_object() {
                *into = json!({});
            }
            if let Some(object) = into.as_object_mut() {
                put(object.entry(*first).or_insert(Value::Null), rest, value);
            }
        }
    }
}

/// Insights finds no more fields of a line than these.
const MOST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: &[(&str, &str)]) -> Value {
        fields.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
    }

    fn rows(rows: Value) -> Value {
        let answer = json!({ "results": rows, "status": "Complete" });
        let at = At::root("f", &answer);
        assert!(is_answer(&at));
        logged(&at)
    }

    #[test]
    fn a_row_with_its_message_is_a_log_event_whose_time_is_utc() {
        let logged =
            rows(json!([row(&[("@timestamp", "2026-11-20 10:00:00.123"), ("@message", "hello"), ("@ptr", "x")])]));
        assert_eq!(
            logged,
            json!([{ "timestamp": "2026-11-20T10:00:00.123Z", "message": "hello", "logStreamName": null }])
        );
    }

    #[test]
    fn fields_of_a_line_are_the_object_again() {
        let logged = rows(json!([row(&[
            ("detail.taskArn", "arn:task"),
            ("detail.containers.1.name", "b"),
            ("detail.containers.0.name", "a"),
            ("@ptr", "x"),
        ])]));
        assert_eq!(
            logged,
            json!([{ "detail": { "taskArn": "arn:task", "containers": [{ "name": "a" }, { "name": "b" }] } }])
        );
    }

    #[test]
    fn what_only_looks_like_an_answer_is_none_and_one_that_goes_on_says_so() {
        for other in [json!({ "results": [] }), json!({ "results": [{ "field": "a" }] }), json!({ "results": 1 })] {
            assert!(!is_answer(&At::root("f", &other)), "{other}");
        }
        let running = json!({ "results": [], "status": "Running" });
        let error = unfinished(&At::root("f", &running)).map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("f: $ is the answer of a query that was Running: rows may be missing"));
    }
}
