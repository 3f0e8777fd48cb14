//! A task's life as JSON, for scripts: one document a task. Main function: [`draw`].
//!
//! What a document has is in `types.rs`.

mod types;

use std::borrow::Cow;

use super::document::{self, Iso, Nanos, millis};
use super::style::Style;
use crate::model::container::{self, ContainerBound};
use crate::model::cut::{LONGEST, cut};
use crate::model::log::LogLine;
use crate::model::observation::{self, ContainerRecord, HostFacts, TaskRecord};
use crate::model::phases::{self, Phases};
use crate::model::{TaskLife, Time};
use crate::trace::{ApplicationTraces, NamedTrace};
use types::{
    Agent, Bound, Clock, Container, Finding, Gap, Host, Line, Link, Log, Meanwhile, Moment, Network, Phase,
    ServiceEvent, Storage, Task,
};

/// The version of the format.
pub const TASK_VERSION: u32 = 1;

/// The life as a JSON document that ends with a line end.
pub fn draw(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    document::pretty(&document(life, trace_id, style))
}

/// The same document in one line.
pub fn line(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    document::line(&document(life, trace_id, style))
}

fn document<'a>(life: &'a TaskLife, trace_id: &'a str, style: &Style) -> Task<'a> {
    let task = &life.task;
    let zone = &style.zone;
    let containers = life.containers.iter().filter(|c| style.all_containers || !c.is_hidden());
    let phases = life.phases.as_ref();
    let (start, end) = (phases.map(|phases| phases.start), phases.and_then(|phases| phases.end));
    let as_of = life.seen();
    let failure = life.outcome.failure.as_ref();
    Task {
        ecspan_task: TASK_VERSION,
        task_id: &task.id,
        task_arn: task.arn.as_deref(),
        trace_id,
        cluster: task.cluster_name(),
        service: task.service(),
        family: task.family(),
        revision: task.revision(),
        last_status: task.last_status.as_deref(),
        stop_code: task.stop_code.as_deref(),
        stopped_reason: said(task.stopped_reason.as_deref()),
        started_by: task.started_by.as_deref(),
        launch_type: task.launch_type.as_deref(),
        capacity_provider: task.capacity_provider.as_deref(),
        availability_zone: task.availability_zone.as_deref(),
        cpu: task.cpu.as_deref(),
        memory: task.memory.as_deref(),
        vpc_id: task.vpc_id.as_deref(),
        ephemeral_storage_mib: task.ephemeral_storage.as_ref().map(|(used, reserved)| Storage { used, reserved }),
        clock: clock(task, style),
        failed: failure.is_some(),
        failure: said(failure.map(|failure| failure.description.as_str())),
        error_type: failure.and_then(|failure| failure.error_type.as_deref()),
        as_of: as_of.map(|at| Iso::new(at, zone)),
        as_of_unix_nano: as_of.map(Nanos),
        start: start.map(|at| Iso::new(at, zone)),
        start_unix_nano: start.map(Nanos),
        end: end.map(|at| Iso::new(at, zone)),
        end_unix_nano: end.map(Nanos),
        duration_ms: start.zip(end).map(|(start, end)| millis(end.since(start))),
        phases: phases.map_or_else(Vec::new, |phases| phases.list.iter().map(|p| phase(p, style)).collect()),
        moments: phases.map_or_else(Vec::new, |phases| moments(phases, style)),
        containers: containers.map(|c| container(life, c, style)).collect(),
        findings: life.findings.iter().map(|f| Finding { id: f.kind.id(), text: cut(&f.text, LONGEST) }).collect(),
        gaps: life.gaps.iter().map(|g| Gap { what: &g.what, why: &g.why, hint: g.hint.as_deref() }).collect(),
        notes: &life.notes,
        service_events: life
            .service_events
            .iter()
            .map(|e| ServiceEvent {
                time: Iso::new(e.at, zone),
                unix_nano: Nanos(e.at),
                message: cut(&e.message, LONGEST),
            })
            .collect(),
        meanwhile: life
            .meanwhile()
            .map(|(during, e)| Meanwhile {
                time: Iso::new(e.at, zone),
                unix_nano: Nanos(e.at),
                during,
                message: &e.message,
            })
            .collect(),
    }
}

fn moments(phases: &Phases, style: &Style) -> Vec<Moment> {
    let one = |m: &phases::Moment| Moment {
        name: m.name,
        time: Iso::new(m.time, &style.zone),
        unix_nano: Nanos(m.time),
        clock: m.clock.name(),
    };
    phases.moments.iter().map(one).collect()
}

fn phase(phase: &phases::Phase, style: &Style) -> Phase {
    Phase {
        name: phase.kind.name(),
        start: Iso::new(phase.start, &style.zone),
        start_unix_nano: Nanos(phase.start),
        end: phase.end.map(|end| Iso::new(end, &style.zone)),
        end_unix_nano: phase.end.map(Nanos),
        duration_ms: phase.end.map(|end| millis(end.since(phase.start))),
        is_final: phase.is_final,
        clock_adjusted: phase.clock_adjusted,
        estimated: phase.start_estimated || phase.end_estimated,
        phases: phase.children.iter().map(|child| self::phase(child, style)).collect(),
    }
}

fn log_line<'a>(line: &'a LogLine, style: &Style) -> Line<'a> {
    let origin = line.origin.as_deref();
    Line {
        time: Iso::new(line.time, &style.zone),
        unix_nano: Nanos(line.time),
        message: &line.message,
        iostream: origin.and_then(|origin| origin.iostream.as_deref()),
        host: origin.and_then(|origin| origin.host.as_deref()),
    }
}

fn container<'a>(life: &'a TaskLife, container: &'a container::Container, style: &Style) -> Container<'a> {
    let bound = |b: ContainerBound| Bound {
        time: Iso::new(b.at, &style.zone),
        unix_nano: Nanos(b.at),
        source: b.source.name(),
    };
    let log = container.log.as_ref().filter(|_| style.logs);
    let traces = ApplicationTraces::of_container(life, container);
    let record = &container.record;
    Container {
        name: container.name(),
        image: record.image.as_deref(),
        last_status: record.last_status.as_deref(),
        runtime_id: record.runtime_id.as_deref(),
        health_status: record.health_status.as_deref(),
        host: host(record, style),
        exit_code: record.exit_code,
        reason: said(record.reason.as_deref()),
        managed_agents: record.managed_agents.iter().map(|agent| self::agent(agent, style)).collect(),
        essential: container.essential(),
        never_started: container.never_started,
        start: container.start.map(bound),
        end: container.end.map(bound),
        log_lines: log.map(|log| log.lines().map(|line| log_line(line, style)).collect()),
        log_lines_dropped: log.map(|log| log.dropped),
        links: log.map(|_| traces.linked().iter().map(link).collect()),
        links_dropped: log.map(|_| traces.dropped()),
    }
}

fn agent<'a>(agent: &'a observation::ManagedAgent, style: &Style) -> Agent<'a> {
    Agent {
        name: &agent.name,
        status: agent.status.as_deref(),
        started: agent.started.map(|at| Iso::new(at, &style.zone)),
        started_unix_nano: agent.started.map(Nanos),
        reason: said(agent.reason.as_deref()),
    }
}

fn link(named: &NamedTrace) -> Link {
    Link {
        trace_id: named.trace_id.to_string(),
        span_id: named.span_id.map(|id| id.to_string()),
        form: named.form.name(),
    }
}

/// How far the instance's clock can be trusted.
fn clock<'a>(task: &'a TaskRecord, style: &Style) -> Option<Clock<'a>> {
    (task.clock_error.is_some() || task.clock_status.is_some()).then(|| Clock {
        error_bound_ms: task.clock_error.as_deref(),
        status: task.clock_status.as_deref(),
        read: task.clock_read.map(|at| Iso::new(at, &style.zone)),
        read_unix_nano: task.clock_read.map(Nanos),
    })
}

/// What only a container's host knows of it.
fn host<'a>(container: &'a ContainerRecord, style: &Style) -> Option<Host<'a>> {
    let HostFacts { runtime_name, image_id, cpu, memory, ports, networks, label_names, mounts, health_since } =
        &container.host;
    let exact = |at: Option<Time>| at.map(|at| Iso::exact(at, &style.zone));
    let network = |network: &'a observation::Network| Network {
        mode: network.mode.as_deref(),
        addresses: &network.addresses,
        subnets: &network.subnets,
        mac_address: network.mac_address.as_deref(),
        private_dns_name: network.private_dns_name.as_deref(),
    };
    let host = Host {
        runtime_name: runtime_name.as_deref(),
        image_id: image_id.as_deref(),
        cpu: cpu.as_deref(),
        memory: memory.as_deref(),
        ports,
        networks: networks.iter().map(network).collect(),
        label_names,
        mounts,
        health_since: exact(*health_since),
        health_since_unix_nano: health_since.map(Nanos),
        restarts: container.restarts,
        created: exact(container.created),
        created_unix_nano: container.created.map(Nanos),
        started: exact(container.started),
        started_unix_nano: container.started.map(Nanos),
        finished: exact(container.finished),
        finished_unix_nano: container.finished.map(Nanos),
        log: container.log.as_ref().map(|log| Log { driver: &log.driver, options: &log.options }),
    };
    (host != Host::default()).then_some(host)
}

/// Why something happened. Log lines are whole; this is cut where it can be no reason.
fn said(reason: Option<&str>) -> Option<Cow<'_, str>> {
    reason.map(|reason| cut(reason, LONGEST))
}
