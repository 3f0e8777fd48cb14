//! EventBridge events about ECS, bare or inside the messages of SQS, SNS, Kinesis, Firehose, Kafka, CloudWatch Logs and Lambda. Main functions:
//! [`read`], [`messages`].
//!
//! A Task State Change holds the Task object itself, so it becomes the same record as an answer of the API. Other events are
//! passed by and counted: foreign ones may share a queue.

use serde_json::Value;

use super::answer;
use super::error::{Place, ReadError};
use super::json::At;
use crate::model::observation::{Source, TaskRecord};

/// What is told of a line that is no event, in a log of events.
pub(crate) const NO_EVENT: &str = "log line that is no event";

/// Whether what is passed by is ECS's, by its type.
#[cfg(feature = "aws")]
pub(crate) fn is_of_ecs(kind: &str) -> bool {
    kind.starts_with("ECS ") || kind == super::action::LINE
}

/// The type of events about tasks.
const TASK: &str = "ECS Task State Change";

/// What an event is about.
#[derive(Debug)]
pub(crate) enum Event {
    /// A task changed its state.
    Task(Box<TaskRecord>),
    /// Something else: its detail type.
    Other(String),
}

/// Whether `at` is an event. Rules trim theirs: what speaks of a task in its detail is one, though nothing says its type.
pub(crate) fn is_event(at: &At<'_>) -> bool {
    at.value.get("detail").is_some_and(|detail| at.value.get("detail-type").is_some() || is_of_task(at, detail))
}

fn is_of_task(at: &At<'_>, detail: &Value) -> bool {
    let is_enveloped = at.value.get("detail-type").is_none()
        && ["source", "resources", "account", "region"].iter().any(|key| at.value.get(key).is_some());
    is_enveloped && detail.get("lastStatus").is_some() && (detail.get("taskArn").is_some() || named(at).is_some())
}

/// The task that an envelope names, as some events do alone.
fn named(at: &At<'_>) -> Option<String> {
    let resources = at.get("resources")?;
    let mut names = resources.value.as_array()?.iter().filter_map(Value::as_str);
    names.find(|arn| arn.contains(":task/")).map(str::to_owned)
}

/// One event.
pub(crate) fn read(at: &At<'_>) -> Result<Event, ReadError> {
    let is_of_ecs = at.text("source").is_none_or(|source| source == "aws.ecs");
    let expected = |key: &str, expected| ReadError::Expected { place: at.place.key(key), expected };
    let kind = match at.text("detail-type") {
        Some(kind) => kind,
        None if is_of_ecs && at.value.get("detail").is_some_and(|detail| is_of_task(at, detail)) => TASK.to_owned(),
        None if is_of_ecs => return Err(expected("detail-type", "the type of an event")),
        None => "an event without a type".to_owned(),
    };
    // Where lines were broken, a space more or less may be a guess of the reader's.
    let letters = |text: &'static str| text.chars().filter(|c| !c.is_whitespace());
    let is_task = kind == TASK || kind.chars().filter(|c| !c.is_whitespace()).eq(letters(TASK));
    if !is_task || !is_of_ecs {
        return Ok(Event::Other(kind));
    }
    // What was to be a task and is none is no event of another kind: whoever passes by those would lose it.
    let detail = at.get("detail").filter(|detail| detail.has("lastStatus"));
    let detail = detail.ok_or_else(|| expected("detail", "a task with its lastStatus"))?;
    let task = answer::task_named(&detail, named(at))?;
    let updated = at.time("time")?.max(task.updated);
    Ok(Event::Task(Box::new(TaskRecord { source: Some(Source::Event), updated, ..task })))
}

/// A document as text, and where it stands.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) place: Place,
    pub(crate) carried: Carried<'a>,
}

/// How a message carries its document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carried<'a> {
    /// As it is.
    Plain(&'a str),
    /// In base64, packed with gzip or not.
    Packed(&'a str),
    /// Not, though others beside it do.
    Missing,
    /// A line that is no event, in a log of events.
    Other,
}

/// Whether `at` is a message of CloudWatch Logs that only tries the way.
pub(crate) fn is_control(at: &At<'_>) -> bool {
    at.text("messageType").as_deref() == Some("CONTROL_MESSAGE") && at.has("logEvents")
}

/// The messages that an envelope carries; `None` when `at` is none.
pub(crate) fn messages<'a>(at: &At<'a>) -> Option<Vec<Envelope<'a>>> {
    // SQS as the CLI prints it, and a batch as Lambda gets it from SQS, SNS, Kinesis, Firehose or Kafka.
    if at.has("messages")
        && let Some(found) = all(&at.list("messages"), &sqs)
    {
        return Some(found);
    }
    if let Some(found) = all(&at.list("records"), &record).or_else(|| all(&by_topic(at), &record)) {
        return Some(found);
    }
    // One of each alone, as EventBridge Pipes and subscriptions give them.
    let is_record = ["messageId", "sequenceNumber", "partitionKey", "recordId", "kinesisSchemaVersion"];
    if is_record.iter().any(|key| at.has(key))
        && let Some(found) = record(at)
    {
        return Some(vec![found]);
    }
    if at.text("type").as_deref() == Some("Notification")
        && let Some(found) = text(at, "message")
    {
        return Some(vec![found]);
    }
    // A subscription of CloudWatch Logs, as Lambda gets it and unpacked; and a page of a log that events are written to.
    if let Some(packed) = at.get("awslogs") {
        return packed_text(&packed, "data").map(|found| vec![found]);
    }
    written(&at.list("logEvents")).or_else(|| written(&at.list("events")))
}

/// Whether a text is an event, as far as it is there: CloudWatch Logs cuts what is too long.
pub(crate) fn is_event_text(text: &str) -> bool {
    let names = |all: &[&str]| all.iter().all(|name| text.contains(name));
    text.trim_start().starts_with('{') && (names(&["\"detail-type\""]) || names(&["\"lastStatus\"", ":task/"]))
}

/// The task that a broken event names first.
pub(crate) fn task_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(":task/")?;
    let arn = rest.split(['"', '\\']).next().filter(|name| !name.is_empty())?;
    Some(arn.to_owned())
}

/// The messages of log lines that are events which were written to a log. Others may be among them, but not be most: then it is a log in
/// which somebody printed an event.
pub(crate) fn written<'a>(lines: &[At<'a>]) -> Option<Vec<Envelope<'a>>> {
    let is_event = |message: &Envelope<'_>| match message.carried {
        Carried::Plain(text) => {
            is_event_text(text) || text.trim_start().starts_with('{') && text.contains("\"eventName\"")
        }
        _ => false,
    };
    let mut found = all(lines, &|at| text(at, "message"))?;
    let events = found.iter().filter(|message| is_event(message)).count();
    if events == 0 || events < found.len() - events {
        return None;
    }
    let others = found.iter_mut().filter(|message| matches!(message.carried, Carried::Plain(_)) && !is_event(message));
    others.for_each(|message| message.carried = Carried::Other);
    Some(found)
}

/// Kafka's records are in lists by topic.
fn by_topic<'a>(at: &At<'a>) -> Vec<At<'a>> {
    let Some(topics) = at.get("records") else { return vec![] };
    let names = topics.value.as_object().into_iter().flat_map(|object| object.keys());
    names.flat_map(|name| topics.list(name)).collect()
}

/// What each of a list carries, when one does.
fn all<'a>(list: &[At<'a>], find: &dyn Fn(&At<'a>) -> Option<Envelope<'a>>) -> Option<Vec<Envelope<'a>>> {
    let missing = |at: &At<'a>| Envelope { place: at.place.clone(), carried: Carried::Missing };
    let found: Vec<_> = list.iter().map(|at| find(at).unwrap_or_else(|| missing(at))).collect();
    found.iter().any(|message| !matches!(message.carried, Carried::Missing)).then_some(found)
}

fn text<'a>(at: &At<'a>, key: &str) -> Option<Envelope<'a>> {
    let inner = at.get(key)?;
    Some(Envelope { carried: Carried::Plain(inner.value.as_str()?), place: inner.place })
}

fn packed_text<'a>(at: &At<'a>, key: &str) -> Option<Envelope<'a>> {
    let inner = at.get(key)?;
    Some(Envelope { carried: Carried::Packed(inner.value.as_str()?), place: inner.place })
}

fn sqs<'a>(at: &At<'a>) -> Option<Envelope<'a>> {
    text(at, "body")
}

fn record<'a>(at: &At<'a>) -> Option<Envelope<'a>> {
    let kinesis = || packed_text(&at.get("kinesis")?, "data");
    let kafka = || at.has("topic").then(|| packed_text(at, "value"))?;
    let of_sns = || text(&at.get("sns")?, "message");
    sqs(at).or_else(of_sns).or_else(kinesis).or_else(|| packed_text(at, "data")).or_else(kafka)
}
