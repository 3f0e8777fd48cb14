//! What the script of a page works with, as JSON. Main type: [`View`].
//!
//! Times are nanoseconds since 1970 in a string: a number of JavaScript is exact to a quarter of a microsecond only. Texts
//! are as they are shown.

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::scale::Scale;
use super::text::{name, shown};
use crate::model::container::Container;
use crate::model::log::ContainerLog;
use crate::model::{TaskLife, Time, severity};
use crate::render::document::Nanos;
use crate::render::rows::{Of, Row, visible};
use crate::render::style::Style;
use crate::render::timeline;

/// A log line: time, container, severity (0: none is stated, -1: no line but what is missing here), text.
pub(in crate::render) type Line = (Nanos, usize, i8, String);

/// A task as the script takes it.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// Where the scale begins.
    zero: Nanos,
    /// Where its pieces meet, and how far from the left.
    knots: Vec<(Nanos, f64)>,
    /// What its middle breaks out.
    middle: Option<(Nanos, Nanos)>,
    /// Seconds that its times are shown east of UTC.
    east: i32,
    /// The bars, in the order of their rows.
    bars: Vec<Option<(Nanos, Nanos)>>,
    /// What lines are of, by number.
    containers: Vec<String>,
    /// The row of each of these.
    rows: Vec<Option<usize>>,
    lines: Vec<Line>,
}

impl View {
    /// A life, with the rows and the scale that it is drawn with.
    pub(super) fn new(life: &TaskLife, rows: &[Row<'_>], scale: Option<&Scale>, style: &Style) -> Self {
        let containers = visible(life, style);
        let logs = containers.iter().map(|container| container.log.as_ref().filter(|_| style.logs));
        let lines = lines(logs, style);
        let first = lines.first().map_or(style.now, |(Nanos(time), ..)| *time);
        let last = lines.last().map_or(first, |(Nanos(time), ..)| *time);
        let knots = scale.map_or_else(|| vec![(first, 0.0), (last, 1.0)], |scale| scale.knots.clone());
        let zero = knots.first().map_or(first, |(time, _)| *time);
        // In the order in which they stand in the page.
        let rows: Vec<&Row<'_>> = rows.iter().flat_map(|row| std::iter::once(row).chain(&row.alike)).collect();
        let row_of = |container: &&Container| {
            let is_it = |row: &&Row<'_>| matches!(row.of, Of::Container(of) if std::ptr::eq(of, *container));
            rows.iter().position(is_it)
        };
        Self {
            zero: Nanos(zero),
            knots: knots.into_iter().map(|(time, place)| (Nanos(time), place)).collect(),
            middle: scale.and_then(|scale| scale.middle).map(|(from, to)| (Nanos(from), Nanos(to))),
            east: style.east(zero),
            bars: rows.iter().map(|row| row.bar.map(|bar| (Nanos(bar.start), Nanos(bar.end)))).collect(),
            rows: containers.iter().map(row_of).collect(),
            containers: containers.iter().map(|container| name(container.name())).collect(),
            lines,
        }
    }

    /// How many lines there are to look at.
    pub(super) fn line_count(&self) -> usize {
        self.lines.iter().filter(|(_, _, severity, _)| *severity >= 0).count()
    }
}

/// The lines of these containers' logs, by time.
pub(in crate::render) fn lines<'a>(logs: impl Iterator<Item = Option<&'a ContainerLog>>, style: &Style) -> Vec<Line> {
    let mut lines = vec![];
    for (at, log) in logs.enumerate() {
        if let Some(log) = log {
            push_log(&mut lines, at, log, style);
        }
    }
    // Stable: lines of one time stay in the order of their log.
    lines.sort_by_key(|(Nanos(time), ..)| *time);
    lines
}

fn push_log(lines: &mut Vec<Line>, at: usize, log: &ContainerLog, style: &Style) {
    let missing = |missing: Option<(Time, String)>, lines: &mut Vec<_>| {
        lines.extend(missing.map(|(time, what)| (Nanos(time), at, -1, what)));
    };
    missing(timeline::before_log(log, style), lines);
    let line = |line: &crate::model::log::LogLine| {
        let severity = severity::of(&line.message).map_or(0, |severity| i8::try_from(severity.number).unwrap_or(0));
        (Nanos(line.time), at, severity, shown(&line.message))
    };
    lines.extend(log.head.iter().map(line));
    missing(timeline::left_out(log, style), lines);
    lines.extend(log.tail.iter().map(line));
}

/// Data in a page, in which nothing can end the block that it stands in.
pub(in crate::render) fn block(data: &impl Serialize) -> Markup {
    html! { script type="application/json" class="data" { (PreEscaped(json(data))) } }
}

fn json(data: &impl Serialize) -> String {
    // Plain structs of texts and numbers cannot fail.
    let json = serde_json::to_string(data).unwrap_or_default();
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_leaves_the_block_and_nothing_is_lost(text in "[<>&/!\\-a-z\"\\\\]{0,40}|\\PC*") {
            let json = json(&text);
            prop_assert!(!json.contains(['<', '>', '&']));
            prop_assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(text));
        }
    }
}
