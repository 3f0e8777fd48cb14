//! Which tasks of events are exported. Main type: [`Filter`].

use std::fmt;
use std::time::Duration;

use crate::model::TaskLife;
use crate::model::arn::last_part;
use crate::model::observation::TaskRecord;
use crate::model::phases::{PhaseKind, Phases};

/// Which tasks are chosen: all, where nothing is named.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Names or ARNs of clusters.
    pub clusters: Vec<String>,
    /// Of services.
    pub services: Vec<String>,
    /// Of task definition families.
    pub families: Vec<String>,
    /// Those that failed.
    pub only_failed: bool,
    /// Those whose launch took at least so long.
    pub slower_than: Option<Duration>,
}

/// For the log: what is passed by is deleted.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clusters, services, families, only_failed, slower_than } = self;
        let lists = [("cluster", clusters), ("service", services), ("family", families)];
        let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
        let mut all: Vec<String> = lists.map(|(what, names)| format!("{what} {}", names.join(" or "))).collect();
        all.extend(only_failed.then(|| "failed".to_owned()));
        all.extend(slower_than.map(|limit| format!("launched in {limit:?} or more")));
        f.write_str(&all.join(", "))
    }
}

impl Filter {
    /// Whether a task is one that is exported, as far as its record tells.
    pub(super) fn takes(&self, task: &TaskRecord) -> bool {
        // Names and ARNs are both what people have.
        let among = |wanted: &[String], given: Option<&str>| {
            wanted.is_empty() || given.is_some_and(|given| wanted.iter().any(|one| last_part(one) == given))
        };
        // Launch spans are final with RUNNING, all others with STOPPED; nothing is between.
        let has_news = task.is_stopped() || task.times.started.is_some();
        let picky = self.only_failed || self.slower_than.is_some();
        has_news
            && (!picky || task.is_stopped())
            && among(&self.clusters, task.cluster_name())
            && among(&self.services, task.service())
            && among(&self.families, task.family())
    }

    /// Whether its life is.
    pub(super) fn takes_life(&self, life: &TaskLife) -> bool {
        !(self.only_failed && life.outcome.failure.is_none())
            && self.slower_than.is_none_or(|limit| launch(life) >= Some(limit))
    }
}

/// Created → started.
pub(super) fn launch(life: &TaskLife) -> Option<Duration> {
    let phases: &Phases = life.phases.as_ref()?;
    Some(phases.find(PhaseKind::Running)?.start.since(phases.start))
}
