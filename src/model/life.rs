//! A task's life: everything known about it, worked out by `worked_out.rs`. Main type: [`TaskLife`].

use super::around::Around;
use super::container::Container;
use super::finding::kind::Finding;
use super::merge::Conflict;
use super::observation::{DefinitionRecord, Gap, ServiceEvent, TaskRecord};
use super::outcome::Outcome;
use super::phases::{PhaseKind, Phases};
use super::time::Time;

/// Up to when a task is known: what is still open lies open until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Somebody has just been asked.
    Now(Time),
    /// It was written down, and what came after is not known: never up to the reader's clock.
    Saved(Time),
    /// It was written down, and no time stands in it: nothing of it lies open.
    Undated,
}

impl AsOf {
    /// The time, where it is known.
    pub const fn time(self) -> Option<Time> {
        match self {
            Self::Now(at) | Self::Saved(at) => Some(at),
            Self::Undated => None,
        }
    }
}

impl From<Time> for AsOf {
    fn from(now: Time) -> Self {
        Self::Now(now)
    }
}

/// Everything that is known of one task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskLife {
    /// The facts, merged from all that was observed.
    pub task: TaskRecord,
    /// Up to when that is.
    pub as_of: AsOf,
    /// Its task definition, where known.
    pub definition: Option<DefinitionRecord>,
    /// Its phases; `None` when no time at all is known.
    pub phases: Option<Phases>,
    /// Its containers: those that the task names in their order, then those that only its definition names.
    pub containers: Vec<Container>,
    /// How it ended.
    pub outcome: Outcome,
    /// What is worth pointing out, each with its evidence.
    pub findings: Vec<Finding>,
    /// What explains an absence that is no fault: another log driver, say.
    pub notes: Vec<String>,
    /// What was tried and could not be learned.
    pub gaps: Vec<Gap>,
    /// The service's events that name this task, oldest first.
    pub service_events: Vec<ServiceEvent>,
    /// What else its service said in its time: of no task by name.
    pub around: Around,
    /// Where sources disagree.
    pub conflicts: Vec<Conflict>,
}

impl TaskLife {
    /// Whether the task has reached STOPPED, after which nothing changes.
    pub fn is_stopped(&self) -> bool {
        self.task.is_stopped()
    }

    /// As of when it is known, while it is not over: what changes may have changed since.
    pub fn seen(&self) -> Option<Time> {
        self.as_of.time().filter(|_| !self.is_stopped())
    }

    /// How it will have ended, where ECS has said all but STOPPED. For reports and lists: what is sent waits until it is final.
    pub fn foreseen(&self) -> Outcome {
        Outcome::foreseen(&self.task, self.phases.as_ref())
    }

    /// What its service said meanwhile, each with what the task was then. That a service is steady tells nothing of a task that runs.
    pub fn meanwhile(&self) -> impl Iterator<Item = (&'static str, &ServiceEvent)> {
        self.around.events.iter().filter_map(|event| {
            let phases = self.phases.as_ref()?;
            let phase = phases.list.iter().rfind(|phase| phase.start <= event.at)?;
            let is_steady = phase.kind == PhaseKind::Running && event.message.contains("has reached a steady state");
            let was = match phase.kind {
                PhaseKind::ImagePull => "pulling",
                kind => kind.name(),
            };
            (!is_steady).then_some((was, event))
        })
    }

    /// What to call the task in reports: `CLUSTER/ID` where the cluster is known.
    pub fn label(&self) -> String {
        let id = &self.task.id;
        self.task.cluster_name().map_or_else(|| id.clone(), |cluster| format!("{cluster}/{id}"))
    }

    /// `FAMILY`, for the name of the root; the task's group or id where the definition is not known.
    pub fn family(&self) -> &str {
        self.task.family().or(self.definition.as_ref().and_then(|d| d.family.as_deref())).unwrap_or(&self.task.id)
    }
}
