//! `ecspan deploy`: the report and the trace of a deployment.

mod gather;
mod report;
mod wait;

use std::sync::{Arc, Mutex};

use ecspan::model::deployment::{Comparison, Deployment, DeploymentLife, State, Wanted, choose};
use ecspan::model::finding::FindingKind;
use ecspan::model::merge;
use ecspan::model::observation::{Gap, Observation};
use ecspan::model::service::ServiceRecord;
use ecspan::sink::{Delivery, Piece, Verdict};
use ecspan::source::aws::AwsError;
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::source::service::{ServiceAnswers, ServicePlace};
use ecspan::source::{baseline, files};
use ecspan::trace::{Mode, ParentPolicy, TaskTrace, TraceOptions, caller, deployment};
use futures::future::join;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use super::args::{DeployArgs, Global, LogLines};
use super::exit::Exit;
use super::options::attributes;
use super::problem::Problem;
use super::tasks::{Course, aws, aws_problem};
use super::{closing, destinations, env, retries, signals, terminal};
use gather::{Gather, Origin, now};

/// Traces that wait to be delivered.
const WAITING: usize = 4;
/// Findings of the deployment as a whole.
const SLOWER: &str = "slower-than-baseline";
const TASK_FAILED: &str = "task-failed";

/// A deployment, as far as it is known before its tasks are.
struct Found {
    origin: Origin,
    deployment: Deployment,
    answers: ServiceAnswers,
    timed_out: bool,
}

pub(super) async fn run(global: &Global, args: &DeployArgs) -> Result<Exit, Problem> {
    // What makes no sense, or cannot be read, is known before AWS is asked and waited for.
    check_findings(&args.fail_on)?;
    let files = report::files(args)?;
    let baseline = args.baseline.as_deref().map(baseline::read).transpose();
    let baseline = baseline.map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))?;
    if args.fail_on.iter().any(|finding| finding == SLOWER) && baseline.is_none() {
        return Err(Problem::usage(format!("--fail-on {SLOWER} needs --baseline REPORT.json")));
    }
    if args.to.is_empty() && args.otlp.endpoint.is_some() {
        return Err(Problem::usage("--endpoint without --to: nothing would be sent").hint("--to otlp".to_owned()));
    }
    if args.to.is_empty() && args.otlp.timeout.is_some() {
        let hint = "to wait at most so long: --wait-timeout".to_owned();
        return Err(Problem::usage("--timeout is a receiver's, and without --to there is none").hint(hint));
    }
    let options = trace_options(args)?;
    let destinations = match args.to.is_empty() {
        true => vec![],
        false => destinations::open_for(global, &args.to, &args.otlp, args.undelivered.as_deref()).await?,
    };
    let course = Arc::new(Course::default());
    let found = tokio::select! {
        found = find(global, args, &course) => found?,
        () = signals::wait() => return Ok(signals::received().unwrap_or(Exit::Interrupted)),
    };
    let Found { origin, deployment, mut answers, timed_out } = found;

    let (pieces, traces) = mpsc::channel::<TaskTrace>(WAITING);
    let (is_sending, of_deployment) = (!destinations.is_empty(), deployment_options(&options));
    let logs = match &origin {
        Origin::Aws { source, place } if !is_sending => Some((source.clone(), place.region.clone())),
        _ => None,
    };
    let gather = Gather {
        log_lines: log_lines(args)?,
        is_sending,
        options,
        course: course.clone(),
        logs,
        told: Mutex::default(),
    };
    let read = async {
        let read = tokio::select! {
            read = gather.read(origin, deployment, &pieces) => Some(read),
            () = signals::wait() => None,
        };
        let (life, gap) = read?;
        let trace = deployment::trace(&life, &of_deployment);
        let told = Told::of(&trace);
        if is_sending {
            let _ = pieces.send(trace).await;
        }
        drop(pieces);
        Some((life, told, gap))
    };
    let traces = stream::unfold(traces, |mut traces| async move { Some((traces.recv().await?, traces)) });
    let delivery = Delivery::new(destinations).on_retry(retries::tell).until(signals::wait());
    let (read, delivered) = join(read, delivery.run::<Piece>(traces.map(Piece::from))).await;
    let Some((life, told, gap)) = read else {
        delivered.destinations.iter().for_each(closing::tell_destination);
        terminal::tell("note", "interrupted: no report");
        return Ok(signals::received().unwrap_or(Exit::Interrupted));
    };
    answers.gaps.extend(gap);

    if let Some(baseline) =
        baseline.as_ref().filter(|baseline| baseline.service.as_deref() != Some(&life.deployment.service))
    {
        let of = baseline.service.as_deref().unwrap_or("no service");
        terminal::tell(
            "warning",
            &format!("the baseline {} is of {of}, not of {}", baseline.origin, life.deployment.service),
        );
    }
    let comparison = baseline.map(|baseline| Comparison::new(&life, baseline));
    let drawn = ecspan::render::report::Report {
        life: &life,
        comparison: comparison.as_ref(),
        trace_id: &told.trace_id,
        timed_out,
        notes: answers.note.as_slice(),
        gaps: &answers.gaps,
    };
    let printed = report::print(global, args, &drawn, &files);
    if is_sending {
        told.tell(delivered.task_count.saturating_sub(1), args.ui_url.as_deref());
        delivered.destinations.iter().for_each(closing::tell_destination);
    }
    let found = fired(&args.fail_on, &life, comparison.as_ref());
    let exit = exit(&life, timed_out, &found, delivered.verdict(), course.lost() + answers.gaps.len());
    match printed {
        // What became of the deployment is told all the same.
        Err(problem) if matches!(exit, Exit::RolledBack | Exit::DeployFailed) => problem.print(),
        printed => printed?,
    }
    Ok(exit)
}

/// 10–13 outrank what became of the delivery: the report is drawn in any case.
fn exit(life: &DeploymentLife, timed_out: bool, found: &[String], verdict: Verdict, lost: usize) -> Exit {
    match life.deployment.outcome.state {
        _ if signals::received().is_some() => signals::received().unwrap_or(Exit::Interrupted),
        State::RolledBack => Exit::RolledBack,
        State::Failed => Exit::DeployFailed,
        State::Held | State::InProgress if timed_out => Exit::TimedOut,
        _ if !found.is_empty() => Exit::Found,
        _ if verdict != Verdict::All => Exit::PartlyDelivered,
        _ if lost > 0 => Exit::Incomplete,
        _ => Exit::Success,
    }
}

/// What is said of the deployment's own trace.
struct Told {
    trace_id: String,
    own: Option<String>,
    spans: usize,
    label: String,
    pending: Vec<String>,
}

impl Told {
    fn of(trace: &TaskTrace) -> Self {
        let used = trace.caller_trace_id.unwrap_or(trace.trace_id);
        Self {
            trace_id: used.to_string(),
            own: trace.caller_trace_id.map(|_| trace.trace_id.to_string()),
            spans: trace.spans.len(),
            label: trace.label.clone(),
            pending: trace.pending.clone(),
        }
    }

    fn tell(&self, tasks: u64, ui_url: Option<&str>) {
        let mut line =
            format!("{}: {}, trace id {}", self.label, closing::count(self.spans as u64, "span"), self.trace_id);
        let root_waits = self.pending.iter().any(|pending| pending == "deployment");
        match &self.own {
            Some(own) if !root_waits => line.push_str(&format!(" (the caller's; a pointer is under {own})")),
            Some(_) => line.push_str(" (the caller's)"),
            None => {}
        }
        if !self.pending.is_empty() {
            let follows = if root_waits {
                " (the root follows when the deployment is over)"
            } else {
                " (run it again when they are over)"
            };
            line.push_str(&format!("; still open: {}{follows}", self.pending.join(", ")));
        }
        terminal::say(&line);
        if let Some(url) = ui_url {
            terminal::say(&format!("  {}/trace/{}", url.trim_end_matches('/'), self.trace_id));
        }
        terminal::say(&format!("and the traces of {}", closing::count(tasks, "task")));
    }
}

fn log_lines(args: &DeployArgs) -> Result<usize, Problem> {
    match env::log_lines(args.log_lines)? {
        _ if args.no_logs => Ok(0),
        LogLines::AtMost(lines) => Ok(lines),
        LogLines::All => Err(Problem::usage("--log-lines all: a deployment's report and traces hold the ends of logs")
            .hint("name a number".to_owned())),
    }
}

/// The deployment that is meant: from files, or from AWS, waited for where that is wanted.
async fn find(global: &Global, args: &DeployArgs, course: &Course) -> Result<Found, Problem> {
    let wanted = match args.deployment.as_str() {
        "latest" => Wanted::Latest,
        "previous" => Wanted::Previous,
        id => Wanted::Id(id.to_owned()),
    };
    if !args.from.is_empty() {
        return from_files(args, &wanted, course);
    }
    let options =
        ObserveOptions { log_lines: log_lines(args)?, logs_rate: Some(args.logs_rate), ..ObserveOptions::default() };
    let source = Arc::new(EcsSource::new(aws(global).await, options));
    let place = place(&source, args).await?;
    let (deployment, answers, timed_out) = wait::until_over(&source, &place, &wanted, args).await?;
    Ok(Found { origin: Origin::Aws { source, place }, deployment, answers, timed_out })
}

/// Where the service is that was typed.
async fn place(source: &EcsSource, args: &DeployArgs) -> Result<ServicePlace, Problem> {
    let typed = args.service.clone().unwrap_or_default();
    let told = |error: AwsError| aws_problem(&error);
    let arn = ecspan::model::arn::Arn::parse(&typed);
    let of_arn = arn.and_then(|arn| match arn.resource.split('/').collect::<Vec<_>>().as_slice() {
        ["service", cluster, service] => Some((Some((*cluster).to_owned()), (*service).to_owned())),
        ["service", service] => Some((None, (*service).to_owned())),
        _ => None,
    });
    if arn.is_some() && of_arn.is_none() {
        return Err(Problem::usage(format!("{typed} is no ARN of a service"))
            .hint("arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE, or the service's name".to_owned()));
    }
    let region = source.region(arn.map(|arn| arn.region).filter(|region| !region.is_empty())).map_err(told)?;
    let (cluster, service) = of_arn.unwrap_or((None, typed));
    match args.cluster.clone().or(cluster) {
        Some(cluster) => Ok(ServicePlace { region, cluster, service }),
        None => source.find_service(&region, &service).await.map_err(told),
    }
}

fn from_files(args: &DeployArgs, wanted: &Wanted, course: &Course) -> Result<Found, Problem> {
    let mut answers = ServiceAnswers::default();
    let (mut services, mut rest): (Vec<ServiceRecord>, Vec<Observation>) = (vec![], vec![]);
    for path in &args.from {
        let read = if path.as_os_str() == "-" { files::read_stdin() } else { files::read_path(path) };
        let contents = match read {
            Ok(contents) => contents,
            Err(error) => {
                course.lose(&Problem::failed(error.to_string()).hint(error.hint()));
                continue;
            }
        };
        for error in contents.errors {
            course.lose(&Problem::failed(error.to_string()).hint(error.hint()));
        }
        for observation in contents.observations {
            match observation {
                Observation::Service(record) => services.push(*record),
                Observation::ServiceDeployment(record) => answers.deployments.push(*record),
                Observation::ServiceRevision(record) => answers.revisions.push(*record),
                other => rest.push(other),
            }
        }
    }
    // A described deployment says more than a listed one.
    answers.deployments.sort_by_key(|one| (one.arn.clone(), one.circuit_breaker.is_none() && one.rollback.is_none()));
    answers.deployments.dedup_by(|a, b| a.arn == b.arn);
    let last_part = ecspan::model::arn::last_part;
    let cluster_of = |record: &ServiceRecord| record.cluster_arn.as_deref().map(last_part).map(str::to_owned);
    // Of several answers about one service the last counts.
    services.reverse();
    let mut seen = std::collections::BTreeSet::new();
    services.retain(|record| seen.insert((cluster_of(record), record.name.clone())));
    let is_meant = |record: &ServiceRecord| {
        args.service.as_deref().is_none_or(|name| last_part(name) == record.name)
            && args.cluster.as_deref().is_none_or(|name| cluster_of(record).is_none_or(|own| own == last_part(name)))
    };
    let names: Vec<String> = services.iter().map(|record| record.name.clone()).collect();
    let mut meant: Vec<ServiceRecord> = services.into_iter().filter(is_meant).collect();
    answers.service = match (meant.pop(), meant.is_empty()) {
        (Some(one), true) => one,
        (Some(_), false) => {
            return Err(
                Problem::usage("the files hold several services").hint(format!("name one: {}", names.join(", ")))
            );
        }
        (None, _) => {
            let hint = "save `aws ecs describe-services --cluster CLUSTER --services SERVICE` and name that file too";
            let what = args.service.as_ref().map_or_else(|| "a service".to_owned(), |name| format!("service {name}"));
            let what =
                args.cluster.as_ref().map_or_else(|| what.clone(), |cluster| format!("{what} in cluster {cluster}"));
            return Err(Problem::failed(format!("no file speaks of {what}")).hint(hint.to_owned()));
        }
    };
    let deployment = choose(&answers.service, &answers.deployments, &answers.revisions, wanted)
        .map_err(|none| wait::no_deployment(&none))?;
    let (tasks, unclaimed) = merge::by_task(rest);
    if !unclaimed.is_empty() {
        terminal::tell(
            "note",
            &format!("{} in the files belong to none of its tasks", closing::count(unclaimed.len() as u64, "thing")),
        );
    }
    let service = answers.service.name.clone();
    let mut of_service: Vec<_> = tasks;
    of_service.retain(|observed| observed.task.service().is_none_or(|name| name == service));
    if of_service.is_empty() {
        answers.gaps.push(Gap {
            what: "tasks of the service".to_owned(),
            why: "no file holds any".to_owned(),
            hint: Some("save the answers of `aws ecs describe-tasks` too".to_owned()),
            container: None,
        });
    }
    Ok(Found { origin: Origin::Files(of_service), deployment, answers, timed_out: false })
}

/// How tasks become traces: as `ecspan export` makes them.
fn trace_options(args: &DeployArgs) -> Result<TraceOptions, Problem> {
    let mode = if args.snapshot { Mode::Snapshot(now()) } else { Mode::AppendOnly };
    Ok(TraceOptions {
        mode,
        service_name: args.service_name.as_deref().into(),
        attributes: attributes(&args.attr)?,
        base_attributes: env::resource_attributes(),
        no_logs: args.no_logs,
        ..TraceOptions::default()
    })
}

/// How the deployment does: it is a child of the span that ecspan's own environment names.
fn deployment_options(options: &TraceOptions) -> TraceOptions {
    let parent = env::get("TRACEPARENT").and_then(|parent| {
        let span = caller::from_w3c(&parent, env::get("TRACESTATE").as_deref());
        if span.is_none() {
            terminal::tell("note", "TRACEPARENT is no valid W3C traceparent: the deployment is a trace of its own");
        }
        span
    });
    TraceOptions { parent: parent.map_or(ParentPolicy::Link, ParentPolicy::Explicit), ..options.clone() }
}

/// Findings that nobody makes would never fire.
fn check_findings(given: &[String]) -> Result<(), Problem> {
    let own = [SLOWER, TASK_FAILED];
    // Where the time went, and who stopped a task, is found in healthy deployments too.
    let kinds = FindingKind::ALL.into_iter().filter(|kind| kind.is_problem() || *kind == FindingKind::PullsTogether);
    let known: Vec<&str> = own.into_iter().chain(kinds.map(FindingKind::id)).collect();
    match given.iter().find(|id| !known.contains(&id.as_str())) {
        None => Ok(()),
        Some(id) => Err(Problem::usage(format!("--fail-on {id}: there is no such finding")).hint(known.join(", "))),
    }
}

/// Those of `--fail-on` that are found; each is told.
fn fired(given: &[String], life: &DeploymentLife, comparison: Option<&Comparison>) -> Vec<String> {
    let is_found = |id: &&String| match id.as_str() {
        SLOWER => comparison.is_some_and(Comparison::is_slower),
        TASK_FAILED => life.failed() > 0,
        // How the version before ends is no fault of this one.
        id => life.findings.iter().any(|(kind, found)| kind.id() == id && found.count > found.old),
    };
    let found: Vec<String> = given.iter().filter(is_found).cloned().collect();
    for id in &found {
        terminal::tell("finding", &format!("--fail-on {id}"));
    }
    found
}
