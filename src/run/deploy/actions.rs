//! The action log of the service while its deployment is waited for: each line is told when it comes. Main type: [`Actions`].
//!
//! It is a courtesy: what it says is read again in the end, and why it cannot be read is told there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::ACTIONS_WITHIN;
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::deployment::Deployment;
use crate::run::notice::{Notice, Teller};
use crate::source::ecs::EcsSource;
use crate::source::service::ServicePlace;

/// An account has 5 calls a second, for all who read its logs.
const PAUSE: Duration = Duration::from_secs(10);
/// Where there is no such log, or it is refused, there may be later.
const PAUSE_IN_VAIN: Duration = Duration::from_secs(300);
/// Lines come so late at most, out of their order.
const LATE: Duration = Duration::from_secs(60);

pub(super) struct Actions<'a> {
    source: &'a Arc<EcsSource>,
    place: &'a ServicePlace,
    notices: &'a Teller,
    told: BTreeSet<ActionRecord>,
    /// The last line's.
    last: Option<Time>,
    next: Instant,
}

impl<'a> Actions<'a> {
    pub(super) fn new(source: &'a Arc<EcsSource>, place: &'a ServicePlace, notices: &'a Teller) -> Self {
        Self { source, place, notices, told: BTreeSet::new(), last: None, next: Instant::now() }
    }

    /// What has been told of it so far.
    pub(super) fn told(&self) -> Vec<ActionRecord> {
        self.told.iter().cloned().collect()
    }

    /// Tells the lines about the deployment that are new.
    pub(super) async fn look(&mut self, deployment: &Deployment) {
        let Some((begin, _)) = deployment.told_within().filter(|_| Instant::now() >= self.next) else { return };
        let from = self.last.map_or(begin, |last| last.minus(LATE).max(begin));
        let read = timeout(ACTIONS_WITHIN, self.source.actions(self.place, (from, None))).await;
        let Ok(Ok(Some(actions))) = read else {
            self.next = Instant::now() + PAUSE_IN_VAIN;
            return;
        };
        self.next = Instant::now() + PAUSE;
        let mut heard = deployment.clone();
        heard.hear(actions);
        for action in heard.actions {
            self.last = self.last.max(Some(action.at));
            if self.told.insert(action.clone()) {
                let (at, message, is_problem) = (action.at, action.words(), action.is_problem());
                self.notices.tell(&Notice::Action { at, message, is_problem });
            }
        }
    }
}
