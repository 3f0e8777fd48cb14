//! A container's log lines as OTLP log records. Main types: [`TaskRecords`], [`RecordMaker`].
//!
//! They are made as `opentelemetry-proto` has them: the SDK's `SdkLogRecord` can be made by its own logger only. Each says
//! which container's span it belongs to; the line is its body, as it came.

use opentelemetry::trace::TraceFlags;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_sdk::Resource;

use super::frame::Frame;
use super::links::ApplicationTraces;
use super::options::TraceOptions;
use super::{attributes, ids, log_events, semconv};
use crate::model::TaskLife;
use crate::model::container::Container;
use crate::model::log::LogLine;
use crate::model::severity;

/// Some log records of one container of a task.
#[derive(Clone, Debug)]
pub struct TaskRecords {
    /// What to call the task in reports.
    pub label: String,
    /// The resource that the records share: the task's, with the container's name, id, log group and stream.
    pub resource: Resource,
    /// The records, in the order of the log.
    pub records: Vec<LogRecord>,
}

impl TaskRecords {
    /// The lines of a life that are kept, container by container, and a record where lines are missing.
    pub fn of_life(life: &TaskLife, options: &TraceOptions) -> Vec<Self> {
        let containers = life.containers.iter().filter(|c| options.all_containers || !c.is_hidden());
        containers.filter_map(|container| Self::of_container(life, container, options)).collect()
    }

    fn of_container(life: &TaskLife, container: &Container, options: &TraceOptions) -> Option<Self> {
        let log = container.log.as_ref().filter(|log| !log.is_empty())?;
        let maker = RecordMaker::new(life, container, options);
        let mut all = maker.records(log.head.iter().cloned());
        if let Some(first) = log.begins_unread().map(|first| maker.frame.shifted(first)) {
            all.records.push(maker.gap(first.unix_nanos(), log_events::before_text(first)));
        }
        if let Some((before, after)) = log.hole() {
            let (from, to) = (maker.frame.shifted(before), maker.frame.shifted(after));
            all.records.push(maker.gap(from.unix_nanos(), log_events::gap_text(log, from, to)));
        }
        all.records.extend(maker.records(log.tail.iter().cloned()).records);
        Some(all)
    }
}

/// Makes the records of one container: for logs that are too long to be held.
#[derive(Debug)]
pub struct RecordMaker {
    label: String,
    task_id: String,
    resource: Resource,
    frame: Frame,
    trace_id: Vec<u8>,
    span_id: Vec<u8>,
}

impl RecordMaker {
    /// Of this container of a life.
    pub fn new(life: &TaskLife, container: &Container, options: &TraceOptions) -> Self {
        let frame = Frame::new(life, options);
        let span_id = ids::span_id(&life.task.id, &ids::container_path(container.name()));
        Self {
            label: life.label(),
            task_id: life.task.id.clone(),
            resource: attributes::log_resource(life, container, options),
            trace_id: frame.trace_id().to_bytes().to_vec(),
            span_id: span_id.to_bytes().to_vec(),
            frame,
        }
    }

    /// Finds the applications' traces in lines that are not held: [`TaskTrace::with_application_traces`] links to them.
    ///
    /// [`TaskTrace::with_application_traces`]: super::TaskTrace::with_application_traces
    pub fn application_traces(&self) -> ApplicationTraces {
        ApplicationTraces::new(self.frame.own_traces(&self.task_id))
    }

    /// One record a line.
    pub fn records(&self, lines: impl IntoIterator<Item = LogLine>) -> TaskRecords {
        let records = lines.into_iter().map(|line| self.record(line)).collect();
        TaskRecords { label: self.label.clone(), resource: self.resource.clone(), records }
    }

    fn record(&self, line: LogLine) -> LogRecord {
        let (severity_number, severity_text) =
            severity::of(&line.message).map_or((0, String::new()), |found| (i32::from(found.number), found.text));
        LogRecord {
            // Unknown is zero, as the protocol has it.
            observed_time_unix_nano: line.observed.map_or(0, |time| self.frame.shifted(time).unix_nanos()),
            severity_number,
            severity_text,
            attributes: log_events::origin(&line).map(|(key, value)| attribute(key, value)).collect(),
            ..self.bare(self.frame.shifted(line.time).unix_nanos(), line.message)
        }
    }

    /// What stands where lines are missing.
    fn gap(&self, time: u64, text: String) -> LogRecord {
        LogRecord {
            attributes: vec![attribute(semconv::LOG_GAP, &text)],
            event_name: semconv::EVENT_LOG_GAP.to_owned(),
            ..self.bare(time, text)
        }
    }

    fn bare(&self, time_unix_nano: u64, body: String) -> LogRecord {
        LogRecord {
            time_unix_nano,
            body: Some(string(body)),
            flags: u32::from(TraceFlags::SAMPLED.to_u8()),
            trace_id: self.trace_id.clone(),
            span_id: self.span_id.clone(),
            ..LogRecord::default()
        }
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(string(value.to_owned())), ..KeyValue::default() }
}

fn string(text: String) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text)) }
}
