//! Which launches are drawn, and their bars side by side on one time axis. Main function: [`chosen`].

use std::collections::BTreeSet;

use crate::model::Time;
use crate::model::deployment::{DeployedTask, DeploymentLife};
use crate::model::phases::PhaseKind;

/// The most launches that are drawn.
pub(super) const MOST: usize = 20;

/// The launches that are drawn, in their order: all of a few; of many the slowest, the first failure of each reason, the
/// first and the last, and others evenly between them. And how many are not.
pub(super) fn chosen(life: &DeploymentLife) -> (Vec<&DeployedTask>, usize) {
    let count = life.launches.len();
    let mut at: BTreeSet<usize> = BTreeSet::new();
    if count <= MOST {
        at.extend(0..count);
    } else {
        let place = |id: &str| life.launches.iter().position(|task| task.id == id);
        at.extend([0, count - 1]);
        at.extend(life.slowest().and_then(|task| place(&task.id)));
        let first = life.failures().into_iter().filter_map(|group| place(group.tasks.first()?));
        at.extend(first.take(MOST / 4));
        let step = count / (MOST - at.len()).max(1);
        for spread in 0..MOST {
            if at.len() >= MOST {
                break;
            }
            at.insert((spread * step).min(count - 1));
        }
    }
    let rows: Vec<&DeployedTask> = at.iter().filter_map(|at| life.launches.get(*at)).collect();
    let more = count - rows.len();
    (rows, more)
}

/// As much of a task's id as tells it from the others.
pub(super) fn short_id(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// What each phase of a launch is drawn with: its letter says it without colour and without Unicode.
pub(super) const LETTERS: [(PhaseKind, char, char); 3] =
    [(PhaseKind::Provisioning, '░', '.'), (PhaseKind::ImagePull, '█', '#'), (PhaseKind::Starting, '▒', '+')];

/// One launch as a bar of `width` columns from `from` to `to`.
pub(super) fn bar(task: &DeployedTask, from: Time, to: Time, width: usize, unicode: bool) -> String {
    let mut cells = vec![' '; width];
    let whole = to.since(from).as_secs_f64();
    let column = |time: Time| {
        let part = if whole > 0.0 { time.since(from).as_secs_f64() / whole } else { 0.0 };
        ((part * width as f64) as usize).min(width)
    };
    let phases = task.phases.iter().flat_map(|phases| &phases.list);
    for phase in phases {
        let Some((_, drawn, ascii)) = LETTERS.iter().find(|(kind, _, _)| *kind == phase.kind) else { continue };
        // One that never started has come so far that it took no time.
        if phase.is_empty() && !task.has_started() {
            continue;
        }
        let first = column(phase.start).min(width.saturating_sub(1));
        // However short, it can be seen.
        let last = column(phase.end.unwrap_or(to)).max(first + 1);
        for cell in cells.iter_mut().take(last).skip(first) {
            *cell = if unicode { *drawn } else { *ascii };
        }
        if phase.end.is_none()
            && let Some(cell) = cells.get_mut(last.min(width).saturating_sub(1))
        {
            *cell = if unicode { '▶' } else { '>' };
        }
    }
    cells.into_iter().collect()
}

/// From when to when the bars go: the deployment's start, or the first launch's, to the end of the last launch.
pub(super) fn span(life: &DeploymentLife, now: Time) -> Option<(Time, Time)> {
    let starts = life.launches.iter().filter_map(|task| Some(task.launch()?.0));
    let ends = life.launches.iter().filter_map(|task| Some(task.launch()?.1.unwrap_or(now)));
    let from = starts.chain(life.deployment.created).min()?;
    Some((from, ends.max()?.max(from)))
}
