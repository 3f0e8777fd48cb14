//! The rows of a waterfall, whoever draws them: the task, its phases, its containers, each with its bar. Main function: [`rows`].

use super::bar::Bar;
use super::escape;
use super::style::{Style, Tone};
use crate::model::alike;
use crate::model::container::{BoundSource, Container, ContainerBound};
use crate::model::phases::{Phase, PhaseKind, Phases};
use crate::model::{TaskLife, Time, duration};

/// So many containers that look alike have a row each.
const HANDFUL: usize = 5;

/// What a row is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'a> {
    Task,
    Phase(&'a Phase),
    Container(&'a Container),
    /// Many containers that are alike, this one the first of them.
    Alike(&'a Container),
}

/// One row, before it is known how wide anything is.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) of: Of<'a>,
    /// Whether it and the rows that it is inside of are the last of theirs, outermost first; none of the task itself.
    pub(super) trail: Vec<bool>,
    pub(super) name: String,
    /// None while nothing is known of a container.
    pub(super) bar: Option<Bar>,
    pub(super) tone: Tone,
    pub(super) length: String,
    pub(super) mark: String,
    pub(super) mark_tone: Tone,
    /// The rows that this one stands for.
    pub(super) alike: Vec<Row<'a>>,
}

impl<'a> Row<'a> {
    /// The containers that it is of.
    pub(super) fn containers(&self) -> Vec<&'a Container> {
        let of = |row: &Self| match row.of {
            Of::Container(container) => Some(container),
            Of::Alike(_) | Of::Task | Of::Phase(_) => None,
        };
        std::iter::once(self).chain(&self.alike).filter_map(of).collect()
    }

    /// Whether a bound is an estimate, also where nothing of the bar can be seen.
    pub(super) fn is_estimated(&self) -> bool {
        let has_none = matches!(self.of, Of::Container(of) | Of::Alike(of) if of.never_ran());
        !has_none && self.bar.is_some_and(|bar| bar.estimated)
    }
}

/// Up to when a life is drawn.
pub(super) fn drawn_until(life: &TaskLife, phases: &Phases) -> Time {
    let latest = phases.moments.last().map_or(phases.start, |last| last.time);
    phases.end.unwrap_or_else(|| life.as_of.time().map_or(latest, |seen| seen.max(latest)))
}

/// The containers that are shown.
pub(super) fn visible<'a>(life: &'a TaskLife, style: &Style) -> Vec<&'a Container> {
    life.containers.iter().filter(|container| style.all_containers || !container.is_hidden()).collect()
}

/// What is drawn of a container but for its name and image.
#[derive(PartialEq, Eq, Hash)]
struct Looks<'a> {
    bounds: [Option<ContainerBound>; 2],
    status: Option<&'a str>,
    health: Option<&'a str>,
    exit_code: Option<i64>,
    restarts: Option<u64>,
    has_failed: bool,
    never_ran: bool,
    essential: Option<bool>,
    reason: Option<String>,
}

impl<'a> Looks<'a> {
    fn of(container: &'a Container) -> Self {
        let record = &container.record;
        Self {
            bounds: [container.start, container.end],
            status: record.last_status.as_deref(),
            health: record.health_status.as_deref(),
            exit_code: record.exit_code,
            restarts: record.restarts,
            has_failed: container.failure.is_some(),
            never_ran: container.never_ran(),
            essential: container.essential(),
            reason: record.reason.as_deref().map(|reason| alike::key(record, reason)),
        }
    }
}

/// The containers that are shown, many that look alike together – unless all are asked for, or their lines are shown under them.
pub(super) fn together<'a>(life: &'a TaskLife, style: &Style) -> Vec<Vec<&'a Container>> {
    let has_lines = |container: &Container| style.logs && container.log.as_ref().is_some_and(|log| !log.is_empty());
    let own_place = |at, container| (style.all_containers || has_lines(container)).then_some(at);
    let keyed = visible(life, style).into_iter().enumerate();
    let keyed = keyed.map(|(at, container)| ((own_place(at, container), Looks::of(container)), container)).collect();
    alike::grouped(keyed, HANDFUL)
}

/// `worker-00, worker-01, worker-02 and 63 more`.
pub(super) fn named(containers: &[&Container]) -> String {
    alike::few(&containers.iter().map(|container| container.name()).collect::<Vec<_>>())
}

/// All rows of a life that is drawn until `end`.
pub(super) fn rows<'a>(life: &'a TaskLife, phases: &'a Phases, end: Time, style: &Style) -> Vec<Row<'a>> {
    let each = visible(life, style).into_iter().map(|container| vec![container]).collect();
    rows_of(life, phases, each, end, style)
}

/// The same, with one row for containers that are alike, which has theirs.
pub(super) fn rows_together<'a>(life: &'a TaskLife, phases: &'a Phases, end: Time, style: &Style) -> Vec<Row<'a>> {
    rows_of(life, phases, together(life, style), end, style)
}

fn rows_of<'a>(
    life: &'a TaskLife,
    phases: &'a Phases,
    containers: Vec<Vec<&'a Container>>,
    end: Time,
    style: &Style,
) -> Vec<Row<'a>> {
    let mut rows = vec![];
    let root_failed = life.outcome.failure.is_some();
    let root = Bar {
        start: phases.start,
        end,
        open: phases.end.is_none(),
        estimated: phases.start_estimated || phases.end_estimated,
    };
    let name = format!("task {}", life.family());
    let tone = if root_failed { Tone::Bad } else { Tone::Plain };
    rows.push(Row { tone, ..row(Of::Task, vec![], name, root, root_failed, false, style) });
    let count = phases.list.len() + containers.len();
    for (at, phase) in phases.list.iter().enumerate() {
        phase_rows(&mut rows, phase, &[at + 1 == count], life.outcome.failed_phase, end, style);
    }
    for (at, group) in containers.iter().enumerate() {
        let is_last = phases.list.len() + at + 1 == count;
        let row = |container: &&'a Container| container_row(container, is_last, phases, end, style);
        rows.extend(group.first().map(|first| match group.len() {
            1 => row(first),
            count => Row {
                of: Of::Alike(first),
                name: format!("{count} containers"),
                alike: group.iter().map(row).collect(),
                ..row(first)
            },
        }));
    }
    rows
}

fn row<'a>(
    of: Of<'a>,
    trail: Vec<bool>,
    name: String,
    bar: Bar,
    failed: bool,
    adjusted: bool,
    style: &Style,
) -> Row<'a> {
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
    Row { of, trail, name, bar: Some(bar), tone: Tone::Plain, length, mark: mark.to_owned(), mark_tone, alike: vec![] }
}

fn phase_rows<'a>(
    rows: &mut Vec<Row<'a>>,
    phase: &'a Phase,
    trail: &[bool],
    failed: Option<PhaseKind>,
    end: Time,
    style: &Style,
) {
    let bar = Bar {
        start: phase.start,
        end: phase.end.unwrap_or(end),
        open: phase.end.is_none(),
        estimated: phase.start_estimated || phase.end_estimated,
    };
    let is_failed = failed == Some(phase.kind);
    let tone = if is_failed { Tone::Bad } else { Tone::of_phase(phase.kind) };
    let name = phase.kind.name().to_owned();
    rows.push(Row { tone, ..row(Of::Phase(phase), trail.to_vec(), name, bar, is_failed, phase.clock_adjusted, style) });
    for (at, child) in phase.children.iter().enumerate() {
        let trail = [trail, &[at + 1 == phase.children.len()]].concat();
        phase_rows(rows, child, &trail, failed, end, style);
    }
}

fn container_row<'a>(container: &'a Container, is_last: bool, phases: &Phases, end: Time, style: &Style) -> Row<'a> {
    let name = format!("container {}", container.name());
    let failed = container.failure.is_some();
    let mark = container_mark(container, failed, style);
    let mark_tone = if failed { Tone::Bad } else { Tone::Plain };
    let (of, trail) = (Of::Container(container), vec![is_last]);
    let Some(start) = container.start else {
        // It has no time yet, or none that is known.
        let length = escape::text(container.record.last_status.as_deref().unwrap_or_default());
        return Row { of, trail, name, bar: None, tone: Tone::Plain, length, mark, mark_tone, alike: vec![] };
    };
    // It has stopped while its task goes on, and nobody says when.
    let lost_end = container.end.is_none() && container.has_stopped();
    let guessed = |bound: ContainerBound| bound.source == BoundSource::Estimated;
    let bar = Bar {
        start: start.at,
        end: container.end.map_or(end, |bound| bound.at),
        open: container.end.is_none() && !lost_end,
        estimated: guessed(start) || container.end.is_some_and(guessed) || lost_end,
    };
    let base = row(of, trail, name, bar, failed, false, style);
    let length = match () {
        () if container.never_ran() => "never started".to_owned(),
        () if lost_end => "end unknown".to_owned(),
        () => base.length,
    };
    let tone = if failed { Tone::Bad } else { Tone::Running };
    let bar = if container.never_ran() {
        let at = phases.end_began.unwrap_or(start.at);
        Some(Bar { start: at, end: at, open: false, ..bar })
    } else {
        Some(bar)
    };
    Row { tone, bar, length, mark, mark_tone, ..base }
}

/// How a container ended: `✗ exit 137`.
fn container_mark(container: &Container, failed: bool, style: &Style) -> String {
    let cross = if failed { style.pick("✗ ", "x ") } else { "" };
    match container.record.exit_code {
        Some(code) => format!("{cross}exit {code}"),
        None if failed => format!("{cross}error"),
        None => String::new(),
    }
}

/// Why bars of a life are estimates.
pub(super) fn estimated_because(life: &TaskLife) -> &'static str {
    let has_times = life.containers.iter().any(|c| c.record.started.or(c.record.created).is_some());
    match (life.task.is_standalone(), has_times) {
        (true, true) => "ECS has not spoken of this task, only its containers' clocks",
        (true, false) => "ECS has not spoken of this task",
        (false, _) => "ECS gives no times of containers",
    }
}
