//! How a task ended: findings about that.

use std::time::Duration;

use super::{Add, FindingKind};
use crate::model::container::Container;
use crate::model::life::TaskLife;
use crate::model::outcome::StopCause;
use crate::model::phases::{Phase, PhaseKind};

/// ECS's own default of `stopTimeout`.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// A task that ran for longer was healthy before: more time at the start would not have helped it.
const STARTS_WITHIN: Duration = Duration::from_secs(300);

pub(super) fn why_it_stopped(life: &TaskLife, add: Add<'_>) {
    if !life.is_stopped() {
        return;
    }
    let cause = StopCause::of(&life.task);
    let reason = life.task.stopped_reason.as_deref().or(life.task.stop_code.as_deref());
    let told = life.outcome.failure.as_ref().map(|failure| failure.description.as_str()).or(reason);
    for container in life.containers.iter().filter(|c| !c.is_hidden()) {
        if container.failure.as_ref().and_then(|f| f.error_type.as_deref()) == Some("OutOfMemoryError") {
            let essential = if container.essential() == Some(false) { ", which is not essential," } else { "" };
            add(FindingKind::OutOfMemory, format!("container {}{essential} ran out of memory", container.name()));
        }
    }
    let Some(told) = told else { return };
    match cause {
        StopCause::FailedToStart => {
            let phase = life.outcome.failed_phase.map_or(String::new(), |phase| format!(" in {}", phase.name()));
            add(FindingKind::FailedToStart, format!("failed to start{phase}: {told}"));
        }
        StopCause::EssentialExit => add(FindingKind::EssentialExit, essential_exit(life, told)),
        StopCause::SpotInterruption | StopCause::TerminationNotice => {
            add(FindingKind::Interrupted, format!("its capacity was taken away: {told}"))
        }
        StopCause::UserInitiated | StopCause::Scheduler | StopCause::Unknown if life.outcome.failure.is_some() => {
            add(FindingKind::Unhealthy, format!("stopped: {told}"));
        }
        StopCause::UserInitiated => add(FindingKind::StoppedOnPurpose, format!("stopped by its user: {told}")),
        StopCause::Scheduler => add(FindingKind::StoppedOnPurpose, format!("stopped by the service scheduler: {told}")),
        StopCause::Unknown => add(FindingKind::StoppedOnPurpose, format!("stopped: {told}")),
    }
}

fn essential_exit(life: &TaskLife, told: &str) -> String {
    let essential = life.containers.iter().filter(|c| c.essential() == Some(true) && c.record.exit_code.is_some());
    let exits: Vec<String> =
        essential.map(|c| format!("{} exited {}", c.name(), c.record.exit_code.unwrap_or_default())).collect();
    match exits.as_slice() {
        [] => format!("stopped: {told}"),
        exits => format!("stopped: {told} (essential: {})", exits.join(", ")),
    }
}

/// 137 is SIGKILL's. When the time from the request to the end of execution is the stop timeout or more, it was ECS's.
pub(super) fn probably_killed(life: &TaskLife, add: Add<'_>) {
    let Some(terminating) = life.phases.as_ref().and_then(|p| p.find(PhaseKind::Terminating)).and_then(Phase::length)
    else {
        return;
    };
    for container in life.containers.iter().filter(|c| !c.is_hidden() && c.record.exit_code == Some(137)) {
        let out_of_memory =
            container.failure.as_ref().and_then(|f| f.error_type.as_deref()) == Some("OutOfMemoryError");
        let set = container.definition.as_ref().and_then(|d| d.stop_timeout).map(Duration::from_secs);
        let timeout = set.unwrap_or(DEFAULT_STOP_TIMEOUT);
        if out_of_memory || terminating < timeout {
            continue;
        }
        let said = if set.is_some() { "" } else { " (ECS's default)" };
        add(
            FindingKind::ProbablyKilled,
            format!(
                "container {} was probably killed (exit code 137) after its stop timeout of {} s{said}: it took {:.1} s from the request to stop to the end",
                container.name(),
                timeout.as_secs(),
                terminating.as_secs_f64()
            ),
        );
    }
}

/// A service wants its tasks to run: one that ends well is started again.
pub(super) fn exited_zero(life: &TaskLife, add: Add<'_>) {
    let Some(service) = life.task.service().filter(|_| StopCause::of(&life.task) == StopCause::EssentialExit) else {
        return;
    };
    // Without the definition the only container there is must be the essential one.
    let visible: Vec<&Container> = life.containers.iter().filter(|c| !c.is_hidden()).collect();
    let is_essential = |c: &Container| c.essential().unwrap_or(visible.len() == 1);
    let is_good = |c: &Container| c.record.exit_code == Some(0) && c.failure.is_none();
    if visible.iter().any(|c| c.failure.is_some()) {
        return;
    }
    for container in visible.iter().filter(|c| is_essential(c) && is_good(c)) {
        let text = format!(
            "essential container {} exited 0 in service {service}, which starts it again: a process that puts itself into the background, or a job that should be run as a task",
            container.name()
        );
        add(FindingKind::ExitedZero, text);
    }
}

/// The load balancer gave up on a task that had hardly started.
pub(super) fn health_check_grace(life: &TaskLife, add: Add<'_>) {
    let reason = life.task.stopped_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
    if !(reason.contains("health check") && (reason.contains("elb") || reason.contains("target"))) {
        return;
    }
    let running = life.phases.as_ref().and_then(|phases| phases.find(PhaseKind::Running)).and_then(Phase::length);
    if let Some(ran) = running.filter(|ran| *ran < STARTS_WITHIN) {
        let text = format!(
            "stopped for failed health checks of the load balancer {:.1} s after it had started: if it needs longer than that to answer, healthCheckGracePeriodSeconds of the service is too short",
            ran.as_secs_f64()
        );
        add(FindingKind::HealthCheckGrace, text);
    }
}
