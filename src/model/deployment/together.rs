//! What only many tasks show together. Main function: [`findings`].

use super::life::{DeployedTask, FailureGroup, FoundInTasks};
use crate::model::Time;
use crate::model::finding::FindingKind;
use crate::model::phases::PhaseKind;

/// As often must tasks start, and fail alike, before it is a loop.
const LOOPS: usize = 3;
/// So many pulls at once are worth telling: a registry, a NAT gateway or an interface endpoint is shared by them.
const AT_ONCE: usize = 10;

/// The findings of a whole deployment.
pub(super) fn findings<'a>(
    launches: &[DeployedTask],
    groups: impl Iterator<Item = &'a FailureGroup>,
    definition: Option<&str>,
) -> Vec<(FindingKind, FoundInTasks)> {
    let crashes = groups.filter_map(|group| crash_loop(launches, group));
    crashes
        .max_by_key(|found| found.count)
        .map(|found| (FindingKind::CrashLoop, found))
        .into_iter()
        .chain(pulls_together(launches, definition).map(|found| (FindingKind::PullsTogether, found)))
        .collect()
}

/// Tasks that started one after the other, ran, and failed for one reason.
fn crash_loop(launches: &[DeployedTask], group: &FailureGroup) -> Option<FoundInTasks> {
    let alike = |task: &&DeployedTask| {
        let failure = task.failure.as_ref().filter(|_| task.has_failed());
        task.has_started() && failure.is_some_and(|failure| group.is_of(failure))
    };
    let failed: Vec<&DeployedTask> = launches.iter().filter(alike).collect();
    let started: Vec<Time> = failed.iter().filter_map(|task| task.times.started).collect();
    // Each started after one of the others had ended: those that fail side by side are one attempt.
    let mut ends: Vec<Time> = failed.iter().filter_map(|task| task.phases.as_ref()?.end_began).collect();
    ends.sort();
    let first_end = *ends.first()?;
    let again = started.iter().filter(|started| **started > first_end).count();
    if again + 1 < LOOPS {
        return None;
    }
    let took = started.iter().max()?.since(*started.iter().min()?).as_secs_f64() / 60.0;
    let text = format!("started one after the other within {took:.1} min and failed alike");
    Some(FoundInTasks { old: 0, count: failed.len(), task_id: failed.first()?.id.clone(), text })
}

/// The most pulls that went on at one time.
fn pulls_together(launches: &[DeployedTask], definition: Option<&str>) -> Option<FoundInTasks> {
    let pull = |task: &DeployedTask| {
        let pull = task.phases.as_ref()?.find(PhaseKind::ImagePull)?;
        Some((pull.start, pull.end?))
    };
    let mut edges: Vec<(Time, i64)> =
        launches.iter().filter_map(pull).flat_map(|(start, end)| [(start, 1), (end, -1)]).collect();
    // At one moment the ends come first: a pull that begins when another ends is not beside it.
    edges.sort();
    let (mut now, mut most) = (0_i64, 0_i64);
    for (_, change) in edges {
        now += change;
        most = most.max(now);
    }
    let most = usize::try_from(most).ok().filter(|most| *most >= AT_ONCE)?;
    let what = definition.map_or("their images", crate::model::arn::last_part);
    let text = format!("{most} of {} tasks pulled the images of {what} at one time", launches.len());
    Some(FoundInTasks { old: 0, count: most, task_id: launches.first()?.id.clone(), text })
}
