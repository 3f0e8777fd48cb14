//! YAML as the AWS CLI prints it (`--output yaml`), as the JSON that it says. Main function: [`documents`].
//!
//! The CLI writes no anchors and no tags: aliases are refused, so that no input grows when it is read.

use std::borrow::Cow;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};
use serde_json::{Map, Value};

/// As deep as JSON is read.
const DEEPEST: usize = 127;

/// The documents of a text that is YAML, all of them objects or arrays; `None` for any other text.
pub(super) fn documents(text: &str) -> Option<Vec<Value>> {
    let mut options = Options::default();
    options.emit_comments = false;
    let (mut found, mut open, mut is_flow) = (vec![], Vec::<Node>::new(), false);
    for event in Parser::new_from_str_with_options(text, options) {
        let event = event.ok()?.0;
        let value = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= DEEPEST => return None,
            // The CLI prints blocks; between brackets stands Python's repr as well.
            _ if is_flow && !matches!(event, Event::SequenceEnd | Event::MappingEnd) => return None,
            Event::SequenceStart(style, ..) => {
                is_flow = style == StructureStyle::Flow;
                open.push(Node::List(vec![]));
                continue;
            }
            Event::MappingStart(style, ..) => {
                is_flow = style == StructureStyle::Flow;
                open.push(Node::Object(Map::new(), None));
                continue;
            }
            Event::Scalar(text, style, _, tag) => scalar(text, style == ScalarStyle::Plain && tag.is_none()),
            Event::SequenceEnd | Event::MappingEnd => {
                is_flow = false;
                match open.pop()? {
                    Node::List(items) => Value::Array(items),
                    Node::Object(_, Some(_)) => return None,
                    Node::Object(object, None) => Value::Object(object),
                }
            }
            Event::Alias(_) => return None,
            _ => continue,
        };
        match open.last_mut() {
            None if value.is_object() || value.is_array() => found.push(value),
            None => return None,
            Some(Node::List(items)) => items.push(value),
            Some(Node::Object(object, key)) => match (key.take(), value) {
                (Some(key), value) => {
                    object.insert(key, value);
                }
                (None, Value::String(name)) => *key = Some(name),
                (None, Value::Number(name)) => *key = Some(name.to_string()),
                (None, _) => return None,
            },
        }
    }
    (!found.is_empty()).then_some(found)
}

enum Node {
    List(Vec<Value>),
    /// And the key whose value is next.
    Object(Map<String, Value>, Option<String>),
}

fn scalar(text: Cow<'_, str>, is_plain: bool) -> Value {
    if is_plain {
        match &*text {
            "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
            "true" | "True" | "TRUE" => return Value::Bool(true),
            "false" | "False" | "FALSE" => return Value::Bool(false),
            _ => {}
        }
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if is_number && let Ok(Value::Number(number)) = serde_json::from_str(&text) {
            return Value::Number(number);
        }
    }
    Value::String(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_cli_prints_is_the_json_that_it_would_print() {
        let text = "failures: []\ntasks:\n- attachments: []\n  containers:\n  - exitCode: 137\n    name: app\n    reason: 'a: b'\n  cpu: '256'\n  createdAt: '2026-11-20T10:00:00+00:00'\n  stoppedAt: 1567610699.64\n  enableExecuteCommand: false\n  stoppedReason: \"x\\ty\"\n  healthStatus: null\n";
        assert_eq!(
            documents(text),
            Some(vec![json!({"failures": [], "tasks": [{"attachments": [],
                "containers": [{"exitCode": 137, "name": "app", "reason": "a: b"}], "cpu": "256",
                "createdAt": "2026-11-20T10:00:00+00:00", "stoppedAt": 1567610699.64, "enableExecuteCommand": false,
                "stoppedReason": "x\ty", "healthStatus": null}]})])
        );
        assert_eq!(documents("---\na: 1\n---\n- b\n"), Some(vec![json!({"a": 1}), json!(["b"])]));
    }

    #[test]
    fn nothing_grows_and_nothing_deep_is_followed() {
        assert_eq!(documents("a: &a\n- x\nb:\n- *a\n- *a\n"), None);
        assert_eq!(documents(&"- ".repeat(10_000)), None);
        assert_eq!(documents(&"[".repeat(10_000)), None);
        assert_eq!(documents("just words"), None);
        assert_eq!(documents("Response: {'tasks': [1]}"), None);
    }
}
