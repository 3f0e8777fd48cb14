//! What a task's service says around it. Pure. Main type: [`Around`].

use super::observation::TaskRecord;
use super::service_event::ServiceEvent;
use super::time::Time;

/// What a task's service said in the task's time without naming a task, and where its tasks are registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The service's target groups.
    pub target_groups: Vec<String>,
    /// Its events from the task's creation to its end that name no task, oldest first.
    pub events: Vec<ServiceEvent>,
}

impl Around {
    /// Of a task of this service, which has these target groups and events.
    pub fn new<'a>(
        task: &TaskRecord,
        target_groups: &[String],
        events: impl IntoIterator<Item = &'a ServiceEvent>,
    ) -> Self {
        let Some((service, from)) = task.service().zip(task.times.created) else { return Self::default() };
        let is_within = |at: Time| at >= from && task.times.stopped.is_none_or(|stopped| at <= stopped);
        let mut events: Vec<ServiceEvent> = events
            .into_iter()
            .filter(|event| is_within(event.at) && event.is_of(service) && !event.names_a_task())
            .cloned()
            .collect();
        events.sort();
        events.dedup();
        Self { target_groups: target_groups.to_vec(), events }
    }
}
