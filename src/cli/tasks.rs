//! From what was typed to the tasks that are meant. Main function: [`open`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ecspan::run::Teller;
use ecspan::run::read::{Course, ReadConfig, Reader};
use ecspan::sink::Verdict;
use ecspan::source::aws::{Aws, AwsError, AwsSettings, Tell};
use ecspan::source::ecs::{EcsSource, ObserveOptions, Until};
use ecspan::source::logs::{LogLines, StreamOverride};
use ecspan::source::select::{Selection, StatusFilter};
use ecspan::source::target::{TaskArg, TaskTarget};

use super::args::{Global, SelectArgs, Status, TaskArgs, WaitFor};
use super::ending::Ending;
use super::exit::Exit;
use super::problem::Problem;
use super::{env, signals, terminal};

/// What a command needs of its tasks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    /// The service events that name a task.
    pub(super) service_events: bool,
    /// The answers, for a bundle.
    pub(super) record: bool,
    /// That the tasks have come so far.
    pub(super) wait: Option<(WaitFor, Option<Duration>)>,
    /// Whole logs, should they be asked for; `None`: why the command cannot have them.
    pub(super) whole_logs: WholeLogs,
}

/// Whether a command has a use for whole logs.
#[derive(Clone, Copy, Debug)]
pub(super) enum WholeLogs {
    /// It streams them.
    Streamed,
    /// It holds what it reads, so it cannot: what to do instead.
    Refused(&'static str),
}

impl Default for WholeLogs {
    fn default() -> Self {
        Self::Refused("name a number: --log-lines 10000")
    }
}

/// The tasks of a command: its files are read, and AWS is asked for the rest once they are wanted.
pub(super) async fn open(global: &Global, args: &TaskArgs, needs: Needs, notices: Teller) -> Result<Reader, Problem> {
    let log_lines = if args.no_logs { LogLines::AtMost(0) } else { env::log_lines(args.log_lines)? };
    if let (LogLines::All, WholeLogs::Refused(hint)) = (log_lines, needs.whole_logs) {
        let error = "--log-lines all: a whole log goes into log records (--logs-as records) or a timeline only";
        return Err(Problem::usage(error).hint(hint.to_owned()));
    }
    let (files, targets) = sort_out(args)?;
    let selection = args.select.is_used().then(|| selection(&args.select)).transpose()?;
    if files.is_empty() && targets.is_empty() && selection.is_none() {
        let hint = "name a task (CLUSTER/ID, an ID, an ARN, a console URL), a file or -, or select: --cluster prod --service web";
        let hint = args.select.cluster.as_ref().map_or_else(
            || hint.to_owned(),
            |cluster| {
                format!("`ecspan ls {cluster}` lists the tasks of the cluster; add an id, --service, --family or --status all")
            },
        );
        return Err(Problem::usage("no task is named").hint(hint));
    }
    let asks_aws = !targets.is_empty() || selection.is_some() || (args.fetch && !files.is_empty());
    if !asks_aws && !log_streams(args)?.is_empty() {
        terminal::tell("note", "--log-stream is read from AWS, which is asked about tasks in files only with --fetch");
    }
    let aws = if asks_aws { Some(ecs(global, args, log_lines, needs).await?) } else { None };
    let wait = needs.wait.map(|(until, timeout)| (until.into(), timeout));
    if wait.is_some() && targets.is_empty() && selection.is_none() {
        terminal::tell(
            "note",
            "--wait waits for tasks that AWS is asked about: what files hold is as it was when they were saved",
        );
    }
    let config = ReadConfig {
        files,
        temporary: std::env::temp_dir(),
        targets,
        selection,
        fetch: args.fetch,
        aws,
        wait,
        log_lines,
        clock: super::now,
    };
    Ok(Reader::open(config, signals::stop(), notices).await)
}

/// The one task of a command that asks AWS for it again and again, and how many log lines of it are kept.
pub(super) async fn one(
    global: &Global,
    args: &TaskArgs,
    needs: Needs,
) -> Result<(EcsSource, TaskTarget, usize), Problem> {
    let log_lines = if args.no_logs { LogLines::AtMost(0) } else { env::log_lines(args.log_lines)? };
    let LogLines::AtMost(lines) = log_lines else {
        return Err(Problem::usage("--log-lines all: a log that still grows is followed from its last lines on")
            .hint("name a number".to_owned()));
    };
    let (files, mut targets) = sort_out(args)?;
    match (files.is_empty() && !args.select.is_used(), targets.pop(), targets.is_empty()) {
        (true, Some(target), true) => Ok((ecs(global, args, log_lines, needs).await?, target, lines)),
        _ => Err(Problem::usage("one task of AWS's can be followed: no file, no selection, not several")
            .hint("ecspan ls CLUSTER lists tasks; ecspan deploy SERVICE --wait follows a rollout".to_owned())),
    }
}

/// How a run ends that drew so many tasks.
pub(super) fn exit(course: &Course, drawn: usize) -> Exit {
    let (timed_out, lost) = (course.timed_out(), course.lost());
    Ending { timed_out, lost, is_empty: drawn == 0, ..Ending::new(Verdict::All) }.exit()
}

/// Which of the TASKs are files, and which AWS is asked for.
fn sort_out(args: &TaskArgs) -> Result<(Vec<PathBuf>, Vec<TaskTarget>), Problem> {
    sorted(&args.tasks, args.select.cluster.as_deref())
}

/// The same of any names.
pub(super) fn sorted(tasks: &[String], cluster: Option<&str>) -> Result<(Vec<PathBuf>, Vec<TaskTarget>), Problem> {
    let (mut paths, mut targets) = (vec![], vec![]);
    for text in tasks {
        match TaskArg::parse(text, |path| Path::new(path).exists()) {
            Ok(TaskArg::Stdin) => paths.push(PathBuf::from("-")),
            Ok(TaskArg::File(path)) => paths.push(path),
            Ok(TaskArg::Task(mut target)) => {
                target.cluster = target.cluster.or_else(|| cluster.map(str::to_owned));
                targets.push(target);
            }
            Err(error) => return Err(Problem::of(&error)),
        }
    }
    Ok((paths, targets))
}

pub(super) fn selection(args: &SelectArgs) -> Result<Selection, Problem> {
    if args.cluster.is_none() {
        return Err(Problem::usage("tasks are selected from a cluster, and none is named")
            .hint("add --cluster NAME; `ecspan ls` lists the clusters".to_owned()));
    }
    let selection = filter(args);
    let is_empty = |since| selection.created_until.is_some_and(|until| until <= since);
    if selection.created_since.is_some_and(is_empty) {
        return Err(Problem::usage("--until lies before --since: no task was created in between")
            .hint("--since 7d --until 1d are those of the days before yesterday".to_owned()));
    }
    Ok(selection)
}

/// What of tasks that are at hand is meant: of any cluster, where none is named.
pub(super) fn filter(args: &SelectArgs) -> Selection {
    let now = super::now();
    Selection {
        cluster: args.cluster.clone().unwrap_or_default(),
        service: args.service.clone(),
        family: args.family.clone(),
        started_by: args.started_by.clone(),
        status: match args.status {
            Some(Status::Pending) => StatusFilter::Pending,
            Some(Status::Running) => StatusFilter::Running,
            Some(Status::Stopped) => StatusFilter::Stopped,
            Some(Status::Failed) => StatusFilter::Failed,
            Some(Status::All) | None => StatusFilter::All,
        },
        created_since: args.since.map(|since| since.seen_from(now)),
        created_until: args.until.map(|until| until.seen_from(now)),
        limit: args.limit,
    }
}

/// AWS as the SDK's own settings and the flags say.
pub(super) async fn aws(global: &Global) -> Aws {
    aws_telling(global, Arc::new(|what: &str| terminal::tell("waiting", what))).await
}

/// The same, where a wait is told otherwise.
pub(super) async fn aws_telling(global: &Global, waiting: Tell) -> Aws {
    env::tell_no_proxy();
    let settings = AwsSettings {
        profile: global.profile.clone(),
        region: global.region.clone(),
        env: Some(env::all()),
        ask: terminal::asks(),
        waiting: Some(waiting),
    };
    Aws::load(&settings).await
}

/// The log streams that were named.
fn log_streams(args: &TaskArgs) -> Result<Vec<StreamOverride>, Problem> {
    let stream = |text: &String| {
        let hint = "CONTAINER=GROUP:STREAM, for example app=/ecs/web:ecs/app/{task_id}".to_owned();
        StreamOverride::parse(text)
            .ok_or_else(|| Problem::usage(format!("--log-stream {text}: not understood")).hint(hint))
    };
    args.log_stream.iter().map(stream).collect()
}

async fn ecs(global: &Global, args: &TaskArgs, log_lines: LogLines, needs: Needs) -> Result<EcsSource, Problem> {
    let options = ObserveOptions {
        log_lines: match log_lines {
            LogLines::AtMost(lines) => lines,
            // They are streamed, later.
            LogLines::All => 0,
        },
        log_streams: log_streams(args)?,
        logs_rate: args.logs_rate,
        service_events: needs.service_events,
        all_containers: args.all_containers,
        calls_rate: None,
        record: needs.record,
        history: args.history.history.clone(),
    };
    Ok(EcsSource::new(aws(global).await, options))
}

/// What went wrong at AWS, as it is told.
pub(super) fn aws_problem(error: &AwsError) -> Problem {
    Problem::of(error)
}

impl From<WaitFor> for Until {
    fn from(wait: WaitFor) -> Self {
        match wait {
            WaitFor::Started => Self::Started,
            WaitFor::Stopped => Self::Stopped,
        }
    }
}
