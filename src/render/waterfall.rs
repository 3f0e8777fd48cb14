//! The waterfall: the phases and containers of one task as bars on one time axis. Main function: [`draw`].

use super::axis::Axis;
use super::bar::Bar;
use super::style::{Style, Tone};
use super::wrap::wrapped;
use super::{escape, moment};
use crate::model::container::{BoundSource, Container};
use crate::model::log::{ContainerLog, LogLine};
use crate::model::phases::{Phase, PhaseKind, Phases};
use crate::model::{AsOf, TaskLife, Time, duration};
use crate::trace::ApplicationTraces;

/// So many log lines of a container are drawn from its log's start …
const FIRST_LINES: usize = 3;
/// … and so many from its end.
const LAST_LINES: usize = 7;

/// So many events of the service that name no task are drawn.
const MEANWHILE: usize = 8;

/// How wide a trace id is.
const ID_WIDTH: usize = 32;

/// One line of the waterfall, before it is known how wide its columns are.
#[derive(Default)]
struct Row<'a> {
    guide: String,
    name: String,
    bar: Option<Bar>,
    tone: Tone,
    length: String,
    mark: String,
    mark_tone: Tone,
    /// Drawn under it, after this guide: what is said of a container, its log, the applications' traces that the log names.
    under: String,
    reason: Option<&'a str>,
    log: Option<&'a ContainerLog>,
    traces: ApplicationTraces,
}

/// Draws a task's life. `trace_id` is where its trace is found.
pub fn draw(life: &TaskLife, trace_id: &str, style: &Style) -> String {
    let mut out = String::new();
    header(&mut out, life, style);
    match &life.phases {
        Some(phases) => bars(&mut out, life, phases, style),
        None => facts(&mut out, life, style),
    }
    remarks(&mut out, life, style);
    line(&mut out, &style.paint(Tone::Quiet, &style.fit(&format!("trace id {trace_id}"), style.width)));
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
    let saved = match life.as_of {
        AsOf::Saved(at) if !life.is_stopped() => Some(moment::spaced(at, &style.zone)),
        AsOf::Saved(_) | AsOf::Now(_) => None,
    };
    let as_of = saved.as_ref().map_or(String::new(), |at| format!(" as of {at}"));
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
    for container in visible(life, style) {
        let status = container.record.last_status.as_deref().unwrap_or("status unknown");
        line(
            out,
            &style.fit(&format!("container {}: {status}{}", container.name(), exit_text(container)), style.width),
        );
    }
    out.push('\n');
}

fn visible<'a>(life: &'a TaskLife, style: &Style) -> Vec<&'a Container> {
    life.containers.iter().filter(|container| style.all_containers || !container.is_hidden()).collect()
}

fn bars(out: &mut String, life: &TaskLife, phases: &Phases, style: &Style) {
    let latest = phases.moments.last().map_or(phases.start, |last| last.time);
    let end = phases.end.unwrap_or_else(|| life.as_of.at().max(latest));
    let rows = rows(life, phases, end, style);
    let columns = Columns::of(&rows, style.width);
    let axis = Axis::new(phases, end, columns.bar, style.unicode);
    for row in &rows {
        draw_row(out, row, &axis, &columns, style);
    }
    if rows.iter().any(|row| row.bar.is_some_and(|bar| bar.estimated && bar.start < bar.end)) {
        let mark = style.pick("░", "~");
        let has_times = life.containers.iter().any(|c| c.record.started.or(c.record.created).is_some());
        let why = match (life.task.is_standalone(), has_times) {
            (true, true) => "ECS has not spoken of this task, only its containers' clocks",
            (true, false) => "ECS has not spoken of this task",
            (false, _) => "ECS gives no times of containers",
        };
        let text = format!("{mark} estimated: {why}");
        line(out, &style.paint(Tone::Quiet, &style.fit(&text, style.width)));
    }
    out.push('\n');
}

/// How wide each column is.
struct Columns {
    name: usize,
    bar: usize,
    length: usize,
    mark: usize,
}

impl Columns {
    /// A bar narrower than this says nothing.
    const LEAST_BAR: usize = 8;

    fn of(rows: &[Row<'_>], width: usize) -> Self {
        let widest = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or_default();
        let name = widest(&|row| escape::columns(&row.guide) + escape::columns(&escape::text(&row.name)));
        let length = widest(&|row| escape::columns(&row.length)).min(24);
        let mark = widest(&|row| escape::columns(&row.mark)).min(16);
        let mut columns = Self { name: name.min((width * 34 / 100).max(14)), bar: 0, length, mark };
        let (bar, fits) = columns.rest(width);
        if fits {
            return Self { bar, ..columns };
        }
        // A narrow terminal: names give way first, then lengths, then marks.
        columns.name = columns.name.min(14);
        columns.length = columns.length.min(15);
        let over = (columns.taken() + Self::LEAST_BAR / 2).saturating_sub(width);
        columns.mark = columns.mark.saturating_sub(over);
        Self { bar: columns.rest(width).0, ..columns }
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

fn draw_row(out: &mut String, row: &Row<'_>, axis: &Axis, columns: &Columns, style: &Style) {
    let guide = style.paint(Tone::Quiet, &row.guide);
    let name = style.pad(&row.name, columns.name.saturating_sub(escape::columns(&row.guide)));
    let bar = row.bar.map_or_else(|| " ".repeat(axis.width()), |bar| bar.draw(axis, style.unicode));
    let bar = style.paint(row.tone, &bar);
    let length = style.fit(&row.length, columns.length);
    let length = format!("{length:>width$}", width = columns.length);
    let mark = style.paint(row.mark_tone, &style.fit(&row.mark, columns.mark));
    line(out, &format!("{guide}{name} {bar} {length}  {mark}"));
    if let Some(reason) = row.reason {
        let room = style.width.saturating_sub(escape::columns(&row.under) + 2);
        let guide = style.paint(Tone::Quiet, &format!("{}  ", row.under));
        line(out, &format!("{guide}{}", style.paint(row.mark_tone, &style.fit(reason, room))));
    }
    if let Some(log) = row.log {
        log_lines(out, log, &row.under, style, row.bar.map(|bar| bar.start));
        traces(out, &row.traces, &row.under, style);
    }
}

fn rows<'a>(life: &'a TaskLife, phases: &Phases, end: Time, style: &Style) -> Vec<Row<'a>> {
    let containers = visible(life, style);
    let mut rows = vec![];
    let root_failed = life.outcome.failure.is_some();
    let root = Bar {
        start: phases.start,
        end,
        open: phases.end.is_none(),
        estimated: phases.start_estimated || phases.end_estimated,
    };
    rows.push(Row {
        tone: if root_failed { Tone::Bad } else { Tone::Plain },
        ..row(String::new(), format!("task {}", life.family()), root, root_failed, false, style)
    });
    let count = phases.list.len() + containers.len();
    for (at, phase) in phases.list.iter().enumerate() {
        phase_rows(&mut rows, phase, "", at + 1 == count, life.outcome.failed_phase, end, style);
    }
    for (at, container) in containers.iter().enumerate() {
        let is_last = phases.list.len() + at + 1 == count;
        rows.push(container_row(life, container, is_last, phases, end, style));
    }
    rows
}

fn row<'a>(guide: String, name: String, bar: Bar, failed: bool, adjusted: bool, style: &Style) -> Row<'a> {
    let length = if bar.open {
        format!("{} so far", duration::short(bar.end.since(bar.start)))
    } else {
        duration::exact(bar.end.since(bar.start))
    };
    let (mark, mark_tone) = match (failed, adjusted) {
        (true, _) => (style.pick("✗ error", "x error"), Tone::Bad),
        (false, true) => (style.pick("≈ clock moved", "~ clock moved"), Tone::Warn),
        (false, false) => ("", Tone::Plain),
    };
    Row { guide, name, bar: Some(bar), length, mark: mark.to_owned(), mark_tone, ..Row::default() }
}

fn phase_rows(
    rows: &mut Vec<Row<'_>>,
    phase: &Phase,
    indent: &str,
    is_last: bool,
    failed: Option<PhaseKind>,
    end: Time,
    style: &Style,
) {
    let guide = format!("{indent}{}", branch(is_last, style));
    let bar = Bar {
        start: phase.start,
        end: phase.end.unwrap_or(end),
        open: phase.end.is_none(),
        estimated: phase.start_estimated || phase.end_estimated,
    };
    let is_failed = failed == Some(phase.kind);
    let tone = match phase.kind {
        _ if is_failed => Tone::Bad,
        PhaseKind::Running => Tone::Running,
        PhaseKind::Stopping | PhaseKind::Terminating | PhaseKind::ExitNoticed | PhaseKind::Deprovisioning => {
            Tone::Stopping
        }
        _ => Tone::Launch,
    };
    rows.push(Row { tone, ..row(guide, phase.kind.name().to_owned(), bar, is_failed, phase.clock_adjusted, style) });
    let inner = format!("{indent}{}", trunk(is_last, style));
    for (at, child) in phase.children.iter().enumerate() {
        phase_rows(rows, child, &inner, at + 1 == phase.children.len(), failed, end, style);
    }
}

fn container_row<'a>(
    life: &TaskLife,
    container: &'a Container,
    is_last: bool,
    phases: &Phases,
    end: Time,
    style: &Style,
) -> Row<'a> {
    let guide = branch(is_last, style).to_owned();
    let name = format!("container {}", container.name());
    let log = container.log.as_ref().filter(|log| style.logs && !log.is_empty());
    let (under, reason) = (trunk(is_last, style).to_owned(), container.record.reason.as_deref());
    let traces = ApplicationTraces::of_container(life, container);
    let failed = container.failure.is_some();
    let mark = container_mark(container, failed, style);
    let mark_tone = if failed { Tone::Bad } else { Tone::Plain };
    let Some(start) = container.start else {
        return Row { guide, name, mark, mark_tone, under, reason, log, traces, ..Row::default() };
    };
    // It has stopped while its task goes on, and nobody says when.
    let lost_end = container.end.is_none() && container.has_stopped();
    let guessed = |bound: crate::model::container::ContainerBound| bound.source == BoundSource::Estimated;
    let bar = Bar {
        start: start.at,
        end: container.end.map_or(end, |bound| bound.at),
        open: container.end.is_none() && !lost_end,
        estimated: guessed(start) || container.end.is_some_and(guessed) || lost_end,
    };
    let base = row(guide, name, bar, failed, false, style);
    let length = match () {
        () if container.never_ran() => "never started".to_owned(),
        () if lost_end => "end unknown".to_owned(),
        () => base.length,
    };
    let tone = if failed { Tone::Bad } else { Tone::Running };
    let bar = if container.never_ran() {
        Some(Bar { start: phases.end_began.unwrap_or(start.at), ..bar })
    } else {
        Some(bar)
    };
    Row { tone, bar, length, mark, mark_tone, under, reason, log, traces, ..base }
}

fn container_mark(container: &Container, failed: bool, style: &Style) -> String {
    let cross = if failed { style.pick("✗ ", "x ") } else { "" };
    match container.record.exit_code {
        Some(code) => format!("{cross}exit {code}"),
        None if failed => format!("{cross}error"),
        None => String::new(),
    }
}

fn exit_text(container: &Container) -> String {
    container.record.exit_code.map_or(String::new(), |code| format!(", exit code {code}"))
}

const fn branch(is_last: bool, style: &Style) -> &'static str {
    if is_last { style.pick("└─ ", "`- ") } else { style.pick("├─ ", "|- ") }
}

const fn trunk(is_last: bool, style: &Style) -> &'static str {
    if is_last { "   " } else { style.pick("│  ", "|  ") }
}

/// The log under its container: its first and last lines, and how many are between.
fn log_lines(out: &mut String, log: &ContainerLog, guide: &str, style: &Style, zero: Option<Time>) {
    let lines: Vec<&LogLine> = log.lines().collect();
    let hidden = lines.len().saturating_sub(FIRST_LINES + LAST_LINES);
    let (first, last) =
        if hidden > 0 { (FIRST_LINES, LAST_LINES) } else { (log.head.len().min(lines.len()), log.tail.len()) };
    let zero = zero.unwrap_or_else(|| lines.first().map_or(style.now, |line| line.time));
    let offset = |time: Time| match time >= zero {
        true => format!("+{}", duration::short(time.since(zero))),
        false => format!("-{}", duration::short(zero.since(time))),
    };
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
