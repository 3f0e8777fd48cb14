//! A task in a page: what happened first, then the timeline, the containers, the log, the raw times. Main function: [`article`].

use maud::{Markup, html};

use super::Shown;
use super::data::{self, View};
use super::scale::Scale;
use super::text::{self, count, folded, link, name, shown, together};
use super::{log, picture};
use crate::model::container::{Container, ContainerBound};
use crate::model::phases::{Moment, Phase, Phases};
use crate::model::{TaskLife, Time, duration};
use crate::render::moment::{as_of, exact, minute, offset, spaced};
use crate::render::names::apart;
use crate::render::rows::{self, Of, Row, drawn_until, estimated_because, named, rows_together, visible};
use crate::render::style::Style;
use crate::trace::ApplicationTraces;

/// How a task stands, in a word and a mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    word: &'static str,
    mark: &'static str,
    class: &'static str,
}

impl Outcome {
    pub(super) fn of(life: &TaskLife) -> Self {
        let status = life.task.last_status.as_deref().unwrap_or_default().to_ascii_uppercase();
        match () {
            () if life.outcome.failure.is_some() => Self { word: "failed", mark: "✗", class: "bad" },
            () if life.is_stopped() => Self { word: "stopped", mark: "■", class: "stopping" },
            () if status == "RUNNING" => Self { word: "running", mark: "▸", class: "running" },
            () if status.is_empty() => Self { word: "status unknown", mark: "?", class: "plain" },
            () => Self { word: "not running yet", mark: "…", class: "launch" },
        }
    }
}

/// What a page says of a task elsewhere than in its article.
#[derive(Debug)]
pub(super) struct Entry {
    outcome: Outcome,
    /// What it is called beside another one.
    pub(super) label: Option<&'static str>,
    pub(super) family: String,
    id: String,
    /// Of one that was not over, when that was.
    as_of: String,
}

impl Entry {
    pub(super) fn of(shown_task: &Shown<'_>, label: Option<&'static str>, style: &Style) -> Self {
        let life = shown_task.life;
        let as_of = life.seen().map_or(String::new(), |at| format!(" as of {}", minute(at, &style.zone)));
        Self { outcome: Outcome::of(life), label, family: name(life.family()), id: shown(&life.task.id), as_of }
    }

    pub(super) fn title(&self) -> String {
        format!("{} {}{} – {}", self.family, self.outcome.word, self.as_of, self.id)
    }
}

/// The way to each task of a page that has several.
pub(super) fn navigation(tasks: &[Entry]) -> Option<Markup> {
    (tasks.len() > 1).then(|| {
        html! {
            nav aria-label="Tasks" {
                ol { @for (at, task) in tasks.iter().enumerate() {
                    li { a href={ "#task-" (at) } {
                        @if let Some(label) = task.label { strong { (label) } " " }
                        span class=(task.outcome.class) { (task.outcome.mark) } " " (task.family) " " code { (task.id) }
                    } }
                } }
            }
        }
    })
}

/// The task as an article, with its data.
pub(super) fn article(at: usize, task: &Shown<'_>, label: Option<&str>, style: &Style) -> Markup {
    let life = task.life;
    let id = format!("task-{at}");
    let part = |section: &str| format!("{id}-{section}");
    let picture = life.phases.as_ref().map(|phases| {
        let end = drawn_until(life, phases);
        (phases, rows_together(life, phases, end, style), Scale::new(phases, end))
    });
    let (rows, scale) = picture.as_ref().map_or((&[][..], None), |(_, rows, scale)| (rows.as_slice(), Some(scale)));
    let view = View::new(life, rows, scale, style);
    let containers = rows::together(life, style);
    html! {
        article id=(id) aria-labelledby=(part("title")) {
            (header(task, label, &part("title"), style))
            (section(&id, "findings", "What happened", findings(life, style)))
            @if let Some((phases, rows, scale)) = &picture {
                (section(&id, "timeline", "Where the time went", timeline(life, phases, rows, scale, style)))
                (section(&id, "phases", "Durations", durations(phases, rows)))
            } @else {
                (section(&id, "timeline", "Where the time went", html! { p { "No time is known of this task, so there is nothing to draw." } }))
            }
            @if !containers.is_empty() {
                (section(&id, "containers", "Containers", html! {
                    div class="cards" { @for group in &containers { (cards(life, group, style)) } }
                }))
            }
            @if view.line_count() > 0 {
                (section(&id, "log", "Log", html! {
                    noscript { p { "The whole log is in this page, and needs its script to be shown; the last lines stand under their containers." } }
                    @let zero = if scale.is_some() { "the start of the task, as on the timeline" } else { "the first line" };
                    (log::parts(view.line_count(), &part("log"), containers.len() > 1, zero))
                    p class="print-only quiet" { "On paper stand the last lines of each container only: " (count(view.line_count(), "line")) " are in the page." }
                }))
            }
            (section(&id, "events", "Times as they were given", events(life, style)))
            (data::block(&view))
        }
    }
}

/// A part of the article `id`; of several tasks in a page, its label says whose it is.
fn section(id: &str, class: &str, title: &str, body: Markup) -> Markup {
    html! {
        section class=(class) aria-labelledby={ (id) "-" (class) " " (id) "-title" } { h2 id={ (id) "-" (class) } { (title) } (body) }
    }
}

fn header(shown_task: &Shown<'_>, label: Option<&str>, id: &str, style: &Style) -> Markup {
    let (life, task) = (shown_task.life, &shown_task.life.task);
    let outcome = Outcome::of(life);
    let status = task.last_status.as_deref().unwrap_or("status unknown");
    let revision = task.revision().map_or(String::new(), |revision| format!(":{revision}"));
    let facts = [
        ("Cluster", task.cluster_name()),
        ("Service", task.service()),
        ("Capacity", task.capacity_provider.as_deref().or(task.launch_type.as_deref())),
        ("Zone", task.availability_zone.as_deref()),
        ("Started by", task.started_by.as_deref()),
        ("Health", task.health_status.as_deref()),
        ("CPU units", task.cpu.as_deref()),
        ("Memory, MiB", task.memory.as_deref()),
        ("Platform", task.platform_version.as_deref()),
        ("Private address", task.private_ip.as_deref()),
        ("Task", task.arn.as_deref().or(Some(&task.id))),
        ("Task definition", task.task_definition_arn.as_deref()),
    ];
    let (first, more) = facts.split_at(4);
    html! {
        header class=(outcome.class) {
            p class="outcome" {
                span class={ "badge " (outcome.class) } { span aria-hidden="true" { (outcome.mark) " " } (outcome.word) }
                " " (shown(status))
                @if let Some(code) = &task.stop_code { " · " (shown(code)) }
                @if let Some(as_of) = as_of(life, &style.zone) { " " (as_of) }
            }
            h1 id=(id) { @if let Some(label) = label { span class="side" { (label) } " " } (name(life.family())) (revision) " " code { (shown(&task.id)) } }
            @if let Some(phases) = &life.phases {
                p class="span" {
                    @if phases.end.is_none() { "since " }
                    time { (spaced(phases.start, &style.zone)) }
                    @if let Some(end) = phases.end { " → " time { (spaced(end, &style.zone)) } " · " strong { (together(&duration::exact(end.since(phases.start)))) } }
                }
            }
            (facts_list(first))
            details {
                summary { "More about the task" }
                (facts_list(more))
            }
            p class="trace" {
                "Trace id " code class="copied" { (shown(shown_task.trace_id)) } " "
                button type="button" class="copy" hidden data-copy=(shown(shown_task.trace_id)) { "Copy" }
                @if let Some(url) = shown_task.trace_url.and_then(link) { " " a href=(url) rel="noreferrer noopener" { "Open the trace" } }
            }
        }
    }
}

fn facts_list(facts: &[(&str, Option<&str>)]) -> Markup {
    html! {
        @if facts.iter().any(|(_, value)| value.is_some()) {
            dl class="facts" { @for (fact, value) in facts { @if let Some(value) = value { div { dt { (fact) } dd { (shown(value)) } } } } }
        }
    }
}

fn findings(life: &TaskLife, style: &Style) -> Markup {
    let has_any = !(life.findings.is_empty() && life.gaps.is_empty() && life.notes.is_empty());
    html! {
        @if !has_any { p { "Nothing stands out." } }
        @else {
            ul class="found" {
                @for finding in &life.findings {
                    @if finding.kind.is_problem() {
                        li class="problem" data-finding=(finding.kind.id()) { span class="mark" { span aria-hidden="true" { "✗" } span class="spoken" { "Problem: " } } (folded(&finding.text)) }
                    } @else {
                        li class="remark" data-finding=(finding.kind.id()) { span class="mark" aria-hidden="true" { "•" } (folded(&finding.text)) }
                    }
                }
                @for gap in &life.gaps {
                    li class="gap" {
                        span class="mark" { span aria-hidden="true" { "?" } span class="spoken" { "Gap: " } }
                        (shown(&gap.what)) ": " (folded(&gap.why))
                        @if let Some(hint) = &gap.hint { br; span class="quiet" { "Hint: " (shown(hint)) } }
                    }
                }
                @for note in &life.notes { li class="note" { span class="mark" aria-hidden="true" { "·" } (shown(note)) } }
            }
        }
        @if !life.service_events.is_empty() {
            details class="service" {
                summary { (count(life.service_events.len(), "service event")) " about this task" }
                ul { @for event in &life.service_events { li { time { (spaced(event.at, &style.zone)) } " " (folded(&event.message)) } } }
            }
        }
    }
}

fn timeline(life: &TaskLife, phases: &Phases, rows: &[Row<'_>], scale: &Scale, style: &Style) -> Markup {
    html! {
        div class="tools" hidden {
            (picture::zoom())
            @if scale.middle.is_some() { button type="button" data-do="unfold" aria-pressed="false" { "Unfold the middle" } }
            output aria-live="polite" {}
        }
        div class="chart" role="group" tabindex="0" aria-label="Timeline. The table of durations below says the same" {
            div class="scale" aria-hidden="true" {
                svg class="ticks" focusable="false" {
                    text x="0" y="13" { "0" }
                    @if let Some((from, to)) = scale.middle {
                        @let middle = (scale.place(from) + scale.place(to)) / 2.0;
                        text class="middle" x=(picture::percent(middle)) y="13" { "╱╱ " (duration::short(to.since(from))) " ╱╱" }
                    }
                    text class="end" x="100%" y="13" { (duration::short(drawn_until(life, phases).since(phases.start))) }
                }
            }
            div class="rows" {
                @for (row, name) in rows.iter().zip(names(rows, style)) { (bar_row(life, phases, row, &name, scale, style)) }
            }
            svg class="over" aria-hidden="true" focusable="false" {
                @if let Some((from, to)) = scale.middle {
                    @let (from, to) = (scale.place(from), scale.place(to));
                    rect class="broken" x=(picture::percent(from)) width=(picture::percent(to - from)) y="0" height="100%" {}
                }
            }
        }
        @if rows.iter().any(Row::is_estimated) { p class="quiet" { svg class="sample" aria-hidden="true" { rect class="running estimated" x="1" y="1" width="26" height="10" rx="2" {} } " estimated: " (estimated_because(life)) } }
    }
}

/// Of a container's name, so much stands beside its bar. What is cut is in the row's details.
const NAME: usize = 48;

/// The names of rows, as they stand beside their bars.
fn names(rows: &[Row<'_>], style: &Style) -> Vec<String> {
    apart(&rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), NAME, style)
}

/// A row with its bar, which opens: what is known of it, or the rows that it stands for.
fn bar_row(life: &TaskLife, phases: &Phases, row: &Row<'_>, said: &str, scale: &Scale, style: &Style) -> Markup {
    html! {
        details class={ "row depth-" (row.trail.len()) } {
            summary {
                span class="name" { (said) }
                (picture::bar(row, scale))
                span class="length" { (row.length) @if !row.mark.is_empty() { " · " span class=(picture::class(row.mark_tone)) { (shown(&row.mark)) } } }
            }
            @if row.alike.is_empty() { (details(life, phases, row, said, style)) }
            @else {
                p class="details" { (name(&named(&row.containers()))) ", all alike:" }
                div class="alike" {
                    @for (row, name) in row.alike.iter().zip(names(&row.alike, style)) { (bar_row(life, phases, row, &name, scale, style)) }
                }
            }
        }
    }
}

/// What is to be known of a row: its bounds as they were given, and how well they are known.
fn details(life: &TaskLife, phases: &Phases, row: &Row<'_>, said: &str, style: &Style) -> Markup {
    let zero = phases.start;
    let bounds = match row.of {
        Of::Task => [
            Some(bound("Start", phases.start, zero, &how_known(phases, phases.start, phases.start_estimated), style)),
            phases.end.map(|end| bound("End", end, zero, &how_known(phases, end, phases.end_estimated), style)),
        ],
        Of::Phase(phase) => [
            Some(bound("Start", phase.start, zero, &how_known(phases, phase.start, phase.start_estimated), style)),
            phase.end.map(|end| bound("End", end, zero, &how_known(phases, end, phase.end_estimated), style)),
        ],
        Of::Container(container) | Of::Alike(container) => {
            let of = |name, at: Option<ContainerBound>| {
                at.map(|at| bound(name, at.at, zero, &format!("{} bound", at.source.name()), style))
            };
            [of("Start", container.start), of("End", container.end)]
        }
    };
    html! {
        dl class="details" {
            @if let Of::Container(container) = row.of { @if name(&row.name) != said { div { dt { "Name" } dd { (name(container.name())) } } } }
            @for bound in bounds.into_iter().flatten() { (bound) }
            @match row.of {
                Of::Task => { @if let Some(failure) = &life.outcome.failure { div { dt { "Failure" } dd { (folded(failure.told())) } } } }
                Of::Phase(phase) => {
                    @if let Some(share) = shares(phases, phase) { div { dt { "Share" } dd { (share) } } }
                    @if phase.clock_adjusted { div { dt { "Clock" } dd { "a bound was earlier than the one before it, and is drawn there: two clocks differ" } } }
                    @if !phase.is_final { div { dt { "Final" } dd { "no: later news may change it" } } }
                }
                Of::Container(container) | Of::Alike(container) => { @if let Some(reason) = &container.record.reason { div { dt { "Reason" } dd { (folded(reason)) } } } }
            }
        }
    }
}

fn bound(name: &str, at: Time, zero: Time, known: &str, style: &Style) -> Markup {
    html! { div { dt { (name) } dd { time data-ns=(at.unix_nanos()) { (exact(at, &style.zone)) } " (" (together(&offset(at, zero))) ") " span class="quiet" { (known) } } } }
}

/// The moments that lie at a bound, with their clocks; else that it is estimated or moved.
fn how_known(phases: &Phases, at: Time, estimated: bool) -> String {
    let there = |moment: &&Moment| moment.time == at;
    let given: Vec<String> = phases
        .moments
        .iter()
        .filter(there)
        .map(|moment| format!("{}, by the {}'s clock", moment.name, moment.clock.name()))
        .collect();
    match (given.is_empty(), estimated) {
        (_, true) => "estimated".to_owned(),
        (true, false) => "moved up".to_owned(),
        (false, false) => given.join("; "),
    }
}

/// The launch's length, once it is over.
fn launch(phases: &Phases) -> Option<f64> {
    let length = phases.launched?.since(phases.start).as_secs_f64();
    (length > 0.0).then_some(length)
}

fn shares(phases: &Phases, phase: &Phase) -> Option<String> {
    let length = phase.length()?.as_secs_f64();
    let total = phases.end?.since(phases.start).as_secs_f64();
    let of_all = (total > 0.0).then(|| format!("{} of all", share(length, total)));
    let of_launch = launch(phases)
        .filter(|_| is_of_launch(phases, phase))
        .map(|launch| format!("{} of the launch", share(length, launch)));
    let told: Vec<String> = of_launch.into_iter().chain(of_all).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn is_of_launch(phases: &Phases, phase: &Phase) -> bool {
    phases.launched.is_some_and(|launched| phase.end.is_some_and(|end| end <= launched))
}

fn share(part: f64, whole: f64) -> String {
    match part / whole * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "< 1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

fn durations(phases: &Phases, rows: &[Row<'_>]) -> Markup {
    let total = phases.end.map(|end| end.since(phases.start).as_secs_f64()).filter(|total| *total > 0.0);
    let bars = rows.iter().filter(|row| row.bar.is_some());
    html! {
        div class="scroll" tabindex="0" role="group" aria-label="Table of durations" {
            table {
                thead { tr { th scope="col" { "What" } th scope="col" class="number" { "Begins" } th scope="col" class="number" { "Takes" } th scope="col" class="number" { "Of the launch" } th scope="col" class="number wide" { "Of all" } th scope="col" { "" span class="spoken" { "Outcome" } } } }
                tbody { @for row in bars {
                    @if let Some(bar) = row.bar {
                        @let length = bar.end.since(bar.start).as_secs_f64();
                        @let of_launch = match row.of { Of::Phase(phase) if is_of_launch(phases, phase) => launch(phases), _ => None };
                        tr class={ "depth-" (row.trail.len()) } {
                            th scope="row" { (name(&row.name)) @if !row.alike.is_empty() { span class="quiet" { " " (name(&named(&row.containers()))) } } }
                            td class="number" { (together(&offset(bar.start, phases.start))) }
                            td class="number" { (together(&row.length)) }
                            td class="number" { @if let Some(launch) = of_launch { (together(&share(length, launch))) } }
                            td class="number wide" { @if let (Some(total), false) = (total, bar.open) { (together(&share(length, total))) } }
                            td class="word" { span class=(picture::class(row.mark_tone)) { (shown(&row.mark)) } @if row.is_estimated() { span class="quiet" { " estimated" } } }
                        }
                    }
                } }
            }
        }
    }
}

/// A container's card, or those of many that are alike, folded.
fn cards(life: &TaskLife, group: &[&Container], style: &Style) -> Markup {
    html! {
        @match group {
            [container] => (card(life, container, style)),
            group => details class="many" {
                summary { strong { (group.len()) " containers that are alike: " } (name(&named(group))) }
                div class="cards" { @for container in group { (card(life, container, style)) } }
            }
        }
    }
}

fn card(life: &TaskLife, container: &Container, style: &Style) -> Markup {
    let record = &container.record;
    let failed = container.failure.is_some();
    let status = match () {
        () if container.never_ran() => "never started",
        () => record.last_status.as_deref().unwrap_or("status unknown"),
    };
    let essential = container.essential().map(|essential| if essential { "yes" } else { "no" });
    let (restarts, exit) =
        (record.restarts.map(|count| count.to_string()), record.exit_code.map(|code| code.to_string()));
    let facts = [
        ("Image", record.image.as_deref()),
        ("Digest", record.image_digest.as_deref()),
        ("Essential", essential),
        ("Health", record.health_status.as_deref()),
        ("Restarts", restarts.as_deref()),
        ("Runtime id", record.runtime_id.as_deref()),
    ];
    let log = container.log.as_ref().filter(|_| style.logs);
    // The zero of the timeline and of the log, so that a line has one time in a page.
    let zero = life.phases.as_ref().map(|phases| phases.start);
    let traces = ApplicationTraces::of_container(life, container);
    html! {
        div class={ "card" @if failed { " failed" } } {
            h3 {
                (name(container.name())) " "
                span class={ "badge " (if failed { "bad" } else { "plain" }) } {
                    @if failed { span aria-hidden="true" { "✗ " } span class="spoken" { "failed: " } }
                    (shown(status)) @if let Some(exit) = &exit { " · exit " (exit) }
                }
            }
            @if let Some(reason) = &record.reason { div class="reason" { (folded(reason)) } }
            (facts_list(&facts))
            @for agent in &record.managed_agents {
                p class="quiet" { "Agent " (name(&agent.name)) @if let Some(status) = &agent.status { ": " (shown(status)) } @if let Some(reason) = &agent.reason { ", " (shown(reason)) } }
            }
            @if let Some(log) = log { (log::last(container.name(), log, zero)) }
            @let linked = traces.linked();
            @if !linked.is_empty() {
                details { summary { (count(linked.len() + traces.dropped(), "application trace")) } ul { @for named in linked { li { code { (named.trace_id.to_string()) } } } } }
            }
        }
    }
}

fn events(life: &TaskLife, style: &Style) -> Markup {
    let zero = life.phases.as_ref().map(|phases| phases.start);
    let mut events: Vec<(Time, String, &str)> = vec![];
    for moment in life.phases.iter().flat_map(|phases| &phases.moments) {
        events.push((moment.time, format!("task {}", moment.name), moment.clock.name()));
    }
    for event in &life.service_events {
        events.push((event.at, format!("service: {}", event.message), "control plane"));
    }
    for container in visible(life, style) {
        let record = &container.record;
        let source = container.start.or(container.end).map_or("", |bound| bound.source.name());
        let own = [("created", record.created), ("started", record.started), ("finished", record.finished)];
        events.extend(
            own.into_iter()
                .filter_map(|(what, at)| Some((at?, format!("container {} {what}", name(container.name())), source))),
        );
        for agent in &record.managed_agents {
            events.extend(agent.started.map(|at| {
                (at, format!("agent {} of {} started", name(&agent.name), name(container.name())), "control plane")
            }));
        }
    }
    events.sort_by_key(|(time, ..)| *time);
    html! {
        @if events.is_empty() { p { "None." } }
        @else {
            div class="scroll" tabindex="0" role="group" aria-label="Table of times" {
                table {
                    thead { tr { th scope="col" { "Time" } th scope="col" class="number" { "After the start" } th scope="col" { "What" } th scope="col" { "Clock or source" } } }
                    tbody { @for (time, what, clock) in &events {
                        tr data-ns=(time.unix_nanos()) {
                            td { (text::time(*time, &style.zone)) }
                            td class="number" { @if let Some(zero) = zero { (together(&offset(*time, zero))) } }
                            td { (folded(what)) }
                            td { (clock) }
                        }
                    } }
                }
            }
        }
    }
}
