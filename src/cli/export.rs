//! `ecspan export`: delivers tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use ecspan::model::{TaskLife, Time};
use ecspan::sink::config::{OtlpConfig, Overrides};
use ecspan::sink::deliver::{Control, Observer};
use ecspan::sink::encode::Encoding;
use ecspan::sink::{Destination, Report, Verdict, deliver};
use ecspan::trace::{Mode, ParentPolicy, TaskTrace, TraceOptions, caller};
use futures::{FutureExt, StreamExt};

use super::args::{ExportArgs, Global, LogsAs, OtlpArgs};
use super::closing;
use super::exit::Exit;
use super::problem::Problem;
use super::tasks::{Course, Needs, Source};
use super::{env, signals, terminal};

pub(super) async fn run(global: &Global, args: &ExportArgs) -> Result<Exit, Problem> {
    // What is wrong with the destinations is known before any task is asked for.
    let options = trace_options(args)?;
    let destinations = args.to.iter().map(|to| destination(to, args)).collect::<Result<Vec<_>, _>>()?;
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
    let observer: Observer = Arc::new(|text: &str| terminal::tell("warning", text));
    let report = deliver(traces, destinations, Control { observer, stop: signals::wait().boxed().shared() }).await;
    closing::print(&report, args.ui_url.as_deref());
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

fn destination(to: &str, args: &ExportArgs) -> Result<Destination, Problem> {
    if let Some(path) = to.strip_prefix("file:") {
        if args.dry_run {
            return Ok(Destination::dry_run(path.to_owned(), Encoding::Json));
        }
        return Destination::file(path).map_err(|error| Problem::failed(format!("failed to write {path}: {error}")));
    }
    match to {
        "otlp" => {
            let config = otlp(&args.otlp)?;
            if args.dry_run {
                return Ok(Destination::dry_run(config.shown(), Encoding::Protobuf));
            }
            Destination::otlp(&config).map_err(|error| Problem::usage(error.to_string()))
        }
        _ => Err(Problem::usage(format!("--to {to}: no such destination")).hint(Some("otlp or file:PATH".to_owned()))),
    }
}

fn otlp(args: &OtlpArgs) -> Result<OtlpConfig, Problem> {
    let typed = Overrides {
        endpoint: args.endpoint.clone(),
        protocol: args.protocol.clone(),
        headers: args.header.clone(),
        compression: args.compression.clone(),
        timeout: args.timeout,
        deadline: Some(args.deadline),
        ca: args.ca.clone(),
        client_certificate: args.client_cert.clone(),
        client_key: args.client_key.clone(),
    };
    OtlpConfig::resolve(&typed, &env::get).map_err(|error| Problem::usage(error.to_string()))
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
