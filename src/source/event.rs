//! EventBridge events about ECS, bare or inside the messages of SQS, SNS, CloudWatch Logs and Lambda. Main functions:
//! [`read`], [`messages`].
//!
//! A Task State Change holds the Task object itself, so it becomes the same record as an answer of the API. Other events are
//! passed by and counted: foreign ones may share a queue.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::answer;
use super::error::ReadError;
use super::json::At;
use crate::model::observation::{Source, TaskRecord};

/// The most bytes that a message of CloudWatch Logs may have unpacked: Lambda's own limit is far below.
const UNPACKED: u64 = 64 * 1024 * 1024;

/// What an event is about.
#[derive(Debug)]
pub(crate) enum Event {
    /// A task changed its state.
    Task(Box<TaskRecord>),
    /// Something else: its detail type.
    Other(String),
}

/// Whether `at` is an event.
pub(crate) fn is_event(at: &At<'_>) -> bool {
    ["detail-type", "detail"].iter().all(|key| at.value.get(key).is_some())
}

/// One event.
pub(crate) fn read(at: &At<'_>) -> Result<Event, ReadError> {
    let is_of_ecs = at.text("source").is_none_or(|source| source == "aws.ecs");
    let expected = |key: &str, expected| ReadError::Expected { place: at.place.key(key), expected };
    let kind = match at.text("detail-type") {
        Some(kind) => kind,
        None if is_of_ecs => return Err(expected("detail-type", "the type of an event")),
        None => "an event without a type".to_owned(),
    };
    if kind != "ECS Task State Change" || !is_of_ecs {
        return Ok(Event::Other(kind));
    }
    // What was to be a task and is none is no event of another kind: whoever passes by those would lose it.
    let detail = at.get("detail").filter(|detail| detail.has("lastStatus"));
    let detail = detail.ok_or_else(|| expected("detail", "a task with its lastStatus"))?;
    // The envelope names the task too, and in some events alone.
    let resources = at.get("resources");
    let named = resources.iter().flat_map(|at| at.value.as_array()).flatten().filter_map(|arn| arn.as_str());
    let arn = named.into_iter().find(|arn| arn.contains(":task/")).map(str::to_owned);
    let task = answer::task_named(&detail, arn)?;
    let updated = at.time("time")?.max(task.updated);
    Ok(Event::Task(Box::new(TaskRecord { source: Some(Source::Event), updated, ..task })))
}

/// A text and where it stands, or why there is none.
type Text = (String, Result<String, ReadError>);

/// The texts that an envelope carries, each a document of its own, and where each stands; `None` when `at` is none.
pub(crate) fn messages(at: &At<'_>) -> Option<Vec<Text>> {
    let text = |at: &At<'_>, key: &str| {
        let place = at.get(key)?.place.to_string();
        Some((place, Ok(at.get(key)?.value.as_str()?.to_owned())))
    };
    let all = |list: Vec<At<'_>>, find: &dyn Fn(&At<'_>) -> Option<Text>| {
        let found: Vec<_> = list.iter().filter_map(find).collect();
        (!found.is_empty() && found.len() == list.len()).then_some(found)
    };
    // SQS as the CLI prints it, a Lambda's batch from SQS or SNS, one message of SQS, one notification of SNS.
    let sqs = |at: &At<'_>| text(at, "body");
    let record = |at: &At<'_>| sqs(at).or_else(|| text(&at.get("sns")?, "message"));
    if at.value.get("Messages").is_some() {
        return Some(all(at.list("messages"), &sqs).unwrap_or_default());
    }
    if let Some(found) = all(at.list("records"), &record) {
        return Some(found);
    }
    if at.has("messageId")
        && let Some(found) = sqs(at)
    {
        return Some(vec![found]);
    }
    if at.text("type").as_deref() == Some("Notification")
        && let Some(found) = text(at, "message")
    {
        return Some(vec![found]);
    }
    // A subscription of CloudWatch Logs, as Lambda gets it and unpacked; and a page of a log that events are written to.
    if let Some(packed) = at.get("awslogs").and_then(|inner| inner.get("data")) {
        let unpacked = unpack(packed.value.as_str().unwrap_or_default());
        let expected = ReadError::Expected { place: packed.place.clone(), expected: "base64 of gzip" };
        return Some(vec![(packed.place.to_string(), unpacked.ok_or(expected))]);
    }
    let line = |at: &At<'_>| text(at, "message");
    if let Some(found) = all(at.list("logEvents"), &line) {
        return Some(found);
    }
    let is_written_event = |text: &str| text.trim_start().starts_with('{') && text.contains("\"detail-type\"");
    all(at.list("events"), &line)
        .filter(|found| found.iter().all(|(_, text)| text.as_ref().is_ok_and(|text| is_written_event(text))))
}

fn unpack(packed: &str) -> Option<String> {
    let bytes = STANDARD.decode(packed).ok()?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).take(UNPACKED).read_to_string(&mut text).ok()?;
    Some(text)
}
