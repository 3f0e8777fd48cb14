//! The JSON that is published (`docs/json`) keeps what was promised (`promised/`): keys may be added, none may go, change its type or
//! be absent where it was always there. The copies are not written by UPDATE_EXPECT: a release adds to them (docs/releasing.md).

use serde_json::{Value, json};

const DOCUMENTS: [(&str, &str, &str); 5] = [
    ("task", include_str!("promised/task.schema.json"), include_str!("../../docs/json/task.schema.json")),
    ("deploy", include_str!("promised/deploy.schema.json"), include_str!("../../docs/json/deploy.schema.json")),
    ("stats", include_str!("promised/stats.schema.json"), include_str!("../../docs/json/stats.schema.json")),
    ("ls", include_str!("promised/ls.schema.json"), include_str!("../../docs/json/ls.schema.json")),
    ("bundle", include_str!("promised/bundle.schema.json"), include_str!("../../docs/json/bundle.schema.json")),
];

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap()
}

/// A schema beside an earlier one, and what it no longer keeps.
struct Beside<'a> {
    was: &'a Value,
    is: &'a Value,
    /// Definitions that were gone into: they may be inside of themselves.
    seen: Vec<(String, String)>,
    broken: Vec<String>,
}

impl<'a> Beside<'a> {
    fn new(was: &'a Value, is: &'a Value) -> Self {
        Self { was, is, seen: vec![], broken: vec![] }
    }

    fn all(mut self) -> Vec<String> {
        self.look("", self.was, self.is);
        self.broken
    }

    fn look(&mut self, place: &str, was: &'a Value, is: &'a Value) {
        let named = |of: &Value| of["$ref"].as_str().unwrap_or_default().to_owned();
        let names = (named(was), named(is));
        if !names.0.is_empty() || !names.1.is_empty() {
            if self.seen.contains(&names) {
                return;
            }
            self.seen.push(names);
        }
        let (was, is) = (found(self.was, was), found(self.is, is));
        let (before, now) = (alternatives(was), alternatives(is));
        if before.len() > 1 || now.len() > 1 {
            for one in now {
                let kept = before.iter().any(|other| {
                    let mut inner = Self { seen: self.seen.clone(), ..Self::new(self.was, self.is) };
                    inner.look(place, other, one);
                    inner.broken.is_empty()
                });
                if !kept {
                    self.broken.push(format!("{place}: may be something else than before: {one}"));
                }
            }
            return;
        }
        let types = |of: &Value| match &of["type"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(some) => some.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            _ => vec![],
        };
        let (before, now) = (types(was), types(is));
        if !before.is_empty() && (now.is_empty() || now.iter().any(|one| !before.contains(one))) {
            self.broken.push(format!("{place}: was of the types {before:?}, is of {now:?}"));
        }
        for word in ["const", "format", "pattern"] {
            if !was[word].is_null() && was[word] != is[word] {
                self.broken.push(format!("{place}: {word} was {}, is {}", was[word], is[word]));
            }
        }
        for key in was["required"].as_array().into_iter().flatten() {
            if !is["required"].as_array().is_some_and(|required| required.contains(key)) {
                self.broken.push(format!("{place}: {key} is not always there any more"));
            }
        }
        for (key, property) in was["properties"].as_object().into_iter().flatten() {
            match is["properties"].get(key) {
                Some(other) => self.look(&format!("{place}.{key}"), property, other),
                None => self.broken.push(format!("{place}.{key}: is gone")),
            }
        }
        for word in ["items", "additionalProperties"] {
            if was[word].is_object() {
                self.look(&format!("{place}[]"), &was[word], &is[word]);
            }
        }
    }
}

/// What a reference leads to.
fn found<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

fn alternatives(schema: &Value) -> Vec<&Value> {
    schema["anyOf"].as_array().map_or_else(|| vec![schema], |some| some.iter().collect())
}

#[test]
fn what_was_promised_is_kept() {
    for (name, was, is) in DOCUMENTS {
        let broken = Beside::new(&parsed(was), &parsed(is)).all();
        assert!(broken.is_empty(), "docs/json/{name}.schema.json: {broken:#?}");
    }
}

#[test]
fn a_broken_promise_is_found_and_an_addition_is_none() {
    let was = json!({
        "properties": {"id": {"type": "string"}, "at": {"anyOf": [{"$ref": "#/$defs/time"}, {"type": "null"}]}, "inner": {"type": "array", "items": {"$ref": "#/$defs/phase"}}},
        "required": ["id"],
        "$defs": {
            "time": {"type": "string", "format": "date-time"},
            "phase": {"properties": {"name": {"type": "string"}, "phases": {"type": "array", "items": {"$ref": "#/$defs/phase"}}}},
        },
    });
    let broken = |place: &str, value: Option<Value>| {
        let mut is = was.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = is.pointer_mut(parent).unwrap();
        match value {
            Some(value) => parent[key] = value,
            None => drop(parent.as_object_mut().unwrap().remove(key)),
        }
        Beside::new(&was, &is).all()
    };
    assert_eq!(broken("/properties/new", Some(json!({"type": "string"}))), [""; 0]);
    assert_eq!(broken("/required", Some(json!(["id", "at"]))), [""; 0]);
    assert_eq!(
        broken("/properties/at", Some(json!({"$ref": "#/$defs/time"}))),
        [""; 0],
        "never null is less to look for"
    );
    assert_eq!(broken("/properties/id", None), [".id: is gone"]);
    assert_eq!(broken("/$defs/phase/properties/name", None), [".inner[].name: is gone"]);
    assert_eq!(broken("/required", Some(json!([]))), [": \"id\" is not always there any more"]);
    assert_eq!(broken("/properties/id/type", Some(json!(["string", "null"]))).len(), 1);
    assert_eq!(broken("/$defs/time/type", Some(json!("number"))).len(), 1);
    assert_eq!(broken("/$defs/time/format", None).len(), 1);
}
