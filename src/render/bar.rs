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

/// Eighths of a cell, from the left.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

impl Bar {
    /// Whether it is drawn as an estimate: without any length it is a line either way.
    pub(super) fn looks_estimated(&self) -> bool {
        self.estimated && self.start < self.end
    }

    /// As many characters as the axis has columns.
    pub(super) fn draw(&self, axis: &Axis, unicode: bool) -> String {
        let mut cells = vec![' '; axis.width()];
        let (left, right) = (axis.column(self.start), axis.column(self.end));
        let fill = match (unicode, self.estimated) {
            (true, false) => '█',
            (true, true) => '░',
            (false, false) => '=',
            (false, true) => '~',
        };
        let last_column = axis.width().saturating_sub(1);
        let first = (left as usize).min(last_column);
        let full_until = right.floor() as usize;
        for cell in cells.iter_mut().take(full_until).skip(first) {
            *cell = fill;
        }
        let part = if full_until == first { right - left } else { right.fract() };
        if let Some(cell) = cells.get_mut(full_until).filter(|_| full_until >= first) {
            *cell = self.partial(part, fill, unicode);
        }
        // However short, it can be seen; without any length it is a line.
        if let Some(cell) = cells.get_mut(first).filter(|cell| **cell == ' ' || self.start == self.end) {
            *cell = match (unicode, self.start == self.end) {
                (true, true) => '│',
                (_, false) if self.estimated => fill,
                (true, false) => '▏',
                (false, _) => '|',
            };
        }
        self.write_break(&mut cells, axis, fill);
        if self.open
            && let Some(cell) = cells.iter_mut().rev().find(|cell| **cell != ' ')
        {
            *cell = if unicode { '▶' } else { '>' };
        }
        cells.into_iter().collect()
    }

    /// The last cell of a bar, of which only this part is covered. Estimates and ASCII have whole cells only.
    fn partial(&self, part: f64, fill: char, unicode: bool) -> char {
        if unicode && !self.estimated {
            let eighth = ((part * 8.0) as usize).min(7);
            return EIGHTHS.get(eighth).copied().unwrap_or(' ');
        }
        if part >= 0.5 { fill } else { ' ' }
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
}
