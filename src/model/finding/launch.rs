//! Where the time of a launch went: findings about that.

use std::time::Duration;

use super::{Add, FindingKind};
use crate::model::life::TaskLife;
use crate::model::phases::PhaseKind;
use crate::model::time::Time;

/// A wait, a pull or a placement of this length is worth a line: a launch rarely takes half of it.
const WORTH_TELLING: Duration = Duration::from_secs(60);

pub(super) fn waited_for_pull(life: &TaskLife, now: Time, add: Add<'_>) {
    let Some(wait) = life.phases.as_ref().and_then(|p| p.find(PhaseKind::WaitingForPull)) else {
        return;
    };
    let length = wait.end.unwrap_or(now).since(wait.start);
    if length >= WORTH_TELLING {
        let (verb, end) = if wait.end.is_some() { ("waited", "") } else { ("has waited", " so far") };
        let length = told(length);
        add(FindingKind::WaitedForPull, format!("{verb} {length} for a pull to start with the network attached{end}"));
    }
}

/// A long time, as it is told.
fn told(length: Duration) -> String {
    let minutes = length.as_secs_f64() / 60.0;
    if minutes < 120.0 { format!("{minutes:.1} min") } else { format!("{:.1} h", minutes / 60.0) }
}

/// A pull or a placement that took long, or has taken long so far.
pub(super) fn slow(life: &TaskLife, now: Time, add: Add<'_>) {
    let phase = |kind| {
        let phase = life.phases.as_ref()?.find(kind)?;
        let length = phase.end.unwrap_or(now).since(phase.start);
        let so_far = if phase.end.is_some() { "" } else { " so far" };
        (length >= WORTH_TELLING).then(|| format!("{}{so_far}", told(length)))
    };
    if let Some(took) = phase(PhaseKind::ImagePull) {
        let images: Vec<&str> = life
            .containers
            .iter()
            .filter(|container| !container.is_hidden())
            .filter_map(|container| container.record.image.as_deref())
            .collect();
        let of = if images.is_empty() { String::new() } else { format!(" of {}", images.join(", ")) };
        add(FindingKind::SlowPull, format!("the image pull{of} took {took}"));
    }
    if let Some(took) = phase(PhaseKind::PlacementAndNetwork) {
        add(FindingKind::SlowPlacement, format!("placement and network took {took}, before any pull"));
    }
}

pub(super) fn longest_phase(life: &TaskLife, add: Add<'_>) {
    let Some(phases) = &life.phases else { return };
    // A launch that goes on, or that failed, is told about otherwise.
    if life.task.times.started.is_none() {
        return;
    }
    let launch: Vec<(PhaseKind, Duration)> =
        phases.list.iter().filter(|p| p.kind.is_launch()).filter_map(|p| Some((p.kind, p.length()?))).collect();
    let total: Duration = launch.iter().map(|(_, length)| *length).sum();
    let Some(&(kind, length)) = launch.iter().max_by_key(|(_, length)| *length) else { return };
    if launch.len() > 1 && !length.is_zero() {
        let share = 100.0 * length.as_secs_f64() / total.as_secs_f64();
        let (name, length, total) = (kind.name(), length.as_secs_f64(), total.as_secs_f64());
        add(
            FindingKind::LongestLaunchPhase,
            format!("{name} took {length:.1} s, {share:.0} % of the launch of {total:.1} s"),
        );
    }
}
