//! From what was typed to the lives of the tasks that are meant: files are read, all else is asked of AWS. Main type:
//! [`Source`].

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ecspan::model::merge::{self, TaskObservations, Unclaimed};
use ecspan::model::observation::Observation;
use ecspan::model::{TaskLife, Time};
use ecspan::source::aws::{Aws, AwsError, AwsSettings};
use ecspan::source::docker;
use ecspan::source::ecs::{EcsSource, ObserveOptions, Until};
use ecspan::source::files::{self, Contents};
use ecspan::source::logs::{StreamOverride, WholeLog};
use ecspan::source::select::{Selection, StatusFilter};
use ecspan::source::target::{Target, TaskTarget};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

use super::args::{Global, LogLines, SelectArgs, Status, TaskArgs, WaitFor};
use super::exit::Exit;
use super::problem::Problem;
use super::progress::Progress;
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

/// What was observed of a task, and whether AWS can be asked for more of it.
pub(super) struct Observed {
    pub(super) task: TaskObservations,
    pub(super) is_live: bool,
}

/// What happened while tasks were read. Shared, since reading goes on while they are delivered.
#[derive(Debug, Default)]
pub(super) struct Course {
    lost: AtomicUsize,
    timed_out: AtomicBool,
}

impl Course {
    /// Something was tried and could not be read.
    pub(super) fn lose(&self, problem: &Problem) {
        problem.print();
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The same as before could not be read once more: it has been told.
    pub(super) fn lose_again(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn lose_to(&self, error: &AwsError) {
        if matches!(error, AwsError::WaitedTooLong { .. }) {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        self.lose(&aws_problem(error));
    }

    /// How many things were tried and could not be read. Each has been told.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether a wait ran out of time.
    pub(super) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Relaxed)
    }

    /// How a run ends that delivered `delivered` tasks.
    pub(super) fn exit(&self, delivered: usize) -> Exit {
        match (signals::received(), self.lost(), delivered) {
            (Some(signal), _, _) => signal,
            (None, _, _) if self.timed_out() => Exit::TimedOut,
            (None, 0, _) => Exit::Success,
            (None, _, 0) => Exit::Failed,
            (None, _, _) => Exit::Incomplete,
        }
    }
}

/// The tasks of one run.
pub(super) struct Source {
    files: Vec<TaskObservations>,
    targets: Vec<TaskTarget>,
    selection: Option<Selection>,
    fetch: bool,
    aws: Option<Arc<EcsSource>>,
    needs: Needs,
    log_lines: LogLines,
    pub(super) course: Arc<Course>,
}

impl Source {
    /// Reads the files among what was typed and prepares to ask AWS for the rest.
    pub(super) async fn open(global: &Global, args: &TaskArgs, needs: Needs) -> Result<Self, Problem> {
        let log_lines = if args.no_logs { LogLines::AtMost(0) } else { env::log_lines(args.log_lines)? };
        if let (LogLines::All, WholeLogs::Refused(hint)) = (log_lines, needs.whole_logs) {
            let error = "--log-lines all: a whole log goes into log records (--logs-as records) or a timeline only";
            return Err(Problem::usage(error).hint(hint.to_owned()));
        }
        let (paths, targets) = sort_out(args)?;
        let selection = args.select.is_used().then(|| selection(&args.select)).transpose()?;
        if paths.is_empty() && targets.is_empty() && selection.is_none() {
            let hint = "name a task (CLUSTER/ID, an ID, an ARN, a console URL), a file or -, or select: --cluster prod --service web";
            return Err(Problem::usage("no task is named").hint(hint.to_owned()));
        }
        let course = Arc::new(Course::default());
        let files = read_files(&paths, &course);
        let asks_aws = !targets.is_empty() || selection.is_some() || (args.fetch && !files.is_empty());
        let aws = if asks_aws { Some(Arc::new(ecs(global, args, log_lines, needs).await?)) } else { None };
        Ok(Self { files, targets, selection, fetch: args.fetch, aws, needs, log_lines, course })
    }

    /// The source's access to AWS, when it has any; used up by `ecspan record`.
    pub(super) fn into_aws(self) -> Option<EcsSource> {
        self.aws.and_then(Arc::into_inner)
    }

    /// The tasks' lives as they become known: those from files first. Ends early on Ctrl-C and SIGTERM.
    pub(super) fn lives(&mut self) -> BoxStream<'static, TaskLife> {
        let (course, log_lines) = (self.course.clone(), self.log_lines);
        self.observed().map(move |observed| life(observed.task, log_lines, &course)).boxed()
    }

    /// What is observed of the tasks, likewise.
    pub(super) fn observed(&mut self) -> BoxStream<'static, Observed> {
        let files = std::mem::take(&mut self.files);
        let (course, fetch) = (self.course.clone(), self.fetch);
        let of_file = move |task| Observed { task, is_live: fetch };
        let observed: BoxStream<'static, Observed> = match self.aws.clone() {
            None => futures::stream::iter(files).map(of_file).boxed(),
            Some(aws) => {
                let fetched = fetched(aws.clone(), files, self.fetch, course).map(of_file);
                fetched.chain(self.asked(aws).map(|task| Observed { task, is_live: true })).boxed()
            }
        };
        let progress = Progress::start("reading tasks");
        observed.inspect(move |_| progress.advance()).take_until(signals::wait()).boxed()
    }

    /// The life of what was observed.
    pub(super) fn life(&self, task: TaskObservations) -> TaskLife {
        life(task, self.log_lines, &self.course)
    }

    /// The whole logs of a task's containers, where they are asked for and AWS has them. What a file holds is in the life.
    pub(super) fn whole_logs(&self, observed: &Observed) -> Vec<WholeLog> {
        let Some(aws) = self.aws.as_ref().filter(|_| observed.is_live && self.log_lines == LogLines::All) else {
            return vec![];
        };
        match aws.whole_logs(&observed.task.task, observed.task.definition.as_ref()) {
            Ok(logs) => logs,
            Err(error) => {
                self.course.lose_to(&error);
                vec![]
            }
        }
    }

    /// Whether logs are streamed.
    pub(super) fn streams_logs(&self) -> bool {
        self.log_lines == LogLines::All
    }

    /// The tasks that AWS is asked for.
    fn asked(&mut self, aws: Arc<EcsSource>) -> impl Stream<Item = TaskObservations> + use<> {
        let (targets, selection) = (std::mem::take(&mut self.targets), self.selection.take());
        let (course, wait) = (self.course.clone(), self.needs.wait);
        let found = async move {
            let mut found = aws.find(&targets).await;
            if let Some(selection) = selection {
                match aws.select(&selection).await {
                    Ok((region, tasks)) => found.extend(tasks.into_iter().map(|task| Ok((region.clone(), task?)))),
                    Err(error) => found.push(Err(error)),
                }
            }
            let waited = found.into_iter().map(|task| async {
                let (region, task) = task?;
                let Some((until, timeout)) = wait else { return Ok((region, task, None)) };
                let (task, error) = aws.wait(&region, task, until.into(), timeout).await;
                Ok((region, task, error))
            });
            let mut tasks = vec![];
            for task in futures::future::join_all(waited).await {
                match task {
                    // One that was waited for in vain is delivered as far as it has come.
                    Ok((region, task, error)) => {
                        error.iter().for_each(|error| course.lose_to(error));
                        tasks.push((region, task));
                    }
                    Err(error) => course.lose_to(&error),
                }
            }
            aws.observe(tasks)
        };
        flattened(found)
    }
}

fn life(task: TaskObservations, log_lines: LogLines, course: &Course) -> TaskLife {
    let most = match log_lines {
        LogLines::AtMost(lines) => lines,
        // What is at hand was read already.
        LogLines::All => usize::MAX,
    };
    let life = TaskLife::new(task, Time::from(SystemTime::now()), most);
    // What is missing of a task is told with it, and counts.
    course.lost.fetch_add(life.gaps.len(), Ordering::Relaxed);
    life
}

fn flattened<S: Stream>(stream: impl Future<Output = S>) -> impl Stream<Item = S::Item> {
    futures::stream::once(stream).flatten()
}

/// Tasks from files, with what AWS adds to them when it is asked.
fn fetched(
    aws: Arc<EcsSource>,
    files: Vec<TaskObservations>,
    fetch: bool,
    course: Arc<Course>,
) -> impl Stream<Item = TaskObservations> {
    futures::stream::iter(files).then(move |mut file| {
        let (aws, course) = (aws.clone(), course.clone());
        async move {
            if !fetch {
                return file;
            }
            match aws.region_of(&file.task) {
                Ok(region) => {
                    let more = aws.observe_one(&region, file.task.clone()).await;
                    file.definition = file.definition.or(more.definition);
                    file.logs.extend(more.logs);
                    file.gaps.extend(more.gaps);
                    file.service_events.extend(more.service_events);
                }
                Err(error) => course.lose_to(&error),
            }
            file
        }
    })
}

/// Which of the TASKs are files, and which AWS is asked for.
fn sort_out(args: &TaskArgs) -> Result<(Vec<PathBuf>, Vec<TaskTarget>), Problem> {
    let (mut paths, mut targets) = (vec![], vec![]);
    for text in &args.tasks {
        match Target::parse(text, |path| Path::new(path).exists()) {
            Ok(Target::Stdin) => paths.push(PathBuf::from("-")),
            Ok(Target::File(path)) => paths.push(path),
            Ok(Target::Task(mut target)) => {
                target.cluster = target.cluster.or_else(|| args.select.cluster.clone());
                targets.push(target);
            }
            Err(error) => return Err(Problem::failed(error.to_string()).hint(error.hint())),
        }
    }
    Ok((paths, targets))
}

pub(super) fn selection(args: &SelectArgs) -> Result<Selection, Problem> {
    let cluster = args.cluster.clone().ok_or_else(|| {
        Problem::usage("tasks are selected from a cluster, and none is named")
            .hint("add --cluster NAME; `ecspan ls` lists the clusters".to_owned())
    })?;
    let now = Time::from(SystemTime::now());
    let nanos = |since: Duration| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    Ok(Selection {
        cluster,
        service: args.service.clone(),
        family: args.family.clone(),
        started_by: args.started_by.clone(),
        status: match args.status {
            Some(Status::Pending) => StatusFilter::Pending,
            Some(Status::Running) => StatusFilter::Running,
            Some(Status::Stopped) => StatusFilter::Stopped,
            Some(Status::All) | None => StatusFilter::All,
        },
        created_since: args.since.map(|since| Time::from_unix_nanos(now.unix_nanos().saturating_sub(nanos(since)))),
        limit: args.limit,
    })
}

/// AWS as the SDK's own settings and the flags say.
pub(super) async fn aws(global: &Global) -> Aws {
    Aws::load(&AwsSettings { profile: global.profile.clone(), region: global.region.clone() }).await
}

async fn ecs(global: &Global, args: &TaskArgs, log_lines: LogLines, needs: Needs) -> Result<EcsSource, Problem> {
    let stream = |text: &String| {
        let hint = "CONTAINER=GROUP:STREAM, for example app=/ecs/web:ecs/app/{task_id}".to_owned();
        StreamOverride::parse(text)
            .ok_or_else(|| Problem::usage(format!("--log-stream {text}: not understood")).hint(hint))
    };
    let options = ObserveOptions {
        log_lines: match log_lines {
            LogLines::AtMost(lines) => lines,
            // They are streamed, later.
            LogLines::All => 0,
        },
        log_streams: args.log_stream.iter().map(stream).collect::<Result<_, _>>()?,
        logs_rate: args.logs_rate,
        service_events: needs.service_events,
        all_containers: args.all_containers,
        record: needs.record,
    };
    Ok(EcsSource::new(aws(global).await, options))
}

/// What went wrong at AWS, as it is told.
pub(super) fn aws_problem(error: &AwsError) -> Problem {
    Problem::failed(error.to_string()).hint(error.hint())
}

fn read_files(paths: &[PathBuf], course: &Course) -> Vec<TaskObservations> {
    let mut observations = vec![];
    for path in paths {
        let read = if path == Path::new("-") { files::read_stdin() } else { files::read_path(path) };
        match read {
            Ok(contents) => take(contents, path, &mut observations, course),
            Err(error) => course.lose(&Problem::failed(error.to_string()).hint(error.hint())),
        }
    }
    let (tasks, unclaimed) = merge::by_task(observations);
    for unclaimed in unclaimed {
        course.lose(&explain(unclaimed, tasks.is_empty()));
    }
    tasks
}

fn take(contents: Contents, path: &Path, observations: &mut Vec<Observation>, course: &Course) {
    let Contents { observations: found, errors, missing, passed_by } = contents;
    if !passed_by.is_empty() {
        terminal::tell("note", &passed_by_note(path, &passed_by));
    }
    for error in errors {
        course.lose(&Problem::failed(error.to_string()).hint(error.hint()));
    }
    for missing in missing {
        course.lose(&Problem::failed(format!(
            "{}: ECS did not find {}: {}",
            path.display(),
            missing.arn,
            missing.reason
        )));
    }
    observations.extend(found);
}

/// What was passed by, by kind: `4 ECS Service Action, 1 AWS API Call via CloudTrail`.
fn passed_by_note(path: &Path, kinds: &[String]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for kind in kinds {
        *counts.entry(kind).or_default() += 1;
    }
    let told = |(kind, count): (&str, usize)| match (kind, count) {
        (docker::FOREIGN, 2..) => format!("{count} {}", kind.replacen("container", "containers", 1)),
        _ => format!("{count} {kind}"),
    };
    let kinds: Vec<String> = counts.into_iter().map(told).collect();
    format!("{}: passed by, for they are not about a task: {}", path.display(), kinds.join(", "))
}

fn explain(unclaimed: Unclaimed, no_tasks: bool) -> Problem {
    let hint =
        no_tasks.then(|| "name the file of the task as well (the answer of `aws ecs describe-tasks`)".to_owned());
    match unclaimed {
        Unclaimed::Log { origin, lines, why } => {
            Problem::failed(format!("{origin}: {lines} log lines are not used: {why}")).hint(hint)
        }
        Unclaimed::Definition { origin, family } => {
            let family = family.map_or(String::new(), |family| format!(" of {family}"));
            Problem::failed(format!("{origin}: the task definition{family} is not used: no task given runs it"))
                .hint(hint)
        }
        Unclaimed::Deployment { arn } => {
            Problem::failed(format!("{arn}: a service's deployment tells nothing of a task"))
                .hint("`ecspan deploy --from FILE…` reads it".to_owned())
        }
        Unclaimed::Gap(gap) => Problem::failed(format!("{}: {}", gap.what, gap.why)).hint(gap.hint),
    }
}

impl From<WaitFor> for Until {
    fn from(wait: WaitFor) -> Self {
        match wait {
            WaitFor::Started => Self::Started,
            WaitFor::Stopped => Self::Stopped,
        }
    }
}
