//! `ecspan stats`: what many tasks show together.

use std::path::PathBuf;
use std::sync::Arc;

use ecspan::render::stats::{self as drawn, View};
use ecspan::run::read::ReadConfig;
use ecspan::run::stats::{self, Read, StatsFrom};
use ecspan::sink::Verdict;
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::source::logs::LogLines;
use ecspan::source::select::Selection;

use super::args::{Global, StatsArgs, StatsFormat};
use super::closing::count;
use super::ending::Ending;
use super::exit::Exit;
use super::problem::Problem;
use super::style::plain_style;
use super::tasks::{aws, aws_problem, filter, selection, sorted};
use super::{notices, signals, stdout, terminal};

pub(super) async fn run(global: &Global, args: &StatsArgs) -> Result<Exit, Problem> {
    let read = stats::run(from(global, args).await?, signals::stop(), notices::for_a_person()).await;
    let Read { stats, left_out, lost, was_stopped } = read.map_err(|error| aws_problem(&error))?;
    if was_stopped {
        terminal::tell("note", &format!("interrupted: {} tasks were read, and not all", stats.len()));
    }
    if stats.is_empty() && left_out > 0 {
        terminal::tell("note", &format!("{} read, and the selectors name none of them", count(left_out, "task")));
    }
    if stats.is_empty() && lost > 0 {
        return Ok(Exit::Failed);
    }
    let style = plain_style(global, args.width, args.ascii);
    let view = View::new(&stats, args.by.map(Into::into), &style);
    stdout::print(&match args.format {
        StatsFormat::Text => drawn::text(&view, &style),
        StatsFormat::Markdown => drawn::markdown(&view, &style),
        StatsFormat::Json => drawn::json(&view, &style),
    })?;
    if let Some(interrupted) = signals::received() {
        return Ok(interrupted);
    }
    Ok(Ending { lost, ..Ending::new(Verdict::All) }.exit())
}

/// Where the tasks are.
async fn from(global: &Global, args: &StatsArgs) -> Result<StatsFrom, Problem> {
    let (named, targets) = sorted(&args.tasks, args.select.cluster.as_deref())?;
    let options = ObserveOptions { history: args.history.history.clone(), ..ObserveOptions::default() };
    let files: Vec<PathBuf> = named.into_iter().chain(args.from.iter().cloned()).collect();
    if files.is_empty() && targets.is_empty() {
        if args.select.cluster.is_none() {
            let hint = "--cluster prod, with --service web or not, reads what ECS still knows, and with --since 7d what it has forgotten; \
                        files of tasks: ecspan stats FILE…";
            return Err(Problem::usage("no task is named").hint(hint.to_owned()));
        }
        let selection = selection(&args.select)?;
        let source = EcsSource::new(aws(global).await, options);
        return Ok(StatsFrom::Cluster(Arc::new(source), selection, super::now));
    }
    if args.select.limit.is_some() {
        return Err(Problem::usage("--limit takes the newest tasks of a cluster: what is named is counted whole"));
    }
    let selection: Selection = filter(&args.select);
    let aws = if targets.is_empty() { None } else { Some(EcsSource::new(aws(global).await, options)) };
    let config = ReadConfig {
        files,
        targets,
        selection: None,
        fetch: false,
        aws,
        wait: None,
        log_lines: LogLines::AtMost(0),
        clock: super::now,
        temporary: std::env::temp_dir(),
    };
    Ok(StatsFrom::Named(Box::new(config), selection))
}
