//! What CloudTrail recorded of a call of ECS's: which tasks it answered. They are named and not read: a record's times are whole
//! seconds, and it ends with the call, while ECS tells the same task to the millisecond. Pure. Main functions: [`is_record`], [`read`].

use super::error::ReadError;
use super::json::At;

/// Whether `at` is a record of CloudTrail.
pub(crate) fn is_record(at: &At<'_>) -> bool {
    at.text("eventSource").is_some_and(|source| source.ends_with(".amazonaws.com"))
        && at.has("eventName")
        && ["eventVersion", "requestParameters", "responseElements"].iter().any(|key| at.has(key))
}

/// What the record is of: the tasks in it are an error, which names them; else what is passed by.
pub(crate) fn read(at: &At<'_>) -> Result<String, ReadError> {
    let call = at.text("eventName").unwrap_or_default();
    let answer = at.get("responseElements");
    let lists = answer.iter().flat_map(|answer| ["tasks", "task"].map(|key| answer.list(key))).flatten();
    let tasks: Vec<String> = lists.filter_map(|task| task.text("taskArn")).collect();
    if tasks.is_empty() {
        return Ok(format!("CloudTrail's record of {call}"));
    }
    Err(ReadError::Recorded { place: at.place.clone(), call, tasks })
}
