//! The load balancer's part in a task's life: findings about that.

use std::time::Duration;

use super::{Add, FindingKind};
use crate::model::duration;
use crate::model::life::TaskLife;
use crate::model::outcome::says_unhealthy;
use crate::model::phases::{Phase, PhaseKind};

/// So far beyond its stop timeout no task is stopping for its own sake.
const FAR_BEYOND: Duration = Duration::from_secs(60);
/// The longest `stopTimeout` that Fargate takes: where the definition is not known.
const LONGEST_STOP_TIMEOUT: Duration = Duration::from_secs(120);
/// ECS's own default of `stopTimeout`.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A target that leaves its group is given time to finish its requests before the task gets SIGTERM; ECS gives no time of that.
pub(super) fn slow_draining(life: &TaskLife, add: Add<'_>) {
    let terminating = life.phases.as_ref().and_then(|phases| phases.find(PhaseKind::Terminating));
    let Some((took, phase)) = terminating.and_then(|phase| Some((Phase::length(phase)?, phase))) else { return };
    let said: Vec<_> = life
        .around
        .events
        .iter()
        .filter(|event| event.says_draining() && event.at >= phase.start && phase.end.is_none_or(|end| event.at <= end))
        .collect();
    if life.around.target_groups.is_empty() && said.is_empty() {
        return;
    }
    let containers = life.definition.iter().flat_map(|definition| &definition.containers);
    let timeouts = containers.map(|c| c.stop_timeout.map_or(DEFAULT_STOP_TIMEOUT, Duration::from_secs));
    let (timeout, known) = timeouts.max().map_or((LONGEST_STOP_TIMEOUT, "at most "), |timeout| (timeout, ""));
    if took < timeout + FAR_BEYOND {
        return;
    }
    let said = said.first().map_or(String::new(), |event| format!("; the service said then: {}", event.text()));
    let text = format!(
        "it took {} from the request to stop to its end, and its stop timeout is {known}{} s: the target group drains for as long as its deregistration_delay says (300 s by default) before the task is told{said}",
        duration::short(took),
        timeout.as_secs(),
    );
    add(FindingKind::SlowDraining, text);
}

/// What the service said of a target while the task was one; of which one it says no more than its group.
pub(super) fn unhealthy_targets(life: &TaskLife, add: Add<'_>) {
    let reason = life.task.stopped_reason.as_deref().unwrap_or_default();
    let own = life.service_events.iter();
    let others = life.around.events.iter().filter(|_| says_unhealthy(reason));
    if let Some((group, why)) = own.chain(others).find_map(|event| event.unhealthy_target()) {
        add(FindingKind::UnhealthyTargets, format!("a target was unhealthy in target group {group}: {why}"));
    }
}
