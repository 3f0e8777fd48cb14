//! In a task: sends each container's span once it has finished, with times to the nanosecond. Main function: [`run`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until};

use super::Now;
use super::notice::{NotSent, Notice, Stopping, Teller};
use super::stop::Stop;
use super::watch::{self, SentSpans, Watch, Watched};
use crate::model::Time;
use crate::model::merge::TaskObservations;
use crate::model::observation::{ContainerRecord, Gap, TaskRecord};
use crate::sink::{Delivery, Destination, Piece};
use crate::source::endpoint::{EndpointError, MetadataEndpoint};
use crate::trace::TraceOptions;

/// A sidecar that has not had an answer for so long is not well.
const STALE: Duration = Duration::from_secs(60);
/// The last look has so long: the endpoint answers within milliseconds.
const LAST_LOOK: Duration = Duration::from_millis(500);

/// What a sidecar works with.
#[derive(Debug)]
pub struct SidecarConfig {
    /// Who is asked.
    pub endpoint: MetadataEndpoint,
    /// How spans are made.
    pub options: TraceOptions,
    /// Told to stop, the other containers have so long to finish.
    pub stop_timeout: Duration,
    /// Holds the time of the last answer, in seconds: [`health`] reads it.
    pub health_file: PathBuf,
    /// Who gets the spans.
    pub destinations: Vec<Destination>,
    /// What time it is.
    pub clock: Now,
}

/// Watches the task until told to stop, and sends what becomes final.
pub async fn run(config: SidecarConfig, stop: Stop, notices: Teller) -> Watched {
    let SidecarConfig { endpoint, options, stop_timeout, health_file, destinations, clock } = config;
    let mut watch = SidecarWatch {
        endpoint,
        options,
        stop_timeout,
        health_file,
        clock,
        stop: stop.clone(),
        notices: notices.clone(),
        own: None,
        last: None,
        told: None,
        seen: BTreeMap::new(),
        sent: SentSpans::default(),
        told_gaps: BTreeSet::new(),
        gaps: 0,
        cannot_write: false,
    };
    let feed = async |pieces| {
        let failed = watch::follow(&mut watch, &pieces, &stop, &notices).await;
        watch.close(failed);
        watch.gaps
    };
    let (gaps, report) = watch::deliver(Delivery::new(destinations), &stop, &notices, feed).await;
    Watched { gaps, report }
}

/// How a sidecar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It had an answer lately.
    Well,
    /// Its last answer is this old.
    Stale(Duration),
    /// It has written no file.
    Unknown,
}

/// How the sidecar is now that writes this file.
pub fn health(file: &Path, now: Time) -> Health {
    let told = fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let Some(at) = told else { return Health::Unknown };
    let age = since_1970(now).saturating_sub(Duration::from_secs(at));
    if age > STALE { Health::Stale(age) } else { Health::Well }
}

fn since_1970(time: Time) -> Duration {
    Duration::from_nanos(time.unix_nanos())
}

/// What is known of the task so far, and what of it was sent.
struct SidecarWatch {
    endpoint: MetadataEndpoint,
    options: TraceOptions,
    stop_timeout: Duration,
    health_file: PathBuf,
    clock: Now,
    stop: Stop,
    notices: Teller,
    /// Our own container: it can't be waited for.
    own: Option<String>,
    last: Option<TaskRecord>,
    /// When we were told to stop.
    told: Option<Instant>,
    /// Containers by name and runtime id, as they were last seen.
    seen: BTreeMap<(String, Option<String>), ContainerRecord>,
    sent: SentSpans,
    told_gaps: BTreeSet<Gap>,
    gaps: usize,
    cannot_write: bool,
}

impl SidecarWatch {
    fn gap(&mut self, what: String) {
        self.gaps += 1;
        self.notices.tell(&Notice::gap(None, what));
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
                self.gap(format!("{}: {}", gap.what, gap.why));
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
        let (patience, mut told, stop) = (self.patience(is_last), self.told, self.stop.clone());
        let time_up = async {
            if told.is_none() {
                stop.wait().await;
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
        let patience = self.stop_timeout.max(LAST_LOOK);
        if is_last { patience } else { patience - LAST_LOOK }
    }

    /// Compares with what was seen before: a container that is not listed any more and never finished is a gap.
    fn look_at(&mut self, task: &TaskRecord) {
        let key = |container: &ContainerRecord| (container.name.clone(), container.runtime_id.clone());
        let listed: BTreeSet<_> = task.containers.iter().map(key).collect();
        let vanished = self.seen.iter().filter(|(key, one)| !listed.contains(*key) && one.finished.is_none());
        let vanished: Vec<_> = vanished.map(|(key, _)| key.clone()).collect();
        for (name, id) in vanished {
            let id = id.as_deref().unwrap_or("without an id");
            self.gap(format!("container {name} ({id}) is not listed any more, and its end was never seen"));
        }
        self.seen.retain(|key, _| listed.contains(key));
        self.seen.extend(task.containers.iter().map(|container| (key(container), container.clone())));
    }

    /// Sends what has become final and was not sent yet.
    async fn send(&mut self, pieces: &Sender<Piece>) {
        let Some(mut task) = self.last.clone() else { return };
        // We run to the very end: the task is over when all others are.
        if self.all_finished() && self.stop.is_requested() {
            task.containers.retain(|container| Some(&container.name) != self.own.as_ref());
            task.last_status = Some("STOPPED".to_owned());
        }
        self.sent
            .send(TaskObservations { task, ..TaskObservations::default() }, (self.clock)(), &self.options, pieces)
            .await;
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
            self.gap(format!("{what}: {error}"));
        }
        let Some(task) = &self.last else { return };
        for container in self.others(task).filter(|container| container.finished.is_none() || container.may_restart) {
            let container = container.name.clone();
            self.notices.tell(&Notice::NotSent { task: None, container, why: NotSent::StillRan });
        }
    }

    /// Says that all is well, for `--health`.
    fn beat(&mut self) {
        if let Err(error) = fs::write(&self.health_file, since_1970((self.clock)()).as_secs().to_string())
            && !self.cannot_write
        {
            self.cannot_write = true;
            let (path, error) = (self.health_file.clone(), error.to_string());
            self.notices.tell(&Notice::HealthFile { path, error });
        }
    }
}

impl Watch for SidecarWatch {
    async fn look(&mut self, pieces: &Sender<Piece>, is_last: bool) -> Result<(), EndpointError> {
        let is_news = self.ask_in_time(is_last).await?;
        // The task is over only once we are told to stop.
        if is_news || self.stop.is_requested() {
            self.send(pieces).await;
        }
        Ok(())
    }

    fn stop(&mut self) -> Duration {
        self.notices.tell(&Notice::Stopping(Stopping::WaitsForContainers(self.stop_timeout)));
        let told = *self.told.get_or_insert_with(Instant::now);
        self.patience(false).saturating_sub(told.elapsed())
    }

    fn is_over(&self) -> bool {
        self.all_finished()
    }
}
