//! From the lines of a log group to what they say of tasks. Pure. Main function: [`said`].

use super::filter::Line;
use super::none::told;
use crate::model::observation::{Observation, TaskRecord};
use crate::source::contents::Contents;
use crate::source::document;
use crate::source::error::{Place, ReadError};
use crate::source::event;

/// What a line says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) tasks: Vec<TaskRecord>,
    /// What is wrong with it, where it was to be an event.
    pub(super) errors: Vec<ReadError>,
}

/// Reads a line as a saved one is read. Others than events may be in the same group: they are nobody's loss.
pub(super) fn said(group: &str, line: &Line) -> Said {
    let mut contents = Contents::default();
    let place = Place::root(&format!("{group} at {}", told(line.time)));
    document::read_line(&place, &line.message, &mut contents);
    let tasks = contents.observations.into_iter().filter_map(|observation| match observation {
        Observation::Task(record) => Some(*record),
        _ => None,
    });
    let errors = if event::is_event_text(&line.message) { contents.errors } else { vec![] };
    Said { tasks: tasks.collect(), errors }
}
