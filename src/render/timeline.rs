//! The timeline: one line an event or log line, in the order of time. Main function: [`draw`].
//!
//! `TIME<tab>TASK<tab>TEXT` and `TIME<tab>CONTAINER:NAME<tab>TEXT`: for `grep`, `cut` and eyes.

use super::escape::{reason, text};
use super::moment::iso;
use super::style::Style;
use crate::model::container::Container;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::observation::Gap;
use crate::model::{TaskLife, Time};

/// Draws a task's life, a line for each thing that happened.
pub fn draw(life: &TaskLife, style: &Style) -> String {
    let moments = moments(life, style);
    let nothing = moments.is_empty().then(|| "-\tTASK\tNo time is known\n".to_owned());
    moments.into_iter().map(|(_, line)| line).chain(nothing).chain(untimed(life, style)).collect()
}

/// A line for each thing that happened, in the order of time: for whoever puts more lines between them.
pub fn moments(life: &TaskLife, style: &Style) -> Vec<(Time, String)> {
    let mut lines: Vec<(Time, String)> = vec![];
    let moments = life.phases.iter().flat_map(|phases| &phases.moments);
    for moment in moments {
        lines.push((moment.time, format!("TASK\t{}", capitalised(moment.name))));
        let is_end = if life.task.times.stopping.is_some() { "stopping" } else { "stopped" };
        if moment.name == is_end {
            lines.extend(reasons(life).into_iter().map(|reason| (moment.time, reason)));
        }
    }
    for event in &life.service_events {
        lines.push((event.at, format!("SERVICE\t{}", reason(&event.message))));
    }
    for (was, event) in life.meanwhile() {
        lines.push((event.at, format!("SERVICE\twhile it was {was}: {}", text(event.text()))));
    }
    for container in life.containers.iter().filter(|c| style.all_containers || !c.is_hidden()) {
        container_lines(&mut lines, container, life, style);
    }
    // Stable: at one time the task's own lines come first, then lines in the order of their log.
    lines.sort_by_key(|(time, _)| *time);
    lines.into_iter().map(|(time, line)| (time, format!("{}\t{line}\n", iso(time, &style.zone)))).collect()
}

/// What has no time: how containers ended while nobody says when, and what could not be learned.
pub fn untimed(life: &TaskLife, style: &Style) -> Vec<String> {
    let mut lines = vec![];
    for container in life.containers.iter().filter(|c| style.all_containers || !c.is_hidden()) {
        if ended(container, life).is_none() {
            let said = said_of(container).into_iter();
            lines.extend(said.map(|what| format!("-\tCONTAINER:{}\t{what}\n", text(container.name()))));
        }
    }
    lines.extend(life.gaps.iter().map(gap));
    lines
}

/// One thing that could not be learned.
pub fn gap(gap: &Gap) -> String {
    format!("-\tGAP\t{}: {}\n", text(&gap.what), text(&gap.why))
}

/// That lines of a container between these times were not read.
pub fn not_read(container: &str, from: Time, to: Time, style: &Style) -> String {
    let (from, to) = (iso(from, &style.zone), iso(to, &style.zone));
    format!("{to}\tCONTAINER:{}\t[lines between {from} and {to} not read]\n", text(container))
}

/// What is missing before a log of which only the end was read, and when that ends.
pub(super) fn before_log(log: &ContainerLog, style: &Style) -> Option<(Time, String)> {
    let first = log.begins_unread()?;
    Some((first, format!("lines before {} not read", iso(first, &style.zone))))
}

/// What is missing inside of a log, and when that begins.
pub(super) fn left_out(log: &ContainerLog, style: &Style) -> Option<(Time, String)> {
    let (before, after) = log.hole()?;
    let count = if log.unread { "lines".to_owned() } else { format!("{} lines", log.dropped) };
    let (from, to) = (iso(before, &style.zone), iso(after, &style.zone));
    Some((before, format!("{count} between {from} and {to} not {}", if log.unread { "read" } else { "kept" })))
}

/// One log line of a container.
pub fn log_line(container: &str, line: &LogLine, style: &Style) -> String {
    format!("{}\tCONTAINER:{}\t{}\n", iso(line.time, &style.zone), text(container), text(&line.message))
}

fn reasons(life: &TaskLife) -> Vec<String> {
    let line =
        |name: &str, value: &Option<String>| value.as_deref().map(|value| format!("TASK\t{name}:{}", reason(value)));
    [line("StoppedReason", &life.task.stopped_reason), line("StoppedCode", &life.task.stop_code)]
        .into_iter()
        .flatten()
        .collect()
}

fn container_lines(lines: &mut Vec<(Time, String)>, container: &Container, life: &TaskLife, style: &Style) {
    let name = text(container.name());
    let mut say = |time, what: String| lines.push((time, format!("CONTAINER:{name}\t{what}")));
    if let Some(log) = container.log.as_ref().filter(|_| style.logs) {
        if let Some((first, what)) = before_log(log, style) {
            say(first, format!("[{what}]"));
        }
        log.head.iter().for_each(|line| say(line.time, text(&line.message)));
        if let Some((before, what)) = left_out(log, style) {
            say(before, format!("[{what}]"));
        }
        log.tail.iter().for_each(|line| say(line.time, text(&line.message)));
    }
    let own = [
        ("Created", container.record.created),
        ("Started", container.record.started),
        ("Finished", container.record.finished),
    ];
    for (what, time) in own {
        if let Some(time) = time {
            say(time, what.to_owned());
        }
    }
    for agent in &container.record.managed_agents {
        if let Some(time) = agent.started {
            say(time, format!("ManagedAgent:{} started", text(&agent.name)));
        }
    }
    if let Some(time) = ended(container, life) {
        said_of(container).into_iter().for_each(|what| say(time, what));
    }
}

/// ECS does not say when a container ended; it had when execution stopped.
fn ended(container: &Container, life: &TaskLife) -> Option<Time> {
    let stopped = container.record.finished.or(life.task.times.execution_stopped);
    stopped.or(container.end.map(|end| end.at)).or(life.phases.as_ref().and_then(|phases| phases.end))
}

/// How a container ended.
fn said_of(container: &Container) -> Vec<String> {
    let of_container = container.record.reason.as_ref().map(|said| format!("Reason:{}", reason(said)));
    let exit = container.record.exit_code.map(|code| format!("ExitCode:{code}"));
    let agents = container.record.managed_agents.iter().filter_map(|agent| {
        let why = reason(agent.reason.as_deref()?);
        Some(format!("ManagedAgent:{} {}: {why}", text(&agent.name), text(agent.status.as_deref().unwrap_or_default())))
    });
    of_container.into_iter().chain(exit).chain(agents).collect()
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
