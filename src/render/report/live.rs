//! A rollout as it stands, for the foot of a terminal that is drawn anew all the time. Main function: [`draw`].

use super::rows::{self, short_id};
use super::text::{legend, line, mark};
use crate::model::Time;
use crate::model::arn::Arn;
use crate::model::deployment::{DeployedTask, DeploymentLife};
use crate::model::duration::short;
use crate::model::phases::Phase;
use crate::render::style::{Style, Tone};
use crate::render::wrap::lines;
use crate::render::{escape, moment};

/// So many of the service's latest events are drawn.
const EVENTS: usize = 3;
/// Columns of a length, and of what stands behind it.
const LENGTH: usize = 14;
const MARK: usize = 16;

/// Draws it in at most so many lines, none of which is as wide as the terminal: a full line would wrap in some.
pub fn draw(life: &DeploymentLife, style: &Style, height: usize) -> String {
    let style = Style { width: style.width.saturating_sub(1), ..style.clone() };
    let mut out = String::new();
    heading(&mut out, life, &style);
    // What is drawn beside them: the heading, the legend, the events.
    let events = events(life, &style);
    let others = out.lines().count() + 1 + events.len();
    let (tasks, more) = chosen(life, height.saturating_sub(others).max(1));
    let from = life.deployment.created.or_else(|| life.launches.iter().filter_map(|task| Some(task.launch()?.0)).min());
    if let Some(from) = from.filter(|_| !tasks.is_empty()) {
        for task in &tasks {
            row(&mut out, task, from, &style);
        }
        let more = if more > 0 { format!("{more} more; ") } else { String::new() };
        line(&mut out, &style.paint(Tone::Quiet, &style.fit(&format!("{more}{}", legend(&style)), style.width)));
    }
    events.iter().for_each(|said| line(&mut out, &style.paint(Tone::Quiet, said)));
    out
}

/// The service's latest events; why something happened stands at their end, so that a long one takes two lines.
fn events(life: &DeploymentLife, style: &Style) -> Vec<String> {
    let all: Vec<_> = life.deployment.events().collect();
    let latest = all.iter().skip(all.len().saturating_sub(EVENTS));
    latest.flat_map(|event| event_lines(&moment::clock(event.at, &style.zone), event.text(), style)).collect()
}

fn event_lines(at: &str, text: &str, style: &Style) -> Vec<String> {
    let indent = at.chars().count() + 2;
    let room = style.width.saturating_sub(indent).max(8);
    let lines = two(&with_names(text), room, style);
    let mark = |number| if number == 0 { format!("{at}  ") } else { " ".repeat(indent) };
    lines.iter().enumerate().map(|(number, line)| format!("{}{line}", mark(number))).collect()
}

/// A text in two lines at most; what has no room is cut behind a word.
fn two(text: &str, room: usize, style: &Style) -> Vec<String> {
    let mut lines = lines(text, room);
    if lines.len() > 2 {
        lines.truncate(2);
        let cut = style.pick(" …", " ...");
        if let Some(last) = lines.last_mut() {
            while escape::columns(last) + cut.chars().count() > room {
                let Some(at) = last.rfind(' ') else { break };
                last.truncate(at);
            }
            last.push_str(cut);
        }
    }
    lines.iter().map(|line| style.fit(line, room)).collect()
}

/// What is rolled out, for how long, and how far that is.
fn heading(out: &mut String, life: &DeploymentLife, style: &Style) {
    let deployment = &life.deployment;
    let since = deployment.created.map(|created| short(style.now.since(created)));
    let version = deployment.task_definition.as_deref().map(|arn| crate::model::arn::last_part(arn).to_owned());
    let strategy = deployment.strategy.clone().filter(|strategy| strategy != "ROLLING");
    let title = [Some(deployment.service.clone()), Some(deployment.cluster().to_owned()), version, strategy, since];
    let title: Vec<String> = title.into_iter().flatten().collect();
    line(out, &style.paint(Tone::Title, &style.fit(&title.join(style.pick(" · ", ", ")), style.width)));
    let wanted = deployment.desired.map_or(String::new(), |desired| format!(" of {desired}"));
    // As ECS counts; those that it starts again and again are no progress.
    let running = deployment.running.and_then(|running| usize::try_from(running).ok());
    let mut counts = vec![format!("{}{wanted} running", running.unwrap_or_else(|| life.running()))];
    if life.failed() > 0 {
        counts.push(format!("{} failed", life.failed()));
    }
    let (stopped, stopping): (Vec<_>, Vec<_>) = life.stops.iter().partition(|task| task.is_stopped);
    let began = stopping.iter().filter_map(|task| task.phases.as_ref()?.end_began).min();
    if !life.stops.is_empty() {
        let since = began.map_or(String::new(), |began| format!(" (for up to {})", short(style.now.since(began))));
        counts.push(format!("{} old stopped, {} stopping{since}", stopped.len(), stopping.len()));
    }
    counts.extend(deployment.stage.as_ref().map(|stage| format!("stage {stage}")));
    let tone = if life.failed() > 0 || deployment.rollback.is_some() { Tone::Bad } else { Tone::Plain };
    line(out, &style.paint(tone, &style.fit(&counts.join(style.pick(" · ", ", ")), style.width)));
    let paused = deployment.paused().map(|hook| hook.waits(|at| moment::clock(at, &style.zone)));
    for said in paused.chain(deployment.course()) {
        two(&said, style.width, style).iter().for_each(|said| line(out, &style.paint(Tone::Warn, said)));
    }
}

/// An event with target groups by their names: an ARN leaves no room for what happened to it.
fn with_names(text: &str) -> String {
    let name = |word: &str| {
        let resource = Arn::parse(word.trim_end_matches(')'))?.resource;
        let name = resource.strip_prefix("targetgroup/")?.split('/').next()?.to_owned();
        Some(if word.ends_with(')') { format!("{name})") } else { name })
    };
    text.split(' ').map(|word| name(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ")
}

/// What goes on comes first, then what failed, then the latest; drawn in the order in which they were launched.
fn chosen(life: &DeploymentLife, most: usize) -> (Vec<&DeployedTask>, usize) {
    let mut order: Vec<usize> = (0..life.launches.len()).rev().collect();
    let rank = |at: &usize| match life.launches.get(*at) {
        Some(task) if !task.has_started() && !task.is_stopped => 0,
        Some(task) if task.has_failed() => 1,
        _ => 2,
    };
    order.sort_by_key(rank);
    order.truncate(most);
    order.sort_unstable();
    let more = life.launches.len() - order.len();
    (order.into_iter().filter_map(|at| life.launches.get(at)).collect(), more)
}

fn row(out: &mut String, task: &DeployedTask, from: Time, style: &Style) {
    let id = style.pad(short_id(&task.id), 12);
    let width = style.width.saturating_sub(12 + 1 + 1 + LENGTH + 2 + MARK).max(8);
    let bar = rows::bar(task, from, style.now.max(from), width, style.unicode);
    let bar = style.paint(if task.has_failed() { Tone::Bad } else { Tone::Launch }, &bar);
    let took = match task.launch() {
        Some((start, Some(end))) => short(end.since(start)),
        Some((start, None)) => short(style.now.since(start)),
        None => String::new(),
    };
    let (mark, tone) = match task.end {
        Some(_) => mark(task, style),
        None => (now(task).to_owned(), if task.has_started() { Tone::Running } else { Tone::Plain }),
    };
    let mark = style.paint(tone, &style.fit(&mark, MARK));
    line(out, &format!("{id} {bar} {:>LENGTH$}  {mark}", style.fit(&took, LENGTH)));
}

/// What the task does now.
fn now(task: &DeployedTask) -> &'static str {
    let open = |phase: &&Phase| phase.end.is_none();
    let all = task.phases.iter().flat_map(|phases| phases.all()).filter(open);
    all.last().map_or("", |phase| phase.kind.name())
}
