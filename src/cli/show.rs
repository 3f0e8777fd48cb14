//! `ecspan show`: draws tasks.

use std::collections::VecDeque;

use ecspan::model::TaskLife;
use ecspan::model::log::LogLine;
use ecspan::render::html::{Page, Shown};
use ecspan::render::perfetto::Events;
use ecspan::render::svg::Picture;
use ecspan::render::{Style, json, markdown, timeline, waterfall};
use ecspan::run::read::Reader;
use ecspan::source::logs::WholeLog;
use ecspan::trace::ids;
use futures::StreamExt;

use super::args::{Format, Global, ShowArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::style::style;
use super::tasks::{self, Needs, WholeLogs};
use super::{compare, follow, notices, signals, stdout, terminal};

/// A page of so many bytes is told before it is printed.
const LARGE_PAGE: usize = 20_000_000;
/// Bytes that are printed at once.
const PRINTED_AT_ONCE: usize = 64 * 1024;

pub(super) async fn run(global: &Global, args: &ShowArgs) -> Result<Exit, Problem> {
    if !args.compare.is_empty() {
        return compare::run(global, args, &style(global, args)).await;
    }
    if args.follow {
        return follow::run(global, args).await;
    }
    let whole_logs = match args.format {
        Format::Timeline => WholeLogs::Streamed,
        Format::Waterfall
        | Format::Svg
        | Format::Json
        | Format::Jsonl
        | Format::Markdown
        | Format::Perfetto
        | Format::Html => WholeLogs::Refused("--format timeline draws a whole log"),
    };
    let needs = Needs { service_events: true, whole_logs, ..Needs::default() };
    let mut source = tasks::open(global, &args.tasks, needs, notices::for_a_person()).await?;
    let mut observed = source.observed().take_until(signals::wait()).boxed();
    // One document of all of them.
    let (mut drawn, mut page, mut picture, mut events) = (0, Page::default(), Picture::default(), Events::default());
    while let Some(observed) = observed.next().await {
        let style = style(global, args);
        let logs = source.whole_logs(&observed);
        let life = source.life(observed);
        if !logs.is_empty() {
            if drawn > 0 {
                stdout::print("\n")?;
            }
            draw_whole(&life, logs, &style, &source).await?;
            drawn += 1;
            continue;
        }
        let trace_id = ids::trace_id(&life.task.id).to_string();
        let text = match args.format {
            Format::Waterfall => waterfall::draw(&life, &trace_id, &style),
            Format::Timeline => timeline::draw(&life, &style),
            Format::Json => json::draw(&life, &trace_id, &style),
            Format::Jsonl => json::line(&life, &trace_id, &style),
            Format::Markdown => markdown::draw(&life, &trace_id, args.trace_url(&trace_id).as_deref(), &style),
            Format::Perfetto => events.of(&life, &trace_id, &style),
            Format::Svg => {
                picture.push(&life, &trace_id, &style);
                String::new()
            }
            Format::Html => {
                let url = args.trace_url(&trace_id);
                page.push(&Shown { life: &life, trace_id: &trace_id, trace_url: url.as_deref() }, &style);
                String::new()
            }
        };
        let is_list = matches!(args.format, Format::Waterfall | Format::Timeline | Format::Markdown);
        let between = if drawn > 0 && is_list { "\n" } else { "" };
        stdout::print(&format!("{between}{text}"))?;
        drawn += 1;
    }
    // Of no task there is a page too, and a document: an empty file is neither.
    let is_whole = drawn > 0 || source.course.lost() == 0;
    let last = match args.format {
        Format::Html if is_whole => finished(page, drawn),
        Format::Svg if drawn > 0 => vec![picture.finish(&style(global, args))],
        Format::Perfetto if is_whole => vec![events.finish()],
        _ => vec![],
    };
    for part in last {
        stdout::print(&part)?;
    }
    if signals::received().is_some() {
        terminal::tell("note", &format!("interrupted: {drawn} drawn"));
    } else if drawn == 0 && source.course.lost() == 0 {
        terminal::tell("note", "no task is selected");
    }
    Ok(tasks::exit(&source.course, drawn))
}

/// The parts of a page; of a large one its size is told before it is printed.
fn finished(page: Page, tasks: usize) -> Vec<String> {
    if page.bytes() > LARGE_PAGE {
        terminal::tell(
            "note",
            &format!("the page has {} MB (tasks: {tasks}): browsers take long to open it", page.bytes() / 1_000_000),
        );
        terminal::tell(
            "hint",
            "select fewer tasks or lines (--log-lines N, --no-logs); `ecspan deploy --report html` lists thousands of launches, `ecspan stats` sums them up",
        );
    }
    page.finish().into()
}

/// Draws a timeline whose logs are read while it is drawn: the next line is always the earliest of what is at hand.
async fn draw_whole(life: &TaskLife, logs: Vec<WholeLog>, style: &Style, source: &Reader) -> Result<(), Problem> {
    let mut open = vec![];
    let mut gaps: Vec<String> = timeline::untimed(life, style);
    for log in logs {
        let mut log = OpenLog { log, page: VecDeque::new() };
        log.fill(&mut gaps, source).await;
        open.push(log);
    }
    let mut moments = VecDeque::from(timeline::moments(life, style));
    let mut out = String::new();
    loop {
        open.retain(|log| !log.page.is_empty());
        let next = open.iter_mut().min_by_key(|log| log.page.front().map(|line| line.time));
        let time = next.as_ref().and_then(|log| Some(log.page.front()?.time));
        let is_moment = moments.front().is_some_and(|(at, _)| time.is_none_or(|time| *at <= time));
        match (is_moment, next) {
            (true, _) => out.extend(moments.pop_front().map(|(_, line)| line)),
            (false, None) => break,
            (false, Some(log)) => {
                let line = log.page.pop_front();
                out.extend(line.map(|line| timeline::log_line(&log.log.container, &line, style)));
                log.fill(&mut gaps, source).await;
            }
        }
        if out.len() > PRINTED_AT_ONCE {
            stdout::print(&std::mem::take(&mut out))?;
        }
    }
    out.extend(gaps);
    stdout::print(&out)?;
    Ok(())
}

/// A log that is being drawn, with the lines of it that are at hand.
struct OpenLog {
    log: WholeLog,
    page: VecDeque<LogLine>,
}

impl OpenLog {
    /// Has a line at hand again, unless the log is at its end.
    async fn fill(&mut self, gaps: &mut Vec<String>, source: &Reader) {
        while self.page.is_empty() {
            match self.log.next().await {
                Some(Ok(lines)) => self.page.extend(lines),
                Some(Err(gap)) => {
                    gaps.push(timeline::gap(&gap));
                    source.course.lose(format!("{}: {}", gap.what, gap.why), gap.hint);
                }
                None => return,
            }
        }
    }
}
