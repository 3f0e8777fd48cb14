//! What was observed of one task, and what of none. Pure. Main type: [`TaskObservations`].

use super::around::Around;
use super::fill::Conflict;
use super::log::ContainerLog;
use super::observation::{DefinitionRecord, Gap, ServiceEvent, TaskRecord};
use super::time::Time;

/// What was observed of one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskObservations {
    /// The task.
    pub task: TaskRecord,
    /// Its definition.
    pub definition: Option<DefinitionRecord>,
    /// Its containers' log lines.
    pub logs: Vec<ContainerLog>,
    /// Service events that name it.
    pub service_events: Vec<ServiceEvent>,
    /// What else its service said in its time.
    pub around: Around,
    /// What was tried and could not be learned.
    pub gaps: Vec<Gap>,
    /// Where sources disagree.
    pub conflicts: Vec<Conflict>,
}

impl TaskObservations {
    /// The latest time that is known of the task: a saved one is known up to then. `None` when there is no time at all.
    pub fn latest(&self) -> Option<Time> {
        let of_task = self.task.times.moments().into_iter().map(|moment| moment.time);
        let of_containers = self.task.containers.iter().flat_map(|c| [c.created, c.started, c.finished]).flatten();
        let agents = self.task.containers.iter().flat_map(|c| &c.managed_agents).filter_map(|agent| agent.started);
        let lines = self.logs.iter().flat_map(ContainerLog::lines).map(|line| line.time);
        of_task.chain(of_containers).chain(agents).chain(lines).chain(self.task.updated).max()
    }

    /// Takes what somebody else learned of the same task. The record and the definition that are there stay: they were first.
    pub fn absorb(&mut self, more: Self) {
        let Self { task: _, definition, logs, service_events, around, gaps, conflicts } = more;
        self.definition = self.definition.take().or(definition);
        self.logs.extend(logs);
        self.service_events.extend(service_events);
        self.service_events = service_events_of(&self.task, &self.service_events);
        if self.around.target_groups.is_empty() {
            self.around.target_groups = around.target_groups;
        }
        self.around =
            Around::new(&self.task, &self.around.target_groups, self.around.events.iter().chain(&around.events));
        self.gaps.extend(gaps);
        self.conflicts.extend(conflicts);
    }
}

/// What no task could be found for. Nothing is lost silently: the caller says so.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unclaimed {
    /// Log lines that no task's container can be named for.
    Log {
        /// Where they stood.
        origin: String,
        /// How many.
        lines: usize,
        /// Why.
        why: &'static str,
    },
    /// A task definition that no task uses.
    Definition {
        /// Where it stood.
        origin: String,
        /// Its family.
        family: Option<String>,
    },
    /// Something of a service's deployments.
    Deployment {
        /// Its ARN.
        arn: String,
    },
    /// A gap that belongs to no task.
    Gap(Gap),
}

/// The events that name a task.
pub(crate) fn service_events_of(task: &TaskRecord, events: &[ServiceEvent]) -> Vec<ServiceEvent> {
    let mut own: Vec<ServiceEvent> = events.iter().filter(|event| event.message.contains(&task.id)).cloned().collect();
    own.sort();
    own.dedup();
    own
}
