//! A task's life as JSON, for scripts: one document a task. Main function: [`draw`].
//!
//! `ecspan_task` is the version of the format. Fields may be added, never changed: `docs/stability.md` is the promise.

use serde_json::{Map, Value, json};

use super::escape;
use super::moment::{exact, iso};
use super::style::Style;
use crate::model::container::{Container, ContainerBound};
use crate::model::cut::{LONGEST, cut};
use crate::model::log::LogLine;
use crate::model::observation::{ContainerRecord, HostFacts, ManagedAgent, Network, TaskRecord};
use crate::model::phases::Phase;
use crate::model::{TaskLife, Time};
use crate::trace::ApplicationTraces;
use crate::trace::NamedTrace;

/// The version of the format.
pub const TASK_VERSION: u32 = 1;

/// What is in every document, null where it is not known. All else is there where it is known.
pub const ALWAYS: [&str; 17] = [
    "ecspan_task",
    "task_id",
    "trace_id",
    "cluster",
    "service",
    "family",
    "last_status",
    "failed",
    "start",
    "end",
    "duration_ms",
    "phases",
    "containers",
    "findings",
    "gaps",
    "notes",
    "service_events",
];

/// The life as a JSON document that ends with a line end.
pub fn draw(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    escape::json(&format!("{:#}\n", document(life, trace_id, style)))
}

/// The same document in one line.
pub fn line(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    escape::json(&format!("{}\n", document(life, trace_id, style)))
}

fn document(life: &TaskLife, trace_id: &str, style: &Style) -> Value {
    let task = &life.task;
    let containers = life.containers.iter().filter(|c| style.all_containers || !c.is_hidden());
    let phases = life.phases.as_ref();
    let known = object([
        ("ecspan_task", json!(TASK_VERSION)),
        ("task_id", json!(task.id)),
        ("task_arn", json!(task.arn)),
        ("trace_id", json!(trace_id)),
        ("cluster", json!(task.cluster_name())),
        ("service", json!(task.service())),
        ("family", json!(task.family())),
        ("revision", json!(task.revision())),
        ("last_status", json!(task.last_status)),
        ("stop_code", json!(task.stop_code)),
        ("stopped_reason", said(task.stopped_reason.as_deref())),
        ("started_by", json!(task.started_by)),
        ("launch_type", json!(task.launch_type)),
        ("capacity_provider", json!(task.capacity_provider)),
        ("availability_zone", json!(task.availability_zone)),
        ("cpu", json!(task.cpu)),
        ("memory", json!(task.memory)),
        ("vpc_id", json!(task.vpc_id)),
        (
            "ephemeral_storage_mib",
            json!(task.ephemeral_storage.as_ref().map(|(used, reserved)| json!({"used": used, "reserved": reserved}))),
        ),
        ("clock", clock(task, style)),
        ("failed", json!(life.outcome.failure.is_some())),
        ("failure", said(life.outcome.failure.as_ref().map(|failure| failure.description.as_str()))),
        ("error_type", json!(life.outcome.failure.as_ref().map(|failure| &failure.error_type))),
        ("as_of", json!(Some(life.as_of.at()).filter(|_| !life.is_stopped()).map(|at| iso(at, &style.zone)))),
        ("start", json!(phases.map(|phases| iso(phases.start, &style.zone)))),
        ("start_unix_nano", json!(phases.map(|phases| nanos(phases.start)))),
        ("end", json!(phases.and_then(|phases| phases.end).map(|end| iso(end, &style.zone)))),
        ("end_unix_nano", json!(phases.and_then(|phases| phases.end).map(nanos))),
        ("duration_ms", json!(phases.and_then(|phases| Some(millis(phases.start, phases.end?))))),
        ("phases", json!(phases.map(|phases| phases.list.iter().map(|p| phase(p, style)).collect::<Vec<_>>()))),
        ("moments", json!(phases.map(|phases| moments(phases, style)))),
        ("containers", containers.map(|c| container(life, c, style)).collect()),
        ("findings", life.findings.iter().map(|f| json!({"id": f.kind.id(), "text": said(Some(&f.text))})).collect()),
        (
            "gaps",
            life.gaps
                .iter()
                .map(|g| object([("what", json!(g.what)), ("why", json!(g.why)), ("hint", json!(g.hint))]))
                .collect(),
        ),
        ("notes", json!(life.notes)),
        (
            "service_events",
            life.service_events
                .iter()
                .map(|e| json!({"time": iso(e.at, &style.zone), "message": said(Some(&e.message))}))
                .collect(),
        ),
        (
            "meanwhile",
            life.meanwhile()
                .map(|(was, e)| json!({"time": iso(e.at, &style.zone), "while": was, "message": e.message}))
                .collect(),
        ),
    ]);
    let Value::Object(mut known) = known else { return known };
    let missing: Vec<&str> = ALWAYS.into_iter().filter(|key| !known.contains_key(*key)).collect();
    for key in missing {
        let nothing = if key == "phases" { Value::Array(vec![]) } else { Value::Null };
        known.insert(key.to_owned(), nothing);
    }
    Value::Object(known)
}

/// In a string: a number of JSON is not exact enough everywhere.
fn nanos(time: Time) -> String {
    time.unix_nanos().to_string()
}

fn millis(start: Time, end: Time) -> f64 {
    end.since(start).as_nanos() as f64 / 1e6
}

fn moments(phases: &crate::model::phases::Phases, style: &Style) -> Vec<Value> {
    let one = |m: &crate::model::phases::Moment| {
        json!({
            "name": m.name, "time": iso(m.time, &style.zone), "unix_nano": nanos(m.time), "clock": m.clock.name(),
        })
    };
    phases.moments.iter().map(one).collect()
}

fn phase(phase: &Phase, style: &Style) -> Value {
    object([
        ("name", json!(phase.kind.name())),
        ("start", json!(iso(phase.start, &style.zone))),
        ("start_unix_nano", json!(nanos(phase.start))),
        ("end", json!(phase.end.map(|end| iso(end, &style.zone)))),
        ("end_unix_nano", json!(phase.end.map(nanos))),
        ("duration_ms", json!(phase.end.map(|end| millis(phase.start, end)))),
        ("final", json!(phase.is_final)),
        ("clock_adjusted", json!(phase.clock_adjusted)),
        ("estimated", json!(phase.start_estimated || phase.end_estimated)),
        ("phases", phase.children.iter().map(|child| self::phase(child, style)).collect()),
    ])
}

fn log_line(line: &LogLine, style: &Style) -> Value {
    let origin = line.origin.as_deref();
    object([
        ("time", json!(iso(line.time, &style.zone))),
        ("unix_nano", json!(nanos(line.time))),
        ("message", json!(line.message)),
        ("iostream", json!(origin.and_then(|origin| origin.iostream.as_deref()))),
        ("host", json!(origin.and_then(|origin| origin.host.as_deref()))),
    ])
}

fn container(life: &TaskLife, container: &Container, style: &Style) -> Value {
    let bound = |bound: Option<ContainerBound>| {
        bound.map(|b| json!({"time": iso(b.at, &style.zone), "unix_nano": nanos(b.at), "source": b.source.name()}))
    };
    let log = container.log.as_ref().filter(|_| style.logs);
    let lines = log.map(|log| log.lines().map(|line| log_line(line, style)).collect::<Vec<_>>());
    let traces = ApplicationTraces::of_container(life, container);
    let links = log.map(|_| traces.linked().iter().map(link).collect::<Vec<_>>());
    object([
        ("name", json!(container.name())),
        ("image", json!(container.record.image)),
        ("last_status", json!(container.record.last_status)),
        ("runtime_id", json!(container.record.runtime_id)),
        ("health_status", json!(container.record.health_status)),
        ("host", host(&container.record, style)),
        ("exit_code", json!(container.record.exit_code)),
        ("reason", said(container.record.reason.as_deref())),
        ("managed_agents", agents(&container.record.managed_agents, style)),
        ("essential", json!(container.essential())),
        ("never_started", json!(container.never_started)),
        ("start", json!(bound(container.start))),
        ("end", json!(bound(container.end))),
        ("log_lines", json!(lines)),
        ("log_lines_dropped", json!(log.map(|log| log.dropped))),
        ("links", json!(links)),
        ("links_dropped", json!(log.map(|_| traces.dropped()))),
    ])
}

fn agents(agents: &[ManagedAgent], style: &Style) -> Value {
    let agent = |agent: &ManagedAgent| {
        object([
            ("name", json!(agent.name)),
            ("status", json!(agent.status)),
            ("started", json!(agent.started.map(|at| iso(at, &style.zone)))),
            ("reason", said(agent.reason.as_deref())),
        ])
    };
    if agents.is_empty() { Value::Null } else { agents.iter().map(agent).collect() }
}

fn link(named: &NamedTrace) -> Value {
    object([
        ("trace_id", json!(named.trace_id.to_string())),
        ("span_id", json!(named.span_id.map(|id| id.to_string()))),
        ("form", json!(named.form.name())),
    ])
}

/// How far the instance's clock can be trusted.
fn clock(task: &TaskRecord, style: &Style) -> Value {
    if task.clock_error.is_none() && task.clock_status.is_none() {
        return Value::Null;
    }
    object([
        ("error_bound_ms", json!(task.clock_error)),
        ("status", json!(task.clock_status)),
        ("read", json!(task.clock_read.map(|at| iso(at, &style.zone)))),
    ])
}

/// What only a container's host knows of it.
fn host(container: &ContainerRecord, style: &Style) -> Value {
    let HostFacts { runtime_name, image_id, cpu, memory, ports, networks, label_names, mounts, health_since } =
        &container.host;
    let exact = |at: Option<Time>| json!(at.map(|at| exact(at, &style.zone)));
    let network = |network: &Network| {
        object([
            ("mode", json!(network.mode)),
            ("addresses", list(&network.addresses)),
            ("subnets", list(&network.subnets)),
            ("mac_address", json!(network.mac_address)),
            ("private_dns_name", json!(network.private_dns_name)),
        ])
    };
    let log = container.log.as_ref().map(|log| json!({"driver": log.driver, "options": log.options}));
    let facts = object([
        ("runtime_name", json!(runtime_name)),
        ("image_id", json!(image_id)),
        ("cpu", json!(cpu)),
        ("memory", json!(memory)),
        ("ports", list(ports)),
        ("networks", if networks.is_empty() { Value::Null } else { networks.iter().map(network).collect() }),
        ("label_names", list(label_names)),
        ("mounts", list(mounts)),
        ("health_since", exact(*health_since)),
        ("restarts", json!(container.restarts)),
        ("created", exact(container.created)),
        ("started", exact(container.started)),
        ("finished", exact(container.finished)),
        ("log", json!(log)),
    ]);
    if facts.as_object().is_some_and(Map::is_empty) { Value::Null } else { facts }
}

fn list(values: &[String]) -> Value {
    if values.is_empty() { Value::Null } else { json!(values) }
}

/// Why something happened. Log lines are whole; this is cut where it can be no reason.
fn said(reason: Option<&str>) -> Value {
    json!(reason.map(|reason| cut(reason, LONGEST)))
}

/// Absent facts are absent, not null.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(known.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
