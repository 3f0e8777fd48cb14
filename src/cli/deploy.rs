//! `ecspan deploy`: the report and the trace of a deployment.

mod report;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecspan::Hint;
use ecspan::model::deployment::{Bad, Comparison, DeploymentLife, FailFast, Goal, STAGES, State, TASK_FAILED, Wanted};
use ecspan::model::finding::FindingKind;
use ecspan::model::{action, duration};
use ecspan::render::Style;
use ecspan::render::notification::Notification;
use ecspan::run::deploy::{
    self, DeployConfig, DeployError, DeployFrom, Deployed, Ended, Files, OwnTrace, Unawaited, Wait,
};
use ecspan::run::notify::Notifier;
use ecspan::run::{Notice, Teller};
use ecspan::source::baseline;
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::source::error::ReadError;
use ecspan::source::logs::LogLines;
use ecspan::source::target::ServiceTarget;
use ecspan::trace::{Mode, ParentPolicy, TraceOptions, caller};

use super::args::{CERTAIN, DeployArgs, Global, LATEST, OVER};
use super::ending::Ending;
use super::exit::Exit;
use super::options::attributes;
use super::problem::Problem;
use super::style::plain_style;
use super::tasks::aws;
use super::{closing, destinations, env, notices, notify, signals, terminal};

/// So long whoever is told may take, in the end …
const NOTIFIED_WITHIN: Duration = Duration::from_secs(10);
/// … and so long without a word.
const SILENT: Duration = Duration::from_secs(2);
/// A finding of the deployment as a whole.
const SLOWER: &str = "slower-than-baseline";
const NO_BASELINE: &str = "--baseline is the JSON report of an earlier deployment (--report-file json:PATH); the first one has none: leave it out";

pub(super) async fn run(global: &Global, args: &DeployArgs) -> Result<Exit, Problem> {
    // What makes no sense, or cannot be read, is known before AWS is asked and waited for.
    let fail_on = args.fail_on.iter().map(|finding| known_finding(FAIL_ON, finding)).collect::<Result<Vec<_>, _>>()?;
    let fail_fast = fail_fast(&args.fail_fast)?;
    let goal = goal(args.wait.as_deref())?;
    takes_no_value(args)?;
    let outputs = report::outputs(args)?;
    let baseline = args.baseline.as_deref().map(baseline::read).transpose();
    let baseline = baseline.map_err(|error| match &error {
        ReadError::Io { .. } => Problem::of(&error).hint(NO_BASELINE.to_owned()),
        _ => Problem::of(&error),
    })?;
    if fail_on.iter().any(|finding| finding == SLOWER) && baseline.is_none() {
        return Err(Problem::usage(format!("--fail-on {SLOWER} needs --baseline REPORT.json")));
    }
    // As for export: whoever names a receiver means to send.
    let to = match (args.to.as_slice(), &args.delivery.otlp.endpoint) {
        ([], Some(_)) => vec!["otlp".to_owned()],
        (to, _) => to.to_vec(),
    };
    if args.snapshot && to.is_empty() {
        return Err(Problem::usage("--snapshot without --to: nothing would be sent").hint("--to otlp".to_owned()));
    }
    if to.is_empty() {
        destinations::refuse_unused(&to, &args.delivery.otlp)?;
    }
    if to.is_empty() && args.delivery.otlp.timeout.is_some() {
        let hint = "to wait at most so long: --wait-timeout".to_owned();
        return Err(Problem::usage("--timeout is a receiver's, and without --to there is none").hint(hint));
    }
    let options = trace_options(args)?;
    let (is_sending, own_options, log_lines) = (!to.is_empty(), deployment_options(&options), log_lines(args)?);
    let destinations = match is_sending {
        false => vec![],
        true => destinations::open_for(global, &to, &args.delivery).await?,
    };
    let aws_of_topics = if notify::needs_aws(&args.notify) { Some(aws(global).await) } else { None };
    let notifier = notify::open(&args.notify, aws_of_topics.as_ref(), args.ui_url.as_ref(), notices::for_a_person())?;
    let config = DeployConfig {
        from: from(global, args, log_lines).await?,
        wanted: match args.deployment.as_str() {
            LATEST => Wanted::Latest,
            "previous" => Wanted::Previous,
            id => Wanted::Id(id.to_owned()),
        },
        wait: Wait { is_wanted: args.wait.is_some(), timeout: args.wait_timeout, goal, fail_fast },
        log_lines,
        options,
        own_options,
        destinations,
        clock: super::now,
    };
    let teller = if args.wait.is_some() { watched(global, args) } else { notices::for_a_person() };
    let told = Told::default();
    let ended = deploy::run(config, signals::stop(), told.clone().beside(teller)).await;
    let deployed = match ended.map_err(|error| problem(&error, args))? {
        Ended::Whole(deployed) => *deployed,
        Ended::Early(delivered) => {
            delivered.destinations.iter().for_each(closing::tell_destination);
            terminal::tell("note", "interrupted: no report, and not all tasks of the deployment were read");
            terminal::tell("hint", "the same command reads all of them again: what was sent stays as it is");
            return Ok(signals::received().unwrap_or(Exit::Interrupted));
        }
    };
    let Deployed { life, answers, timed_out, unawaited, bad, reached, trace, lost, report: delivered } = deployed;
    // It goes on: nothing is sent before its end, and nobody told who does not wait for it.
    let (is_sending, notifier) = (is_sending && unawaited.is_none(), notifier.filter(|_| unawaited.is_none()));
    if let Some(why) = &unawaited {
        let sent = if to.is_empty() { "" } else { "; nothing was sent" };
        if let Unawaited::Refused(error) = why {
            problem(error, args).print();
        }
        terminal::tell("note", &format!("interrupted: the report is of what was seen until then{sent}"));
    }
    if let Some(most) = args.wait_timeout.filter(|_| timed_out) {
        let most = duration::short(most);
        terminal::tell(
            "note",
            &format!("--wait-timeout ran out after {most}: the report is of what was seen until then"),
        );
    }

    if let Some(baseline) =
        baseline.as_ref().filter(|baseline| baseline.service.as_deref() != Some(&life.deployment.service))
    {
        let of = baseline.service.as_deref().unwrap_or("no service");
        terminal::tell(
            "warning",
            &format!("the baseline {} is of {of}, not of {}", baseline.origin, life.deployment.service),
        );
    }
    let trace_url =
        args.ui_url.as_ref().filter(|_| is_sending && closing::has_arrived_somewhere(&delivered, &trace.label));
    let trace_url = trace_url.and_then(|ui| ui.trace(&trace.trace_id));
    let comparison = baseline.map(|baseline| Comparison::new(&life, baseline));
    let drawn = ecspan::render::report::Report {
        life: &life,
        comparison: comparison.as_ref(),
        trace_id: &trace.trace_id,
        trace_url: trace_url.as_deref(),
        timed_out,
        interrupted: unawaited.is_some(),
        bad: bad.as_ref(),
        reached: reached.as_deref(),
        is_told: false,
        notes: &answers.notes,
        gaps: &answers.gaps,
    };
    let is_told = terminal::is_one_log() && told.has_told(&life);
    let printed = report::print(global, args, &drawn, &outputs, is_told);
    if is_sending {
        tell_trace(&trace, outputs.names_trace(), delivered.task_count.saturating_sub(1), trace_url.as_deref());
        delivered.destinations.iter().for_each(closing::tell_destination);
    }
    if let Some(notifier) = notifier {
        let is_bad = matches!(life.deployment.standing(), State::Failed | State::RolledBack);
        if is_bad || bad.is_some() || timed_out || notifier.is_slow(life.slowest_launch()) {
            notifier.tell(Notification::of_deployment(&drawn));
        }
        finish(&notifier).await;
    }
    let found = fired(&fail_on, &life, comparison.as_ref());
    let state = match &bad {
        Some(Bad { finding: None, .. }) => State::Failed,
        _ => life.deployment.standing(),
    };
    let ending = Ending {
        deployment: Some(state),
        timed_out,
        found: !found.is_empty() || bad.is_some(),
        lost: lost + answers.gaps.len(),
        ..Ending::new(delivered.verdict())
    };
    let exit = match unawaited {
        Some(Unawaited::Refused(_)) => Exit::Failed,
        Some(Unawaited::Stopped) | None => ending.exit(),
    };
    match printed {
        // What became of the deployment is told all the same.
        Err(problem) if matches!(exit, Exit::RolledBack | Exit::DeployFailed) => problem.print(),
        printed => printed?,
    }
    Ok(exit)
}

/// Waits until people are told.
async fn finish(notifier: &Notifier) {
    let told = notifier.finish(NOTIFIED_WITHIN);
    tokio::pin!(told);
    tokio::select! {
        _ = &mut told => return,
        () = tokio::time::sleep(SILENT) => {}
    }
    let most = NOTIFIED_WITHIN.as_secs();
    terminal::tell(
        "note",
        &format!("waiting for whoever --notify names to take the notification, at most {most} s in all"),
    );
    told.await;
}

/// Draws the rollout while it is waited for, where there is a terminal.
fn watched(global: &Global, args: &DeployArgs) -> Teller {
    let (global, given, ascii) = (global.clone(), args.width, args.ascii);
    notices::of_a_rollout(move |life, width, height| {
        let style = plain_style(&global, given.or(u16::try_from(width).ok()), ascii);
        let style = Style { color: terminal::has_color_on_stderr(), ..style };
        ecspan::render::report::live(life, &style, height)
    })
}

/// The tasks that were told to have failed while the deployment was waited for.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeSet<String>>>);

impl Told {
    fn beside(self, teller: Teller) -> Teller {
        Arc::new(move |notice: &Notice| {
            if let Notice::TaskFailed { task, .. } = notice {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task.clone());
            }
            teller.tell(notice);
        })
    }

    /// Whether why most of its tasks failed was told.
    fn has_told(&self, life: &DeploymentLife) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        life.failures().first().is_some_and(|main| main.tasks.iter().any(|task| told.contains(task)))
    }
}

/// Tells of the deployment's own trace; its id, unless the report has just told that.
fn tell_trace(trace: &OwnTrace, is_told: bool, tasks: u64, trace_url: Option<&str>) {
    let mut line = format!("{}: {}", trace.label, closing::count(trace.spans as u64, "span"));
    if !is_told || trace.pointer_id.is_some() {
        line.push_str(&format!(", trace id {}", trace.trace_id));
    }
    let root_waits = trace.pending.iter().any(|pending| pending == "deployment");
    match &trace.pointer_id {
        Some(own) if !root_waits => line.push_str(&format!(" (the caller's; a pointer is under {own})")),
        Some(_) => line.push_str(" (the caller's)"),
        None => {}
    }
    if !trace.pending.is_empty() {
        let follows = if root_waits {
            " (the root follows when the deployment is over)"
        } else {
            " (run it again when they are over)"
        };
        line.push_str(&format!("; still open: {}{follows}", trace.pending.join(", ")));
    }
    terminal::tell_line(&line);
    if let Some(url) = trace_url {
        terminal::tell_line(&format!("  {url}"));
    }
    terminal::tell_line(&format!("and the traces of {}", closing::count(tasks, "task")));
}

fn log_lines(args: &DeployArgs) -> Result<usize, Problem> {
    match env::log_lines(args.log_lines)? {
        _ if args.no_logs => Ok(0),
        LogLines::AtMost(lines) => Ok(lines),
        LogLines::All => Err(Problem::usage("--log-lines all: a deployment's report and traces hold the ends of logs")
            .hint("name a number".to_owned())),
    }
}

/// Where the service is that was typed.
async fn from(global: &Global, args: &DeployArgs, log_lines: usize) -> Result<DeployFrom, Problem> {
    let typed = args.service.as_deref().map(|typed| {
        // Events and DescribeServices name deployments so.
        if typed.starts_with("ecs-svc/") {
            let hint = format!("ecspan deploy CLUSTER/SERVICE --deployment {typed}");
            return Err(Problem::usage(format!("{typed} is a deployment, and no service")).hint(hint));
        }
        ServiceTarget::parse(typed).ok_or_else(|| {
            let hint = "its name, CLUSTER/NAME, arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME, or its address in the console";
            Problem::usage(format!("{typed} is no service")).hint(hint.to_owned())
        })
    });
    let target = typed.transpose()?;
    if !args.from.is_empty() {
        let (service, of_service) = target.map(|target| (target.service, target.cluster)).unzip();
        let cluster = args.cluster.clone().or(of_service.flatten());
        return Ok(DeployFrom::Files(Files {
            paths: args.from.clone(),
            temporary: std::env::temp_dir(),
            service,
            cluster,
        }));
    }
    let ServiceTarget { service, cluster, region, .. } = target.unwrap_or_default();
    let cluster = args.cluster.clone().or(cluster);
    let options = ObserveOptions {
        log_lines,
        logs_rate: Some(args.logs_rate),
        history: args.history.history.clone(),
        ..ObserveOptions::default()
    };
    Ok(DeployFrom::Aws { source: Arc::new(EcsSource::new(aws(global).await, options)), service, cluster, region })
}

/// Whether nobody says in which cluster the service is.
fn is_searched(args: &DeployArgs) -> bool {
    let named = args.service.as_deref().and_then(ServiceTarget::parse).and_then(|service| service.cluster);
    args.cluster.is_none() && named.is_none()
}

/// What is wrong, and with what.
fn problem(error: &DeployError, args: &DeployArgs) -> Problem {
    let (text, hint) = (error.to_string(), error.hint());
    match error {
        DeployError::Aws(_) if is_searched(args) => {
            Problem::failed(text).hint(hint.map(|hint| format!("{hint}; --cluster NAME names the cluster")))
        }
        DeployError::TimedOut => Problem::timed_out(text),
        DeployError::SeveralServices(_) => Problem::usage(text).hint(hint),
        _ => Problem::failed(text).hint(hint),
    }
}

/// How tasks become traces: as `ecspan export` makes them.
fn trace_options(args: &DeployArgs) -> Result<TraceOptions, Problem> {
    let mode = if args.snapshot { Mode::Snapshot(super::now()) } else { Mode::AppendOnly };
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

/// A finding as it is called here. One that nobody makes would never fire.
fn known_finding(flag: &str, given: &str) -> Result<String, Problem> {
    let own = [SLOWER, TASK_FAILED];
    // Where the time went, and who stopped a task, is found in healthy deployments too.
    let kinds =
        FindingKind::ALL.iter().copied().filter(|kind| kind.is_problem() || *kind == FindingKind::PullsTogether);
    // What is compared is compared in the end.
    let is_known = |id: &&str| flag != FAIL_FAST || *id != SLOWER;
    let all = own.into_iter().chain(action::FINDINGS).chain(kinds.map(FindingKind::id));
    let known: Vec<&str> = all.filter(is_known).collect();
    let name = given.trim().to_ascii_lowercase().replace('_', "-");
    if known.contains(&name.as_str()) {
        return Ok(name);
    }
    let joiner = if flag == FAIL_FAST { '=' } else { ' ' };
    let problem = Problem::usage(format!("{flag}{joiner}{given}: there is no such finding"));
    let meant = known.iter().find(|id| id.replace('-', "") == name.replace(['-', ' '], ""));
    Err(problem.hint(meant.map_or_else(|| known.join(", "), |id| format!("did you mean {flag}{joiner}{id}?"))))
}

/// What a flag has behind its `=`; nothing there is a variable that nobody has set, and no wish.
fn value<'a>(flag: &str, given: &'a str, alone: &str) -> Result<&'a str, Problem> {
    match given.trim() {
        "" => Err(Problem::usage(format!("{flag}= has no value: is a variable unset that stands there?"))
            .hint(format!("{flag} alone {alone}"))),
        value => Ok(value),
    }
}

/// How far a deployment is waited for.
fn goal(given: Option<&str>) -> Result<Option<Goal>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let given = value(WAIT, given, "waits until the deployment is over")?;
    if given == OVER {
        return Ok(None);
    }
    let known = || ["started", "stable", "bake"].into_iter().chain(STAGES).collect::<Vec<_>>().join(", ");
    let unknown = || Problem::usage(format!("{WAIT}={given}: there is no such stage")).hint(known());
    Goal::parse(given).map(Some).ok_or_else(unknown)
}

const FAIL_ON: &str = "--fail-on";
const FAIL_FAST: &str = "--fail-fast";
const WAIT: &str = "--wait";

/// What ends the wait before the deployment is over.
fn fail_fast(given: &[String]) -> Result<Vec<FailFast>, Problem> {
    let rule = |given: &String| {
        let given = value(FAIL_FAST, given, "ends it at three tasks that failed alike")?;
        match given.parse() {
            _ if given == CERTAIN => Ok(FailFast::Certain),
            Ok(0) => Err(Problem::usage(format!("{FAIL_FAST}=0: nothing has failed in the beginning"))
                .hint(format!("{FAIL_FAST}=1"))),
            Ok(alike) => Ok(FailFast::Alike(alike)),
            Err(_) => known_finding(FAIL_FAST, given).map(FailFast::Finding),
        }
    };
    given.iter().map(rule).collect()
}

/// `--fail-fast 3`, `--wait bake`: what was typed behind a flag that takes its value with `=` is the service, and is none.
fn takes_no_value(args: &DeployArgs) -> Result<(), Problem> {
    let Some(typed) = args.service.as_deref() else { return Ok(()) };
    let is_count = typed.parse::<usize>().is_ok();
    let flag = if args.fail_fast.iter().any(|alone| alone == CERTAIN)
        && (is_count || known_finding(FAIL_FAST, typed).is_ok())
    {
        FAIL_FAST
    } else if args.wait.as_deref() == Some(OVER) && Goal::parse(typed).is_some() && is_behind(WAIT, typed) {
        WAIT
    } else {
        return Ok(());
    };
    let hint = format!("{flag}={typed}, and name the service; one that is called so: CLUSTER/{typed}");
    Err(Problem::usage(format!("{typed} was taken for the service: {flag} has its value after an equals sign"))
        .hint(hint))
}

/// Whether this was typed right behind a flag: services are called `stable`, too.
fn is_behind(flag: &str, value: &str) -> bool {
    let typed: Vec<_> = std::env::args_os().collect();
    typed.windows(2).any(|pair| pair[0] == flag && pair[1] == value)
}

/// Those of `--fail-on` that are found; each is told.
fn fired(given: &[String], life: &DeploymentLife, comparison: Option<&Comparison>) -> Vec<String> {
    let is_found = |id: &&String| match id.as_str() {
        SLOWER => comparison.is_some_and(Comparison::is_slower),
        TASK_FAILED => life.failed() > 0,
        id if action::FINDINGS.contains(&id) => life.deployment.told(id).is_some(),
        // How the version before ends is no fault of this one.
        id => life.findings.iter().any(|(kind, found)| kind.id() == id && found.count > found.old),
    };
    let found: Vec<String> = given.iter().filter(is_found).cloned().collect();
    for id in &found {
        terminal::tell("finding", &format!("--fail-on {id}"));
    }
    found
}
