//! The report for the terminal. Main function: [`draw`].

use super::rows::{self, LETTERS, MOST, short_id};
use super::{Report, sentences};
use crate::model::deployment::{DeployedTask, FailureGroup, LEAST_SAMPLE, Matter, State};
use crate::model::duration;
use crate::render::style::{Style, Tone};
use crate::render::wrap::{quiet, wrapped};
use crate::render::{escape, moment};

/// Draws the report. At most some sixty lines, however many tasks there are.
pub fn draw(report: &Report<'_>, style: &Style) -> String {
    let mut out = String::new();
    first(&mut out, report, style);
    failures(&mut out, report, style);
    waterfall(&mut out, report, style);
    phases(&mut out, report, style);
    rest(&mut out, report, style);
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// A small screen has so many lines.
const SCREEN: usize = 24;

/// How it stands, as it is marked.
fn standing(report: &Report<'_>, style: &Style) -> (&'static str, Tone) {
    match report.state() {
        State::RolledBack | State::Failed => (style.pick("✗ ", "x "), Tone::Bad),
        State::Held => (style.pick("✓ ", "+ "), Tone::Title),
        State::InProgress => (style.pick("… ", "~ "), Tone::Warn),
    }
}

/// What happened and why once more: it has scrolled away when what follows in so many lines is seen, or stood above the report.
fn again(out: &mut String, follows: usize, report: &Report<'_>, style: &Style) {
    let (outcome, cause) = (sentences::outcome(report), sentences::cause(report));
    // What failed may say all of it in its first line.
    let is_bad = matches!(report.state(), State::RolledBack | State::Failed);
    let is_seen = out.lines().count() + follows < SCREEN && !report.is_told;
    if is_seen || (cause.is_none() && !is_bad) {
        return;
    }
    let (mark, tone) = standing(report, style);
    let said = cause.map_or_else(|| outcome.clone(), |cause| format!("{}; {cause}", outcome.trim_end_matches('.')));
    wrapped(out, mark, tone, &said, style);
}

/// What happened, to what, and when.
fn first(out: &mut String, report: &Report<'_>, style: &Style) {
    let deployment = &report.life.deployment;
    let (mark, tone) = standing(report, style);
    let outcome = sentences::outcome(report);
    let main = sentences::main_failure(report);
    // It is told with whose failures these are, and all that one of them last said.
    let cause = sentences::cause(report).filter(|_| main.is_some());
    for (at, said) in sentences::first_lines(report).into_iter().filter(|said| cause.as_ref() != Some(said)).enumerate()
    {
        let is_outcome = said == outcome;
        let beside = if at == 0 { "" } else { "  " };
        let (mark, tone) = if is_outcome { (mark, tone) } else { (beside, Tone::Title) };
        let text = match report.bad {
            None if is_outcome => format!("{said} ({})", sentences::said_by(report)),
            _ => said,
        };
        wrapped(out, mark, tone, &text, style);
        if let Some(main) = main.filter(|_| is_outcome && !report.is_told) {
            failure(out, main, sentences::is_bad(report, main.told()), style);
        }
    }
    out.push('\n');
    let title = [
        Some(format!("service {}", deployment.service)),
        Some(format!("cluster {}", deployment.cluster())),
        Some(deployment.id.clone()),
        deployment.task_definition.as_deref().map(|arn| crate::model::arn::last_part(arn).to_owned()),
    ];
    let title: Vec<String> = title.into_iter().flatten().collect();
    wrapped(out, "", Tone::Plain, &title.join(style.pick(" · ", ", ")), style);
    if let Some(created) = deployment.created {
        let from = moment::spaced(created, &style.zone);
        let about = if deployment.created_estimated { "about " } else { "" };
        let to = deployment.finished.map_or_else(
            || match report.life.saved {
                Some(at) => format!("as of {}", moment::spaced(at, &style.zone)),
                None => "now".to_owned(),
            },
            |finish| {
                format!("{} ({})", moment::spaced(finish.at, &style.zone), duration::exact(finish.at.since(created)))
            },
        );
        let text = format!("{about}{from}{}{to}", style.pick(" → ", " -> "));
        wrapped(out, "", Tone::Quiet, &text, style);
    }
    wrapped(out, "tasks: ", Tone::Plain, &sentences::counts(report), style);
    for monitor in sentences::more(report) {
        wrapped(out, "", Tone::Plain, &monitor, style);
    }
    out.push('\n');
}

/// Launches side by side.
fn waterfall(out: &mut String, report: &Report<'_>, style: &Style) {
    let (tasks, more) = rows::chosen(report.life);
    let Some((from, to)) = rows::span(report.life, report.now(style)).filter(|_| !tasks.is_empty()) else { return };
    let name = tasks.iter().map(|task| short_id(&task.id).len()).max().unwrap_or_default();
    let marks: Vec<(String, Tone)> = tasks.iter().map(|task| mark(task, style)).collect();
    let room = marks.iter().map(|(mark, _)| mark.chars().count()).max().unwrap_or_default();
    let length = 12;
    let width = style.width.saturating_sub(name + 1 + 1 + length + 2 + room).max(8);
    let room = style.width.saturating_sub(name + 1 + width + 1 + length + 2);
    for (task, (mark, tone)) in tasks.iter().zip(&marks) {
        let id = style.pad(short_id(&task.id), name);
        let bar = rows::bar(task, from, to, width, style.unicode);
        let bar = style.paint(if task.has_failed() { Tone::Bad } else { Tone::Launch }, &bar);
        let took = match task.launch() {
            Some((start, Some(end))) => duration::short(end.since(start)),
            Some((start, None)) => {
                format!("{} {}", style.pick("▶", ">"), duration::short(report.now(style).since(start)))
            }
            None => String::new(),
        };
        let took = style.fit(&took, length);
        line(out, &format!("{id} {bar} {took:>length$}  {}", style.paint(*tone, &style.fit(mark, room))));
    }
    if more > 0 {
        let text = format!(
            "{} {more} more like these ({MOST} of {} are drawn)",
            style.pick("…", "..."),
            report.life.launches.len()
        );
        line(out, &style.paint(Tone::Quiet, &style.fit(&text, style.width)));
    }
    quiet(out, &legend(style), style);
    out.push('\n');
}

/// What the letters of a bar mean.
pub(super) fn legend(style: &Style) -> String {
    let letters = LETTERS.iter();
    let meant =
        letters.map(|(kind, drawn, ascii)| format!("{} {}", if style.unicode { drawn } else { ascii }, kind.name()));
    meant.collect::<Vec<_>>().join("  ")
}

pub(super) fn mark(task: &DeployedTask, style: &Style) -> (String, Tone) {
    let has_failed = task.has_failed();
    match task.end {
        Some(end) if has_failed => (format!("{} {}", style.pick("✗", "x"), end.name()), Tone::Bad),
        Some(end) => (end.name().to_owned(), Tone::Quiet),
        None => (String::new(), Tone::Plain),
    }
}

/// Columns of a length.
const CELL: usize = 11;
/// Columns of the table of phases beside a baseline's.
const WIDE: usize = 88;

/// How long each phase took, beside the baseline.
fn phases(out: &mut String, report: &Report<'_>, style: &Style) {
    let phases = report.life.phases();
    if phases.is_empty() {
        return;
    }
    // Little room is for what is compared.
    let is_narrow = report.comparison.is_some() && style.width < WIDE;
    let (before, width) = if is_narrow { ("BASELINE", 10) } else { ("BASELINE P50", 14) };
    let shown: &[usize] = match () {
        () if is_narrow || style.width < 27 + 2 * CELL => &[0],
        () if report.comparison.is_none() && style.width < 27 + 3 * CELL => &[0, 2],
        () => &[0, 1, 2],
    };
    let cells = |name: &str, tasks: &str, cells: [&str; 3]| {
        let shown = shown.iter().filter_map(|at| cells.get(*at));
        let cells: String = shown.map(|cell| format!("{cell:>CELL$}")).collect();
        format!("{name:<22}{tasks:>5}{cells}")
    };
    let heading = cells("PHASE", "TASKS", ["P50", "P95", "MAX"]);
    let heading = if report.comparison.is_some() { format!("{heading}{before:>width$}") } else { heading };
    line(out, &style.paint(Tone::Quiet, &style.fit(&heading, style.width)));
    let stopping = report.life.stopping().map(|spread| ("stopping (old tasks)", spread));
    let mut unsaid = false;
    for (name, spread) in phases.iter().copied().chain(stopping) {
        let [p50, p95, max] = [spread.p50, spread.p95, spread.max].map(duration::short);
        let mut text = cells(name, &spread.count.to_string(), [&p50, &p95, &max]);
        let beside = report.comparison.and_then(|c| c.differences.iter().find(|d| d.phase == name));
        let mark = match beside {
            Some(beside) => {
                text.push_str(&format!("{:>width$}", duration::short(beside.before.p50)));
                sentences::mark(beside.matter, style.unicode)
            }
            None if sentences::is_small(&spread) => sentences::mark(Matter::Small, style.unicode),
            None => "",
        };
        if escape::columns(&text) + 2 + escape::columns(mark) <= style.width {
            text.push_str(&format!("  {mark}"));
        } else {
            unsaid = true;
        }
        let tone = beside.and_then(|beside| sentences::tone(beside.matter)).unwrap_or_default();
        line(out, &style.paint(tone, style.fit(&text, style.width).trim_end()));
    }
    if unsaid {
        let text = format!("fewer than {LEAST_SAMPLE} tasks are a small sample");
        wrapped(out, "", Tone::Quiet, &text, style);
    }
    out.push('\n');
    let said = [sentences::path(report), sentences::slowest_phase(report), sentences::slowest_task(report)];
    for sentence in said.into_iter().flatten() {
        wrapped(out, style.pick("• ", "* "), Tone::Plain, &sentence, style);
    }
    if report.comparison.is_some() {
        wrapped(out, style.pick("• ", "* "), Tone::Quiet, sentences::RULE, style);
    }
}

fn failures(out: &mut String, report: &Report<'_>, style: &Style) {
    let cross = style.pick("✗ ", "x ");
    // What is the cause is the first of them, and stands above.
    let above = usize::from(sentences::main_failure(report).is_some());
    let groups = report.life.failures();
    let groups = groups.iter().take(MOST / 4).skip(above);
    let is_more = groups.len() > 0 || report.life.failures().len() > MOST / 4;
    groups.for_each(|group| failure(out, group, false, style));
    let more = report.life.failures().len().saturating_sub(MOST / 4);
    if more > 0 {
        wrapped(out, cross, Tone::Bad, &format!("{more} more reasons: they are in the JSON report"), style);
    }
    let findings = sentences::findings(report);
    for finding in &findings {
        wrapped(out, cross, Tone::Warn, finding, style);
    }
    if !findings.is_empty() || is_more {
        out.push('\n');
    }
}

/// Why tasks failed, unless that is said, which ones, and what one of them said last.
fn failure(out: &mut String, group: &FailureGroup, is_said: bool, style: &Style) {
    if !is_said {
        wrapped(out, style.pick("✗ ", "x "), Tone::Bad, &sentences::failure(group), style);
    }
    wrapped(out, "  ", Tone::Quiet, &sentences::named(group.count, &group.tasks), style);
    let Some(sample) = group.shown() else { return };
    let text = format!("last lines of container {} of {}:", sample.container, sample.task_id);
    wrapped(out, "  ", Tone::Quiet, &text, style);
    for logged in &sample.lines {
        wrapped(out, "    ", Tone::Plain, &logged.message, style);
    }
}

fn rest(out: &mut String, report: &Report<'_>, style: &Style) {
    let told = sentences::told(report, &style.zone);
    if !told.is_empty() {
        wrapped(out, "", Tone::Plain, "what ECS told of it:", style);
    }
    for said in told {
        wrapped(out, "  ", Tone::Plain, &said, style);
    }
    let mut apart = report.life.apart().peekable();
    if apart.peek().is_some() {
        wrapped(out, "", Tone::Quiet, "not counted as the rollout:", style);
    }
    for apart in apart {
        let text = format!("{} {}: {}", apart.count, apart.what, sentences::named(apart.count, &apart.tasks));
        wrapped(out, "  ", Tone::Quiet, &text, style);
    }
    for gap in report.gaps {
        let hint = gap.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        wrapped(out, "gap: ", Tone::Warn, &format!("{}: {}{hint}", gap.what, gap.why), style);
    }
    for note in report.notes {
        wrapped(out, "note: ", Tone::Quiet, note, style);
    }
    let mut last = String::new();
    for next in sentences::next(report) {
        wrapped(&mut last, "next: ", Tone::Title, &next.lead(), style);
        // However wide: the terminal wraps it, and it can be pasted.
        next.command.iter().for_each(|command| line(&mut last, &format!("      {}", escape::text(command))));
    }
    quiet(&mut last, &format!("trace id {}", report.trace_id), style);
    again(out, last.lines().count(), report, style);
    out.push_str(&last);
}
