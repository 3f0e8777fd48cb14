//! `ecspan sidecar`: in a task, sends each container's span once it has finished, with times to the nanosecond.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{ContainerRecord, Gap, TaskRecord};
use ecspan::model::{TaskLife, Time};
use ecspan::sink::{Delivery, Piece, Verdict};
use ecspan::source::endpoint::{EndpointError, MetadataEndpoint};
use ecspan::trace::{TaskTrace, TraceOptions};
use futures::future::join;
use futures::stream;
use opentelemetry::trace::SpanId;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, sleep, sleep_until};

use super::args::{Global, SidecarArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::{closing, destinations, env, retries, signals, terminal};

/// The endpoint is asked no more often.
const INTERVAL: Duration = Duration::from_secs(1);
/// And no less often, however often it failed.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);
/// A sidecar that has not had an answer for so long is not well.
const STALE: Duration = Duration::from_secs(60);
const HEALTH_FILE: &str = "ecspan-sidecar.health";

pub(super) async fn run(global: &Global, args: &SidecarArgs) -> Result<Exit, Problem> {
    let health = args.health_file.clone().unwrap_or_else(|| std::env::temp_dir().join(HEALTH_FILE));
    if args.health {
        return check(&health);
    }
    if args.service_name.as_deref() == Some("otel") {
        let hint = "name it: --service-name NAME; export and worker know otel".to_owned();
        let error =
            "--service-name otel: the metadata endpoint does not say what other containers have in OTEL_SERVICE_NAME";
        return Err(Problem::usage(error).hint(Some(hint)));
    }
    let endpoint = MetadataEndpoint::from_env(env::get)
        .map_err(|error| Problem::usage(error.to_string()).hint(error.hint().map(str::to_owned)))?;
    let destinations = destinations::open_for(global, &args.to, &args.otlp, args.undelivered.as_deref()).await?;
    let (pieces, delivered) = mpsc::channel::<Piece>(4);
    let mut watch = Watch::new(args, health);
    let feed = async {
        watch.follow(&endpoint, &pieces).await;
        drop(pieces);
        watch
    };
    let delivered = stream::unfold(delivered, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    // What is in hand when the task stops is sent, with patience: nobody else has it.
    let (watch, report) =
        join(feed, Delivery::new(destinations).on_retry(retries::tell).on_lost(retries::tell_lost).run(delivered))
            .await;
    watch.tell_open();
    report.destinations.iter().for_each(closing::tell_destination);
    Ok(match report.verdict() {
        Verdict::Nothing => Exit::Failed,
        Verdict::Some => Exit::PartlyDelivered,
        Verdict::All if watch.gaps > 0 => Exit::Incomplete,
        Verdict::All => Exit::Success,
    })
}

/// Whether the sidecar that writes this file had an answer lately.
fn check(file: &Path) -> Result<Exit, Problem> {
    let told = fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let Some(at) = told.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)) else {
        return Err(Problem::failed(format!("no sidecar has written {}", file.display())).hint(
            "it is written after each answer of the metadata endpoint; --health-file names another place".to_owned(),
        ));
    };
    let age = at.elapsed().unwrap_or_default();
    if age > STALE {
        return Err(Problem::failed(format!("the last answer of the metadata endpoint was {} s ago", age.as_secs())));
    }
    Ok(Exit::Success)
}

/// What is known of the task so far, and what of it was sent.
struct Watch<'a> {
    args: &'a SidecarArgs,
    options: TraceOptions,
    health: PathBuf,
    /// Our own container: it can't be waited for.
    own: Option<String>,
    last: Option<TaskRecord>,
    /// Containers by name and runtime id, as they were last seen.
    seen: BTreeMap<(String, Option<String>), ContainerRecord>,
    sent: HashSet<SpanId>,
    told: BTreeSet<Gap>,
    gaps: usize,
    cannot_write: bool,
}

impl<'a> Watch<'a> {
    fn new(args: &'a SidecarArgs, health: PathBuf) -> Self {
        let options = TraceOptions {
            standalone: args.standalone,
            service_name: args.service_name.as_deref().into(),
            base_attributes: env::resource_attributes(),
            ..TraceOptions::default()
        };
        Self {
            args,
            options,
            health,
            own: None,
            last: None,
            seen: BTreeMap::new(),
            sent: HashSet::new(),
            told: BTreeSet::new(),
            gaps: 0,
            cannot_write: false,
        }
    }

    /// Asks until the task is told to stop, and then until the other containers have finished or the time is up.
    async fn follow(&mut self, endpoint: &MetadataEndpoint, pieces: &Sender<Piece>) {
        let mut interval = INTERVAL;
        let mut until: Option<Instant> = None;
        loop {
            let asked = Instant::now();
            match self.ask(endpoint).await {
                Ok(()) => {
                    interval = INTERVAL;
                    self.send(pieces).await;
                }
                Err(error) => {
                    interval = (interval * 2).min(LONGEST_INTERVAL);
                    terminal::tell("warning", &format!("{error}; asking again in {} s", interval.as_secs()));
                }
            }
            let is_over = until.is_some_and(|until| Instant::now() >= until);
            if until.is_some() && (is_over || self.all_finished()) {
                return;
            }
            let next = asked + if until.is_some() { INTERVAL } else { interval };
            let next = until.map_or(next, |until| next.min(until));
            tokio::select! {
                () = signals::wait(), if until.is_none() => {
                    let patience = self.args.stop_timeout;
                    terminal::tell("note", &format!("told to stop: waiting up to {} s for the other containers", patience.as_secs()));
                    until = Some(Instant::now() + patience);
                    // They finish one after the other: at once would be too early.
                    sleep(Duration::from_millis(200)).await;
                }
                () = sleep_until(next) => {}
            }
        }
    }

    async fn ask(&mut self, endpoint: &MetadataEndpoint) -> Result<(), EndpointError> {
        if self.own.is_none() {
            self.own = Some(endpoint.own_container().await?);
        }
        let (task, gaps) = endpoint.task().await?;
        for gap in gaps {
            if self.told.insert(gap.clone()) {
                terminal::tell("gap", &format!("{}: {}", gap.what, gap.why));
                self.gaps += 1;
            }
        }
        self.look_at(&task);
        self.last = Some(task);
        self.beat();
        Ok(())
    }

    /// Compares with what was seen before: a container that is not listed any more and never finished is a gap.
    fn look_at(&mut self, task: &TaskRecord) {
        let key = |container: &ContainerRecord| (container.name.clone(), container.runtime_id.clone());
        let listed: BTreeSet<_> = task.containers.iter().map(key).collect();
        let vanished: Vec<_> =
            self.seen.iter().filter(|(key, one)| !listed.contains(*key) && one.finished.is_none()).collect();
        for ((name, id), _) in vanished {
            let id = id.as_deref().unwrap_or("without an id");
            terminal::tell(
                "gap",
                &format!("container {name} ({id}) is not listed any more, and its end was never seen"),
            );
            self.gaps += 1;
        }
        self.seen.retain(|key, _| listed.contains(key));
        self.seen.extend(task.containers.iter().map(|container| (key(container), container.clone())));
    }

    /// Sends what has become final and was not sent yet.
    async fn send(&mut self, pieces: &Sender<Piece>) {
        let Some(mut task) = self.last.clone() else { return };
        // We run to the very end: the task is over when all others are.
        if self.all_finished() && signals::received().is_some() {
            task.containers.retain(|container| Some(&container.name) != self.own.as_ref());
            task.last_status = Some("STOPPED".to_owned());
        }
        let observed = TaskObservations { task, ..TaskObservations::default() };
        let life = TaskLife::new(observed, Time::from(SystemTime::now()), 0);
        let mut trace = TaskTrace::new(&life, &self.options);
        trace.spans.retain(|span| !self.sent.contains(&span.span_context.span_id()));
        if trace.spans.is_empty() {
            return;
        }
        self.sent.extend(trace.spans.iter().map(|span| span.span_context.span_id()));
        // A destination takes pieces until we stop feeding it.
        let _ = pieces.send(trace.into()).await;
    }

    /// Whether every container but ours has finished for good.
    fn all_finished(&self) -> bool {
        let Some(task) = &self.last else { return false };
        self.others(task).all(|container| container.finished.is_some() && !container.may_restart)
    }

    fn others<'b>(&'b self, task: &'b TaskRecord) -> impl Iterator<Item = &'b ContainerRecord> {
        let is_ours = |container: &&ContainerRecord| Some(&container.name) == self.own.as_ref();
        task.containers.iter().filter(move |container| !container.is_hidden() && !is_ours(container))
    }

    /// Names what still ran when we had to stop: it is not sent.
    fn tell_open(&self) {
        let Some(task) = &self.last else { return };
        for container in self.others(task).filter(|container| container.finished.is_none() || container.may_restart) {
            let name = &container.name;
            terminal::tell(
                "note",
                &format!("container {name} still ran when this one was stopped: its span is not sent"),
            );
        }
    }

    /// Says that all is well, for `--health`.
    fn beat(&mut self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if let Err(error) = fs::write(&self.health, now.to_string())
            && !self.cannot_write
        {
            self.cannot_write = true;
            let what = format!("failed to write {}: {error}; sidecar --health will fail", self.health.display());
            terminal::tell("warning", &what);
        }
    }
}
