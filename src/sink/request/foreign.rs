//! What a body says that is not OTLP: of an error, or of none. Pure. Main functions: [`json_speaks_of_error`] and
//! [`text_speaks_of_error`].
//!
//! In doubt it speaks of an error: what is kept can be sent again, what is taken for accepted cannot.

use serde_json::{Map, Value};

/// Keys that tell of an error wherever something stands under them. (Any that begins or ends with `error` does, too.)
const BAD_KEYS: [&str; 17] = [
    "denied",
    "dropped",
    "err",
    "exception",
    "exceptions",
    "failed",
    "failure",
    "failures",
    "fault",
    "faults",
    "invalid",
    "login",
    "loginurl",
    // Elsewhere than OTLP has it.
    "partialsuccess",
    "redirect",
    "rejected",
    "violations",
];

/// Keys that say `false`, or nothing good, when nothing was taken.
const GOOD_KEYS: [&str; 5] = ["accepted", "acknowledged", "ok", "success", "succeeded"];

/// Keys of a word or a number that sums it up.
const STATUS_KEYS: [&str; 8] = ["code", "outcome", "result", "resultcode", "state", "status", "statuscode", "type"];

/// Keys of what is said to people.
const MESSAGE_KEYS: [&str; 7] = ["description", "detail", "details", "message", "msg", "reason", "title"];

/// Words of success, as a whole message.
const GOOD_WORDS: [&str; 12] = [
    "accepted",
    "created",
    "done",
    "no error",
    "no errors",
    "ok",
    "queued",
    "received",
    "succeeded",
    "success",
    "successful",
    "successfully",
];

/// Beginnings of words that no receiver uses of what it took.
const BAD_WORDS: [&str; 45] = [
    "abort",
    "bad ",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "denied",
    "deprecat",
    "disabled",
    "discard",
    "does not",
    "doesn't",
    "drop",
    "error",
    "exceed",
    "exception",
    "expired",
    "fail",
    "fatal",
    "forbidden",
    "illegal",
    "invalid",
    "log in",
    "login",
    "malformed",
    "missing",
    "must ",
    "no healthy",
    "no such",
    "not ",
    "outage",
    "overload",
    "quota",
    "refus",
    "reject",
    "sign in",
    "throttl",
    "timed out",
    "timeout",
    "too large",
    "too many",
    "unauth",
    "unavailable",
    "unknown",
    "unsupported",
];

/// Whether JSON speaks of an error, anywhere in it.
pub(crate) fn json_speaks_of_error(value: &Value) -> bool {
    match value {
        Value::Object(object) => object_speaks(object, false),
        Value::Array(items) => items.iter().any(json_speaks_of_error),
        Value::String(text) => text_speaks_of_error(text),
        Value::Bool(is_good) => !is_good,
        Value::Null | Value::Number(_) => false,
    }
}

/// Whether text speaks of an error.
pub(crate) fn text_speaks_of_error(text: &str) -> bool {
    let text = text.to_lowercase();
    let is_status = |word: &str| matches!(word, "401" | "403" | "404" | "405" | "502" | "503" | "504");
    let says = || {
        BAD_WORDS.iter().any(|word| text.contains(word)) || text.split(|c: char| !c.is_alphanumeric()).any(is_status)
    };
    !is_good_word(&text) && says()
}

fn is_good_word(text: &str) -> bool {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    GOOD_WORDS.contains(&text.as_str())
}

/// `is_good`: what the object is in says that all is well.
fn object_speaks(object: &Map<String, Value>, is_good: bool) -> bool {
    let is_good = is_good || object.iter().any(|(key, value)| is_praise(&plain(key), value));
    object.iter().any(|(key, value)| {
        let key = plain(key);
        let is = |keys: &[&str]| keys.contains(&key.as_str());
        if is(&BAD_KEYS) || key.starts_with("error") || key.ends_with("error") || key.ends_with("errors") {
            return says_something(value);
        }
        let is_no = value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("no"));
        if is(&GOOD_KEYS) && (is_no || !says_something(value) && !value.is_null()) {
            return true;
        }
        match value {
            Value::Bool(is_well) if is(&STATUS_KEYS) => !is_well,
            Value::Number(_) if is(&STATUS_KEYS) => status_of(&key, value) == Some(false),
            Value::String(text) if is(&STATUS_KEYS) => {
                text_speaks_of_error(text) || status_of(&key, value) == Some(false)
            }
            Value::String(text) if is(&MESSAGE_KEYS) => {
                !text.trim().is_empty() && !is_good_word(text) && (!is_good || text_speaks_of_error(text))
            }
            // Elsewhere a link may have any words in it.
            Value::String(text) => !text.contains("://") && text_speaks_of_error(text),
            Value::Object(inner) => object_speaks(inner, is_good),
            Value::Array(items) => items.iter().any(|item| match item {
                Value::Object(inner) => object_speaks(inner, is_good),
                Value::Array(_) | Value::String(_) => json_speaks_of_error(item),
                _ => false,
            }),
            _ => false,
        }
    })
}

/// A key without what only its style puts there.
fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether this says that all is well.
fn is_praise(key: &str, value: &Value) -> bool {
    match value {
        Value::Bool(is_so) => *is_so && GOOD_KEYS.contains(&key),
        Value::String(text) if STATUS_KEYS.contains(&key) => is_good_word(text) || status_of(key, value) == Some(true),
        Value::Number(_) if STATUS_KEYS.contains(&key) => status_of(key, value) == Some(true),
        _ => false,
    }
}

/// What a number says as a status of HTTP, or as a code whose zero is success; `None`: nothing.
fn status_of(key: &str, value: &Value) -> Option<bool> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    match number {
        _ if (200.0..300.0).contains(&number) => Some(true),
        0.0 if key != "status" && key != "statuscode" => Some(true),
        _ if !(0.0..300.0).contains(&number) || key.ends_with("code") => Some(false),
        _ => None,
    }
}

/// Whether anything stands there: `false`, zero and what is empty say that there is none.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_so) => *is_so,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            let text = text.trim();
            !text.is_empty()
                && !is_good_word(text)
                && !matches!(text.to_lowercase().as_str(), "0" | "false" | "none" | "null")
        }
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn speaks(json: &str) -> bool {
        json_speaks_of_error(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn errors_are_heard() {
        for json in [
            r#"{"error":"invalid api key"}"#,
            r#"{"Error":{"Code":"AccessDenied"}}"#,
            r#"{"errors":[{"title":"x"}]}"#,
            r#"{"errors":["x"],"status":"ok"}"#,
            r#"{"success":false}"#,
            r#"{"ok":false}"#,
            r#"{"accepted":0}"#,
            r#"{"message":"Forbidden"}"#,
            r#"{"message":"Missing Authentication Token"}"#,
            r#"{"Message":"User is not authorized"}"#,
            r#"{"message":"hello"}"#,
            r#"{"success":true,"message":"the tenant is over its quota"}"#,
            r#"{"status":"error"}"#,
            r#"{"status":401}"#,
            r#"{"statusCode":"403"}"#,
            r#"{"code":16,"message":"no"}"#,
            r#"{"code":7}"#,
            r#"{"data":{"errorMessage":"x"}}"#,
            r#"[{"error":"x"}]"#,
            r#"{"result":[{"ok":true},{"ok":false}]}"#,
            r#"{"error_description":"x"}"#,
            r#"{"lastError":"x"}"#,
            r#"{"rejected":3}"#,
            r#"{"info":"unauthorized"}"#,
            r#"{"ok":"no"}"#,
            r#"{"status":false}"#,
            r#"{"said":["ok","access denied"]}"#,
            r#""Unauthorized""#,
            "false",
        ] {
            assert!(speaks(json), "{json}");
        }
    }

    #[test]
    fn what_tells_of_none_is_no_error() {
        for json in [
            "{}",
            "[]",
            "null",
            "1",
            "true",
            r#""ok""#,
            r#"{"status":"ok"}"#,
            r#"{"status":"success","message":"3 spans queued"}"#,
            r#"{"status":200,"message":"OK"}"#,
            r#"{"code":0,"msg":"success"}"#,
            r#"{"success":true,"errors":[],"error":null}"#,
            r#"{"error":"","errorCount":0,"failed":0}"#,
            r#"{"errors":false}"#,
            r#"{"message":"Accepted."}"#,
            r#"{"took":3,"items":[{"id":1}]}"#,
            r#"{"requestId":"a-b","docs":"https://example.com/errors"}"#,
        ] {
            assert!(!speaks(json), "{json}");
        }
    }

    #[test]
    fn text() {
        for text in [
            "invalid api key",
            "Forbidden",
            "You are not authorized",
            "Error 1020",
            "Too many requests",
            "default backend - 404",
        ] {
            assert!(text_speaks_of_error(text), "{text}");
        }
        for text in ["ok", "OK\n", "Success!", "aaaa", "no errors"] {
            assert!(!text_speaks_of_error(text), "{text}");
        }
    }
}
