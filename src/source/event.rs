//! EventBridge events about ECS, bare or inside the messages of SQS, SNS, Kinesis, Firehose, Kafka, CloudWatch Logs and Lambda. Main functions:
//! [`read`], [`messages`].
//!
//! A Task State Change holds the Task object itself, so it becomes the same record as an answer of the API. Other events are
//! passed by and counted: foreign ones may share a queue.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;

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
    let kind = at.text("detail-type").unwrap_or_else(|| "an event without a type".to_owned());
    let is_of_ecs = at.text("source").is_none_or(|source| source == "aws.ecs");
    if kind != "ECS Task State Change" || !is_of_ecs {
        return Ok(Event::Other(kind));
    }
    let Some(detail) = at.get("detail") else { return Ok(Event::Other(kind)) };
    // The envelope names the task too, and in some events alone.
    let resources = at.get("resources");
    let named = resources.iter().flat_map(|at| at.value.as_array()).flatten().filter_map(|arn| arn.as_str());
    let arn = named.into_iter().find(|arn| arn.contains(":task/")).map(str::to_owned);
    let task = answer::task_named(&detail, arn)?;
    Ok(Event::Task(Box::new(TaskRecord { source: Some(Source::Event), ..task })))
}

/// A text and where it stands, or why there is none.
pub(crate) type Text = (String, Result<String, ReadError>);

/// Whether `at` is a message of CloudWatch Logs that only tries the way.
pub(crate) fn is_control(at: &At<'_>) -> bool {
    at.text("messageType").as_deref() == Some("CONTROL_MESSAGE") && at.has("logEvents")
}

/// The texts that an envelope carries, each a document of its own, and where each stands; `None` when `at` is none.
pub(crate) fn messages(at: &At<'_>) -> Option<Vec<Text>> {
    // SQS as the CLI prints it, and a batch as Lambda gets it from SQS, SNS, Kinesis, Firehose or Kafka.
    if at.has("messages")
        && let Some(found) = all(&at.list("messages"), &sqs)
    {
        return Some(found);
    }
    let records = at.list("records");
    // Kafka's are in lists by topic.
    let by_topic: Vec<At<'_>> = match at.get("records").filter(|records| records.value.is_object()) {
        Some(topics) => topics
            .value
            .as_object()
            .into_iter()
            .flat_map(|object| object.keys())
            .flat_map(|topic| topics.list(topic))
            .collect(),
        None => vec![],
    };
    if let Some(found) = all(&records, &record).or_else(|| all(&by_topic, &record)) {
        return Some(found);
    }
    // One of each alone, as EventBridge Pipes and subscriptions give them.
    let is_record = ["messageId", "sequenceNumber", "partitionKey", "recordId", "kinesisSchemaVersion"]
        .iter()
        .any(|key| at.has(key));
    if is_record && let Some(found) = record(at) {
        return Some(vec![found]);
    }
    if at.text("type").as_deref() == Some("Notification")
        && let Some(found) = text(at, "message")
    {
        return Some(vec![found]);
    }
    // A subscription of CloudWatch Logs, as Lambda gets it and unpacked; and a page of a log that events are written to.
    if let Some(packed) = at.get("awslogs") {
        return data(&packed, "data").map(|found| vec![found]);
    }
    written(&at.list("logEvents")).or_else(|| written(&at.list("events")))
}

/// The texts of log lines that are events which were written to a log.
pub(crate) fn written(lines: &[At<'_>]) -> Option<Vec<Text>> {
    let is_event = |text: &str| text.trim_start().starts_with('{') && text.contains("\"detail-type\"");
    let found = all(lines, &|at| text(at, "message"))?;
    found.iter().all(|(_, text)| text.as_ref().is_ok_and(|text| is_event(text))).then_some(found)
}

/// What each of a list carries, when one does: others are errors.
fn all(list: &[At<'_>], find: &dyn Fn(&At<'_>) -> Option<Text>) -> Option<Vec<Text>> {
    let found: Vec<_> = list.iter().map(|at| (at, find(at))).collect();
    let none = |at: &At<'_>| {
        let error = ReadError::Expected { place: at.place.clone(), expected: "a message like the others" };
        (at.place.to_string(), Err(error))
    };
    let is_one = found.iter().any(|(_, text)| text.is_some());
    is_one.then(|| found.into_iter().map(|(at, text)| text.unwrap_or_else(|| none(at))).collect())
}

fn text(at: &At<'_>, key: &str) -> Option<Text> {
    let inner = at.get(key)?;
    Some((inner.place.to_string(), Ok(inner.value.as_str()?.to_owned())))
}

fn sqs(at: &At<'_>) -> Option<Text> {
    text(at, "body")
}

fn record(at: &At<'_>) -> Option<Text> {
    let kinesis = || data(&at.get("kinesis")?, "data");
    let kafka = || at.has("topic").then(|| data(at, "value"))?;
    sqs(at).or_else(|| text(&at.get("sns")?, "message")).or_else(kinesis).or_else(|| data(at, "data")).or_else(kafka)
}

/// Text in base64, packed with gzip or not.
fn data(at: &At<'_>, key: &str) -> Option<Text> {
    let inner = at.get(key)?;
    let packed = inner.value.as_str()?;
    let expected =
        || ReadError::Expected { place: inner.place.clone(), expected: "text in base64, packed with gzip or not" };
    Some((inner.place.to_string(), unpack(packed).ok_or_else(expected)))
}

/// The text that stands there in base64, packed with gzip or not.
pub(crate) fn unpack(packed: &str) -> Option<String> {
    let bytes = STANDARD.decode(packed.trim()).ok()?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return String::from_utf8(bytes).ok();
    }
    let mut text = String::new();
    MultiGzDecoder::new(bytes.as_slice()).take(UNPACKED).read_to_string(&mut text).ok()?;
    Some(text)
}
