//! `ecspan show --follow`: a task that is drawn while it lives.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

use ecspan::model::{AsOf, TaskLife, Time};
use ecspan::render::{Style, timeline, waterfall};
use ecspan::run::follow::{Look, follow};
use ecspan::sink::Verdict;
use ecspan::trace::ids;
use futures::StreamExt;

use super::args::{Format, Global, ShowArgs};
use super::ending::Ending;
use super::exit::Exit;
use super::live::Live;
use super::problem::Problem;
use super::style::style;
use super::tasks::{self, Needs};
use super::{notices, signals, stdout, terminal};

pub(super) async fn run(global: &Global, args: &ShowArgs) -> Result<Exit, Problem> {
    if !matches!(args.format, Format::Waterfall | Format::Timeline) {
        return Err(Problem::usage("--follow draws a waterfall or a timeline: a document is of one moment")
            .hint("--format timeline, which is a line for each thing that happens".to_owned()));
    }
    let needs = Needs { service_events: true, ..Needs::default() };
    let (source, target, log_lines) = tasks::one(global, &args.tasks, needs).await?;
    // Without a terminal nothing can be drawn anew: a line for each thing that happens.
    let is_drawn = args.format == Format::Waterfall && std::io::stdout().is_terminal();
    let live = is_drawn.then(Live::start).flatten();
    let mut news = News { with_moments: live.is_none(), ..News::default() };
    let mut last: Option<Look> = None;
    let life = |look: &Look| TaskLife::new(look.observed.clone(), look.as_of, log_lines);
    let mut looks = std::pin::pin!(
        follow(Arc::new(source), target, notices::for_a_person(), super::now).take_until(signals::wait())
    );
    while let Some(look) = looks.next().await {
        let look = look.map_err(|error| tasks::aws_problem(&error))?;
        let lines = news.of(&life(&look), &style(global, args));
        stdout::print(&if live.is_some() { in_words(&lines, style(global, args).width) } else { lines })?;
        if let Some(live) = &live {
            let (look, style) =
                (look.clone(), Style { color: terminal::has_color_on_stderr(), logs: false, ..style(global, args) });
            live.set(move |width, height| {
                // What goes on is drawn up to now, between two looks too.
                let as_of = match look.as_of {
                    AsOf::Now(_) => AsOf::Now(super::now()),
                    saved => saved,
                };
                draw(TaskLife::new(look.observed.clone(), as_of, 0), &style, width, height)
            });
        }
        last = Some(look);
    }
    let is_live = live.is_some();
    drop(live);
    let Some(life) = last.as_ref().map(life) else { return Ok(signals::received().unwrap_or(Exit::Failed)) };
    if is_live {
        stdout::print(&waterfall::draw(&life, &ids::trace_id(&life.task.id).to_string(), &style(global, args)))?;
    } else {
        stdout::print(&timeline::untimed(&life, &style(global, args)).concat())?;
    }
    if signals::received().is_some() {
        terminal::tell("note", "interrupted: the task goes on");
    }
    Ok(Ending { lost: life.gaps.len(), ..Ending::new(Verdict::All) }.exit())
}

/// The waterfall as it is now: its first lines, where the terminal has no room for all.
fn draw(life: TaskLife, style: &Style, width: usize, height: usize) -> String {
    let style = Style { width: style.width.min(width.saturating_sub(1)), ..style.clone() };
    let text = waterfall::draw(&life, &ids::trace_id(&life.task.id).to_string(), &style);
    text.lines().take(height).collect::<Vec<_>>().join("\n")
}

/// Lines for whoever reads them in a terminal: broken between words, and the next line of each a little to the right.
fn in_words(lines: &str, width: usize) -> String {
    let each = |line: &str| terminal::broken(&line.replace('\t', "  "), 4, width) + "\n";
    lines.lines().map(each).collect()
}

/// What has not been printed yet.
#[derive(Default)]
struct News {
    /// Also what is no log line.
    with_moments: bool,
    moments: BTreeMap<String, usize>,
    /// By container: the lines of the last look. What it did not read any more does not come again.
    lines: BTreeMap<String, BTreeMap<(Time, String), usize>>,
}

impl News {
    /// What this look has and the ones before had not, in the order of time.
    fn of(&mut self, life: &TaskLife, style: &Style) -> String {
        let mut new: Vec<(Time, String)> = vec![];
        if self.with_moments {
            let quiet = Style { logs: false, ..style.clone() };
            let mut moments = BTreeMap::new();
            for (time, line) in timeline::moments(life, &quiet) {
                let count = moments.entry(line.clone()).or_insert(0);
                *count += 1;
                if *count > self.moments.get(&line).copied().unwrap_or_default() {
                    new.push((time, line));
                }
            }
            self.moments = moments;
        }
        for container in &life.containers {
            let Some(log) = container.log.as_ref().filter(|_| style.logs) else { continue };
            let before = self.lines.insert(container.name().to_owned(), BTreeMap::new()).unwrap_or_default();
            let Some(lines) = self.lines.get_mut(container.name()) else { continue };
            let mut is_new = |line: &ecspan::model::log::LogLine| {
                let key = (line.time, line.message.clone());
                let known = before.get(&key).copied().unwrap_or_default();
                let count = lines.entry(key).or_insert(0);
                *count += 1;
                *count > known
            };
            let head: Vec<_> = log.head.iter().filter(|line| is_new(line)).collect();
            let tail: Vec<_> = log.tail.iter().filter(|line| is_new(line)).collect();
            // Where the end of the log overlaps what was printed nothing is between.
            let is_whole = tail.len() < log.tail.len();
            if let Some((from, to)) = log.hole().filter(|_| !is_whole) {
                new.push((to, timeline::not_read(container.name(), from, to, style)));
            }
            let line =
                |line: &ecspan::model::log::LogLine| (line.time, timeline::log_line(container.name(), line, style));
            new.extend(head.into_iter().chain(tail).map(line));
        }
        // Stable: at one time the task's own come first, then lines in the order of their log.
        new.sort_by_key(|(time, _)| *time);
        new.into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use ecspan::model::log::{ContainerLog, LogLine};
    use ecspan::model::merge::TaskObservations;
    use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
    use jiff::tz::TimeZone;

    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_unix_millis(seconds * 1_000).unwrap_or(Time::from_unix_nanos(0))
    }

    /// A look at a log: the seconds of the lines from its start and from its end.
    fn life(head: &[u64], tail: &[u64], unread: bool, started: Option<u64>) -> TaskLife {
        let line = |second: &u64| LogLine {
            time: at(*second),
            observed: None,
            origin: None,
            message: format!("line {second}"),
        };
        let log = ContainerLog {
            container: Some("app".to_owned()),
            task_id: Some("a".to_owned()),
            head: head.iter().map(line).collect(),
            tail: tail.iter().map(line).collect(),
            unread,
            ..ContainerLog::default()
        };
        let container = ContainerRecord { name: "app".to_owned(), ..ContainerRecord::default() };
        let times = TaskTimes { created: Some(at(0)), started: started.map(at), ..TaskTimes::default() };
        let task = TaskRecord { id: "a".to_owned(), times, containers: vec![container], ..TaskRecord::default() };
        TaskLife::new(TaskObservations { task, logs: vec![log], ..TaskObservations::default() }, at(100), 100)
    }

    #[test]
    fn each_line_is_printed_once_and_what_was_not_read_is_said() {
        let style = Style {
            width: 100,
            unicode: true,
            color: false,
            zone: TimeZone::UTC,
            now: at(100),
            all_containers: false,
            logs: true,
        };
        let mut news = News { with_moments: true, ..News::default() };
        let mut words = |life: &TaskLife| {
            let text = news.of(life, &style);
            text.lines().map(|line| line.rsplit('\t').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words(&life(&[1, 2], &[], false, None)), ["Created", "line 1", "line 2"]);
        assert!(words(&life(&[1, 2], &[], false, None)).is_empty());
        assert_eq!(
            words(&life(&[1, 2], &[3, 4], true, Some(2))),
            [
                "Started",
                "[lines between 1970-01-01T00:00:02.000+00:00 and 1970-01-01T00:00:03.000+00:00 not read]",
                "line 3",
                "line 4"
            ]
        );
        // The end overlaps what is known: nothing is between, whatever was not read again.
        assert_eq!(words(&life(&[1, 2], &[4, 5], true, Some(2))), ["line 5"]);
        assert_eq!(words(&life(&[1, 2], &[9], true, Some(2))).len(), 2);
    }
}
