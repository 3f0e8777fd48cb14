//! Bundles: everything that was read about some tasks, in one file, secrets out. Main type: [`Bundle`].
//!
//! A bundle holds AWS's own answers, so that reading one takes the same path as reading AWS: every bug report is a test.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::MissingTask;
use super::error::ReadError;
use super::files::Contents;
use super::json::At;
use super::redact::redact;
use super::{answer, shape};
use crate::model::Time;
use crate::model::arn::last_part;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::observation::{Gap, Observation};

/// The version of the format. It grows when an older ecspan would misread the file.
const VERSION: i64 = 1;

/// A bundle in the making.
#[derive(Debug, Default)]
pub struct Bundle {
    answers: Vec<Value>,
    gaps: Vec<Value>,
    dropped: BTreeSet<String>,
}

impl Bundle {
    /// Adds an answer of the ECS API, less its secrets.
    pub fn push(&mut self, operation: &str, response: &Value) {
        let response = redact(response, &mut self.dropped);
        self.answers.push(json!({ "operation": operation, "response": response }));
    }

    /// Adds the log lines of a container: they are kept as they are.
    pub fn push_log(&mut self, log: &ContainerLog) {
        let event = |line: &LogLine| {
            let taken_in = line.observed.map(Time::unix_millis);
            json!({ "timestamp": line.time.unix_millis(), "ingestionTime": taken_in, "message": line.message })
        };
        self.answers.push(json!({
            "operation": "GetLogEvents",
            "request": { "logGroupName": log.group, "logStreamName": log.stream },
            "ecspan": { "taskId": log.task_id, "container": log.container, "dropped": log.dropped, "unread": log.unread },
            "head": log.head.iter().map(event).collect::<Vec<_>>(),
            "tail": log.tail.iter().map(event).collect::<Vec<_>>(),
        }));
    }

    /// Adds something that could not be learned.
    pub fn push_gap(&mut self, task_id: &str, gap: &Gap) {
        self.gaps.push(json!({ "taskId": task_id, "what": gap.what, "why": gap.why, "hint": gap.hint, "container": gap.container }));
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let bundle = json!({
            "ecspan_bundle": VERSION,
            "ecspan_version": env!("CARGO_PKG_VERSION"),
            "removed_fields": self.dropped,
            "answers": self.answers,
            "gaps": self.gaps,
        });
        format!("{bundle:#}\n")
    }
}

/// Reads a bundle.
pub(super) fn read(at: &At<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    let version = at.integer("ecspan_bundle").unwrap_or_default();
    if version != VERSION {
        return Err(ReadError::BundleVersion { place: at.place.clone(), version, supported: VERSION });
    }
    for entry in at.list("answers") {
        if entry.has("ecspan") {
            contents.observations.push(Observation::Log(log(&entry)?));
            continue;
        }
        let Some(response) = entry.get("response") else {
            return Err(ReadError::Expected { place: entry.place, expected: "a response" });
        };
        if shape::of(&response)? == shape::Shape::Bundle {
            return Err(shape::unknown(&response));
        }
        super::document::read(&response, contents);
    }
    // What ECS had forgotten is there from history.
    let is_known = |missing: &MissingTask| {
        let id = last_part(&missing.arn);
        contents
            .observations
            .iter()
            .any(|observation| matches!(observation, Observation::Task(task) if task.id.eq_ignore_ascii_case(id)))
    };
    let missing = std::mem::take(&mut contents.missing);
    contents.missing = missing.into_iter().filter(|missing| !is_known(missing)).collect();
    for entry in at.list("gaps") {
        let gap = Gap {
            what: entry.text("what").unwrap_or_default(),
            why: entry.text("why").unwrap_or_default(),
            hint: entry.text("hint"),
            container: entry.text("container"),
        };
        contents.observations.push(Observation::Gap { task_id: entry.text("taskId"), gap });
    }
    Ok(())
}

fn log(entry: &At<'_>) -> Result<ContainerLog, ReadError> {
    let (about, request) = (entry.get("ecspan"), entry.get("request"));
    let about = |key: &str| about.as_ref()?.text(key);
    let lines = |key: &str| -> Result<Vec<LogLine>, ReadError> {
        let events = entry.get(key).map(|events| json!({ "events": events.value }));
        let Some(page) = events else { return Ok(vec![]) };
        let page = At { value: &page, place: entry.place.key(key) };
        let logs = answer::log_lines(&page.list("events"), &page, None)?;
        Ok(logs.into_iter().flat_map(|log| log.head).collect())
    };
    Ok(ContainerLog {
        task_id: about("taskId"),
        container: about("container"),
        origin: entry.place.to_string(),
        group: request.as_ref().and_then(|request| request.text("logGroupName")),
        stream: request.as_ref().and_then(|request| request.text("logStreamName")),
        head: lines("head")?,
        tail: lines("tail")?,
        // A file may say any number; what is added to it must fit.
        dropped: about("dropped")
            .and_then(|dropped| dropped.parse::<u64>().ok())
            .unwrap_or_default()
            .min(u32::MAX.into()),
        unread: entry.get("ecspan").and_then(|at| at.boolean("unread")).unwrap_or_default(),
    })
}
