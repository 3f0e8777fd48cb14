//! One bar of a waterfall. Main type: [`Bar`].

use super::axis::Axis;
use crate::model::Time;

/// What is to be drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub(super) start: Time,
    /// Where it ends, or is drawn to.
    pub(super) end: Time,
    /// It goes on.
    pub(super) open: bool,
    /// A bound of it is an estimate.
    pub(super) estimated: bool,
}

/// So many parts of a cell can be told apart.
const PARTS: usize = 8;
/// Eighths of a cell, from the left …
const LEFT: [char; PARTS + 1] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// … and from the right, of which Unicode has fewer.
const RIGHT: [char; PARTS + 1] = [' ', '▕', '▕', '▐', '▐', '▐', '█', '█', '█'];

/// The cell of which a bar covers this part, in eighths.
fn part(from: usize, to: usize) -> char {
    let length = to.saturating_sub(from);
    let is_right = from > 0 && from + to > PARTS;
    (if is_right { RIGHT } else { LEFT }).get(length).copied().unwrap_or(' ')
}

impl Bar {
    /// Whether it is drawn as an estimate: without any length it is a line either way.
    pub(super) fn looks_estimated(&self) -> bool {
        self.estimated && self.start < self.end
    }

    /// As many characters as the axis has columns.
    pub(super) fn draw(&self, axis: &Axis, unicode: bool) -> String {
        let mut cells = vec![' '; axis.width()];
        let fill = match (unicode, self.estimated) {
            (true, false) => '█',
            (true, true) => '░',
            (false, false) => '=',
            (false, true) => '~',
        };
        // Only full blocks have parts.
        let parts = if unicode && !self.estimated { PARTS } else { 1 };
        let place = |time: Time| (axis.column(time) * parts as f64).round() as usize;
        let (left, right) = (place(self.start), place(self.end));
        for (at, cell) in cells.iter_mut().enumerate() {
            let inside = |place: usize| place.saturating_sub(at * parts).min(parts);
            *cell = if parts == 1 && inside(left) < inside(right) { fill } else { part(inside(left), inside(right)) };
        }
        // However short, it can be seen; without any length it is a line.
        if left == right {
            let at = (axis.column(self.start) as usize).min(axis.width().saturating_sub(1));
            if let Some(cell) = cells.get_mut(at) {
                *cell = match (unicode, self.start == self.end) {
                    (true, true) => '│',
                    (_, false) if self.estimated => fill,
                    (true, false) => {
                        let from = left.saturating_sub(at * PARTS).min(PARTS - 1);
                        part(from, from + 1)
                    }
                    (false, _) => '|',
                };
            }
        }
        self.write_break(&mut cells, axis, fill);
        if self.open
            && let Some(cell) = cells.iter_mut().rev().find(|cell| **cell != ' ')
        {
            *cell = if unicode { '▶' } else { '>' };
        }
        cells.into_iter().collect()
    }

    /// A bar that lies over the broken middle shows the break.
    fn write_break(&self, cells: &mut [char], axis: &Axis, fill: char) {
        let Some(middle) = axis.middle() else { return };
        if self.start <= middle.from && self.end >= middle.to {
            for (cell, c) in cells.iter_mut().skip(middle.at).zip(middle.label.chars()) {
                *cell = if self.estimated && matches!(c, '╱' | '/') { fill } else { c };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::TaskTimes;
    use crate::model::phases::Phases;

    /// What the legend says of estimates can be seen: also where a bar is nothing but the break, or shorter than a column.
    #[test]
    fn an_estimate_looks_like_one_however_short_or_broken() {
        let at = |seconds: u64| Time::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("is known");
        let times = TaskTimes {
            created: Some(at(0)),
            started: Some(at(30)),
            execution_stopped: Some(at(100_000)),
            stopped: Some(at(100_030)),
            ..TaskTimes::default()
        };
        let axis = Axis::new(&Phases::new(&times, true).expect("is known"), at(100_030), 60, true);
        let bar = |start, end, estimated| Bar { start: at(start), end: at(end), open: false, estimated };
        assert_eq!(bar(30, 100_000, false).draw(&axis, true).trim(), "╱╱ 1 d 4 h ╱╱");
        assert_eq!(bar(30, 100_000, true).draw(&axis, true).trim(), "░░ 1 d 4 h ░░");
        assert_eq!(bar(0, 0, true).draw(&axis, true).trim(), "│");
        let short = Bar { end: Time::from_unix_nanos(at(0).unix_nanos() + 1), ..bar(0, 0, true) };
        assert_eq!([short.draw(&axis, true).trim(), short.draw(&axis, false).trim()], ["░", "~"]);
    }

    /// Two stages that follow one another never lie over one another by more than a quarter of a column.
    #[test]
    fn a_bar_begins_and_ends_where_its_times_lie() {
        let at = |millis: u64| Time::from_unix_millis(1_700_000_000_000 + millis).expect("is known");
        let times = TaskTimes { created: Some(at(0)), stopped: Some(at(10_000)), ..TaskTimes::default() };
        let axis = Axis::new(&Phases::new(&times, true).expect("is known"), at(10_000), 10, true);
        let drawn = |from, to, unicode| {
            Bar { start: at(from), end: at(to), open: false, estimated: false }
                .draw(&axis, unicode)
                .trim_end()
                .to_owned()
        };
        for (from, to, unicode, ascii) in [
            (0, 10_000, "██████████", "=========="),
            (0, 2_600, "██▋", "==="),
            (2_600, 5_000, "  ▐██", "   =="),
            (900, 1_100, "▕▏", "|"),
            (1_200, 1_300, " ▏", " |"),
            (1_800, 1_801, " ▕", " |"),
            (9_990, 10_000, "         ▕", "         |"),
            (10_000, 10_000, "         │", "         |"),
            (3_125, 4_000, "   █", "   ="),
        ] {
            assert_eq!([drawn(from, to, true), drawn(from, to, false)], [unicode, ascii], "{from} {to}");
        }
    }
}
