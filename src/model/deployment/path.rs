//! What a rollout waited for: launches, health checks, old tasks that drain. Main type: [`Path`].
//!
//! ECS says of no moment what it waits for. But tasks are launched at some moments, old ones stop at others, and where neither happens the
//! scheduler waits: for health checks, mostly.

use std::time::Duration;

use super::life::DeploymentLife;
use super::task::DeployedTask;
use crate::model::Time;

/// How long a rollout did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// From its creation to its end.
    pub whole: Duration,
    /// Some task was being launched.
    pub launch: Duration,
    /// None was, and old tasks were stopping.
    pub stopping: Duration,
    /// Neither: health checks, and the scheduler.
    pub waiting: Duration,
}

/// What went on from one moment to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Launch,
    Stopping,
    Waiting,
}

impl DeploymentLife {
    /// What it waited for, of one that is over and of whose tasks something is known.
    pub fn path(&self) -> Option<Path> {
        let stretches = stretches(self);
        let mut path = Path::default();
        for (doing, from, to) in &stretches {
            let length = to.since(*from);
            path.whole += length;
            match doing {
                Doing::Launch => path.launch += length,
                Doing::Stopping => path.stopping += length,
                Doing::Waiting => path.waiting += length,
            }
        }
        (!self.launches.is_empty() && !path.whole.is_zero()).then_some(path)
    }
}

/// The longest time in which nothing moved after a task had started, and which task that was.
pub(super) fn longest_wait(life: &DeploymentLife) -> Option<(String, Duration)> {
    let waits = stretches(life).into_iter().filter(|(doing, ..)| *doing == Doing::Waiting);
    let after = waits.filter_map(|(_, from, to)| {
        let started = life.launches.iter().find(|task| task.times.started == Some(from))?;
        Some((started.id.clone(), to.since(from)))
    });
    after.max_by_key(|(_, took)| *took)
}

/// The deployment from its beginning to its end, cut wherever what went on changed.
fn stretches(life: &DeploymentLife) -> Vec<(Doing, Time, Time)> {
    let deployment = &life.deployment;
    let Some((begin, end)) = deployment.created.zip(deployment.finished.map(|finish| finish.at)) else { return vec![] };
    let inside = |from: Time, to: Option<Time>| {
        (from.clamp(begin, end.max(begin)), to.unwrap_or(end).clamp(begin, end.max(begin)))
    };
    let launches: Vec<(Time, Time)> =
        life.launches.iter().filter_map(|task| task.launch()).map(|(from, to)| inside(from, to)).collect();
    let stop = |task: &DeployedTask| {
        let phases = task.phases.as_ref()?;
        Some(inside(phases.end_began?, phases.end))
    };
    let stops: Vec<(Time, Time)> = life.stops.iter().filter_map(stop).collect();
    // +1 where one begins, -1 where it ends.
    let edges = |spans: &[(Time, Time)], what: usize| -> Vec<(Time, usize, i64)> {
        spans.iter().flat_map(|(from, to)| [(*from, what, 1), (*to, what, -1)]).collect()
    };
    let mut edges: Vec<_> = [edges(&launches, 0), edges(&stops, 1)].concat();
    edges.push((end, 0, 0));
    edges.sort();
    let (mut open, mut at, mut found) = ([0_i64; 2], begin, Vec::<(Doing, Time, Time)>::new());
    for (time, what, change) in edges {
        let doing = match open {
            [launches, _] if launches > 0 => Doing::Launch,
            [_, stops] if stops > 0 => Doing::Stopping,
            _ => Doing::Waiting,
        };
        if time > at {
            match found.last_mut().filter(|(last, ..)| *last == doing) {
                Some((_, _, to)) => *to = time,
                None => found.push((doing, at, time)),
            }
            at = time;
        }
        if let Some(count) = open.get_mut(what) {
            *count += change;
        }
    }
    found
}
