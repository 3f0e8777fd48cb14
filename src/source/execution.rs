//! What Step Functions says of an execution that holds no task: what it failed of. Pure. Main functions: [`is_event`], [`failure`].

use serde_json::Value;

use super::json::At;
use crate::quote::quoted;

/// Whether an event's type is of an execution: its input, output and cause are documents as text.
pub(crate) fn is_event(kind: &str) -> bool {
    kind == "Step Functions Execution Status Change"
}

/// The failure that an execution, a state's catcher or an event's detail says, itself or one level down: its error and its cause,
/// without secrets and cut.
pub(crate) fn failure(at: &At<'_>) -> Option<String> {
    let inner = || {
        let keys = at.value.as_object().into_iter().flat_map(|object| object.keys());
        keys.filter_map(|key| at.get(key)).find_map(|inner| own(&inner))
    };
    own(at).or_else(inner)
}

fn own(at: &At<'_>) -> Option<String> {
    let (error, cause) = (at.text("error"), at.text("cause"));
    let is_name = |error: &String| {
        let begins = ["States.", "ECS.", "Lambda.", "AWS."].iter().any(|begin| error.starts_with(begin));
        begins && !error.contains(char::is_whitespace)
    };
    match (error, cause) {
        (Some(error), Some(cause)) => Some(format!("{}: {}", quoted(&error), quoted(&message(&cause)))),
        (Some(error), None) if is_name(&error) => Some(quoted(&error)),
        _ => None,
    }
}

/// A function's error is JSON, of which the message tells.
fn message(cause: &str) -> String {
    let value = serde_json::from_str::<Value>(cause).ok();
    let message = value.as_ref().and_then(|value| value.get("errorMessage")?.as_str());
    message.unwrap_or(cause).to_owned()
}
