//! The tasks of a deployment that goes on: each failure is told when it happens. Main type: [`Watch`].
//!
//! Asks little: the service's tasks are listed, and only those are described that may have changed. A look that took many calls makes
//! the next one later, so that five thousand tasks are watched within the rate of twenty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::hint::Hint;
use crate::model::alike::alike;
use crate::model::arn::last_part;
use crate::model::deployment::{Deployment, DeploymentLife, TaskShare};
use crate::model::merge::TaskObservations;
use crate::model::observation::TaskRecord;
use crate::model::{TaskLife, Time};
use crate::run::notice::{Notice, Teller};
use crate::run::read::Course;
use crate::run::silence::Silence;
use crate::source::aws::AwsError;
use crate::source::ecs::{DESCRIBED_AT_ONCE, EcsSource};
use crate::source::service::ServicePlace;

/// What each call of a look adds to the time until the next one: at most 120 calls a minute.
const PAUSE_A_CALL: Duration = Duration::from_millis(500);
/// So many of those that failed alike show their last lines; of the others there is nothing new to read.
const WITH_LINES: usize = 3;
/// The service's events before the first look that are told.
const EARLIER_EVENTS: usize = 10;

/// What is known of a task.
struct Known {
    share: TaskShare,
    /// It has started: only its end changes it.
    has_started: bool,
    /// Nothing changes it any more.
    is_final: bool,
}

/// Watches the tasks of a deployment.
pub(super) struct Watch<'a> {
    source: &'a Arc<EcsSource>,
    place: &'a ServicePlace,
    log_lines: usize,
    notices: &'a Teller,
    course: &'a Course,
    /// By ARN.
    known: BTreeMap<String, Known>,
    /// Those that were told to have failed.
    told: BTreeSet<String>,
    /// The failures among them.
    failures: Option<DeploymentLife>,
    /// What their containers said, as far as it was told.
    said: BTreeSet<Vec<String>>,
    /// The last event that was told, and how many there were at its time.
    events: Option<(Time, usize)>,
    next: Instant,
    /// What AWS refused: told once.
    refused: Silence,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        source: &'a Arc<EcsSource>,
        place: &'a ServicePlace,
        log_lines: usize,
        notices: &'a Teller,
        course: &'a Course,
    ) -> Self {
        Self {
            source,
            place,
            log_lines,
            notices,
            course,
            known: BTreeMap::new(),
            told: BTreeSet::new(),
            failures: None,
            said: BTreeSet::new(),
            events: None,
            next: Instant::now(),
            refused: Silence::default(),
        }
    }

    /// Tells what is new, and gives the deployment as it stands now.
    pub(super) async fn look(&mut self, deployment: &Deployment) -> DeploymentLife {
        self.tell_events(deployment);
        if Instant::now() >= self.next {
            match self.update(deployment).await {
                Ok(calls) => self.next = Instant::now() + PAUSE_A_CALL * u32::try_from(calls).unwrap_or(u32::MAX),
                Err(error) => self.refuse(&error),
            }
        }
        let mut life = DeploymentLife::new(deployment.clone());
        self.known.values().for_each(|known| life.put(&known.share));
        life.sort();
        life
    }

    /// The events of the service that are new.
    fn tell_events(&mut self, deployment: &Deployment) {
        let all: Vec<_> = deployment.events().collect();
        let is_new = |at: Time| self.events.is_none_or(|(last, _)| at >= last);
        let known_at_last = self.events.map_or(0, |(_, count)| count);
        let mut new: Vec<_> = all.iter().filter(|event| is_new(event.at)).skip(known_at_last).collect();
        if self.events.is_none() {
            new.drain(..new.len().saturating_sub(EARLIER_EVENTS));
        }
        for event in new {
            // Whose events they are is known.
            self.notices.tell(&Notice::ServiceEvent { at: event.at, message: event.text().to_owned() });
        }
        if let Some(last) = all.last() {
            self.events = Some((last.at, all.iter().filter(|event| event.at == last.at).count()));
        }
    }

    /// Asks for what may have changed; in how many calls.
    async fn update(&mut self, deployment: &Deployment) -> Result<usize, AwsError> {
        let (running, stopped) = futures::try_join!(
            self.source.service_task_arns(self.place, "RUNNING"),
            self.source.service_task_arns(self.place, "STOPPED"),
        )?;
        let may_have_changed = |arn: &String, is_to_stop: bool| {
            let settled = |known: &Known| known.is_final || (known.has_started && !is_to_stop);
            self.known.get(arn).is_none_or(|known| !settled(known))
        };
        let mut asked: Vec<String> = running.0.into_iter().filter(|arn| may_have_changed(arn, false)).collect();
        asked.extend(stopped.0.into_iter().filter(|arn| may_have_changed(arn, true)));
        let calls = running.1 + stopped.1 + asked.len().div_ceil(DESCRIBED_AT_ONCE);
        for task in self.source.described_tasks(self.place, &asked).await? {
            self.take(deployment, task).await;
        }
        Ok(calls)
    }

    async fn take(&mut self, deployment: &Deployment, task: TaskRecord) {
        let Some(arn) = task.arn.clone() else { return };
        let (has_started, is_final) = (task.times.started.is_some(), task.is_stopped());
        let share = |observed: TaskObservations| {
            let around = deployment.around(&observed.task);
            let life = TaskLife::new(TaskObservations { around, ..observed }, self.course.now(), self.log_lines);
            TaskShare::new(deployment, &life, false)
        };
        let mut found = share(TaskObservations { task: task.clone(), ..TaskObservations::default() });
        let has_failed = found.task().is_some_and(|task| task.has_failed());
        if has_failed && self.told.insert(arn.clone()) {
            let failures = self.failures.get_or_insert_with(|| DeploymentLife::new(deployment.clone()));
            let like = failures.like(&found).map_or(0, |group| group.count);
            if self.log_lines > 0 && like < WITH_LINES {
                found = share(self.source.observe_one(&self.place.region, task).await);
            }
            failures.put(&found);
            self.tell_failure(last_part(&arn), &found);
        }
        if let Some(earlier) = self.known.get(&arn) {
            found.remember(&earlier.share);
        }
        self.known.insert(arn, Known { share: found, has_started, is_final });
    }

    /// Tells what is news: of those that failed alike the first says why, and another what it said otherwise.
    fn tell_failure(&mut self, id: &str, share: &TaskShare) {
        let failure = share.task().and_then(|task| task.failure.as_ref());
        let group = self.failures.as_ref().and_then(|failures| failures.like(share));
        let first = group.and_then(|group| group.tasks.first()).filter(|first| *first != id);
        let sample = share.sample();
        let lines: Vec<String> =
            sample.iter().flat_map(|sample| &sample.lines).map(|line| line.message.clone()).collect();
        let is_news = self.said.insert(lines.iter().map(|line| alike(line)).collect());
        self.notices.tell(&Notice::TaskFailed {
            task: id.to_owned(),
            reason: failure.map_or_else(String::new, |failure| failure.description.clone()),
            like: first.cloned().zip(group.map(|group| group.count)),
            container: sample.map(|sample| sample.container.clone()),
            lines: if is_news { lines } else { vec![] },
        });
    }

    /// How the deployment stands is known without its tasks, and in the end they are asked for again.
    fn refuse(&mut self, error: &AwsError) {
        self.next = Instant::now() + PAUSE_A_CALL * 60;
        let text = error.to_string();
        if self.refused.is_news(&text) {
            self.notices.tell(&Notice::NotWatched { hint: error.hint(), error: text });
        }
    }
}
