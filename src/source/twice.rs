//! JSON with the names that stand in one object twice, be it in two spellings: whoever reads it takes one, so something of it is lost.
//! Main type: [`Json`].

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::answer::LISTS;
use super::error::{Place, ReadError};

/// So many are named in a document.
const NAMED: usize = 5;

/// What is ECS's own name for something, in small letters, whoever spells it: other words may stand in two spellings in labels, say.
const OF_ECS: [&str; 23] = [
    "clusterarn",
    "connectivityat",
    "containerarn",
    "containers",
    "createdat",
    "desiredstatus",
    "detail",
    "executionstoppedat",
    "exitcode",
    "healthstatus",
    "laststatus",
    "launchtype",
    "pullstartedat",
    "pullstoppedat",
    "reason",
    "startedat",
    "startedby",
    "stopcode",
    "stoppedat",
    "stoppedreason",
    "stoppingat",
    "taskarn",
    "taskdefinitionarn",
];

/// A value, and where in it a name stands twice with different values.
#[derive(Debug, Default)]
pub(super) struct Json {
    pub(super) value: Value,
    pub(super) twice: Twice,
}

impl Json {
    /// What is wrong with it, which stands at `place`.
    pub(super) fn errors(&self, place: &Place) -> Vec<ReadError> {
        let more = self.twice.count - self.twice.found.len();
        let last = self.twice.found.len().saturating_sub(1);
        let error = |(number, found): (usize, &Found)| {
            let place = found.path.iter().rev().fold(place.clone(), |place, step| match step {
                Step::Key(key) => place.key(key),
                Step::Index(index) => place.index(*index),
            });
            let more = if number == last { more } else { 0 };
            match &found.other {
                Some(other) => ReadError::Spelled { place, other: other.clone(), more },
                None => ReadError::Twice { place, line: found.line, more },
            }
        };
        self.twice.found.iter().enumerate().map(error).collect()
    }
}

/// Of what was looked through, or cannot have a name twice.
impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self { value, ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut twice = Twice::default();
        let value = Reading(&mut twice).deserialize(json)?;
        Ok(Self { value, twice })
    }
}

/// The names.
#[derive(Debug, Default)]
pub(super) struct Twice {
    found: Vec<Found>,
    count: usize,
}

/// A name that stands twice.
#[derive(Debug)]
struct Found {
    /// The way to it, the last step first.
    path: Vec<Step>,
    /// Where it stands for the second time, in a notation whose lines are known.
    line: Option<usize>,
    /// How it is spelled there, too.
    other: Option<String>,
}

impl Twice {
    /// One more, here.
    pub(super) fn note(&mut self, key: &str, line: Option<usize>) {
        self.add(Found { path: vec![Step::Key(key.to_owned())], line, other: None });
    }

    /// Those of an object that is complete whose spellings are two.
    pub(super) fn spelled(&mut self, object: &Map<String, Value>) {
        // Most objects have one way to write names.
        let begins = |is: fn(&u8) -> bool| object.keys().any(|key| key.as_bytes().first().is_some_and(is));
        let is_mixed = || begins(u8::is_ascii_uppercase) && begins(u8::is_ascii_lowercase);
        if !(is_mixed() || object.keys().any(|key| key.contains('_'))) {
            return;
        }
        let mut seen: Vec<(String, &str, &Value)> = vec![];
        for (key, value) in object {
            let name = key.replace('_', "").to_ascii_lowercase();
            if !OF_ECS.iter().chain(&LISTS).any(|own| *own == name) {
                continue;
            }
            match seen.iter().find(|(own, ..)| *own == name) {
                Some((_, first, other)) if *other != value => {
                    let path = vec![Step::Key(key.clone())];
                    self.add(Found { path, line: None, other: Some((*first).to_owned()) });
                }
                Some(_) => {}
                None => seen.push((name, key, value)),
            }
        }
    }

    fn add(&mut self, found: Found) {
        self.count += 1;
        if self.found.len() < NAMED {
            self.found.push(found);
        }
    }

    /// So many are named.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Those that were found since there were so many are inside of this.
    pub(super) fn inside(&mut self, before: usize, step: impl Fn() -> Step) {
        for found in self.found.iter_mut().skip(before) {
            found.path.push(step());
        }
    }
}

#[derive(Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Makes a value, as serde_json does.
struct Reading<'a>(&'a mut Twice);

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = vec![];
        let mut before = self.0.len();
        while let Some(item) = list.next_element_seed(Reading(self.0))? {
            self.0.inside(before, || Step::Index(items.len()));
            before = self.0.len();
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let before = self.0.len();
            let value = object.next_value_seed(Reading(self.0))?;
            self.0.inside(before, || Step::Key(key.clone()));
            let other = fields.get(&key).is_some_and(|first| *first != value);
            if other {
                self.0.note(&key, None);
            }
            fields.insert(key, value);
        }
        self.0.spelled(&fields);
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn any_json_is_the_value_that_it_is_and_a_name_with_two_values_has_its_place() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 1.5e3, "\u00e9\n", {"b": {}}, []], "": {"x": [1]}}"#;
        let json: Json = serde_json::from_str(text).unwrap();
        assert_eq!(json.value, serde_json::from_str::<Value>(text).unwrap());
        assert!(json.errors(&Place::root("f")).is_empty());
        let told = |text: &str| -> Vec<String> {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(json.value, serde_json::from_str::<Value>(text).unwrap());
            json.errors(&Place::root("f")).iter().map(ToString::to_string).collect()
        };
        let said =
            |place: &str, more: &str| format!("f: {place} stands there twice, with two values: the last counts{more}");
        assert_eq!(told(r#"{"a": [0, {"b": {"c": 1, "d": 2, "c": 3}}]}"#), [said("$.a[1].b.c", "")]);
        assert_eq!(told(r#"{"a": {"b": 1, "b": 2}, "a": {"b": 2}, "c": 1}"#), [said("$.a.b", "")]);
        assert!(told(r#"{"a": 1, "b": null, "a": 1}"#).is_empty(), "the same twice is no loss");
        let many: Vec<String> = (0..9).map(|number| format!(r#"{{"a": {number}, "a": -1}}"#)).collect();
        let told = told(&format!("[{}]", many.join(",")));
        assert_eq!(
            (told.len(), told.first(), told.last()),
            (NAMED, Some(&said("$[0].a", "")), Some(&said("$[4].a", " (and 4 more such)")))
        );
    }
}
