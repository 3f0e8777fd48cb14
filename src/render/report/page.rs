//! The report as a page for a browser: what happened, failures with their last lines, every launch on one axis, how long each
//! phase took. Main function: [`draw`]. The page itself is as that of a task ([`crate::render::html`]).

use std::time::Duration;

use maud::{Markup, html};
use serde::Serialize;

use super::{Report, rows, sentences};
use crate::model::deployment::{DeployedContainer, DeployedTask, Spread, State};
use crate::model::phases::Phase;
use crate::model::{Time, duration};
use crate::render::document::Nanos;
use crate::render::html::data::{self, Line};
use crate::render::html::text::{self, count, folded, link, name, shown, together};
use crate::render::html::{frame, log, picture};
use crate::render::moment::{offset, spaced};
use crate::render::style::{Style, Tone};

/// Columns of a histogram.
const BINS: usize = 40;

/// Draws the report.
pub fn draw(report: &Report<'_>, style: &Style) -> String {
    let deployment = &report.life.deployment;
    let outcome = sentences::outcome_word(report);
    let title = format!("{} in {}: {outcome}", shown(&deployment.service), shown(deployment.cluster()));
    let [head, tail] = frame::around(&title, None);
    head + &article(report, style).into_string() + &tail
}

/// What the script works with.
#[derive(Debug, Serialize)]
struct View {
    zero: Nanos,
    knots: [(Nanos, f64); 2],
    middle: Option<()>,
    east: i32,
    launches: Vec<Row>,
}

/// A launch, or an old task that is stopped.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    zone: String,
    end: &'static str,
    failure: Option<String>,
    is_old: bool,
    start: Option<Nanos>,
    /// Nanoseconds.
    took: Option<String>,
    phases: Vec<Bar>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    containers: Vec<Container>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
}

/// A container of a launch.
#[derive(Debug, Serialize)]
struct Container {
    name: String,
    /// How it stands.
    state: String,
    has_failed: bool,
    image: Option<String>,
    reason: Option<String>,
}

impl Container {
    fn of(container: &DeployedContainer) -> Self {
        let optional = |text: &Option<String>| text.as_deref().map(shown);
        Self {
            name: name(&container.name),
            state: state(container),
            has_failed: container.has_failed,
            image: optional(&container.image),
            reason: optional(&container.reason),
        }
    }
}

/// How a container stands: `STOPPED · exit 1`.
fn state(container: &DeployedContainer) -> String {
    let status = shown(container.status.as_deref().unwrap_or("never started"));
    status + &container.exit_code.map_or(String::new(), |code| format!(" · exit {code}"))
}

/// A phase: name, how deep inside of others, start, end, tone, whether a bound is an estimate.
type Bar = (&'static str, u8, Nanos, Option<Nanos>, &'static str, bool);

impl Row {
    fn of(task: &DeployedTask, is_old: bool, style: &Style) -> Self {
        let mut phases = vec![];
        for phase in task.phases.iter().flat_map(|phases| &phases.list) {
            // Of an old task its end alone is this deployment's business.
            if !is_old || phase.kind.is_end() {
                push_phases(&mut phases, phase, 0, task);
            }
        }
        let (start, end) = span(task, is_old).unzip();
        Self {
            id: shown(&task.id),
            zone: shown(task.zone.as_deref().unwrap_or_default()),
            end: if is_old { "old" } else { task.end.map_or("", |end| end.name()) },
            failure: task.failure.as_ref().filter(|_| task.has_failed()).map(|failure| shown(failure.told())),
            is_old,
            start: start.map(Nanos),
            took: start.zip(end.flatten()).map(|(start, end)| end.since(start).as_nanos().to_string()),
            phases,
            containers: task.containers.iter().map(Container::of).collect(),
            lines: data::lines(task.containers.iter().map(|container| container.log.as_ref()), style),
        }
    }
}

fn push_phases(rows: &mut Vec<Bar>, phase: &Phase, depth: u8, task: &DeployedTask) {
    let estimated = phase.start_estimated || phase.end_estimated;
    rows.push((
        phase.kind.name(),
        depth,
        Nanos(phase.start),
        phase.end.map(Nanos),
        picture::class(tone(phase, task)),
        estimated,
    ));
    phase.children.iter().for_each(|child| push_phases(rows, child, depth + 1, task));
}

fn tone(phase: &Phase, task: &DeployedTask) -> Tone {
    match task.failed_phase == Some(phase.kind) && task.has_failed() {
        true => Tone::Bad,
        false => Tone::of_phase(phase.kind),
    }
}

/// The launch of a task, or the end of an old one.
fn span(task: &DeployedTask, is_old: bool) -> Option<(Time, Option<Time>)> {
    if !is_old {
        return task.launch();
    }
    let phases = task.phases.as_ref()?;
    Some((phases.end_began?, phases.end))
}

/// From when to when the axis goes: the deployment with all that its tasks did in it.
fn bounds(report: &Report<'_>, now: Time) -> Option<(Time, Time)> {
    let deployment = &report.life.deployment;
    let launched = rows::span(report.life, now);
    let stops = || report.life.stops.iter().filter_map(|task| span(task, true));
    let from = launched.map(|(from, _)| from).into_iter().chain(deployment.created).min()?;
    let finished = deployment.finished.map(|finish| finish.at);
    let ends = launched.map(|(_, to)| to).into_iter().chain(finished).chain(stops().filter_map(|(_, end)| end));
    Some((from, ends.max()?.max(Time::from_unix_nanos(from.unix_nanos() + 1))))
}

fn article(report: &Report<'_>, style: &Style) -> Markup {
    let life = report.life;
    let bounds = bounds(report, style.now);
    let launches = life.launches.iter().map(|task| Row::of(task, false, style));
    let all: Vec<Row> = launches.chain(life.stops.iter().map(|task| Row::of(task, true, style))).collect();
    html! {
        article class="rollout" id="rollout" aria-labelledby="rollout-title" {
            (header(report, style))
            (section("findings", "What happened", happened(report)))
            @if !life.failures().is_empty() { (section("failures", "Failures", failures(report, bounds))) }
            @if let (Some((from, to)), false) = (bounds, all.is_empty()) {
                (section("timeline", "Launches side by side", launches_drawn(report, from, to, all.len())))
            }
            @if !life.phases().is_empty() { (section("phases", "How long each phase took", phases(report))) }
            (section("events", "What ECS said", events(report, bounds, style)))
            @if let Some((from, to)) = bounds {
                (data::block(&View {
                    zero: Nanos(from),
                    knots: [(Nanos(from), 0.0), (Nanos(to), 1.0)],
                    middle: None,
                    east: style.east(from),
                    launches: all,
                }))
            }
        }
    }
}

fn section(class: &str, title: &str, body: Markup) -> Markup {
    html! { section class=(class) aria-labelledby={ "rollout-" (class) } { h2 id={ "rollout-" (class) } { (title) } (body) } }
}

fn header(report: &Report<'_>, style: &Style) -> Markup {
    let deployment = &report.life.deployment;
    let (mark, class) = match report.state() {
        State::Held => ("✓", "running"),
        State::RolledBack | State::Failed => ("✗", "bad"),
        State::InProgress => ("…", "launch"),
    };
    html! {
        header class=(class) {
            p class="outcome" {
                span class={ "badge " (class) } { span aria-hidden="true" { (mark) " " } (sentences::outcome_word(report)) }
                " " (shown(&sentences::said_by(report)))
            }
            h1 id="rollout-title" { (shown(&deployment.service)) " in " (shown(deployment.cluster())) " " code { (shown(&deployment.id)) } }
            @if let Some(created) = deployment.created {
                p class="span" {
                    @if deployment.created_estimated { "about " }
                    time { (spaced(created, &style.zone)) }
                    @match deployment.finished {
                        Some(finish) => { " → " time { (spaced(finish.at, &style.zone)) } " · " strong { (together(&duration::exact(finish.at.since(created)))) } }
                        None => { " → not over as of " time { (spaced(report.now(style), &style.zone)) } }
                    }
                }
            }
            p { (shown(&sentences::counts(report))) }
            @if let Some(definition) = &deployment.task_definition { p class="quiet" { (shown(definition)) } }
            p class="trace" {
                "Trace id " code class="copied" { (shown(report.trace_id)) } " "
                button type="button" class="copy" hidden data-copy=(shown(report.trace_id)) { "Copy" }
                @if let Some(url) = report.trace_url.and_then(link) { " " a href=(url) rel="noreferrer noopener" { "Open the trace" } }
            }
        }
    }
}

fn happened(report: &Report<'_>) -> Markup {
    let is_bad = matches!(report.state(), State::RolledBack | State::Failed);
    let remarks = sentences::more(report).into_iter();
    let remarks = remarks
        .chain(sentences::path(report))
        .chain(sentences::slowest_phase(report))
        .chain(sentences::slowest_task(report));
    html! {
        ul class="found" {
            @for said in sentences::first_lines(report) {
                li class=(if is_bad { "problem" } else { "remark" }) { span class="mark" aria-hidden="true" { (if is_bad { "✗" } else { "•" }) } strong { (folded(&said)) } }
            }
            @for said in sentences::findings(report) {
                li class="problem" { span class="mark" { span aria-hidden="true" { "✗" } span class="spoken" { "Problem: " } } (folded(&said)) }
            }
            @for said in remarks { li class="remark" { span class="mark" aria-hidden="true" { "•" } (folded(&said)) } }
            @for apart in report.life.apart() {
                li class="remark" { span class="mark" aria-hidden="true" { "·" } "not counted as the rollout: " (apart.count) " " (shown(apart.what)) ": " (shown(&sentences::named(apart.count, &apart.tasks))) }
            }
            @for gap in report.gaps { li class="gap" { span class="mark" { span aria-hidden="true" { "?" } span class="spoken" { "Gap: " } } (shown(&gap.what)) ": " (shown(&gap.why)) } }
            @for note in report.notes { li class="note" { span class="mark" aria-hidden="true" { "·" } (shown(note)) } }
            @for next in sentences::next(report) {
                li class="remark next" {
                    span class="mark" aria-hidden="true" { "→" } "next: " (shown(&next.lead()))
                    @if let Some(command) = &next.command {
                        " " code class="copied" { (shown(command)) } " " button type="button" class="copy" hidden data-copy=(shown(command)) { "Copy" }
                    }
                }
            }
        }
    }
}

fn failures(report: &Report<'_>, bounds: Option<(Time, Time)>) -> Markup {
    html! {
        div class="cards" { @for group in report.life.failures() {
            div class="card failed" {
                h3 { span class="badge bad" { span aria-hidden="true" { "✗ " } (count(group.count, "task")) } }
                div class="reason" { (folded(group.told())) }
                p class="quiet" { (shown(&sentences::named(group.count, &group.tasks))) }
                @if let Some(sample) = group.shown() {
                    p class="quiet" { "Last lines of container " (name(&sample.container)) " of " (shown(&sample.task_id)) @if bounds.is_some() { ", timed from where the axis begins" } }
                    (log::excerpt(&sample.container, sample.lines.iter(), bounds.map(|(from, _)| from)))
                    p { button type="button" hidden data-open=(shown(&sample.task_id)) { "Show it among the launches" } }
                }
            }
        } }
    }
}

fn launches_drawn(report: &Report<'_>, from: Time, to: Time, total: usize) -> Markup {
    let (chosen, more) = rows::chosen(report.life);
    let whole = to.since(from).as_secs_f64();
    let place = |time: Time| time.clamp(from, to).since(from).as_secs_f64() / whole;
    let on_axis = |at: &Time| (from..=to).contains(at);
    let marks = report.life.deployment.events().map(|event| event.at).filter(on_axis);
    let stages = stages(report).into_iter().map(|(at, _)| at).filter(on_axis);
    html! {
        div class="tools" hidden {
            (picture::zoom())
            label { "Sorted by " select class="sort" { option value="start" { "start" } option value="took" { "duration" } option value="zone" { "zone" } option value="end" { "outcome" } } }
            label { "Shown " select class="shown" { option value="all" { "all" } option value="launches" { "launches" } option value="failed" { "failed" } option value="old" { "old tasks" } } }
            output class="count" aria-live="polite" { (count(total, "task")) }
            output class="told" aria-live="polite" {}
        }
        div class="chart" role="group" tabindex="0" aria-label="Launches on the time axis" {
            div class="scale" aria-hidden="true" { svg class="ticks" focusable="false" { text x="0" y="13" { "0" } text class="end" x="100%" y="13" { (duration::short(to.since(from))) } } }
            div class="rows" {
                @for task in &chosen {
                    details class="row" {
                        summary {
                            span class="name" { (shown(rows::short_id(&task.id))) span class="quiet" { " " (shown(task.zone.as_deref().unwrap_or_default())) } }
                            svg class="bar" aria-hidden="true" focusable="false" { @for phase in task.phases.iter().flat_map(|phases| &phases.list) {
                                @let (left, right) = (place(phase.start), place(phase.end.unwrap_or(to)));
                                rect class={ (picture::class(tone(phase, task))) " " (phase.kind.name().replace(' ', "-")) } x=(picture::percent(left)) width=(picture::percent(right - left)) y="3" height="14" {}
                            } }
                            span class="length" {
                                @if let Some((start, Some(end))) = task.launch() { (duration::short(end.since(start))) }
                                @if let Some(end) = task.end { " · " span class=(if task.has_failed() { "bad" } else { "plain" }) { (end.name()) } }
                            }
                        }
                        dl class="details" {
                            div { dt { "Task" } dd { (shown(&task.id)) } }
                            @if let Some(failure) = &task.failure { div { dt { "Failure" } dd { (folded(failure.told())) } } }
                            @for phase in task.phases.iter().flat_map(|phases| &phases.list) {
                                div { dt { (phase.kind.name()) } dd { (offset(phase.start, from)) @if let Some(length) = phase.length() { ", takes " (duration::exact(length)) } } }
                            }
                            @for container in &task.containers {
                                div { dt { (name(&container.name)) } dd { (state(container)) @if let Some(reason) = &container.reason { ": " (folded(reason)) } } }
                            }
                        }
                        @for container in &task.containers { @if let Some(log) = &container.log { (log::last(&container.name, log, Some(from))) } }
                    }
                }
            }
            svg class="over" aria-hidden="true" focusable="false" {
                @for (class, at) in marks.map(|at| ("event", at)).chain(stages.map(|at| ("event stage", at))) { line class=(class) x1=(picture::percent(place(at))) x2=(picture::percent(place(at))) y1="0" y2="100%" data-ns=(at.unix_nanos()) {} }
            }
        }
        p class="quiet legend" {
            @for (class, name) in [("launch provisioning", "provisioning"), ("launch", "image pull"), ("launch starting", "starting"), ("running", "running"), ("stopping", "stopping")] {
                svg class="sample" aria-hidden="true" { rect class=(class) x="1" y="1" width="26" height="10" {} } " " (name) " "
            }
            "· dotted lines are events of the service, solid ones the deployment's own steps: both are told below"
            @if more > 0 { span class="static" { "; " (more) " more launches need this page's script to be shown" } }
        }
        div class="one" hidden tabindex="-1" role="group" aria-labelledby="one-title" {}
        template class="log-parts" {
            section class="log" aria-labelledby="one-log" {
                h4 id="one-log" { "Log" }
                (log::parts(0, "one-log", true, "where the axis begins"))
            }
        }
        @if let Some(stopping) = report.life.stopping() {
            p class="quiet" { (count(stopping.count, "old task")) " stopped: p50 " (duration::short(stopping.p50)) ", p95 " (duration::short(stopping.p95)) }
        }
    }
}

fn phases(report: &Report<'_>) -> Markup {
    let lengths = report.life.lengths();
    let length = |length: Duration| together(&duration::short(length));
    html! {
        div class="scroll" tabindex="0" role="group" aria-label="Table of phases" {
            table {
                thead { tr {
                    th scope="col" { "Phase" } th scope="col" class="number" { "Tasks" } th scope="col" class="number" { "p50" } th scope="col" class="number" { "p95" } th scope="col" class="number" { "Longest" }
                    th scope="col" class="wide" { "From nothing to the longest" }
                    @if report.comparison.is_some() { th scope="col" class="number" { "Baseline p50" } th scope="col" { "Compared" } }
                } }
                tbody { @for (name, lengths) in &lengths { @if let Some(spread) = Spread::of(lengths.clone()) {
                    tr {
                        th scope="row" { (name) }
                        td class="number" { (spread.count) @if sentences::is_small(&spread) { " (small sample)" } }
                        td class="number" { (length(spread.p50)) } td class="number" { (length(spread.p95)) } td class="number" { (length(spread.max)) }
                        td class="wide" { (histogram(lengths, &spread)) }
                        @if let Some(comparison) = report.comparison {
                            @match comparison.differences.iter().find(|difference| difference.phase == *name) {
                                Some(found) => { td class="number" { (length(found.before.p50)) } td class="word" { span class=[sentences::tone(found.matter).map(picture::class)] { (sentences::mark(found.matter, true)) } } }
                                None => { td {} td {} }
                            }
                        }
                    }
                } } }
            }
        }
        @if report.comparison.is_some() { p class="quiet" { (sentences::RULE) } }
    }
}

/// How many took how long, with the median and the 95th percentile.
fn histogram(lengths: &[Duration], spread: &Spread) -> Markup {
    let part =
        |length: Duration| if spread.max.is_zero() { 0.0 } else { length.as_secs_f64() / spread.max.as_secs_f64() };
    let mut bins = [0_u32; BINS];
    for length in lengths {
        if let Some(bin) = bins.get_mut(((part(*length) * BINS as f64) as usize).min(BINS - 1)) {
            *bin += 1;
        }
    }
    let most = f64::from(bins.iter().copied().max().unwrap_or(1).max(1));
    html! {
        svg class="histogram" viewBox="0 0 400 36" aria-hidden="true" focusable="false" {
            @for (at, bin) in bins.iter().enumerate().filter(|(_, bin)| **bin > 0) {
                @let height = (f64::from(*bin) / most * 30.0).max(2.0);
                rect class="launch" x=(at * 10) y=(format!("{:.1}", 34.0 - height)) width="9" height=(format!("{height:.1}")) {}
            }
            line class="p50" x1=(format!("{:.1}", part(spread.p50) * 400.0)) x2=(format!("{:.1}", part(spread.p50) * 400.0)) y1="0" y2="36" {}
            line class="p95" x1=(format!("{:.1}", part(spread.p95) * 399.0)) x2=(format!("{:.1}", part(spread.p95) * 399.0)) y1="0" y2="36" {}
        }
    }
}

/// The deployment's own steps.
fn stages(report: &Report<'_>) -> Vec<(Time, String)> {
    let deployment = &report.life.deployment;
    let rollback = deployment.rollback.as_ref();
    let told = [
        (deployment.created.filter(|_| !deployment.created_estimated), "deployment created"),
        (deployment.started, "deployment started"),
        (rollback.and_then(|rollback| rollback.started), "rollback started"),
        (rollback.and_then(|rollback| rollback.finished), "rollback over"),
    ];
    let over = deployment.finished.map(|finish| (finish.at, format!("deployment over (told by: {})", finish.source)));
    told.into_iter().filter_map(|(at, what)| Some((at?, what.to_owned()))).chain(over).collect()
}

fn events(report: &Report<'_>, bounds: Option<(Time, Time)>, style: &Style) -> Markup {
    let deployment = &report.life.deployment;
    let mut said: Vec<(Time, String)> = deployment.events().map(|event| (event.at, event.message.clone())).collect();
    said.extend(stages(report));
    said.sort_by_key(|(at, _)| *at);
    html! {
        @if deployment.events_cut { p class="quiet" { "ECS keeps a hundred events of a service; the first of this deployment may be missing." } }
        @if said.is_empty() { p { "Nothing." } } @else {
            div class="scroll" tabindex="0" role="group" aria-label="Table of events" { table {
                thead { tr { th scope="col" { "Time" } th scope="col" class="number" { "After the start" } th scope="col" { "What" } } }
                tbody { @for (at, what) in &said { tr data-ns=(at.unix_nanos()) {
                    td { (text::time(*at, &style.zone)) }
                    td class="number" { @if let Some((from, _)) = bounds { (together(&offset(*at, from))) } }
                    td { (shown(what)) }
                } } }
            } }
        }
    }
}
