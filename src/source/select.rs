//! Which tasks of a cluster are meant. Main type: [`Selection`]. Pure: what ECS cannot filter by is filtered here.

use crate::model::arn::last_part;
use crate::model::merge::TaskObservations;
use crate::model::observation::TaskRecord;
use crate::model::{TaskLife, Time};

/// Many tasks of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The cluster's name or ARN.
    pub cluster: String,
    /// `serviceName`.
    pub service: Option<String>,
    /// Task definition family.
    pub family: Option<String>,
    /// `startedBy`.
    pub started_by: Option<String>,
    /// In which state.
    pub status: StatusFilter,
    /// Created at this time or later.
    pub created_since: Option<Time>,
    /// Created before this time.
    pub created_until: Option<Time>,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

/// Tasks in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusFilter {
    /// Any.
    #[default]
    All,
    /// On their way to RUNNING.
    Pending,
    /// RUNNING.
    Running,
    /// STOPPED, or on their way there.
    Stopped,
    /// Those of them that failed, also before they are STOPPED, where ECS has said why.
    Failed,
}

impl Selection {
    /// Whether a task that ECS gave is meant.
    pub(crate) fn takes(&self, task: &TaskRecord) -> bool {
        let is =
            |wanted: &Option<String>, given: Option<&str>| wanted.as_deref().is_none_or(|wanted| given == Some(wanted));
        let status = task.last_status.as_deref().unwrap_or_default();
        let desired_stopped = task.desired_status.as_deref() == Some("STOPPED");
        let in_state = match self.status {
            StatusFilter::All => true,
            StatusFilter::Running => status == "RUNNING",
            StatusFilter::Pending => matches!(status, "PROVISIONING" | "PENDING" | "ACTIVATING") && !desired_stopped,
            StatusFilter::Stopped => task.is_stopped() || desired_stopped,
            StatusFilter::Failed => has_failed(task),
        };
        let new_enough =
            self.created_since.is_none_or(|since| task.times.created.is_some_and(|created| created >= since));
        let old_enough =
            self.created_until.is_none_or(|until| task.times.created.is_some_and(|created| created < until));
        in_state
            && new_enough
            && old_enough
            && is(&self.family, task.family())
            && is(&self.started_by, task.started_by.as_deref())
    }
}

impl Selection {
    /// Whether a task is meant of which an event says that it has stopped: of a group's events ECS has filtered nothing.
    pub(super) fn takes_past(&self, task: &TaskRecord) -> bool {
        let is_there = task.cluster_name().is_none_or(|cluster| cluster == last_part(&self.cluster));
        let of_service = self.service.as_deref().is_none_or(|service| task.service() == Some(last_part(service)));
        task.is_stopped() && is_there && of_service && self.takes(task)
    }
}

/// Whether the task ended in a failure, or will have once it is STOPPED.
fn has_failed(task: &TaskRecord) -> bool {
    // "Now" matters to findings alone.
    let now = task.times.stopped.unwrap_or(Time::from_unix_nanos(0));
    let observed = TaskObservations { task: task.clone(), ..TaskObservations::default() };
    TaskLife::new(observed, now, 0).foreseen().failure.is_some()
}
