//! Access to JSON whose keys are camelCase or PascalCase and whose absent facts have many spellings, with the place of
//! everything for errors. Main type: [`At`].

use serde_json::{Map, Value};

use super::error::{Place, ReadError};
use super::times;
use crate::model::Time;

/// Below 2^53 a double is the whole number that it says.
const EXACT: f64 = 9_007_199_254_740_992.0;

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
        self.entry(key).map(|(key, value)| Self { value, place: self.place.key(key) })
    }

    /// The field as it is called there, without its place: most of what is asked for needs none.
    fn entry(&self, key: &str) -> Option<(&'a str, &'a Value)> {
        entry(self.value, key)
    }

    /// Its value alone.
    fn value_of(&self, key: &str) -> Option<&'a Value> {
        value_of(self.value, key)
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
        text(self.value, key)
    }

    /// A whole number, given as one or as text.
    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        let value = self.value_of(key)?;
        value
            .as_i64()
            .or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < EXACT).map(|n| n as i64))
            .or_else(|| value.as_str()?.trim().parse().ok())
    }

    /// A truth value.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        let value = self.value_of(key)?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }

    /// A time in milliseconds; what is there and no time is an error.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Time>, ReadError> {
        self.time_by(key, times::parse_millis)
    }

    /// A time as exact as it stands: containers' times are to the nanosecond.
    pub(crate) fn exact_time(&self, key: &str) -> Result<Option<Time>, ReadError> {
        self.time_by(key, times::parse)
    }

    fn time_by<E>(
        &self,
        key: &str,
        parse: impl Fn(&Value) -> Result<Option<Time>, E>,
    ) -> Result<Option<Time>, ReadError> {
        let Some((key, value)) = self.entry(key) else { return Ok(None) };
        let error =
            || ReadError::NotATime { place: self.place.key(key), found: shortened(value), why: times::why_none(value) };
        parse(value).map_err(|_| error())
    }

    /// Whether the field is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value_of(key).is_some()
    }
}

fn entry<'a>(value: &'a Value, key: &str) -> Option<(&'a str, &'a Value)> {
    field(value.as_object()?, key).filter(|(_, value)| !value.is_null())
}

/// As [`At::get`], where nobody asks for the place: nothing is made.
pub(super) fn value_of<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    entry(value, key).map(|(_, value)| value)
}

/// As [`At::list`], likewise.
pub(super) fn values_of<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    match value_of(value, key) {
        Some(Value::Array(items)) => items,
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => &[],
    }
}

/// As [`At::text`].
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    let value = value_of(value, key)?;
    let value = value.as_object().and_then(|object| field(object, "value")).map_or(value, |(_, inner)| inner);
    let text = match value {
        Value::String(text) if text.is_ascii() => text.trim().to_owned(),
        Value::String(text) => text.replace(is_pasted, "").trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text != "null").then_some(text)
}

/// Of no width, and put into a text by browsers, wikis and chats on the way: a space and a hyphen that allow a line to be broken, a
/// word joiner, a byte order mark.
pub(super) fn is_pasted(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{ad}' | '\u{2060}' | '\u{feff}')
}

/// Whether any text in it has such a character.
pub(super) fn is_pasted_into(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_ascii() && text.contains(is_pasted),
        Value::Array(items) => items.iter().any(is_pasted_into),
        Value::Object(object) => object.values().any(is_pasted_into),
        _ => false,
    }
}

/// The field `key` under its camelCase or PascalCase name.
pub(crate) fn field<'a>(object: &'a Map<String, Value>, key: &str) -> Option<(&'a str, &'a Value)> {
    let exact = object.get_key_value(key);
    // Most of what is asked for is not there: nothing is made to find that out.
    let found = exact.or_else(|| object.iter().find(|(name, _)| is_pascal(name, key)))?;
    Some((found.0.as_str(), found.1))
}

/// Whether a name is this camelCase key in PascalCase.
fn is_pascal(name: &str, key: &str) -> bool {
    let (mut name, mut key) = (name.chars(), key.chars());
    name.next() == key.next().map(|first| first.to_ascii_uppercase()) && name.as_str() == key.as_str()
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
