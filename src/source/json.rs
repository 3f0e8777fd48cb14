//! Access to JSON whose keys are camelCase or PascalCase and whose absent facts have many spellings, with the place of
//! everything for errors. Main type: [`At`].

use serde_json::{Map, Value};

use super::error::{Place, ReadError};
use super::times;
use crate::model::Time;

/// A JSON value and where it stands: `task.json: $.tasks[0]`.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) value: &'a Value,
    pub(crate) place: Place,
}

impl<'a> At<'a> {
    /// The document itself.
    pub(crate) fn root(origin: &str, value: &'a Value) -> Self {
        Self { value, place: Place::root(origin) }
    }

    /// The field `key` (camelCase; PascalCase is taken too) where it is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let (key, value) = field(self.value.as_object()?, key)?;
        (!value.is_null()).then(|| Self { value, place: self.place.key(key) })
    }

    /// The elements of the array `key`. A single object counts as an array of one.
    pub(crate) fn list(&self, key: &str) -> Vec<Self> {
        self.get(key).map_or_else(Vec::new, |at| at.elements())
    }

    /// The elements of an array; a single object counts as one.
    pub(crate) fn elements(&self) -> Vec<Self> {
        match self.value {
            Value::Array(items) => {
                items.iter().enumerate().map(|(i, value)| Self { value, place: self.place.index(i) }).collect()
            }
            Value::Object(_) => vec![self.clone()],
            _ => vec![],
        }
    }

    /// Text, trimmed: absent where it is empty or `"null"`. Numbers are taken as written, enums as `{"value": …}` too.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let value = self.get(key)?.value;
        let value = value.as_object().and_then(|object| field(object, "value")).map_or(value, |(_, inner)| inner);
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty() && text != "null").then_some(text)
    }

    /// A whole number, given as one or as text.
    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        let value = self.get(key)?.value;
        value
            .as_i64()
            .or_else(|| value.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64))
            .or_else(|| value.as_str()?.trim().parse().ok())
    }

    /// A truth value.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?.value;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }

    /// A time in milliseconds; what is there and no time is an error.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Time>, ReadError> {
        let Some(at) = self.get(key) else { return Ok(None) };
        times::parse_millis(at.value).map_err(|_| ReadError::NotATime { place: at.place, found: shortened(at.value) })
    }

    /// A time as exact as it stands: containers' times are to the nanosecond.
    pub(crate) fn exact_time(&self, key: &str) -> Result<Option<Time>, ReadError> {
        let Some(at) = self.get(key) else { return Ok(None) };
        times::parse(at.value).map_err(|_| ReadError::NotATime { place: at.place, found: shortened(at.value) })
    }

    /// Whether the field is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

/// The field `key` under its camelCase or PascalCase name.
pub(crate) fn field<'a>(object: &'a Map<String, Value>, key: &str) -> Option<(&'a str, &'a Value)> {
    let exact = object.get_key_value(key);
    let found = exact.or_else(|| object.get_key_value(&pascal(key)))?;
    Some((found.0.as_str(), found.1))
}

pub(crate) fn pascal(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A value as an error quotes it: never more than a few characters, since nobody knows what it is.
fn shortened(value: &Value) -> String {
    const MOST: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
