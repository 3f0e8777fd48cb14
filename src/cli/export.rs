//! `ecspan export`: delivers tasks.

use ecspan::run::feed::{self, Exported};
use ecspan::run::read::Course;
use ecspan::sink::DeliveryReport;
use ecspan::trace::{Mode, ParentPolicy, TraceOptions, caller};

use super::args::{ExportArgs, Global, LogsAs};
use super::closing;
use super::ending::Ending;
use super::exit::Exit;
use super::problem::Problem;
use super::tasks::{self, Needs, WholeLogs};
use super::{destinations, env, notices, options, signals, terminal};

pub(super) async fn run(global: &Global, args: &ExportArgs) -> Result<Exit, Problem> {
    // What is wrong with the destinations is known before any task is asked for.
    let options = trace_options(args)?;
    destinations::refuse_inputs(&args.to, &args.tasks.tasks)?;
    let destinations = destinations::open(global, args, options.records).await?;
    let whole_logs = if options.records && options.no_logs {
        WholeLogs::Streamed
    } else {
        WholeLogs::Refused("as events of a span it would be cut: --logs-as records, or a number of lines")
    };
    let needs = Needs { wait: args.wait.map(|until| (until, args.wait_timeout)), whole_logs, ..Needs::default() };
    let notices = notices::for_a_person();
    let tasks = tasks::open(global, &args.tasks, needs, notices.clone()).await?;
    let course = tasks.course.clone();
    let Exported { report, unread } = feed::export(tasks, &options, destinations, signals::stop(), notices).await;
    closing::print(&report, args.ui_url.as_ref());
    closing::tell_unread(&unread, &args.tasks.select);
    if report.task_count == 0 && course.lost() == 0 && signals::received().is_none() {
        terminal::tell("note", "no task is selected");
    }
    Ok(exit(&report, &course))
}

fn exit(report: &DeliveryReport, course: &Course) -> Exit {
    let (timed_out, lost) = (course.timed_out(), course.lost());
    Ending { timed_out, lost, is_empty: report.tasks.is_empty(), ..Ending::new(report.verdict()) }.exit()
}

fn trace_options(args: &ExportArgs) -> Result<TraceOptions, Problem> {
    let now = super::now();
    let mode = match (args.snapshot, args.rebase) {
        (true, _) => Mode::Snapshot(now),
        (false, Some(_)) => Mode::Rebase(now),
        (false, None) => Mode::AppendOnly,
    };
    let parent = match args.parent.as_deref() {
        None => ParentPolicy::FromTask,
        Some("link") => ParentPolicy::Link,
        Some(traceparent) => match caller::from_w3c(traceparent, None) {
            Some(span) => ParentPolicy::Explicit(span),
            None => {
                let hint = "00-32 hex digits-16 hex digits-01, or link".to_owned();
                return Err(Problem::usage("--parent is no valid W3C traceparent").hint(Some(hint)));
            }
        },
    };
    Ok(TraceOptions {
        mode,
        parent,
        service_name: args.service_name.as_deref().into(),
        attributes: options::attributes(&args.attr)?,
        base_attributes: env::resource_attributes(),
        all_containers: args.tasks.all_containers,
        no_logs: args.tasks.no_logs || matches!(args.logs_as, LogsAs::None | LogsAs::Records),
        standalone: args.standalone,
        no_containers: false,
        records: !args.tasks.no_logs && matches!(args.logs_as, LogsAs::Records | LogsAs::Both),
    })
}
