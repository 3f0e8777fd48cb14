//! A task of which only its host speaks: the metadata endpoint, the agent, Docker. None of them knows when the task was created
//! or stopped, so its phases are bounded by its containers, and all of them are estimates. None knows of its provisioning
//! either: what there is before the start is the pull, and starting. Main function: [`phases`].

use super::observation::{ContainerRecord, Source, TaskRecord, TaskTimes};
use super::phases::{Phase, PhaseKind, Phases};
use super::time::Time;

impl TaskRecord {
    /// Whether neither the ECS API nor an event has spoken of it.
    pub fn is_standalone(&self) -> bool {
        matches!(self.source, Some(Source::Metadata | Source::Agent | Source::Docker))
    }
}

/// The states of a task from which on it has been launched.
const LAUNCHED: [&str; 6] = ["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"];

/// The phases that the containers' times bound.
pub(super) fn phases(task: &TaskRecord) -> Option<Phases> {
    let shown: Vec<&ContainerRecord> = task.containers.iter().filter(|container| !container.is_hidden()).collect();
    // Docker and an answer about one container know no state of the task: then what has started counts as started.
    let is_launched = task.last_status.as_deref().is_none_or(|status| LAUNCHED.contains(&status));
    let mut times = task.times;
    if is_launched {
        times.started = shown.iter().filter_map(|container| container.started).max().map(Time::floor_to_millis);
    }
    // What runs has started, whether anybody says when or not.
    if task.last_status.as_deref() == Some("RUNNING") {
        times.started = times.started.or_else(|| latest(&times));
    }
    let all_finished =
        !shown.is_empty() && shown.iter().all(|container| container.finished.is_some() && !container.may_restart);
    if times.execution_stopped.is_none() && (task.is_stopped() || all_finished) {
        times.execution_stopped =
            shown.iter().filter_map(|container| container.finished).max().map(Time::floor_to_millis);
    }
    let earliest = shown.iter().filter_map(|container| container.created.or(container.started)).min();
    let earliest = [earliest.map(Time::floor_to_millis), times.moments().iter().map(|moment| moment.time).min()];
    times.created = Some(earliest.into_iter().flatten().min()?);
    let mut phases = Phases::new(&times, task.is_stopped() || all_finished)?;
    phases.moments = task.times.moments();
    phases.moments.sort_by_key(|moment| moment.time);
    phases.start_estimated = true;
    phases.end_estimated = phases.end.is_some();
    without_provisioning(&mut phases.list);
    phases.list.iter_mut().for_each(estimate);
    Some(phases)
}

fn latest(times: &TaskTimes) -> Option<Time> {
    times.moments().iter().map(|moment| moment.time).max()
}

/// From the first that is known of a container on, it starts; before a pull nothing is known.
fn without_provisioning(list: &mut Vec<Phase>) {
    let [first, rest @ ..] = list.as_mut_slice() else { return };
    if first.kind != PhaseKind::Provisioning {
        return;
    }
    match rest.first_mut() {
        Some(next) if matches!(next.kind, PhaseKind::Starting | PhaseKind::ImagePull) => next.start = first.start,
        _ => {
            first.kind = PhaseKind::Starting;
            return;
        }
    }
    list.remove(0);
}

fn estimate(phase: &mut Phase) {
    phase.start_estimated = true;
    phase.end_estimated = phase.end.is_some();
    phase.children.iter_mut().for_each(estimate);
}
