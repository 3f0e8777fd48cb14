//! A task's life, worked out of what was observed: phases, containers, outcome, then what is found in all that. Main function:
//! [`TaskLife::new`].

use std::collections::BTreeSet;

use super::container::Container;
use super::finding;
use super::life::{AsOf, TaskLife};
use super::merge::TaskObservations;
use super::observation::Gap;
use super::outcome::Outcome;
use super::phases::Phases;
use super::standalone;

impl TaskLife {
    /// Works out the life of a task from what was observed of it. `as_of` (a bare time is now) serves what still goes on, and
    /// nothing else. At most `log_lines` lines are kept of each container.
    pub fn new(observed: TaskObservations, as_of: impl Into<AsOf>, log_lines: usize) -> Self {
        let TaskObservations { task, definition, logs, service_events, around, gaps, conflicts } = observed;
        let stopped = task.is_stopped();
        let phases = if task.is_standalone() { standalone::phases(&task) } else { Phases::new(&task.times, stopped) };
        let (containers, log_gaps) = Container::all(&task, definition.as_ref(), phases.as_ref(), logs, log_lines);
        let outcome = Outcome::new(&task, phases.as_ref());
        let notes: BTreeSet<String> = containers.iter().filter_map(|container| container.log_note(&task)).collect();
        let gaps: BTreeSet<Gap> = gaps.into_iter().chain(log_gaps).collect();
        let mut life = Self {
            task,
            as_of: as_of.into(),
            definition,
            phases,
            containers,
            outcome,
            findings: vec![],
            notes: notes.into_iter().collect(),
            gaps: gaps.into_iter().collect(),
            service_events,
            around,
            conflicts,
        };
        life.findings = finding::all(&life);
        life
    }
}
