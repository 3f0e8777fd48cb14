//! YAML as the JSON that it says: as the AWS CLI prints it (`--output yaml`), as other programs write it anew, and between brackets.
//! Main functions: [`documents`], [`between_brackets`].
//!
//! What an anchor names stands again wherever an alias names it: so much in all and no more, so that no input grows when it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};
use serde_json::{Map, Value};

/// As deep as JSON is read.
const DEEPEST: usize = 127;

/// The documents of a text that is YAML, all of them objects or arrays; `None` for any other text.
pub(super) fn documents(text: &str) -> Option<Vec<Value>> {
    let mut found = vec![];
    read(text, &mut |value, _| {
        found.push(value);
        true
    })
    .is_ok()
    .then_some(found)
    .filter(|found| !found.is_empty())
}

/// The value that begins `text` between brackets, and where it ends; else how far the text was read.
pub(super) fn between_brackets(text: &str) -> Result<(Value, usize), usize> {
    let mut found = None;
    let read = read(text, &mut |value, end| {
        found = Some((value, end));
        false
    });
    found.ok_or(read.err().unwrap_or(text.len()))
}

/// Hands on each document and where it ends, until no more is wanted. An error is how far it came.
fn read(text: &str, take: &mut dyn FnMut(Value, usize) -> bool) -> Result<(), usize> {
    let mut options = Options::default();
    options.emit_comments = false;
    let (mut open, mut anchors) = (Vec::<Node>::new(), Anchors::new(text.len()));
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| error.marker().byte_offset().unwrap_or(text.len()))?;
        let end = span.end.byte_offset().unwrap_or(text.len());
        let is_flow = open.last().is_some_and(|node| node.is_flow);
        let (value, anchor) = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= DEEPEST => return Err(end),
            Event::SequenceStart(style, anchor, _) => {
                open.push(Node::new(Value::Array(vec![]), style, anchor));
                continue;
            }
            Event::MappingStart(style, anchor, _) => {
                open.push(Node::new(Value::Object(Map::new()), style, anchor));
                continue;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_key = open.last().is_some_and(Node::wants_key);
                if is_flow && is_of_a_program(&text, style, is_key) {
                    return Err(end);
                }
                (scalar(text, style == ScalarStyle::Plain && tag.is_none()), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Node { key: None, value, anchor, .. }) => (value, anchor),
                _ => return Err(end),
            },
            Event::Alias(anchor) => (anchors.value(anchor, open.len()).ok_or(end)?, 0),
            _ => continue,
        };
        anchors.name(anchor, &value);
        match open.last_mut() {
            Some(node) => node.put(value).ok_or(end)?,
            None if !(value.is_object() || value.is_array()) => return Err(end),
            None if take(value, end) => {}
            None => return Ok(()),
        }
    }
    Ok(())
}

/// A list or an object that is not complete yet.
struct Node {
    value: Value,
    /// Of an object: the key whose value is next.
    key: Option<String>,
    is_flow: bool,
    anchor: usize,
}

impl Node {
    fn new(value: Value, style: StructureStyle, anchor: usize) -> Self {
        Self { value, key: None, is_flow: style == StructureStyle::Flow, anchor }
    }

    fn wants_key(&self) -> bool {
        self.value.is_object() && self.key.is_none()
    }

    fn put(&mut self, value: Value) -> Option<()> {
        match (&mut self.value, self.key.take(), value) {
            (Value::Array(items), _, value) => items.push(value),
            (Value::Object(object), Some(key), value) if key == "<<" => merge(object, value)?,
            (Value::Object(object), Some(key), value) => {
                object.insert(key, value);
            }
            (_, None, Value::String(name)) => self.key = Some(name),
            (_, None, Value::Number(name)) => self.key = Some(name.to_string()),
            _ => return None,
        }
        Some(())
    }
}

/// `<<: *defaults`: what the object does not say itself.
fn merge(object: &mut Map<String, Value>, value: Value) -> Option<()> {
    match value {
        Value::Array(all) => all.into_iter().try_for_each(|one| merge(object, one)),
        Value::Object(other) => {
            for (key, value) in other {
                object.entry(key).or_insert(value);
            }
            Some(())
        }
        _ => None,
    }
}

/// What anchors name.
struct Anchors {
    named: BTreeMap<usize, Value>,
    /// So many values may still be said again.
    left: usize,
}

impl Anchors {
    fn new(length: usize) -> Self {
        Self { named: BTreeMap::new(), left: length.saturating_mul(4).saturating_add(10_000) }
    }

    fn name(&mut self, anchor: usize, value: &Value) {
        let is_cheap = anchor != 0 && self.spend(value, 0).is_some();
        if is_cheap {
            self.named.insert(anchor, value.clone());
        }
    }

    /// What is named so, `depth` deep in the document.
    fn value(&mut self, anchor: usize, depth: usize) -> Option<Value> {
        let value = self.named.get(&anchor)?.clone();
        self.spend(&value, depth)?;
        Some(value)
    }

    /// Counts a value, while there is something left.
    fn spend(&mut self, value: &Value, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1).filter(|_| depth < DEEPEST)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.spend(item, depth + 1)),
            Value::Object(object) => object.values().try_for_each(|item| self.spend(item, depth + 1)),
            _ => Some(()),
        }
    }
}

/// Whether this stands between brackets as programs print it and nobody writes YAML: keys that Python quotes, words of JavaScript and
/// Python, Java's dates, a key that nothing follows.
fn is_of_a_program(text: &str, style: ScalarStyle, is_key: bool) -> bool {
    let is_name = || text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if style != ScalarStyle::Plain {
        return is_key && style == ScalarStyle::SingleQuoted && is_name();
    }
    const DAYS: [&str; 7] = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];
    matches!(text, "" | "Array" | "Object" | "undefined" | "None" | "nil")
        || text.contains('(')
        || text.starts_with("0x")
        || is_key && text.contains([' ', ':', '='])
        || DAYS.iter().any(|day| text.starts_with(day))
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
    fn blocks_brackets_and_anchors_may_be_mixed() {
        for text in [
            "a: {b: [1, two words, 'it''s'], \"c\": d:e}\nf: [x,\n  y]\n",
            "a:\n  b: [1, &w two words, it's]\n  c: d:e\nf: [&x x, y]\n",
            "{a: {b: [1, two\n    words, it's], c: 'd:e'}, f: [x, y]}\n",
            "d: &d {c: wrong, b: [1, two words, it's]}\na: {<<: *d, c: d:e}\nf:\n- x\n- y\n",
            "a:\n  b:\n  - 1\n  - >-\n    two\n    words\n  - |-\n    it's\n  c: d:e\nf: [x, y]\n",
        ] {
            let mut found = documents(text).unwrap_or_default();
            let found = found.first_mut().and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default();
            let kept: Map<String, Value> = found.into_iter().filter(|(key, _)| key != "d").collect();
            let expected = json!({"a": {"b": [1, "two words", "it's"], "c": "d:e"}, "f": ["x", "y"]});
            assert_eq!(Value::Object(kept), expected, "{text}");
        }
        assert_eq!(between_brackets("{a: [b]} and more }"), Ok((json!({"a": ["b"]}), 8)));
    }

    #[test]
    fn nothing_grows_and_nothing_deep_is_followed() {
        assert_eq!(documents("a: &a\n- x\nb:\n- *a\n"), Some(vec![json!({"a": ["x"], "b": [["x"]]})]));
        let mut grows = "a0: &a0 [x]\n".to_owned();
        let mut deep = grows.clone();
        for at in 1..200 {
            let (before, ten) = (at - 1, format!("*a{}, ", at - 1).repeat(10));
            grows += &format!("a{at}: &a{at} [{ten}]\n");
            deep += &format!("a{at}: &a{at} [*a{before}]\n");
        }
        assert_eq!((documents(&grows), documents(&deep)), (None, None));
        assert_eq!(documents("a: &a [*a]\n"), None, "what is not there yet");
        assert_eq!(documents(&"- ".repeat(10_000)), None);
        assert_eq!(documents(&"[".repeat(10_000)), None);
        assert_eq!(documents("just words"), None);
    }

    #[test]
    fn what_a_program_printed_is_no_yaml() {
        for text in [
            "Response: {'tasks': [1]}",
            "a: {b: datetime.datetime(2026, 1, 1)}",
            "a: {b: [Array], c: undefined}",
            "{Attachments:[{Name:subnetId Value:subnet-1}]}",
            "{a: Fri Nov 20 10:00:00 UTC 2026}",
            "{a=1, b=[c]}",
        ] {
            assert_eq!(documents(text), None, "{text}");
        }
    }
}
