//! The report as JSON: for scripts, and for the next deployment's `--baseline`. Main function: [`draw`].
//!
//! What a document has is in `types.rs`. Lengths are milliseconds.

mod types;

pub(in crate::render) use types::PhaseSpread;

use super::Report;
use super::sentences::{self, Next};
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::deployment::{self, DeployedTask, FailureGroup, Matter, REPORT_VERSION};
use crate::model::log::LogLine;
use crate::model::phases::PhaseKind::{PlacementAndNetwork, WaitingForPull};
use crate::model::phases::{Phase, PhaseKind};
use crate::render::document::{self, Iso, Nanos, millis};
use crate::render::style::Style;
use types::{
    Action, Apart, Baseline, CircuitBreaker, Difference, Document, Event, Failing, Failures, Found, Gap, Launch, Path,
    PhaseLength, Rollback, Sample, Step, Tasks,
};

/// Of larger deployments only failed launches are listed one by one.
const MOST_LISTED: usize = 500;

/// The report as a JSON document that ends with a line end.
pub fn draw(report: &Report<'_>, style: &Style) -> String {
    document::pretty(&document(report, style))
}

fn document<'a>(report: &'a Report<'_>, style: &Style) -> Document<'a> {
    let (life, deployment) = (report.life, &report.life.deployment);
    let time = |at| Iso::new(at, &style.zone);
    let started = life.first_and_last_started();
    let is_listed = |task: &&DeployedTask| life.launches.len() <= MOST_LISTED || task.has_failed();
    let finished = deployment.finished.map(|finish| finish.at);
    let as_of = life.saved.filter(|_| !deployment.is_over());
    let event = |at: Time, message: &'a str| Event { time: time(at), unix_nano: Nanos(at), message };
    Document {
        ecspan_report: REPORT_VERSION,
        headline: sentences::first_lines(report),
        cluster_arn: &deployment.cluster_arn,
        service: &deployment.service,
        deployment: &deployment.id,
        service_deployment_arn: deployment.arn.as_deref(),
        task_definition: deployment.task_definition.as_deref(),
        trace_id: report.trace_id,
        trace_url: report.trace_url,
        outcome: sentences::outcome_word(report),
        deleted: deployment.deleted,
        stage: deployment.stage.as_deref(),
        reason: deployment.outcome.reason.as_deref(),
        said_by: deployment.standing_said_by(),
        timed_out: report.timed_out.then_some(true),
        interrupted: report.interrupted.then_some(true),
        next: sentences::next(report).into_iter().map(step).collect(),
        strategy: deployment.strategy.as_deref(),
        reached: report.reached,
        failing: report.bad.map(|bad| Failing { reason: &bad.reason, finding: bad.finding.as_deref() }),
        created: deployment.created.map(time),
        created_unix_nano: deployment.created.map(Nanos),
        created_estimated: deployment.created_estimated.then_some(true),
        started: deployment.started.map(time),
        started_unix_nano: deployment.started.map(Nanos),
        finished: finished.map(time),
        finished_unix_nano: finished.map(Nanos),
        finished_source: deployment.finished.map(|finish| finish.source),
        as_of: as_of.map(time),
        as_of_unix_nano: as_of.map(Nanos),
        duration_ms: deployment.created.zip(finished).map(|(a, b)| millis(b.since(a))),
        path: life.path().map(|path| Path {
            launch_ms: millis(path.launch),
            stopping_ms: millis(path.stopping),
            waiting_ms: millis(path.waiting),
        }),
        rollback: deployment.rollback.as_ref().map(|rollback| Rollback {
            started: rollback.started.map(time),
            started_unix_nano: rollback.started.map(Nanos),
            finished: rollback.finished.map(time),
            finished_unix_nano: rollback.finished.map(Nanos),
            reason: rollback.reason.as_deref(),
            deployment: rollback.deployment.as_deref(),
        }),
        circuit_breaker: deployment.circuit_breaker.as_ref().map(|breaker| CircuitBreaker {
            status: breaker.status.as_deref(),
            failures: breaker.failures,
            threshold: breaker.threshold,
        }),
        triggered_alarms: &deployment.triggered_alarms,
        tasks: Tasks {
            desired: deployment.desired,
            launched: life.launches.len(),
            started: life.started(),
            failed: life.failed(),
            failed_as_ecs_counts: deployment.failed_tasks,
            stopped: life.stops.len(),
        },
        first_started_ms: started.map(|(first, _)| millis(first)),
        last_started_ms: started.map(|(_, last)| millis(last)),
        phases: life.phases().iter().map(|(name, of)| PhaseSpread::new(name, of)).collect(),
        stopping: life.stopping().map(|of| PhaseSpread::new("stopping", &of)),
        slowest: life.slowest().map(|task| launch(task, style)),
        failures: life.failures().into_iter().map(|group| failures(group, &event)).collect(),
        findings: life
            .findings
            .iter()
            .map(|(kind, found)| Found {
                id: kind.id(),
                count: found.count,
                old_tasks: found.old,
                task: found.task_id.as_deref(),
                text: &found.text,
            })
            .collect(),
        actions: deployment.actions.iter().map(|action| self::action(action, style)).collect(),
        apart: life.apart().map(|apart| Apart { what: apart.what, count: apart.count, tasks: &apart.tasks }).collect(),
        baseline: report.comparison.map(|comparison| Baseline {
            origin: &comparison.baseline.origin,
            deployment: comparison.baseline.deployment.as_deref(),
            outcome: comparison.baseline.outcome.as_deref(),
            rule: sentences::RULE,
            differences: comparison.differences.iter().map(difference).collect(),
        }),
        launches: life.launches.iter().filter(is_listed).map(|task| launch(task, style)).collect(),
        service_events: deployment.events().map(|told| event(told.at, &told.message)).collect(),
        service_events_cut: deployment.events_cut.then_some(true),
        gaps: report.gaps.iter().map(|gap| Gap { what: &gap.what, why: &gap.why }).collect(),
        notes: report.notes,
    }
}

fn failures<'a>(group: &'a FailureGroup, event: &impl Fn(Time, &'a str) -> Event<'a>) -> Failures<'a> {
    let line = |line: &'a LogLine| event(line.time, &line.message);
    Failures {
        reason: &group.reason,
        count: group.count,
        tasks: &group.tasks,
        sample: group.shown().map(|sample| Sample {
            task: &sample.task_id,
            container: &sample.container,
            lines: sample.lines.iter().map(line).collect(),
        }),
    }
}

fn step(Next { said, command }: Next) -> Step {
    Step { said, command }
}

fn action<'a>(action: &'a ActionRecord, style: &Style) -> Action<'a> {
    Action {
        time: Iso::new(action.at, &style.zone),
        unix_nano: Nanos(action.at),
        name: &action.name,
        level: action.level.as_deref(),
        reason: action.reason.as_deref(),
        message: action.words(),
        source: action.source.name(),
        finding: action.is_problem().then(|| action.finding()),
    }
}

fn difference(difference: &deployment::Difference) -> Difference<'_> {
    Difference {
        phase: &difference.phase,
        p50_ms: millis(difference.now.p50),
        baseline_p50_ms: millis(difference.before.p50),
        tasks: difference.now.count,
        baseline_tasks: difference.before.count,
        matters: match difference.matter {
            Matter::Slower => "slower",
            Matter::Faster => "faster",
            Matter::Same => "no",
            Matter::Small => "small sample",
        },
    }
}

fn launch<'a>(task: &'a DeployedTask, style: &Style) -> Launch<'a> {
    let (start, end) = task.launch().unzip();
    let is_launch = |kind: PhaseKind| kind.is_launch() || matches!(kind, PlacementAndNetwork | WaitingForPull);
    let phase = |phase: &Phase| {
        let length = phase.length().filter(|_| is_launch(phase.kind))?;
        Some(PhaseLength { name: phase.kind.name(), duration_ms: millis(length) })
    };
    Launch {
        task: &task.id,
        availability_zone: task.zone.as_deref(),
        created: start.map(|start| Iso::new(start, &style.zone)),
        created_unix_nano: start.map(Nanos),
        launch_ms: start.zip(end.flatten()).map(|(start, end)| millis(end.since(start))),
        has_started: task.has_started(),
        end: task.end.map(|end| end.name()),
        failure: task.failure.as_ref().filter(|_| task.has_failed()).map(|failure| failure.description.as_str()),
        phases: task.phases.iter().flat_map(|phases| phases.all()).filter_map(phase).collect(),
    }
}
