//! A task that is followed until it has stopped. Main function: [`follow`].

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use tokio::time::sleep;

use super::Now;
use super::notice::Teller;
use super::read::{self, patiently};
use super::silence::Silence;
use crate::model::AsOf;
use crate::model::merge::TaskObservations;
use crate::source::aws::AwsError;
use crate::source::ecs::{EcsSource, Found};
use crate::source::target::TaskTarget;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(3);
/// The log driver writes a container's last lines a moment after its end.
const LAST_LINES: Duration = Duration::from_secs(5);

/// What comes next.
enum Next {
    First,
    Again,
    /// It has stopped; its last lines are still to come.
    Last,
    Nothing,
}

/// A task, as it was found.
#[derive(Clone, Debug)]
pub struct Look {
    /// What was observed of it.
    pub observed: TaskObservations,
    /// When: of one that ECS has forgotten its last event was long ago.
    pub as_of: AsOf,
}

/// The task again and again, each time with its definition, its service's events and its log lines, until it has stopped. An answer that fails
/// for now is told, and asked for again; a task that ECS has forgotten meanwhile has nothing more to say.
pub fn follow(
    source: Arc<EcsSource>,
    target: TaskTarget,
    notices: Teller,
    clock: Now,
) -> impl Stream<Item = Result<Look, AwsError>> + Send {
    stream::try_unfold((source, target, notices, Next::First), move |(source, target, notices, next)| async move {
        let mut silence = Silence::default();
        let pause = match next {
            Next::First => Duration::ZERO,
            Next::Again => PAUSE,
            Next::Last => LAST_LINES,
            Next::Nothing => return Ok(None),
        };
        sleep(pause).await;
        let Found { region, task, recalled } = loop {
            let found = source.find(std::slice::from_ref(&target), clock());
            match patiently(found, 1, &notices).await.pop() {
                Some(Ok(found)) => {
                    silence.ends(&notices);
                    break found;
                }
                Some(Err(error)) if matches!(next, Next::First) => return Err(error),
                Some(Err(error)) if error.is_passing() => {
                    silence.goes_on(&error, &notices);
                    sleep(PAUSE).await;
                }
                Some(Err(AwsError::NoSuchTask { .. } | AwsError::Forgotten { .. })) | None => return Ok(None),
                Some(Err(error)) => return Err(error),
            }
        };
        let after = match (task.is_stopped(), &next) {
            // ECS will not tell more of what it has forgotten.
            _ if recalled.is_some() => Next::Nothing,
            (false, _) => Next::Again,
            (true, Next::Again) => Next::Last,
            (true, _) => Next::Nothing,
        };
        recalled.iter().for_each(|found| notices.tell(&read::recalled(&task, found)));
        let mut observed = source.observe_one(&region, task).await;
        // A container that has not started has no log, and that is no gap: it is asked for again.
        if observed.task.times.started.is_none() && !observed.task.is_stopped() {
            observed.gaps.retain(|gap| gap.container.is_none());
        }
        let as_of = observed.latest().filter(|_| recalled.is_some() && !observed.task.is_stopped());
        let as_of = as_of.map_or_else(|| AsOf::Now(clock()), AsOf::Saved);
        Ok(Some((Look { observed, as_of }, (source, target, notices, after))))
    })
}
