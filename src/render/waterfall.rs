//! The waterfall: the phases and containers of one task as bars on one time axis. Main function: [`draw`].

use super::axis::Axis;
use super::names::apart;
use super::rows::{Of, Row, drawn_until, estimated_because, named, rows_together, together};
use super::style::{Style, Tone};
use super::wrap::{self, quiet, wrapped};
use super::{escape, moment};
use crate::model::container::Container;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::{AsOf, TaskLife, Time};
use crate::trace::ApplicationTraces;

/// So many log lines of a container are drawn from its log's start …
const FIRST_LINES: usize = 3;
/// … and so many from its end.
const LAST_LINES: usize = 7;

/// So many events of the service that name no task are drawn.
const MEANWHILE: usize = 8;

/// How wide a trace id is.
const ID_WIDTH: usize = 32;

/// Draws a task's life. `trace_id` is where its trace is found.
pub fn draw(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    let mut out = String::new();
    header(&mut out, life, style);
    match &life.phases {
        Some(_) => bars(&mut out, life, style),
        None => facts(&mut out, life, style),
    }
    remarks(&mut out, life, style);
    quiet(&mut out, &format!("trace id {trace_id}"), style);
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn header(out: &mut String, life: &TaskLife, style: &Style) {
    let task = &life.task;
    side_by_side(out, Tone::Title, &format!("task {}", life.family()), "  ", &task.id, style);
    let status = task.last_status.as_deref().unwrap_or("status unknown");
    let code = task.stop_code.as_deref().map_or(String::new(), |code| format!(" ({code})"));
    // Of an answer of just now nobody asks.
    let saved = life.seen().filter(|_| !matches!(life.as_of, AsOf::Now(_)));
    let as_of = saved.map_or(String::new(), |at| format!(" as of {}", moment::spaced(at, &style.zone)));
    let about = [
        Some(format!("{status}{code}{as_of}")),
        task.cluster_name().map(|cluster| format!("cluster {cluster}")),
        task.service().map(|service| format!("service {service}")),
        task.revision().map(|revision| format!("{}:{revision}", life.family())),
        task.capacity_provider.clone().or_else(|| task.launch_type.clone()),
        task.availability_zone.clone(),
    ];
    let about: Vec<String> = about.into_iter().flatten().collect();
    wrapped(out, "", Tone::Plain, &about.join(style.pick(" · ", ", ")), style);
    if let Some(phases) = &life.phases {
        let from = moment::spaced(phases.start, &style.zone);
        let arrow = style.pick(" → ", " -> ");
        match phases.end {
            Some(end) => side_by_side(out, Tone::Quiet, &from, arrow, &moment::spaced(end, &style.zone), style),
            None if saved.is_some() => {
                line(out, &style.paint(Tone::Quiet, &style.fit(&format!("since {from}"), style.width)))
            }
            None => side_by_side(out, Tone::Quiet, &from, arrow, "now", style),
        }
    }
    out.push('\n');
}

/// Two texts in a line, or under each other where they would be cut.
fn side_by_side(out: &mut String, tone: Tone, left: &str, between: &str, right: &str, style: &Style) {
    let whole = format!("{left}{between}{right}");
    let fits = escape::columns(&escape::text(&whole)) <= style.width;
    let lines = if fits { vec![whole] } else { vec![left.to_owned(), format!("{}{right}", between.trim_start())] };
    lines.iter().for_each(|text| line(out, &style.paint(tone, &style.fit(text, style.width))));
}

/// What can be told of a task without any time.
fn facts(out: &mut String, life: &TaskLife, style: &Style) {
    line(out, &style.fit("no time is known of this task, so there is nothing to draw", style.width));
    for group in together(life, style) {
        let Some(first) = group.first() else { continue };
        let status = first.record.last_status.as_deref().unwrap_or("status unknown");
        let who = match group.len() {
            1 => format!("container {}", first.name()),
            count => format!("{count} containers ({})", named(&group)),
        };
        wrapped(out, "", Tone::Plain, &format!("{who}: {status}{}", exit_text(first)), style);
    }
    out.push('\n');
}

/// The bars alone.
pub(super) fn bars(out: &mut String, life: &TaskLife, style: &Style) {
    let Some(phases) = &life.phases else { return };
    let end = drawn_until(life, phases);
    let rows = rows_together(life, phases, end, style);
    let columns = Columns::of(&rows, style);
    let axis = Axis::new(phases, end, columns.bar, style.unicode);
    for (row, name) in rows.iter().zip(columns.names(&rows, style)) {
        draw_row(out, life, (row, &name), &axis, &columns, style);
    }
    if rows.iter().any(|row| row.bar.is_some_and(|bar| bar.looks_estimated())) {
        let why = estimated_because(life);
        let mark = style.pick("░", "~");
        quiet(out, &format!("{mark} estimated: {why}"), style);
    }
    out.push('\n');
}

/// How wide each column is.
struct Columns {
    name: usize,
    bar: usize,
    length: usize,
    mark: usize,
    /// There is no room for marks: of a failure its first letter stays, and how a container ended is under its row.
    marks_under: bool,
    /// There is none for `container` before its name.
    bare_names: bool,
}

impl Columns {
    /// A bar narrower than this says nothing.
    const LEAST_BAR: usize = 8;

    fn of(rows: &[Row<'_>], style: &Style) -> Self {
        let width = style.width;
        let widest = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or_default();
        let name = widest(&|row| escape::columns(&guide(row, style)) + escape::columns(&escape::text(&row.name)));
        let length = widest(&|row| escape::columns(&row.length)).min(24);
        let mark = widest(&|row| escape::columns(&row.mark)).min(18);
        let longest = |is_of: fn(&Of<'_>) -> bool| {
            let rows = rows.iter().filter(|row| is_of(&row.of));
            rows.map(|row| escape::columns(&guide(row, style)) + escape::columns(&escape::text(&row.name))).max()
        };
        let of_containers = longest(|of| matches!(of, Of::Container(_))).unwrap_or_default();
        let mut columns = Self {
            name: name.min((width * 34 / 100).max(14)),
            bar: 0,
            length,
            mark,
            marks_under: false,
            bare_names: false,
        };
        let (bar, fits) = columns.rest(width);
        if fits {
            return Self { bar, bare_names: of_containers > columns.name, ..columns };
        }
        // A narrow terminal: names give way first, then lengths, then marks.
        columns.name = columns.name.min(14);
        columns.length = columns.length.min(15);
        if columns.rest(width).0 < Self::LEAST_BAR / 2 {
            columns.marks_under = true;
            columns.mark = columns.mark.min(1);
        }
        Self { bar: columns.rest(width).0, bare_names: of_containers > columns.name, ..columns }
    }

    /// The rows' names, cut to their column.
    fn names(&self, rows: &[Row<'_>], style: &Style) -> Vec<String> {
        let room = |row: &Row<'_>| self.name.saturating_sub(escape::columns(&guide(row, style)));
        let containers = rows.iter().filter(|row| matches!(row.of, Of::Container(_)));
        let least = containers.clone().map(room).min().unwrap_or_default();
        let names: Vec<&str> = containers
            .map(|row| match row.of {
                Of::Container(container) if self.bare_names => container.name(),
                _ => &row.name,
            })
            .collect();
        let mut of_containers = apart(&names, least, style).into_iter();
        let name = |row: &Row<'_>| match row.of {
            Of::Container(_) => of_containers.next().unwrap_or_default(),
            Of::Alike(_) if escape::columns(&row.name) > room(row) => format!("{} alike", row.alike.len()),
            _ => row.name.clone(),
        };
        let names = rows.iter().map(name).collect::<Vec<_>>();
        rows.iter().zip(names).map(|(row, name)| style.pad(&name, room(row))).collect()
    }

    const fn taken(&self) -> usize {
        let mark = if self.mark > 0 { self.mark + 2 } else { 0 };
        self.name + 1 + 1 + self.length + mark
    }

    const fn rest(&self, width: usize) -> (usize, bool) {
        let rest = width.saturating_sub(self.taken());
        (rest, rest >= Self::LEAST_BAR)
    }
}

fn draw_row(
    out: &mut String,
    life: &TaskLife,
    (row, name): (&Row<'_>, &str),
    axis: &Axis,
    columns: &Columns,
    style: &Style,
) {
    let guide = style.paint(Tone::Quiet, &guide(row, style));
    let bar = row.bar.map_or_else(|| " ".repeat(axis.width()), |bar| bar.draw(axis, style.unicode));
    let bar = style.paint(row.tone, &bar);
    let length = fewer_units(&row.length, columns.length, style);
    let length = format!("{length:>width$}", width = columns.length);
    let mark = match columns.marks_under {
        true if row.mark_tone == Tone::Plain => "",
        true => row.mark.split(' ').next().unwrap_or_default(),
        false => &row.mark,
    };
    let mark = style.paint(row.mark_tone, &style.fit(mark, columns.mark));
    line(out, &format!("{guide}{name} {bar} {length}  {mark}"));
    let (Of::Container(container) | Of::Alike(container)) = row.of else { return };
    let under = trunks(&row.trail, style);
    let room = style.width.saturating_sub(escape::columns(&under) + 2);
    let before = style.paint(Tone::Quiet, &format!("{under}  "));
    if columns.marks_under && !row.mark.is_empty() {
        line(out, &format!("{before}{}", style.paint(row.mark_tone, &row.mark)));
    }
    if !row.alike.is_empty() {
        let text = format!("{}: --all-containers draws each", named(&row.containers()));
        for text in wrap::lines(&text, room.max(8)) {
            line(out, &format!("{before}{}", style.paint(Tone::Quiet, &style.fit(&text, room))));
        }
    }
    if let Some(restarts) = container.record.restarts.filter(|restarts| *restarts > 0) {
        let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
        line(out, &format!("{before}{}", style.paint(Tone::Warn, &style.fit(&format!("restarted {times}"), room))));
    }
    if let Some(reason) = container.record.reason.as_deref() {
        // Of reasons that differ in their images, that of the first is told as its own.
        let is_own = row.containers().iter().any(|other| other.record.reason != container.record.reason);
        let of = if is_own { format!("{}: ", container.name()) } else { String::new() };
        let reason = style.fit(&format!("{of}{}", escape::one_line(reason)), room);
        line(out, &format!("{before}{}", style.paint(row.mark_tone, &reason)));
    }
    if let Some(log) = container.log.as_ref().filter(|log| style.logs && !log.is_empty()) {
        log_lines(out, log, &under, style, row.bar.map(|bar| bar.start));
        traces(out, &ApplicationTraces::of_container(life, container), &under, style);
    }
}

/// A length in as many of its units as there is room for: `399 d 23 h`, and never part of a number.
fn fewer_units(length: &str, room: usize, style: &Style) -> String {
    let mut shorter = length;
    while escape::columns(shorter) > room {
        // A number, and the unit after it.
        let Some(end) = shorter.rmatch_indices(' ').nth(1).map(|(at, _)| at) else { return style.fit(length, room) };
        shorter = shorter.get(..end).unwrap_or_default();
    }
    shorter.to_owned()
}

/// The lines of the tree before a row's name.
fn guide(row: &Row<'_>, style: &Style) -> String {
    let Some((is_last, outer)) = row.trail.split_last() else { return String::new() };
    let branch = if *is_last { style.pick("└─ ", "`- ") } else { style.pick("├─ ", "|- ") };
    trunks(outer, style) + branch
}

fn trunks(trail: &[bool], style: &Style) -> String {
    trail.iter().map(|is_last| if *is_last { "   " } else { style.pick("│  ", "|  ") }).collect()
}

fn exit_text(container: &Container) -> String {
    container.record.exit_code.map_or(String::new(), |code| format!(", exit code {code}"))
}

/// The log under its container: its first and last lines, and how many are between.
fn log_lines(out: &mut String, log: &ContainerLog, guide: &str, style: &Style, zero: Option<Time>) {
    let lines: Vec<&LogLine> = log.lines().collect();
    let hidden = lines.len().saturating_sub(FIRST_LINES + LAST_LINES);
    let (first, last) =
        if hidden > 0 { (FIRST_LINES, LAST_LINES) } else { (log.head.len().min(lines.len()), log.tail.len()) };
    let zero = zero.unwrap_or_else(|| lines.first().map_or(style.now, |line| line.time));
    let offset = |time: Time| moment::offset(time, zero);
    let width = lines.iter().map(|line| offset(line.time).len()).max().unwrap_or_default();
    let guide = style.paint(Tone::Quiet, &format!("{guide}  "));
    let room = style.width.saturating_sub(3 + 2 + width + 2);
    let drawn = |logged: &&LogLine| {
        let at = style.paint(Tone::Quiet, &format!("{:>width$}", offset(logged.time)));
        format!("{guide}{at}  {}", style.fit(&logged.message, room))
    };
    lines.iter().take(first).map(drawn).for_each(|text| line(out, &text));
    // Each word means one thing: docs/words.md.
    let missing = [(hidden as u64, "not shown"), (log.dropped, "not kept")];
    let mut missing: Vec<String> =
        missing.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if log.unread {
        missing.push(if missing.is_empty() { "some not read" } else { "more not read" }.to_owned());
    }
    if !missing.is_empty() {
        let dots = style.pick("…", "...");
        let lines = if missing.first().is_some_and(|first| first.starts_with("1 ")) { " line " } else { " lines " };
        let text = format!("{dots} {} {dots}", missing.join(", ").replacen(' ', lines, 1));
        let text = style.fit(&text, room);
        line(out, &format!("{guide}{}  {}", " ".repeat(width), style.paint(Tone::Quiet, &text)));
    }
    lines.iter().skip(lines.len() - last).map(drawn).for_each(|text| line(out, &text));
}

/// The applications' traces that a log names, whole ids as far as there is room: they are there to be copied.
fn traces(out: &mut String, traces: &ApplicationTraces, guide: &str, style: &Style) {
    let count = traces.linked().len() + traces.dropped();
    if count == 0 {
        return;
    }
    let plural = if count == 1 { "" } else { "s" };
    let mut text = format!("{} {count} application trace{plural}: ", style.pick("↗", "->"));
    let room = style.width.saturating_sub(escape::columns(guide) + 2);
    let ids: Vec<String> = traces.linked().iter().map(|named| named.trace_id.to_string()).collect();
    let rest = style.pick(", …", ", ...");
    let fits = room.saturating_sub(escape::columns(&text) + escape::columns(rest)) / (ID_WIDTH + 2);
    let fits = fits.max(1);
    text.push_str(&ids.get(..fits).unwrap_or(&ids).join(", "));
    if fits < count {
        text.push_str(rest);
    }
    let guide = style.paint(Tone::Quiet, &format!("{guide}  "));
    line(out, &format!("{guide}{}", style.paint(Tone::Quiet, &style.fit(&text, room))));
}

/// Findings, gaps and notes.
fn remarks(out: &mut String, life: &TaskLife, style: &Style) {
    let mut any = false;
    for finding in &life.findings {
        let (mark, tone) = if finding.kind.is_problem() {
            (style.pick("✗ ", "x "), Tone::Bad)
        } else {
            (style.pick("• ", "* "), Tone::Plain)
        };
        wrapped(out, mark, tone, &finding.text, style);
        any = true;
    }
    for event in &life.service_events {
        let text = format!("{}  {}", moment::spaced(event.at, &style.zone), event.message);
        wrapped(out, "service: ", Tone::Quiet, &text, style);
        any = true;
    }
    let meanwhile: Vec<_> = life.meanwhile().collect();
    let more = meanwhile.len().saturating_sub(MEANWHILE);
    for (was, event) in meanwhile.iter().skip(more) {
        let text = format!("{}  while it was {was}: {}", moment::spaced(event.at, &style.zone), event.text());
        wrapped(out, "service: ", Tone::Quiet, &text, style);
        any = true;
    }
    if more > 0 {
        wrapped(out, "service: ", Tone::Quiet, &format!("{more} more before that: --format timeline has them"), style);
    }
    for gap in &life.gaps {
        wrapped(out, "gap: ", Tone::Warn, &format!("{}: {}", gap.what, gap.why), style);
        if let Some(hint) = &gap.hint {
            wrapped(out, "     hint: ", Tone::Quiet, hint, style);
        }
        any = true;
    }
    for note in &life.notes {
        wrapped(out, "note: ", Tone::Quiet, note, style);
        any = true;
    }
    if any {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_has_no_room_loses_its_last_units() {
        let style = Style {
            width: 40,
            unicode: true,
            color: false,
            zone: jiff::tz::TimeZone::UTC,
            now: Time::from_unix_nanos(0),
            all_containers: false,
            logs: false,
        };
        for (room, drawn) in [(17, "399 d 23 h 59 min"), (16, "399 d 23 h"), (9, "399 d"), (4, "399…")] {
            assert_eq!(fewer_units("399 d 23 h 59 min", room, &style), drawn);
        }
        assert_eq!(fewer_units("11 min 55 s so far", 15, &style), "11 min 55 s");
    }
}
