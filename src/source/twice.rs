//! JSON with the names that stand in one object twice: whoever reads it takes the last, so something of it is lost. Main type: [`Json`].

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::{Place, ReadError};

/// So many are named in a document.
const NAMED: usize = 5;

/// A value, and where in it a name stands twice with different values.
#[derive(Debug, Default)]
pub(super) struct Json {
    pub(super) value: Value,
    twice: Twice,
}

impl Json {
    /// What is wrong with it, which stands at `place`.
    pub(super) fn errors(&self, place: &Place) -> Vec<ReadError> {
        let at = |path: &Vec<Step>| {
            path.iter().rev().fold(place.clone(), |place, step| match step {
                Step::Key(key) => place.key(key),
                Step::Index(index) => place.index(*index),
            })
        };
        let more = self.twice.count - self.twice.paths.len();
        let last = self.twice.paths.len().saturating_sub(1);
        let error = |(number, path)| ReadError::Twice { place: at(path), more: if number == last { more } else { 0 } };
        self.twice.paths.iter().enumerate().map(error).collect()
    }
}

/// Of other notations, which have a name once.
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

/// The names, each with the way to it, the last step first.
#[derive(Debug, Default)]
struct Twice {
    paths: Vec<Vec<Step>>,
    count: usize,
}

impl Twice {
    /// Those that were found since there were so many are inside of this.
    fn inside(&mut self, before: usize, step: impl Fn() -> Step) {
        for path in self.paths.iter_mut().skip(before) {
            path.push(step());
        }
    }
}

#[derive(Debug)]
enum Step {
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
        let mut before = self.0.paths.len();
        while let Some(item) = list.next_element_seed(Reading(self.0))? {
            self.0.inside(before, || Step::Index(items.len()));
            before = self.0.paths.len();
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let before = self.0.paths.len();
            let value = object.next_value_seed(Reading(self.0))?;
            self.0.inside(before, || Step::Key(key.clone()));
            let other = fields.get(&key).is_some_and(|first| *first != value);
            if other {
                self.0.count += 1;
                if self.0.paths.len() < NAMED {
                    self.0.paths.push(vec![Step::Key(key.clone())]);
                }
            }
            fields.insert(key, value);
        }
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
