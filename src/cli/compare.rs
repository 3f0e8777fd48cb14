//! `ecspan show A --compare B`: two tasks beside one another. Main function: [`run`].

use ecspan::model::TaskLife;
use ecspan::render::Style;
use ecspan::render::compare::{self, Compared};
use ecspan::render::html::{self, Shown};
use ecspan::trace::ids;
use futures::StreamExt;

use super::args::{Format, Global, SelectArgs, ShowArgs, TaskArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::tasks::{self, Needs, WholeLogs};
use super::{notices, signals, stdout};

pub(super) async fn run(global: &Global, args: &ShowArgs, style: &Style) -> Result<Exit, Problem> {
    if !matches!(args.format, Format::Waterfall | Format::Markdown | Format::Html) {
        let hint = "--format waterfall, markdown or html".to_owned();
        return Err(Problem::usage("--compare draws two tasks, and this format has one a document").hint(hint));
    }
    let cluster = args.tasks.select.cluster.clone();
    let other = TaskArgs {
        tasks: args.compare.clone(),
        select: SelectArgs { cluster, ..SelectArgs::default() },
        ..args.tasks.clone()
    };
    let (a, first) = one(global, &args.tasks, "TASK").await?;
    let (b, second) = one(global, &other, "--compare").await?;
    let compared = Compared::new(&a, &b);
    stdout::print(&match args.format {
        Format::Markdown => compare::markdown(&compared, style),
        Format::Html => {
            let ids = [&a, &b].map(|life| ids::trace_id(&life.task.id).to_string());
            let urls = ids.each_ref().map(|id| args.trace_url(id));
            let shown = |at: usize, life| Shown { life, trace_id: &ids[at], trace_url: urls[at].as_deref() };
            html::draw_compared(&compared, &[shown(0, &a), shown(1, &b)], style)
        }
        _ => compare::text(&compared, style),
    })?;
    Ok(if first == Exit::Success { second } else { first })
}

/// The one task that is named, and how reading it ended.
async fn one(global: &Global, args: &TaskArgs, which: &str) -> Result<(TaskLife, Exit), Problem> {
    let whole_logs = WholeLogs::Refused("name a number: --log-lines 10000");
    let needs = Needs { service_events: true, whole_logs, ..Needs::default() };
    let mut source = tasks::open(global, args, needs, notices::for_a_person()).await?;
    let observed: Vec<_> = source.observed().take_until(signals::wait()).collect().await;
    let mut lives: Vec<TaskLife> = observed.into_iter().map(|observed| source.life(observed)).collect();
    let count = lives.len();
    match lives.pop() {
        Some(life) if count == 1 => Ok((life, tasks::exit(&source.course, 1))),
        None => Err(Problem::failed(format!("{which}: no task could be read, so there is nothing to compare"))),
        Some(_) => Err(Problem::usage(format!("{which} names {count} tasks: --compare puts one beside one other"))
            .hint("ecspan show A --compare B; several files of one task are put together".to_owned())),
    }
}
