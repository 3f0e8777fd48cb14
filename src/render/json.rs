//! A task's life as JSON, for scripts: one document a task. Main function: [`draw`]. Fields may be added, never changed.

use serde_json::{Map, Value, json};

use super::escape;
use super::moment::iso;
use super::style::Style;
use crate::model::container::{Container, ContainerBound};
use crate::model::phases::Phase;
use crate::model::{TaskLife, Time};

/// The life as a JSON document that ends with a line end.
pub fn draw(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    let task = &life.task;
    let containers = life.containers.iter().filter(|c| style.all_containers || !c.is_hidden());
    let phases = life.phases.as_ref();
    let document = object([
        ("task_id", json!(task.id)),
        ("task_arn", json!(task.arn)),
        ("trace_id", json!(trace_id)),
        ("cluster", json!(task.cluster_name())),
        ("service", json!(task.service())),
        ("family", json!(task.family())),
        ("revision", json!(task.revision())),
        ("last_status", json!(task.last_status)),
        ("stop_code", json!(task.stop_code)),
        ("stopped_reason", json!(task.stopped_reason)),
        ("started_by", json!(task.started_by)),
        ("launch_type", json!(task.launch_type)),
        ("capacity_provider", json!(task.capacity_provider)),
        ("availability_zone", json!(task.availability_zone)),
        ("failed", json!(life.outcome.failure.is_some())),
        ("failure", json!(life.outcome.failure.as_ref().map(|failure| &failure.description))),
        ("error_type", json!(life.outcome.failure.as_ref().map(|failure| &failure.error_type))),
        ("start", json!(phases.map(|phases| iso(phases.start, &style.zone)))),
        ("end", json!(phases.and_then(|phases| phases.end).map(|end| iso(end, &style.zone)))),
        ("duration_ms", json!(phases.and_then(|phases| Some(millis(phases.start, phases.end?))))),
        ("phases", json!(phases.map(|phases| phases.list.iter().map(|p| phase(p, style)).collect::<Vec<_>>()))),
        ("moments", json!(phases.map(|phases| moments(phases, style)))),
        ("containers", containers.map(|c| container(c, style)).collect()),
        ("findings", life.findings.iter().map(|f| json!({"id": f.kind.id(), "text": f.text})).collect()),
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
            life.service_events.iter().map(|e| json!({"time": iso(e.at, &style.zone), "message": e.message})).collect(),
        ),
    ]);
    escape::json(&format!("{document:#}\n"))
}

fn millis(start: Time, end: Time) -> f64 {
    end.since(start).as_nanos() as f64 / 1e6
}

fn moments(phases: &crate::model::phases::Phases, style: &Style) -> Vec<Value> {
    let one = |m: &crate::model::phases::Moment| json!({"name": m.name, "time": iso(m.time, &style.zone), "clock": m.clock.name()});
    phases.moments.iter().map(one).collect()
}

fn phase(phase: &Phase, style: &Style) -> Value {
    object([
        ("name", json!(phase.kind.name())),
        ("start", json!(iso(phase.start, &style.zone))),
        ("end", json!(phase.end.map(|end| iso(end, &style.zone)))),
        ("duration_ms", json!(phase.end.map(|end| millis(phase.start, end)))),
        ("final", json!(phase.is_final)),
        ("clock_adjusted", json!(phase.clock_adjusted)),
        ("estimated", json!(phase.start_estimated || phase.end_estimated)),
        ("phases", phase.children.iter().map(|child| self::phase(child, style)).collect()),
    ])
}

fn container(container: &Container, style: &Style) -> Value {
    let bound = |bound: Option<ContainerBound>| {
        bound.map(|b| json!({"time": iso(b.at, &style.zone), "source": b.source.name()}))
    };
    let log = container.log.as_ref().filter(|_| style.logs);
    let lines = log.map(|log| {
        log.lines().map(|l| json!({"time": iso(l.time, &style.zone), "message": l.message})).collect::<Vec<_>>()
    });
    object([
        ("name", json!(container.name())),
        ("image", json!(container.record.image)),
        ("last_status", json!(container.record.last_status)),
        ("exit_code", json!(container.record.exit_code)),
        ("reason", json!(container.record.reason)),
        ("essential", json!(container.essential())),
        ("never_started", json!(container.never_started)),
        ("start", json!(bound(container.start))),
        ("end", json!(bound(container.end))),
        ("log_lines", json!(lines)),
        ("log_lines_dropped", json!(log.map(|log| log.dropped))),
    ])
}

/// Absent facts are absent, not null.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(known.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
