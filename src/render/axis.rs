//! From times to columns: linear, with at most one long middle broken so that what is short stays readable. Main type:
//! [`Axis`].

use std::time::Duration;

use crate::model::Time;
use crate::model::duration;
use crate::model::phases::Phases;

/// A middle that is this many times as long as all the rest is broken.
const BREAK_RATIO: u32 = 3;

/// The time axis of one waterfall.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    start: Time,
    end: Time,
    width: usize,
    middle: Option<Break>,
}

/// A stretch of time that takes fewer columns than its length asks for.
#[derive(Clone, Debug)]
pub(super) struct Break {
    pub(super) from: Time,
    pub(super) to: Time,
    /// The first of its columns.
    pub(super) at: usize,
    /// What stands there: `╱╱ 5 d 3 h ╱╱`.
    pub(super) label: String,
}

impl Axis {
    /// The axis of a life that is drawn until `end`, over `width` columns.
    pub(super) fn new(phases: &Phases, end: Time, width: usize, unicode: bool) -> Self {
        let start = phases.start;
        let end = end.max(start);
        let mut axis = Self { start, end, width, middle: None };
        let total = end.since(start);
        let longest = phases
            .list
            .iter()
            .map(|phase| (phase.start, phase.end.unwrap_or(end)))
            .max_by_key(|(from, to)| to.since(*from));
        let Some((from, to)) = longest else { return axis };
        let length = to.since(from);
        let rest = total.saturating_sub(length);
        let slash = if unicode { "╱╱" } else { "//" };
        let label = format!("{slash} {} {slash}", duration::short(length));
        let columns = label.chars().count();
        // Something must be left to draw the rest in, and there must be a rest.
        if rest.is_zero() || length < rest * BREAK_RATIO || columns * 2 > width {
            return axis;
        }
        let free = (width - columns) as f64;
        let at = (fraction(from.since(start), rest) * free).round() as usize;
        axis.middle = Some(Break { from, to, at, label });
        axis
    }

    /// The break, if there is one.
    pub(super) fn middle(&self) -> Option<&Break> {
        self.middle.as_ref()
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Where `time` lies, in columns from the left, 0 … width.
    pub(super) fn column(&self, time: Time) -> f64 {
        let time = time.clamp(self.start, self.end);
        let width = self.width as f64;
        let Some(middle) = &self.middle else {
            return fraction(time.since(self.start), self.end.since(self.start)) * width;
        };
        let (left, label) = (middle.at as f64, middle.label.chars().count() as f64);
        let right = left + label;
        match () {
            () if time <= middle.from => fraction(time.since(self.start), middle.from.since(self.start)) * left,
            () if time < middle.to => left + fraction(time.since(middle.from), middle.to.since(middle.from)) * label,
            () => right + fraction(time.since(middle.to), self.end.since(middle.to)) * (width - right),
        }
    }
}

fn fraction(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}
