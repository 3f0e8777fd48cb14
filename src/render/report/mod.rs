//! The report of a deployment: for the terminal, as Markdown for a CI job's summary, as a page, as JSON for scripts and for the next
//! deployment's `--baseline`. Main type: [`Report`].
//!
//! What happened comes first, in words; then numbers. Bounded: a deployment of thousands fits a screen.

mod json;
mod live;
mod markdown;
#[cfg(feature = "html")]
mod page;
mod rows;
mod sentences;
mod text;

pub(in crate::render) use json::PhaseSpread;
pub use json::draw as json;
pub use live::draw as live;
pub use markdown::draw as markdown;
#[cfg(feature = "html")]
pub use page::draw as html;
pub(in crate::render) use sentences::{
    RULE, cause, counts, difference_sentence, failure, monitors, named, outcome, path, slowest_phase,
};
pub use text::draw as text;

use crate::model::Time;
use crate::model::deployment::{Bad, Comparison, DeploymentLife, State};
use crate::model::observation::Gap;
use crate::render::style::Style;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The deployment with its tasks.
    pub life: &'a DeploymentLife,
    /// The same beside an earlier one.
    pub comparison: Option<&'a Comparison>,
    /// Where its trace is found, or would be.
    pub trace_id: &'a str,
    /// Its address in somebody's UI, once it is there.
    pub trace_url: Option<&'a str>,
    /// It was waited for, in vain.
    pub timed_out: bool,
    /// Whoever waited for its end does so no longer: it still went on.
    pub interrupted: bool,
    /// It was waited for no longer, since it can only end badly: why.
    pub bad: Option<&'a Bad>,
    /// It was waited for until it was so far.
    pub reached: Option<&'a str>,
    /// Why its tasks failed stands above it in the same log: it is said once more, in the end.
    pub is_told: bool,
    /// What explains an absence that is no fault.
    pub notes: &'a [String],
    /// What was tried and could not be learned.
    pub gaps: &'a [Gap],
}

impl Report<'_> {
    /// Up to when open ends are drawn.
    fn now(&self, style: &Style) -> Time {
        self.life.saved.unwrap_or(style.now)
    }

    /// How it stands, as it is marked: what can only end badly has failed for whoever waits.
    pub(in crate::render) const fn state(&self) -> State {
        if self.bad.is_some() { State::Failed } else { self.life.deployment.standing() }
    }
}
