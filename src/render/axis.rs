//! From times to columns: linear, but that long running is broken so that the launch and the end stay readable. What else
//! takes long is what is to be seen. Main type: [`Axis`].

use std::time::Duration;

use crate::model::Time;
use crate::model::duration;
use crate::model::phases::{PhaseKind, Phases};

/// Running that is this many times as long as all the rest is broken …
const BREAK_RATIO: u32 = 3;
/// … where it is no shorter than this: what is short altogether is read as it is …
const LEAST_BROKEN: Duration = Duration::from_secs(60);
/// … and the rest no shorter than this: nobody wants milliseconds over half a screen.
const LEAST_REST: Duration = Duration::from_secs(1);

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
    /// What stands there: `╱╱ 5 d 3 h ╱╱`, or less where there is little room.
    pub(super) label: String,
}

impl Axis {
    /// The axis of a life that is drawn until `end`, over `width` columns.
    pub(super) fn new(phases: &Phases, end: Time, width: usize, unicode: bool) -> Self {
        let start = phases.start;
        let end = end.max(start);
        let mut axis = Self { start, end, width, middle: None };
        let Some((from, to)) = broken(phases, end) else { return axis };
        let length = to.since(from);
        let rest = end.since(start).saturating_sub(length);
        // Something must be left to draw the rest in.
        let fits = |label: &String| label.chars().count() * 2 <= width;
        let Some(label) = labels(length, unicode).into_iter().find(fits) else { return axis };
        let columns = label.chars().count();
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

/// The stretch of running of which nobody wants to see every second.
pub(super) fn broken(phases: &Phases, end: Time) -> Option<(Time, Time)> {
    let running = phases.find(PhaseKind::Running)?;
    let (from, to) = (running.start, running.end.unwrap_or(end));
    let length = to.since(from);
    let rest = end.since(phases.start).saturating_sub(length);
    let is_readable = length < LEAST_BROKEN || rest < LEAST_REST || length < rest.saturating_mul(BREAK_RATIO);
    (!is_readable).then_some((from, to))
}

/// What can stand for a length of time that is not drawn, the longest first.
fn labels(length: Duration, unicode: bool) -> [String; 4] {
    let slash = if unicode { "╱" } else { "/" };
    let text = duration::short(length);
    let largest: Vec<&str> = text.splitn(3, ' ').take(2).collect();
    let largest = largest.join(" ");
    [
        format!("{slash}{slash} {text} {slash}{slash}"),
        format!("{slash} {text} {slash}"),
        format!("{slash} {largest} {slash}"),
        format!("{slash}{slash}"),
    ]
}

fn fraction(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}
