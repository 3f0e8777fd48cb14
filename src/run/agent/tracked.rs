//! A task of this instance: what the agent and Docker have said of it so far, and what of it was sent. Main type:
//! [`Tracked`]. Asks nobody and prints nothing.

use std::collections::BTreeMap;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::model::Time;
use crate::model::log::ContainerLog;
use crate::model::merge::{self, TaskObservations};
use crate::model::observation::{ContainerRecord, Observation, Source, TaskRecord};
use crate::run::watch::SentSpans;
use crate::sink::Piece;
use crate::trace::TraceOptions;

const STOPPED: &str = "STOPPED";

/// A task.
#[derive(Debug)]
pub struct Tracked {
    /// The agent's last word on it.
    record: TaskRecord,
    /// By Docker id.
    containers: BTreeMap<String, KnownContainer>,
    sent: SentSpans,
    /// Since when the agent does not list it any more.
    missing_since: Option<Instant>,
}

/// What Docker has said of a container.
#[derive(Debug, Default)]
struct KnownContainer {
    docker: Option<ContainerRecord>,
    /// Docker does not know it any more.
    is_gone: bool,
    /// That its end was never seen has been told.
    is_told: bool,
    /// Two looks saw the same end: ECS's restart policies start a container again at once, and older agents do not say that
    /// there is one.
    is_settled: bool,
    image_id: Option<String>,
    image_digest: Option<String>,
    /// Until it is sent.
    log: Option<ContainerLog>,
    lines: Option<usize>,
    /// Its log and its image's digest were asked for.
    is_complete: bool,
    is_sent: bool,
    /// Why Docker did not tell of it the last time.
    trouble: Option<String>,
}

impl KnownContainer {
    fn finished(&self) -> Option<Time> {
        self.docker.as_ref().and_then(|docker| docker.finished)
    }

    /// Whether nothing about its end can change any more.
    fn is_final(&self) -> bool {
        self.is_settled && self.docker.as_ref().is_some_and(|docker| docker.finished.is_some() && !docker.may_restart)
    }
}

/// What is new after Docker was heard about a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing to tell of.
    None,
    /// It runs again, or ran again, after its span was sent.
    StartedAgain,
}

impl Tracked {
    /// A task that the agent lists for the first time.
    pub(super) fn new(record: TaskRecord) -> Self {
        Self { record, containers: BTreeMap::new(), sent: SentSpans::default(), missing_since: None }
    }

    /// The agent's newer word on it.
    pub(super) fn update(&mut self, record: TaskRecord) {
        self.record = record;
        self.missing_since = None;
    }

    /// The agent does not list it. For how long already.
    pub(super) fn miss(&mut self) -> std::time::Duration {
        self.missing_since.get_or_insert_with(Instant::now).elapsed()
    }

    /// Whether the agent does not list it any more.
    pub(super) const fn is_missing(&self) -> bool {
        self.missing_since.is_some()
    }

    /// The agent's last word on it.
    pub const fn record(&self) -> &TaskRecord {
        &self.record
    }

    /// `CLUSTER/ID`, as reports name it.
    pub(super) fn label(&self) -> String {
        let id = &self.record.id;
        self.record.cluster_name().map_or_else(|| id.clone(), |cluster| format!("{cluster}/{id}"))
    }

    /// Whether it has ended: the agent says so, or has forgotten it, which it does with tasks that have ended.
    pub(super) fn is_over(&self) -> bool {
        self.record.is_stopped() || self.is_missing()
    }

    /// The containers that Docker can say something new about.
    pub(super) fn to_ask(&self) -> Vec<ContainerRecord> {
        let is_wanted = |container: &&ContainerRecord| {
            let Some(known) = self.known(container) else { return container.runtime_id.is_some() };
            // While the task goes on it may be started again.
            !known.is_gone && (!known.is_final() || !self.is_over())
        };
        self.record.containers.iter().filter(is_wanted).cloned().collect()
    }

    /// Takes in what Docker says of a container; `None` when it does not know it any more. `at_once`: there will be no other
    /// look.
    pub(super) fn hear(&mut self, id: &str, docker: Option<(ContainerRecord, Option<String>)>, at_once: bool) -> News {
        let is_over = self.is_over();
        let known = self.containers.entry(id.to_owned()).or_default();
        known.trouble = None;
        let Some((docker, image_id)) = docker else {
            known.is_gone = true;
            return News::None;
        };
        let is_same = docker.finished.is_some() && docker.finished == known.finished();
        if known.is_sent {
            // What was sent stays as it is.
            let is_news = !is_same && !known.is_told;
            known.is_told |= is_news;
            return if is_news { News::StartedAgain } else { News::None };
        }
        known.is_settled = docker.finished.is_some() && (is_same || at_once || is_over);
        (known.docker, known.image_id) = (Some(docker), image_id);
        News::None
    }

    /// Docker could not tell of a container. Whether that is news.
    pub(super) fn fail(&mut self, id: &str, trouble: String) -> bool {
        let known = self.containers.entry(id.to_owned()).or_default();
        let is_news = known.trouble.as_ref() != Some(&trouble);
        known.trouble = Some(trouble);
        is_news
    }

    /// The shown containers whose end is final, as Docker tells of them, and of which nothing more was asked yet; and the ids
    /// of their images.
    pub(super) fn to_complete(&self) -> Vec<(ContainerRecord, Option<String>)> {
        let shown = self.record.containers.iter().filter(|container| !container.is_hidden());
        let of = |container: &ContainerRecord| {
            let known =
                self.known(container).filter(|known| known.is_final() && !known.is_complete && !known.is_sent)?;
            Some((known.docker.clone()?, known.image_id.clone()))
        };
        shown.filter_map(of).collect()
    }

    /// A container's log and its image's digest, where there are any.
    pub(super) fn complete(&mut self, id: &str, log: Option<ContainerLog>, digest: Option<String>) {
        if let Some(known) = self.containers.get_mut(id) {
            known.lines = log.as_ref().map(ContainerLog::len);
            (known.log, known.image_digest, known.is_complete) = (log, digest, true);
        }
    }

    /// The shown containers that Docker has forgotten before their end was seen, each once.
    pub(super) fn lost(&mut self) -> Vec<String> {
        let mut lost = vec![];
        for container in self.record.containers.iter().filter(|container| !container.is_hidden()) {
            let Some(known) = container.runtime_id.as_ref().and_then(|id| self.containers.get_mut(id)) else {
                continue;
            };
            if known.is_gone && known.finished().is_none() && !known.is_told {
                known.is_told = true;
                lost.push(container.name.clone());
            }
        }
        lost
    }

    /// The shown containers whose end may still be learnt.
    pub(super) fn open(&self) -> Vec<&ContainerRecord> {
        let is_open = |container: &&ContainerRecord| {
            let known = self.known(container);
            // One that Docker never had a container for has not begun.
            container.runtime_id.is_some()
                && !container.is_hidden()
                && !known.is_some_and(|known| known.is_gone || known.is_final() || known.is_sent)
        };
        self.record.containers.iter().filter(is_open).collect()
    }

    /// Whether Docker says that some container of it runs.
    pub(super) fn runs(&self) -> bool {
        self.open().iter().any(|container| {
            self.known(container).is_some_and(|known| known.trouble.is_none() && known.docker.is_some())
        })
    }

    /// Sends what is final and was not sent yet. `at_once`: also where a log could not be read.
    pub(super) async fn send(&mut self, now: Time, options: &TraceOptions, pieces: &Sender<Piece>, at_once: bool) {
        let ready = self.ready(at_once);
        let has_news = ready.iter().any(|id| self.containers.get(id).is_some_and(|known| !known.is_sent));
        let standalone = options.standalone && self.is_complete();
        if !has_news && !standalone {
            return;
        }
        self.sent.send(self.observed(&ready), now, &TraceOptions { standalone, ..options.clone() }, pieces).await;
        for id in ready {
            if let Some(known) = self.containers.get_mut(&id) {
                (known.is_sent, known.log) = (true, None);
            }
        }
    }

    /// Why Docker did not tell of a container the last time it was asked.
    pub(super) fn trouble(&self, container: &ContainerRecord) -> Option<&str> {
        self.known(container)?.trouble.as_deref()
    }

    /// The agent has forgotten it, and the end of each container is known: it has stopped.
    pub(super) fn stop(&mut self) {
        self.record.last_status = Some(STOPPED.to_owned());
    }

    /// What Docker last said of a container.
    pub fn docker(&self, container: &ContainerRecord) -> Option<&ContainerRecord> {
        self.known(container)?.docker.as_ref()
    }

    /// How many lines of a container's log were read.
    pub fn lines(&self, container: &ContainerRecord) -> Option<usize> {
        self.known(container)?.lines
    }

    fn known(&self, container: &ContainerRecord) -> Option<&KnownContainer> {
        self.containers.get(container.runtime_id.as_deref()?)
    }

    /// Whether Docker has told of every container, and of a task that has stopped also its end: only then do they bound its
    /// phases for good.
    fn is_complete(&self) -> bool {
        let is_known = |container: &ContainerRecord| {
            let known = self.known(container);
            let is_final = known.is_some_and(KnownContainer::is_final);
            known.is_some_and(|known| known.docker.is_some())
                && (is_final || container.is_hidden() || !self.record.is_stopped())
        };
        let mut real = self.record.containers.iter().filter(|container| container.runtime_id.is_some()).peekable();
        real.peek().is_some() && real.all(is_known)
    }

    /// The Docker ids of the containers of which everything is known.
    fn ready(&self, at_once: bool) -> Vec<String> {
        let is_ready = |container: &&ContainerRecord| {
            let is_complete = |known: &KnownContainer| known.is_complete || container.is_hidden() || at_once;
            self.known(container).is_some_and(|known| known.is_final() && is_complete(known))
        };
        self.record.containers.iter().filter(is_ready).filter_map(|container| container.runtime_id.clone()).collect()
    }

    /// All that is known, in the model's words.
    fn observed(&self, ready: &[String]) -> TaskObservations {
        let (mut told, mut logs) = (vec![], vec![]);
        for container in &self.record.containers {
            let Some((known, docker)) = self.known(container).and_then(|known| Some((known, known.docker.clone()?)))
            else {
                continue;
            };
            let is_ready = container.runtime_id.as_ref().is_some_and(|id| ready.contains(id));
            let (may_restart, image_digest) = (docker.finished.is_some() && !is_ready, known.image_digest.clone());
            told.push(ContainerRecord { may_restart, image_digest, ..docker });
            logs.extend(known.log.clone());
        }
        let mut observations = vec![Observation::Task(Box::new(self.record.clone()))];
        if !told.is_empty() {
            let (source, origin) = (Some(Source::Docker), "Docker".to_owned());
            let docker = TaskRecord { source, origin, containers: told, ..self.record.clone() };
            observations.push(Observation::Task(Box::new(docker)));
        }
        observations.extend(logs.into_iter().map(Observation::Log));
        let (mut tasks, _) = merge::by_task(observations);
        tasks.pop().unwrap_or_default()
    }
}
