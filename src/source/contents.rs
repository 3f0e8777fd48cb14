//! What is found in an input, side by side: one bad document never hides the others. Main type: [`Contents`].

use serde_json::Value;

use super::answer::MissingTask;
use super::error::ReadError;
use crate::model::action::ActionRecord;
use crate::model::observation::Observation;

/// What was found in an input.
#[derive(Debug, Default)]
pub struct Contents {
    /// What it says.
    pub observations: Vec<Observation>,
    /// What in it could not be read. One bad task never hides the others.
    pub errors: Vec<ReadError>,
    /// Tasks that the answer says do not exist.
    pub missing: Vec<MissingTask>,
    /// What is not about a task: the types of events, and containers that ECS did not start.
    pub passed_by: Vec<String>,
    /// Of those what is about a service or its deployments, each with its type: for whoever asks about these.
    pub actions: Vec<(String, ActionRecord)>,
    /// How it was read, where it is not JSON alone.
    pub notes: Vec<String>,
    /// The documents that said it, out of whatever they stood in; only where somebody wants them.
    pub(crate) kept: Vec<Value>,
    pub(crate) inside: Inside,
}

/// How far inside an input something is: nothing real goes deep, and nothing may be unpacked for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inside {
    pub(super) depth: usize,
    pub(super) unpacked: usize,
    /// Whether documents are kept.
    pub(super) keeps: bool,
}

impl Contents {
    /// How much was found, of any kind.
    pub(super) fn count(&self) -> usize {
        self.observations.len() + self.errors.len() + self.missing.len() + self.passed_by.len()
    }

    /// Notes how something was read, once however often it was.
    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|own| own == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Takes what was found inside; its errors are the caller's.
    pub(super) fn absorb(&mut self, mut found: Self) {
        self.observations.append(&mut found.observations);
        self.missing.append(&mut found.missing);
        self.passed_by.append(&mut found.passed_by);
        self.actions.append(&mut found.actions);
        self.notes.append(&mut found.notes);
        self.kept.append(&mut found.kept);
    }

    /// Whether anything is known, or would be, were it not wrong somewhere.
    pub(super) fn is_known(&self) -> bool {
        self.count() > self.errors.len() || !self.errors.iter().all(ReadError::is_of_nothing)
    }

    /// Whether what was found says what it is of.
    pub(super) fn names_itself(&self) -> bool {
        let names = |observation: &Observation| match observation {
            Observation::Service(record) => !record.name.is_empty(),
            Observation::Log(log) => log.stream.is_some(),
            _ => true,
        };
        !self.observations.is_empty() && self.observations.iter().all(names)
    }
}
