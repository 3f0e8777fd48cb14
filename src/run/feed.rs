//! From tasks to what is delivered of them: log records, then the trace. Main function: [`export`].

use std::collections::{BTreeMap, HashSet};

use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use super::delivery;
use super::notice::{Notice, Teller};
use super::read::{Observed, Reader, Unread};
use super::stop::Stop;
use crate::defect::caught;
use crate::model::TaskLife;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::merge::{Conflict, TaskObservations};
use crate::sink::{Delivery, DeliveryReport, Destination, Piece};
use crate::source::logs::WholeLog;
use crate::trace::{
    ApplicationTraces, OtelService, RecordMaker, ServiceName, TaskRecords, TaskTrace, TraceOptions, ids,
};

/// Log records in one piece: a piece is what waits in memory.
const RECORDS: usize = 500;

/// Pieces that wait to be delivered.
const WAITING: usize = 2;

/// What became of an export.
#[derive(Debug)]
pub struct Exported {
    /// What went where.
    pub report: DeliveryReport,
    /// What was not read, since the run was told to stop.
    pub unread: Unread,
}

/// Reads the tasks and delivers them, and says what became of everything. What could not be read is in the reader's course. Told to
/// stop, it delivers what is read by then.
pub async fn export(
    source: Reader,
    options: &TraceOptions,
    destinations: Vec<Destination>,
    stop: Stop,
    notices: Teller,
) -> Exported {
    let feed = async |pieces| feed(source, options, &stop, pieces).await;
    let delivery = Delivery::new(destinations).until(stop.wait());
    let (unread, report) = delivery::run(delivery, &stop, &notices, WAITING, feed).await;
    Exported { report, unread }
}

/// Reads the tasks and hands on what is delivered of each, until there are no more; what was not read.
async fn feed(mut source: Reader, options: &TraceOptions, stop: &Stop, pieces: Sender<Piece>) -> Unread {
    let mut observed = source.observed();
    let mut unnamed = HashSet::new();
    while let Some(mut observed) = observed.next().await {
        let is_streamed = source.streams_logs() && observed.is_live;
        let mut read = BTreeMap::new();
        if is_streamed {
            read = tokio::select! {
                read = stream_logs(&source, &mut observed, options, &pieces) => read,
                // The rest of its log would be missing from its spans.
                () = stop.wait() => break,
            };
        }
        let (task, is_live) = (observed.task.task.id.clone(), observed.is_live);
        let made = caught(|| {
            let life = source.life(observed);
            let trace = trace(&life, options, &read, &source);
            let is_whole = options.records && !is_streamed && trace.is_some();
            let records = if is_whole { TaskRecords::of_life(&life, options) } else { vec![] };
            (life, trace, records)
        });
        let (life, trace, records) = match made {
            Ok(made) => made,
            Err(defect) => {
                let error = format!("task {task}: no trace can be made, by a defect of ecspan: {defect}");
                let hint = "please report it, with what `ecspan record` writes of the task".to_owned();
                source.course.lose(error, Some(hint));
                source.done(is_live);
                continue;
            }
        };
        tell_gaps(&life, &source);
        tell_unnamed(&life, options, &mut unnamed, &source);
        for records in records {
            send(records, &pieces).await;
        }
        if let Some(trace) = trace {
            // Nobody takes it: the run has ended.
            let _ = pieces.send(trace.into()).await;
        }
        source.done(is_live);
    }
    source.unread()
}

/// Sends whole logs on as they are read. What stays is where they begin and end, which bounds their spans, and the
/// applications' traces that they name.
async fn stream_logs(
    source: &Reader,
    observed: &mut Observed,
    options: &TraceOptions,
    pieces: &Sender<Piece>,
) -> BTreeMap<String, ApplicationTraces> {
    let mut read = BTreeMap::new();
    for log in source.whole_logs(observed) {
        let empty = ContainerLog {
            task_id: Some(observed.task.task.id.clone()),
            container: Some(log.container.clone()),
            origin: "GetLogEvents".to_owned(),
            group: Some(log.group.clone()),
            stream: Some(log.stream.clone()),
            ..ContainerLog::default()
        };
        // The log's place is known to the life by then; its lines are not needed for a record.
        let task = TaskObservations { logs: vec![empty.clone()], ..observed.task.clone() };
        let life = TaskLife::new(task, crate::model::Time::from_unix_nanos(0), 0);
        let container = life.containers.iter().find(|container| container.name() == log.container);
        let Some(maker) = container.map(|container| RecordMaker::new(&life, container, options)) else { continue };
        let mut traces = maker.application_traces();
        let name = log.container.clone();
        let ends = stream_log(log, &maker, &mut traces, observed, pieces).await;
        observed.task.logs.push(ContainerLog { head: ends, ..empty });
        read.insert(name, traces);
    }
    read
}

/// Sends one log on; its first and its last line.
async fn stream_log(
    mut log: WholeLog,
    maker: &RecordMaker,
    traces: &mut ApplicationTraces,
    observed: &mut Observed,
    pieces: &Sender<Piece>,
) -> Vec<LogLine> {
    let (mut first, mut last) = (None, None);
    while let Some(page) = log.next().await {
        match page {
            Ok(lines) => {
                lines.iter().for_each(|line| traces.read(&line.message));
                first = first.or_else(|| lines.first().cloned());
                last = lines.last().cloned().or(last);
                let mut lines = lines.into_iter().peekable();
                while lines.peek().is_some() {
                    let _ = pieces.send(maker.records(lines.by_ref().take(RECORDS)).into()).await;
                }
            }
            Err(gap) => observed.task.gaps.push(gap),
        }
    }
    first.into_iter().chain(last).collect()
}

async fn send(mut records: TaskRecords, pieces: &Sender<Piece>) {
    loop {
        let rest = records.records.split_off(records.records.len().min(RECORDS));
        if rest.is_empty() {
            let _ = pieces.send(records.into()).await;
            return;
        }
        let next = TaskRecords { label: records.label.clone(), resource: records.resource.clone(), records: rest };
        let _ = pieces.send(std::mem::replace(&mut records, next).into()).await;
    }
}

/// The trace of a life; a task without any time, or without an id of its own, has none, and is told about.
fn trace(
    life: &TaskLife,
    options: &TraceOptions,
    read: &BTreeMap<String, ApplicationTraces>,
    source: &Reader,
) -> Option<TaskTrace> {
    let id = &life.task.id;
    let other = life.conflicts.iter().find_map(|conflict| match conflict {
        Conflict::Identity { other } => Some(other),
        Conflict::Fact { .. } | Conflict::Double { .. } | Conflict::Time { .. } | Conflict::Clock { .. } => None,
    });
    let (why, hint) = match other {
        _ if !ids::tells_apart(id) => (
            "this is no task's id, and all that go by it would share one trace".to_owned(),
            "take the ids as ECS gives them, or write different ones in their places",
        ),
        Some(other) => (
            format!("another task has the same id ({other}), and the two would share one trace"),
            "take the ids as ECS gives them, or send one of the two",
        ),
        None if life.phases.is_none() => {
            ("no time is known of it, so no trace can be made".to_owned(), "ecspan show prints what is known")
        }
        None => return Some(TaskTrace::with_application_traces(life, options, read)),
    };
    source.course.lose_one_of(hint, format!("task {id}: {why}"), Some(hint.to_owned()));
    None
}
/// What is missing of a task is named when it is sent, and counted in the exit code.
fn tell_gaps(life: &TaskLife, source: &Reader) {
    for gap in &life.gaps {
        let (task, what) = (Some(life.task.id.clone()), format!("{}: {}", gap.what, gap.why));
        let kind = gap.hint.clone().unwrap_or_else(|| what.clone());
        source.course.tell_one_of(&kind, Notice::Gap { task, message: None, what, hint: gap.hint.clone() });
    }
}

/// Says, once a family, that a task's own settings name no service although they were asked for.
fn tell_unnamed(life: &TaskLife, options: &TraceOptions, told: &mut HashSet<String>, source: &Reader) {
    if options.service_name != ServiceName::Otel || OtelService::of(life).name.is_some() {
        return;
    }
    if told.insert(life.family().to_owned()) {
        let why = match life.definition {
            Some(_) => "no essential container sets OTEL_SERVICE_NAME or service.name in OTEL_RESOURCE_ATTRIBUTES",
            None => "its overrides set no OTEL_SERVICE_NAME, and its task definition is not known",
        };
        source.course.tell(&Notice::ServiceUnnamed { task: life.task.id.clone(), why });
    }
}
