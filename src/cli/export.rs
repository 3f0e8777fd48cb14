//! `ecspan export`: delivers tasks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ecspan::model::{TaskLife, Time};
use ecspan::sink::{Delivery, Reason, Report, Verdict};
use ecspan::trace::{Mode, ParentPolicy, TaskTrace, TraceOptions, caller};
use futures::StreamExt;

use super::args::{ExportArgs, Global, LogsAs};
use super::closing;
use super::exit::Exit;
use super::problem::Problem;
use super::tasks::{Course, Needs, Source};
use super::{destinations, env, signals, terminal};

pub(super) async fn run(global: &Global, args: &ExportArgs) -> Result<Exit, Problem> {
    // What is wrong with the destinations is known before any task is asked for.
    let options = trace_options(args)?;
    let destinations = destinations::open(global, args).await?;
    let needs = Needs { wait: args.wait.map(|until| (until, args.wait_timeout)), ..Needs::default() };
    let mut source = Source::open(global, &args.tasks, needs).await?;
    let course = source.course.clone();
    let refused = AtomicUsize::new(0);
    let traces = source.lives().filter_map(|life| {
        tell_gaps(&life);
        let trace = trace(&life, &options);
        refused.fetch_add(usize::from(trace.is_none()), Ordering::Relaxed);
        async move { trace }
    });
    let tell_retry = |name: &str, reason: &Reason, pause: Duration| {
        terminal::tell("warning", &format!("{name}: {reason}; trying again in {:.1} s", pause.as_secs_f64()));
    };
    let report = Delivery::new(destinations).on_retry(tell_retry).until(signals::wait()).run(traces).await;
    closing::print(&report, args.ui_url.as_deref());
    if report.task_count == 0 && course.lost() == 0 && signals::received().is_none() {
        terminal::tell("note", "no task is selected");
    }
    let lost = course.lost() + refused.into_inner();
    Ok(exit(&report, &course, lost))
}

/// The trace of a life; a task without any time has none, and is told about.
fn trace(life: &TaskLife, options: &TraceOptions) -> Option<TaskTrace> {
    if life.phases.is_none() {
        let error = format!("task {}: no time is known of it, so no trace can be made", life.task.id);
        Problem::failed(error).hint(Some("ecspan show prints what is known".to_owned())).print();
        return None;
    }
    Some(TaskTrace::new(life, options))
}

/// What is missing of a task is named when it is sent, and counted in the exit code.
fn tell_gaps(life: &TaskLife) {
    for gap in &life.gaps {
        terminal::tell("gap", &format!("task {}: {}: {}", life.task.id, gap.what, gap.why));
        if let Some(hint) = &gap.hint {
            terminal::tell("hint", hint);
        }
    }
}

fn exit(report: &Report, course: &Course, lost: usize) -> Exit {
    match report.verdict() {
        _ if signals::received().is_some() => signals::received().unwrap_or(Exit::Interrupted),
        _ if course.timed_out() => Exit::TimedOut,
        Verdict::Nothing => Exit::Failed,
        Verdict::Some => Exit::PartlyDelivered,
        Verdict::All if lost > 0 && report.tasks.is_empty() => Exit::Failed,
        Verdict::All if lost > 0 => Exit::Incomplete,
        Verdict::All => Exit::Success,
    }
}

fn trace_options(args: &ExportArgs) -> Result<TraceOptions, Problem> {
    let now = Time::from(SystemTime::now());
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
    let pair = |text: &String| {
        let pair = text.split_once('=').filter(|(key, _)| !key.trim().is_empty());
        let pair = pair.map(|(key, value)| (key.trim().to_owned(), value.to_owned()));
        pair.ok_or_else(|| Problem::usage("--attr is KEY=VALUE"))
    };
    if args.service_name.as_deref() == Some("otel") {
        return Err(Problem::usage(
            "--service-name otel: reading the task's own OTEL_SERVICE_NAME is not supported yet",
        ));
    }
    Ok(TraceOptions {
        mode,
        parent,
        service_name: args.service_name.clone(),
        attributes: args.attr.iter().map(pair).collect::<Result<_, _>>()?,
        base_attributes: env::resource_attributes(),
        all_containers: args.tasks.all_containers,
        no_logs: args.tasks.no_logs || args.logs_as == LogsAs::None,
    })
}
