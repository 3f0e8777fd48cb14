//! A task as Markdown, for an issue, a review or a chat: what happened, the waterfall as text, the log folded away. Main function:
//! [`draw`].
//!
//! GitHub's flavour; bounded, for a comment there holds 65,536 characters.

use super::markup::{code, fenced, link, push, text};
use super::rows::visible;
use super::style::Style;
use super::{escape, moment, timeline, waterfall};
use crate::model::container::Container;
use crate::model::log::LogLine;
use crate::model::{TaskLife, duration};

/// Columns of the waterfall: what GitHub shows without a scroll bar.
const WIDTH: usize = 80;
/// Columns of a log line …
const LINE: usize = 300;
/// … the last lines of a container that are kept …
const LINES: usize = 60;
/// … and the characters of all logs together.
const LOGS: usize = 40_000;

/// Draws a task's life. `trace_id` is where its trace is found, `trace_url` its address in somebody's UI.
pub fn draw(life: &TaskLife, trace_id: &str, trace_url: Option<&str>, style: &Style) -> String {
    let style = Style { width: style.width.min(WIDTH), color: false, logs: style.logs, ..style.clone() };
    let mut out = String::new();
    let task = &life.task;
    let (mark, how) = match (&life.outcome.failure, life.is_stopped()) {
        (Some(_), _) => ("❌", " failed"),
        (None, true) => ("⏹️", " stopped"),
        (None, false) => ("⏳", ""),
    };
    let revision = task.revision().map_or(String::new(), |revision| format!(":{revision}"));
    push(&mut out, &format!("## {mark} Task {}{revision}{how}", text(life.family())));
    let found = life.findings.iter().map(|finding| match finding.kind.is_problem() {
        true => format!("- **{}**", text(&finding.text)),
        false => format!("- {}", text(&finding.text)),
    });
    let gaps = life.gaps.iter().map(|gap| format!("- gap: {}: {}", text(&gap.what), text(&gap.why)));
    let notes = life.notes.iter().map(|note| format!("- note: {}", text(note)));
    let said: Vec<String> = found.chain(gaps).chain(notes).collect();
    if !said.is_empty() {
        push(&mut out, &said.join("\n"));
    }
    if life.phases.is_some() {
        let mut bars = String::new();
        waterfall::bars(&mut bars, life, &Style { logs: false, ..style.clone() });
        push(&mut out, &fenced(&bars));
    }
    push(&mut out, &about(life, trace_id, trace_url, &style));
    if style.logs {
        let mut room = LOGS;
        visible(life, &style).iter().for_each(|container| log(&mut out, container, &style, &mut room));
    }
    out
}

/// What the task is, in a list.
fn about(life: &TaskLife, trace_id: &str, trace_url: Option<&str>, style: &Style) -> String {
    let task = &life.task;
    let status = text(task.last_status.as_deref().unwrap_or("status unknown"));
    let stop_code = task.stop_code.as_deref().map_or(String::new(), |code| format!(" ({})", text(code)));
    let as_of = moment::as_of(life, &style.zone).map_or(String::new(), |as_of| format!(" {as_of}"));
    let capacity = task.capacity_provider.as_deref().or(task.launch_type.as_deref());
    let places = [
        task.cluster_name().map(|cluster| format!("cluster {}", text(cluster))),
        task.service().map(|service| format!("service {}", text(service))),
        capacity.map(text),
        task.availability_zone.as_deref().map(text),
    ];
    let places: Vec<String> = places.into_iter().flatten().collect();
    let mut lines = vec![format!("task {}: {status}{stop_code}{as_of}", code(&task.id))];
    if !places.is_empty() {
        lines.push(places.join(", "));
    }
    if let Some(phases) = &life.phases {
        let start = moment::spaced(phases.start, &style.zone);
        lines.push(match phases.end {
            Some(end) => {
                let took = duration::exact(end.since(phases.start));
                format!("{start} → {}: {took}", moment::spaced(end, &style.zone))
            }
            None => format!("since {start}"),
        });
    }
    lines.push(match trace_url.and_then(link) {
        Some(url) => format!("trace id [{}]({url})", code(trace_id)),
        None => format!("trace id {}", code(trace_id)),
    });
    lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}

/// The last lines of a container, folded.
fn log(out: &mut String, container: &Container, style: &Style, room: &mut usize) {
    let Some(log) = container.log.as_ref().filter(|log| !log.is_empty()) else { return };
    let zero = container.start.map(|start| start.at).or_else(|| log.lines().next().map(|line| line.time));
    let at = |line: &LogLine| zero.map_or(String::new(), |zero| format!("{:>14}  ", moment::offset(line.time, zero)));
    // Indented: no line of a log can end such a block.
    let drawn = |line: &LogLine| {
        format!("    {}{}", at(line), escape::fit(&line.message, LINE, escape::CUT)).trim_end().to_owned()
    };
    let mut lines = vec![];
    for line in log.lines().rev().take(LINES) {
        let line = drawn(line);
        let Some(rest) = room.checked_sub(line.len() + 1) else { break };
        *room = rest;
        lines.push(line);
    }
    lines.reverse();
    let of = if lines.len() < log.len() { format!("last {} of ", lines.len()) } else { String::new() };
    let plural = if log.len() == 1 { "" } else { "s" };
    let name = escape::text(container.name()).replace('&', "&amp;").replace('<', "&lt;");
    push(out, &format!("<details><summary>Log of container {name}: {of}{} line{plural}</summary>", log.len()));
    let missing = [timeline::before_log(log, style), timeline::left_out(log, style)];
    for (_, what) in missing.into_iter().flatten() {
        push(out, &format!("({})", text(&what)));
    }
    if !lines.is_empty() {
        push(out, &lines.join("\n"));
    }
    push(out, "</details>");
}
