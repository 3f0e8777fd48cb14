//! `ecspan sidecar`: in a task, sends each container's span once it has finished, with times to the nanosecond.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{ContainerRecord, Gap, TaskRecord};
use ecspan::sink::{Delivery, Piece};
use ecspan::source::endpoint::{EndpointError, MetadataEndpoint};
use ecspan::trace::{ServiceName, TraceOptions};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until};

use super::args::{Global, SidecarArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::watch::{self, Sent, Watch};
use super::{destinations, env, signals, terminal};

/// A sidecar that has not had an answer for so long is not well.
const STALE: Duration = Duration::from_secs(60);
/// The last look has so long: the endpoint answers within milliseconds.
const LAST_LOOK: Duration = Duration::from_millis(500);
const HEALTH_FILE: &str = "ecspan-sidecar.health";

pub(super) async fn run(global: &Global, args: &SidecarArgs) -> Result<Exit, Problem> {
    let health = args.health_file.clone().unwrap_or_else(|| std::env::temp_dir().join(HEALTH_FILE));
    if args.health {
        return check(&health);
    }
    let service_name = watch::service_name(args.service_name.as_deref())?;
    let endpoint = MetadataEndpoint::from_env(env::get)
        .map_err(|error| Problem::usage(error.to_string()).hint(error.hint().map(str::to_owned)))?;
    let destinations = destinations::open_for(global, &args.to, &args.otlp, args.undelivered.as_deref()).await?;
    let mut watch = SidecarWatch::new(args, service_name, endpoint, health);
    let feed = async |pieces| {
        let failed = watch::follow(&mut watch, &pieces).await;
        watch.close(failed);
        watch.gaps
    };
    let (gaps, verdict) = watch::deliver(Delivery::new(destinations), feed).await;
    Ok(watch::exit(verdict, gaps))
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
struct SidecarWatch<'a> {
    args: &'a SidecarArgs,
    endpoint: MetadataEndpoint,
    options: TraceOptions,
    health: PathBuf,
    /// Our own container: it can't be waited for.
    own: Option<String>,
    last: Option<TaskRecord>,
    /// When we were told to stop.
    told: Option<Instant>,
    /// Containers by name and runtime id, as they were last seen.
    seen: BTreeMap<(String, Option<String>), ContainerRecord>,
    sent: Sent,
    told_gaps: BTreeSet<Gap>,
    gaps: usize,
    cannot_write: bool,
}

impl<'a> SidecarWatch<'a> {
    fn new(args: &'a SidecarArgs, service_name: ServiceName, endpoint: MetadataEndpoint, health: PathBuf) -> Self {
        let options = TraceOptions {
            standalone: args.standalone,
            service_name,
            base_attributes: env::resource_attributes(),
            ..TraceOptions::default()
        };
        Self {
            args,
            endpoint,
            options,
            health,
            own: None,
            last: None,
            told: None,
            seen: BTreeMap::new(),
            sent: Sent::default(),
            told_gaps: BTreeSet::new(),
            gaps: 0,
            cannot_write: false,
        }
    }

    /// Whether there is news.
    async fn ask(&mut self) -> Result<bool, EndpointError> {
        if self.own.is_none() {
            self.own = Some(self.endpoint.own_container().await?);
        }
        let Some((task, gaps)) = self.endpoint.news().await? else {
            self.beat();
            return Ok(false);
        };
        for gap in gaps {
            if self.told_gaps.insert(gap.clone()) {
                terminal::tell("gap", &format!("{}: {}", gap.what, gap.why));
                self.gaps += 1;
            }
        }
        self.look_at(&task);
        self.last = Some(task);
        self.beat();
        Ok(true)
    }

    /// Asks, but told to stop no longer than is waited for the others, also when that is while something is asked. The last
    /// look has its time after all others.
    async fn ask_in_time(&mut self, is_last: bool) -> Result<bool, EndpointError> {
        let (patience, mut told) = (self.patience(is_last), self.told);
        let time_up = async {
            if told.is_none() {
                signals::wait().await;
            }
            sleep_until(*told.get_or_insert_with(Instant::now) + patience).await;
        };
        let asked = tokio::select! {
            asked = self.ask() => asked,
            () = time_up => Err(EndpointError::late("--stop-timeout is over")),
        };
        self.told = told;
        asked
    }

    /// For how long after we were told to stop something is asked.
    fn patience(&self, is_last: bool) -> Duration {
        let patience = self.args.stop_timeout.max(LAST_LOOK);
        if is_last { patience } else { patience - LAST_LOOK }
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
        self.sent.send(TaskObservations { task, ..TaskObservations::default() }, &self.options, pieces).await;
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

    /// Names what is not sent: what still ran when we had to stop, and what was not seen for want of an answer.
    fn close(&mut self, failed: Option<EndpointError>) {
        if let Some(error) = failed.filter(|_| !self.all_finished()) {
            let what = match self.last {
                None => "nothing of the task was seen",
                Some(_) => "what ended since the last answer was not seen",
            };
            terminal::tell("gap", &format!("{what}: {error}"));
            self.gaps += 1;
        }
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

impl Watch for SidecarWatch<'_> {
    async fn look(&mut self, pieces: &Sender<Piece>, is_last: bool) -> Result<(), EndpointError> {
        let is_news = self.ask_in_time(is_last).await?;
        // The task is over only once we are told to stop.
        if is_news || signals::received().is_some() {
            self.send(pieces).await;
        }
        Ok(())
    }

    fn stop(&mut self) -> Duration {
        let patience = self.args.stop_timeout;
        let what = format!("told to stop: waiting up to {} s for the other containers", patience.as_secs());
        terminal::tell("note", &what);
        let told = *self.told.get_or_insert_with(Instant::now);
        self.patience(false).saturating_sub(told.elapsed())
    }

    fn is_over(&self) -> bool {
        self.all_finished()
    }
}
