//! From tasks to what is delivered of them: log records, then the trace. Main function: [`export`].

use std::collections::{BTreeMap, HashSet};

use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use super::delivery;
use super::notice::{Notice, Teller};
use super::read::{Observed, Reader};
use super::stop::Stop;
use crate::defect::caught;
use crate::model::TaskLife;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::merge::TaskObservations;
use crate::sink::{Delivery, Destination, Piece, Report};
use crate::source::logs::WholeLog;
use crate::trace::{ApplicationTraces, OtelService, RecordMaker, ServiceName, TaskRecords, TaskTrace, TraceOptions};

/// Log records in one piece: a piece is what waits in memory.
const RECORDS: usize = 1_000;

/// Pieces that wait to be delivered.
const WAITING: usize = 2;

/// Reads the tasks and delivers them, and says what became of everything. What could not be read is in the reader's course.
pub async fn export(
    source: Reader,
    options: &TraceOptions,
    destinations: Vec<Destination>,
    stop: Stop,
    notices: Teller,
) -> Report {
    let feed = async |pieces| {
        tokio::select! {
            () = feed(source, options, pieces) => {}
            () = stop.wait() => {}
        }
    };
    let delivery = Delivery::new(destinations).until(stop.wait());
    let ((), report) = delivery::run(delivery, &notices, WAITING, feed).await;
    report
}

/// Reads the tasks and hands on what is delivered of each, until there are no more or nobody takes them.
async fn feed(mut source: Reader, options: &TraceOptions, pieces: Sender<Piece>) {
    let mut observed = source.observed();
    let mut unnamed = HashSet::new();
    while let Some(mut observed) = observed.next().await {
        let is_streamed = source.streams_logs() && observed.is_live;
        let mut read = BTreeMap::new();
        if is_streamed {
            read = stream_logs(&source, &mut observed, options, &pieces).await;
        }
        let task = observed.task.task.id.clone();
        let made = caught(|| {
            let life = source.life(observed.task);
            let trace = trace(&life, options, &read, &source);
            let is_whole = options.records && !is_streamed;
            let records = if is_whole { TaskRecords::of_life(&life, options) } else { vec![] };
            (life, trace, records)
        });
        let (life, trace, records) = match made {
            Ok(made) => made,
            Err(defect) => {
                let error = format!("task {task}: no trace can be made, by a defect of ecspan: {defect}");
                source
                    .course
                    .lose(error, Some("please report it, with what `ecspan record` writes of the task".to_owned()));
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
    }
}

/// Sends whole logs on as they are read. What stays is where they begin and end, which widens their containers' spans, and
/// the applications' traces that they name.
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
                for lines in lines.chunks(RECORDS) {
                    let _ = pieces.send(maker.records(lines).into()).await;
                }
                first = first.or_else(|| lines.first().cloned());
                last = lines.into_iter().next_back().or(last);
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

/// The trace of a life; a task without any time has none, and is told about.
fn trace(
    life: &TaskLife,
    options: &TraceOptions,
    read: &BTreeMap<String, ApplicationTraces>,
    source: &Reader,
) -> Option<TaskTrace> {
    if life.phases.is_none() {
        let error = format!("task {}: no time is known of it, so no trace can be made", life.task.id);
        source.course.lose(error, Some("ecspan show prints what is known".to_owned()));
        return None;
    }
    Some(TaskTrace::with_application_traces(life, options, read))
}

/// What is missing of a task is named when it is sent, and counted in the exit code.
fn tell_gaps(life: &TaskLife, source: &Reader) {
    for gap in &life.gaps {
        let (task, what) = (Some(life.task.id.clone()), format!("{}: {}", gap.what, gap.why));
        source.course.tell(&Notice::Gap { task, what, hint: gap.hint.clone() });
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
