//! The report as Markdown, for the summary of a CI job. Main function: [`draw`].

use super::rows::{self, MOST};
use super::{Report, sentences};
use crate::model::deployment::{Matter, State};
use crate::model::duration;
use crate::render::markup::{code, link, push, text};
use crate::render::style::Style;
use crate::render::{escape, moment};

/// Columns of a log line.
const LINE: usize = 500;
/// Columns of a bar: with an id (12), a length (11) and what became of the task (12) it fits into 80.
const BAR: usize = 42;

/// Draws the report.
pub fn draw(report: &Report<'_>, style: &Style) -> String {
    let deployment = &report.life.deployment;
    let mut out = String::new();
    let mark = match report.state() {
        State::Held => "✅",
        State::RolledBack | State::Failed => "❌",
        State::InProgress => "⏳",
    };
    let title = format!("{} in {}", deployment.service, deployment.cluster());
    push(&mut out, &format!("## {mark} Deployment of {}", text(&title)));
    for said in sentences::first_lines(report) {
        push(&mut out, &format!("**{}**", text(&said)));
    }
    let mut about = vec![format!("{} tasks: {}", code(&deployment.id), text(&sentences::counts(report)))];
    if let Some(created) = deployment.created {
        let to = deployment
            .finished
            .map_or(String::new(), |finish| format!(", over after {}", duration::exact(finish.at.since(created))));
        about.push(format!("created {}{to}", moment::spaced(created, &style.zone)));
    }
    about.push(format!("{}: {}", sentences::outcome_word(report), sentences::said_by(report)));
    about.extend(sentences::more(report).iter().map(|line| text(line)));
    push(&mut out, &about.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"));
    failures(&mut out, report);
    phases(&mut out, report);
    launches(&mut out, report, style);
    let mut rest: Vec<String> = sentences::findings(report).iter().map(|line| text(line)).collect();
    rest.extend(sentences::told(report, &style.zone).iter().map(|line| text(line)));
    rest.extend(report.life.apart().map(|apart| {
        let named = sentences::named(apart.count, &apart.tasks);
        format!("not counted as the rollout: {} {}: {}", apart.count, text(apart.what), text(&named))
    }));
    rest.extend(report.gaps.iter().map(|gap| format!("gap: {}: {}", text(&gap.what), text(&gap.why))));
    rest.extend(report.notes.iter().map(|note| format!("note: {}", text(note))));
    rest.extend(sentences::next(report).iter().map(|next| {
        let command = next.command.as_ref().map_or_else(String::new, |command| format!(" {}", code(command)));
        format!("next: {}{command}", text(&next.lead()))
    }));
    rest.push(match report.trace_url.and_then(link) {
        Some(url) => format!("trace id [{}]({url})", code(report.trace_id)),
        None => format!("trace id {}", code(report.trace_id)),
    });
    push(&mut out, &rest.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"));
    out
}

fn phases(out: &mut String, report: &Report<'_>) {
    let phases = report.life.phases();
    if phases.is_empty() {
        return;
    }
    let mut table = String::from("| phase | tasks | p50 | p95 | max |");
    let mut rule = String::from("|---|---:|---:|---:|---:|");
    if report.comparison.is_some() {
        table.push_str(" baseline p50 | |");
        rule.push_str("---:|---|");
    }
    let mut rows = vec![table, rule];
    let stopping = report.life.stopping().map(|spread| ("stopping (old tasks)", spread));
    for (name, spread) in phases.iter().copied().chain(stopping) {
        let [p50, p95, max] = [spread.p50, spread.p95, spread.max].map(duration::short);
        let small = if sentences::is_small(&spread) { " (small sample)" } else { "" };
        let mut row = format!("| {name} | {}{small} | {p50} | {p95} | {max} |", spread.count);
        if let Some(comparison) = report.comparison {
            match comparison.differences.iter().find(|difference| difference.phase == name) {
                Some(found) => {
                    let mark = sentences::mark(found.matter, true);
                    let mark = if found.matter == Matter::Slower { format!("**{mark}**") } else { mark.to_owned() };
                    row.push_str(&format!(" {} | {mark} |", duration::short(found.before.p50)));
                }
                None => row.push_str(" | |"),
            }
        }
        rows.push(row);
    }
    push(out, &rows.join("\n"));
    let said = [sentences::path(report), sentences::slowest_phase(report), sentences::slowest_task(report)];
    let rule = report.comparison.map(|_| sentences::RULE.to_owned());
    let lines: Vec<String> = said.into_iter().flatten().chain(rule).map(|line| format!("- {}", text(&line))).collect();
    push(out, &lines.join("\n"));
}

fn launches(out: &mut String, report: &Report<'_>, style: &Style) {
    let (tasks, more) = rows::chosen(report.life);
    let Some((from, to)) = rows::span(report.life, report.now(style)).filter(|_| !tasks.is_empty()) else { return };
    let mut block =
        vec!["<details><summary>Launches side by side</summary>".to_owned(), String::new(), "```text".to_owned()];
    for task in tasks {
        let took = match task.launch() {
            Some((start, Some(end))) => duration::short(end.since(start)),
            _ => String::new(),
        };
        let id = escape::text(rows::short_id(&task.id)).replace('`', "'");
        let end = task.end.map_or("", |end| end.name());
        block.push(format!("{id} {} {took:>11} {end}", rows::bar(task, from, to, BAR, true)).trim_end().to_owned());
    }
    if more > 0 {
        block.push(format!("… {more} more like these ({MOST} are drawn)"));
    }
    block.push("░ provisioning  █ image pull  ▒ starting".to_owned());
    block.extend(["```".to_owned(), String::new(), "</details>".to_owned()]);
    push(out, &block.join("\n"));
}

fn failures(out: &mut String, report: &Report<'_>) {
    for group in report.life.failures().into_iter().take(MOST / 4) {
        let named = sentences::named(group.count, &group.tasks);
        push(out, &format!("### {}\n\n{}", text(&sentences::failure(group)), text(&named)));
        let Some(sample) = group.shown() else { continue };
        // Indented: no line of a log can end such a block.
        let lines: Vec<String> =
            sample.lines.iter().map(|line| format!("    {}", escape::fit(&line.message, LINE, escape::CUT))).collect();
        push(out, &format!("Last lines of container {} of {}:", text(&sample.container), text(&sample.task_id)));
        push(out, &lines.join("\n"));
    }
}
