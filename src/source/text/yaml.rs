//! YAML as the JSON that it says: as the AWS CLI prints it (`--output yaml`), as other programs write it anew, and between brackets.
//! Main functions: [`documents`], [`between_brackets`].
//!
//! What an anchor names stands again wherever an alias names it: so much in all and no more, so that no input grows when it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};
use serde_json::{Map, Value};

use crate::source::twice::{Json, Step, Twice};

/// As deep as JSON is read.
const DEEPEST: usize = 127;

/// A document, an object or an array.
pub(super) struct Document {
    pub(super) json: Json,
    /// Whether it begins behind another without a line `---` between them: its first name stands there again.
    pub(super) follows: bool,
}

/// Why a text is no YAML, and where.
pub(super) struct Broken {
    pub(super) at: usize,
    /// Of a list of tasks that breaks off there: those that are whole.
    pub(super) whole: Option<Value>,
}

/// The documents of a text that is YAML and stands behind so many lines.
pub(super) fn documents(text: &str, lines: usize) -> Result<Vec<Document>, Broken> {
    let mut found = vec![];
    read(text, lines, &mut |document, _| {
        found.push(document);
        true
    })?;
    Ok(found)
}

/// The value that begins `text` between brackets, and where it ends; else how far the text was read.
pub(super) fn between_brackets(text: &str) -> Result<(Json, usize), usize> {
    let mut found = None;
    let read = read(text, 0, &mut |document, end| {
        found = Some((document.json, end));
        false
    });
    found.ok_or(read.err().map_or(text.len(), |broken| broken.at))
}

/// Hands on each document and where it ends, until no more is wanted.
fn read(text: &str, lines: usize, take: &mut dyn FnMut(Document, usize) -> bool) -> Result<(), Broken> {
    let mut options = Options::default();
    options.emit_comments = false;
    let (mut open, mut anchors) = (Vec::<Node>::new(), Anchors::new(text.len()));
    let (mut twice, mut follows) = (Twice::default(), false);
    let broken = |at| Broken { at, whole: None };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                return Err(Broken { at, whole: whole_tasks(open) });
            }
        };
        let end = span.end.byte_offset().unwrap_or(text.len());
        let line = lines + span.start.line();
        let is_flow = open.last().is_some_and(|node| node.is_flow);
        if let Event::Scalar(..) = event
            && open.len() > 1
            && let Some(at) = not_indented(text, span.start.byte_offset().unwrap_or(end), end)
        {
            return Err(Broken { at, whole: whole_tasks(open) });
        }
        let (value, anchor) = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() >= DEEPEST => return Err(broken(end)),
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
                    return Err(broken(end));
                }
                (scalar(text, style == ScalarStyle::Plain && tag.is_none()), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Node { key: None, value, anchor, .. }) => {
                    if let Some(object) = value.as_object() {
                        let before = twice.len();
                        twice.spelled(object);
                        inside(&mut twice, before, &open);
                    }
                    (value, anchor)
                }
                _ => return Err(broken(end)),
            },
            Event::Alias(anchor) => (anchors.value(anchor, open.len()).ok_or_else(|| broken(end))?, 0),
            _ => continue,
        };
        anchors.name(anchor, &value);
        if let [root] = open.as_mut_slice()
            && let Some(first) = root.begins_again(&value)
        {
            let json = Json { value: first, twice: std::mem::take(&mut twice) };
            if !take(Document { json, follows }, end) {
                return Ok(());
            }
            follows = true;
        }
        match open.last_mut() {
            Some(node) => {
                if let Some(key) = node.put(value, line).ok_or_else(|| broken(end))? {
                    let before = twice.len();
                    twice.note(&key, Some(node.line));
                    inside(&mut twice, before, open.split_last().map(|(_, outer)| outer).unwrap_or_default());
                }
            }
            None if !(value.is_object() || value.is_array()) => return Err(broken(end)),
            None => {
                let json = Json { value, twice: std::mem::take(&mut twice) };
                if !take(Document { json, follows: std::mem::take(&mut follows) }, end) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Where a text between quotes goes on in a line that is not indented, as no program writes it: it was broken there.
fn not_indented(text: &str, from: usize, to: usize) -> Option<usize> {
    let scalar = text.get(from..to).filter(|scalar| scalar.starts_with(['"', '\'']))?;
    let is_such = |at: &usize| scalar.get(at + 1..).is_some_and(|rest| !rest.starts_with([' ', '\t', '\r', '\n']));
    scalar.match_indices('\n').map(|(at, _)| at).find(is_such).map(|at| from + at)
}

/// What was found since there were so many is inside of these, the outermost first.
fn inside(twice: &mut Twice, before: usize, open: &[Node]) {
    for node in open.iter().rev() {
        twice.inside(before, || match (&node.key, node.value.as_array()) {
            (Some(key), _) => Step::Key(key.clone()),
            (None, items) => Step::Index(items.map_or(0, Vec::len)),
        });
    }
}

/// The tasks that are complete of a list that is not.
fn whole_tasks(open: Vec<Node>) -> Option<Value> {
    if open.iter().any(|node| node.is_flow) {
        return None;
    }
    let mut nodes = open.into_iter();
    let root = nodes.next()?;
    let list = match root.key.as_deref() {
        Some("tasks" | "Tasks") => nodes.next()?,
        _ => root,
    };
    list.value.as_array().is_some_and(|items| !items.is_empty()).then_some(list.value)
}

/// A list or an object that is not complete yet.
struct Node {
    value: Value,
    /// Of an object: the key whose value is next.
    key: Option<String>,
    /// In which line that stands.
    line: usize,
    /// The key that it begins with.
    first: Option<String>,
    /// What it has of others, and does not say itself.
    merged: Vec<String>,
    is_flow: bool,
    anchor: usize,
}

impl Node {
    fn new(value: Value, style: StructureStyle, anchor: usize) -> Self {
        let is_flow = style == StructureStyle::Flow;
        Self { value, key: None, line: 0, first: None, merged: vec![], is_flow, anchor }
    }

    fn wants_key(&self) -> bool {
        self.value.is_object() && self.key.is_none()
    }

    /// What it was until there, where `name` is what it begins with, and an answer stood there: then another follows.
    fn begins_again(&mut self, name: &Value) -> Option<Value> {
        let object = self.value.as_object_mut().filter(|_| self.key.is_none() && !self.is_flow)?;
        let is_first = self.first.as_deref().is_some_and(|first| name.as_str() == Some(first));
        let is_more = || object.len() > 1 || object.values().any(|value| value.is_array() || value.is_object());
        (is_first && is_more()).then(|| Value::Object(std::mem::take(object)))
    }

    /// Takes a key, or a value; and says which key has another value by that.
    fn put(&mut self, value: Value, line: usize) -> Option<Option<String>> {
        match (&mut self.value, self.key.take(), value) {
            (Value::Array(items), _, value) => items.push(value),
            (Value::Object(object), Some(key), value) if key == "<<" => merge(object, value, &mut self.merged)?,
            (Value::Object(object), Some(key), value) => {
                let is_own =
                    self.merged.iter().position(|merged| *merged == key).map(|at| self.merged.remove(at)).is_none();
                let is_other = object.get(&key).is_some_and(|first| is_own && *first != value);
                object.insert(key.clone(), value);
                return Some(is_other.then_some(key));
            }
            (_, None, Value::String(name)) => self.begin(name, line),
            (_, None, Value::Number(name)) => self.begin(name.to_string(), line),
            _ => return None,
        }
        Some(None)
    }

    fn begin(&mut self, key: String, line: usize) {
        self.first.get_or_insert_with(|| key.clone());
        self.key = Some(key);
        self.line = line;
    }
}

/// `<<: *defaults`: what the object does not say itself.
fn merge(object: &mut Map<String, Value>, value: Value, merged: &mut Vec<String>) -> Option<()> {
    match value {
        Value::Array(all) => all.into_iter().try_for_each(|one| merge(object, one, merged)),
        Value::Object(other) => {
            for (key, value) in other {
                if !object.contains_key(&key) {
                    merged.push(key.clone());
                    object.insert(key, value);
                }
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

    fn documents(text: &str) -> Option<Vec<Value>> {
        let found = super::documents(text, 0).ok().filter(|found| !found.is_empty())?;
        Some(found.into_iter().map(|document| document.json.value).collect())
    }

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
        let read = between_brackets("{a: [b]} and more }").map(|(json, end)| (json.value, end));
        assert_eq!(read, Ok((json!({"a": ["b"]}), 8)));
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
