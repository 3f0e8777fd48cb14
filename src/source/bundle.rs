//! Bundles: everything that was read about some tasks, in one file, secrets out. Main type: [`Bundle`].
//!
//! A bundle holds AWS's own answers, so that reading one takes the same path as reading AWS: every bug report is a test.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::MissingTask;
use super::contents::Contents;
use super::error::ReadError;
use super::json::At;
use super::redact::redact;
use super::{answer, shape};
use crate::model::Time;
use crate::model::arn::last_part;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::observation::{Gap, Observation};

/// The version of the format. It grows when an older ecspan would misread the file.
const VERSION: i64 = 1;

/// The file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    /// The version of the format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    ecspan_bundle: i64,
    /// That of the ecspan that wrote it.
    ecspan_version: &'static str,
    /// Fields of AWS's answers that were taken out.
    removed_fields: &'a BTreeSet<String>,
    /// What was answered, in the order in which it was asked.
    answers: &'a [Answer],
    /// What was tried and could not be learned.
    gaps: &'a [LostGap],
}

/// An answer.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Answer {
    /// As AWS has it, less its secrets.
    Raw {
        /// The operation.
        operation: String,
        /// AWS's own answer: its fields and its times are AWS's.
        response: Value,
    },
    /// The log lines of a container.
    Log(Box<Log>),
}

/// The log lines of a container.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Log {
    /// GetLogEvents.
    operation: &'static str,
    /// Where they are.
    request: Place,
    /// Whose they are, and how much of them.
    ecspan: About,
    /// The first lines.
    head: Vec<Event>,
    /// The last lines.
    tail: Vec<Event>,
}

/// Where a log is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Place {
    log_group_name: Option<String>,
    log_stream_name: Option<String>,
}

/// What a log is of.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct About {
    /// The task.
    task_id: Option<String>,
    /// The container.
    container: Option<String>,
    /// So many lines between head and tail are left out.
    dropped: u64,
    /// Whether there are more that nobody counted.
    unread: bool,
}

/// A log line, as CloudWatch Logs has it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Event {
    /// Milliseconds since 1970.
    timestamp: u64,
    /// Milliseconds since 1970.
    ingestion_time: Option<u64>,
    /// The line.
    message: String,
}

/// What could not be learned of a task.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct LostGap {
    /// The task.
    task_id: String,
    /// What.
    what: String,
    /// Why not.
    why: String,
    /// What to do.
    hint: Option<String>,
    /// The container.
    container: Option<String>,
}

/// A bundle in the making.
#[derive(Debug, Default)]
pub struct Bundle {
    answers: Vec<Answer>,
    gaps: Vec<LostGap>,
    dropped: BTreeSet<String>,
}

impl Bundle {
    /// Adds an answer of the ECS API, less its secrets.
    pub fn push(&mut self, operation: &str, response: &Value) {
        let response = redact(response, &mut self.dropped);
        self.answers.push(Answer::Raw { operation: operation.to_owned(), response });
    }

    /// Adds the log lines of a container: they are kept as they are.
    pub fn push_log(&mut self, log: &ContainerLog) {
        let event = |line: &LogLine| Event {
            timestamp: line.time.unix_millis(),
            ingestion_time: line.observed.map(Time::unix_millis),
            message: line.message.clone(),
        };
        self.answers.push(Answer::Log(Box::new(Log {
            operation: "GetLogEvents",
            request: Place { log_group_name: log.group.clone(), log_stream_name: log.stream.clone() },
            ecspan: About {
                task_id: log.task_id.clone(),
                container: log.container.clone(),
                dropped: log.dropped,
                unread: log.unread,
            },
            head: log.head.iter().map(event).collect(),
            tail: log.tail.iter().map(event).collect(),
        })));
    }

    /// Adds something that could not be learned.
    pub fn push_gap(&mut self, task_id: &str, gap: &Gap) {
        let Gap { what, why, hint, container } = gap.clone();
        self.gaps.push(LostGap { task_id: task_id.to_owned(), what, why, hint, container });
    }

    /// Adds what another one has.
    pub fn append(&mut self, mut other: Self) {
        self.answers.append(&mut other.answers);
        self.gaps.append(&mut other.gaps);
        self.dropped.append(&mut other.dropped);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let bundle = Document {
            ecspan_bundle: VERSION,
            ecspan_version: env!("CARGO_PKG_VERSION"),
            removed_fields: &self.dropped,
            answers: &self.answers,
            gaps: &self.gaps,
        };
        // Plain types of texts and numbers cannot fail.
        serde_json::to_string_pretty(&bundle).unwrap_or_default() + "\n"
    }
}

/// Reads a bundle, its answers as `read_answer` reads a document.
pub(super) fn read(
    at: &At<'_>,
    contents: &mut Contents,
    read_answer: fn(&At<'_>, &mut Contents),
) -> Result<(), ReadError> {
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
        read_answer(&response, contents);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use expect_test::expect_file;

    #[test]
    fn its_schema_is_published() {
        expect_file!["../../docs/json/bundle.schema.json"]
            .assert_eq(&schema::of::<Document<'_>>("A bundle: ecspan record"));
    }
}
