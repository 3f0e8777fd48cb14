//! Deployments of events: each one's own trace, once ECS has said how it ended. The event is only the occasion: what is sent is what
//! ECS tells then, so that it is the same whoever asks. Adds to [`Exporter`].

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::TraceId;
use tokio::time::sleep;

use super::{Exporter, Filter, Incoming, NotDone, PAUSE, add};
use crate::hint::Hint;
use crate::model::action::ActionRecord;
use crate::model::arn::{family_and_revision, last_part};
use crate::model::deployment::{DeploymentLife, State};
use crate::model::observation::Gap;
use crate::model::{TaskLife, Time};
use crate::render::notification::Notification;
use crate::render::report::Report;
use crate::run::deploy::ended::{self, Seen, Unseen};
use crate::run::notice::{Fate, Notice};
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;
use crate::source::service::{ServiceAnswers, ServicePlace};
use crate::trace::deployment;

/// So long after its event a deployment is looked at again, where something of it is open …
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// … and after so long what is there is sent: old tasks drain for five minutes, where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A deployment that is asked about.
struct Asked<'a> {
    incoming: &'a Incoming<'a>,
    source: &'a Arc<EcsSource>,
    /// `prod/web ecs-svc/1`.
    label: String,
}

impl Filter {
    /// Whether a deployment of this service may be one that is exported.
    fn takes_service(&self, place: &ServicePlace) -> bool {
        let among = |wanted: &[String], given: &str| {
            wanted.is_empty() || wanted.iter().any(|one| last_part(one) == last_part(given))
        };
        among(&self.clusters, &place.cluster) && among(&self.services, &place.service)
    }

    /// Whether this one is.
    fn takes_deployment(&self, life: &DeploymentLife) -> bool {
        let family = life.deployment.task_definition.as_deref().map(|definition| family_and_revision(definition).0);
        let is_of_family = self.families.is_empty()
            || family.is_some_and(|family| self.families.iter().any(|one| last_part(one) == family));
        is_of_family
            && !(self.only_failed && life.deployment.outcome.state == State::Held)
            && self.slower_than.is_none_or(|limit| life.slowest_launch() >= Some(limit))
    }
}

impl Exporter {
    /// Delivers the trace of a deployment that is over; `false`: it is not wanted, or another event is waited for.
    pub(super) async fn deliver_deployment(
        &self,
        incoming: &Incoming<'_>,
        source: &Arc<EcsSource>,
        action: &ActionRecord,
    ) -> Result<bool, NotDone> {
        let unusable = |what: String, hint: Option<String>| NotDone::Unusable(what, hint);
        let nameless = || unusable(format!("{}: it names no deployment of a service", action.name), None);
        let Some(mut id) = action.deployment.clone() else { return Err(nameless()) };
        let mut asked = Asked { incoming, source, label: id.clone() };
        let place = loop {
            match ended::place(source, action).await {
                Ok(place) => break place.ok_or_else(nameless)?,
                Err(error) if error.is_passing() => self.wait_for_aws(&asked, &error).await?,
                Err(error) => return Err(unusable(error.to_string(), error.hint())),
            }
        };
        if !self.config.filter.takes_service(&place) {
            return Ok(false);
        }
        let label = |id: &str| format!("{}/{} {id}", last_part(&place.cluster), last_part(&place.service));
        asked.label = label(&id);
        let (seen, trace) = loop {
            let mut seen = match ended::look(source, &place, &id, self.config.clock).await {
                Ok(seen) => seen,
                Err(Unseen::RollsBack(undone, since)) => {
                    // The event of the one that failed waits for this end, for a while.
                    if since.is_some_and(|since| self.since(since) < PATIENCE) {
                        let (message, deployment) = (incoming.id.to_owned(), asked.label.clone());
                        self.notices.tell(&Notice::RollsBack { deployment, message, undone });
                        return Ok(false);
                    }
                    id = undone;
                    asked.label = label(&id);
                    continue;
                }
                Err(Unseen::Aws(error)) if error.is_passing() => {
                    self.wait_for_aws(&asked, &error).await?;
                    continue;
                }
                Err(Unseen::Aws(error)) => {
                    return Err(unusable(format!("deployment {}: {error}", asked.label), error.hint()));
                }
                Err(Unseen::None(none)) => {
                    let hint = "ECS has forgotten it, or its service was deleted".to_owned();
                    return Err(unusable(none.to_string(), Some(hint)));
                }
            };
            if !self.config.filter.takes_deployment(&seen.life) {
                return Ok(false);
            }
            self.hear_failed(&asked, &place, &mut seen).await?;
            let trace = deployment::trace(&seen.life, &self.config.options);
            let age = self.since(action.at);
            if trace.pending.is_empty() || age >= if incoming.returns { PATIENCE } else { FIRST_LOOK } {
                break (seen, trace);
            }
            let again = age.max(FIRST_LOOK).min(PATIENCE.saturating_sub(age));
            let (message, deployment, open) = (incoming.id.to_owned(), asked.label.clone(), trace.pending.join(", "));
            if incoming.returns {
                self.notices.tell(&Notice::DeploymentOpen { deployment, message, open, again: Some(again) });
                return Err(NotDone::Settling(again));
            }
            self.pause(FIRST_LOOK.saturating_sub(age)).await?;
        };
        let Seen { life, answers } = seen;
        for note in &answers.notes {
            self.tell_gap(&asked, note.clone(), None);
        }
        for Gap { what, why, hint, .. } in &answers.gaps {
            self.tell_gap(&asked, format!("{what}: {why}"), hint.clone());
        }
        if !trace.pending.is_empty() {
            let (message, deployment, open) = (incoming.id.to_owned(), asked.label.clone(), trace.pending.join(", "));
            self.notices.tell(&Notice::DeploymentOpen { deployment, message, open, again: None });
        }
        if trace.spans.is_empty() {
            return Ok(false);
        }
        let (trace_id, spans) = (trace.caller_trace_id.unwrap_or(trace.trace_id), trace.spans.len() as u64);
        let fate = self.send(incoming.id, trace.clone(), || trace.clone()).await.ok_or(NotDone::ToldToStop)?;
        add(&self.counts.deployments, 1);
        self.config.meters.deployment(&life);
        self.notify_deployment(&life, &answers, trace_id, fate);
        let outcome = &life.deployment.outcome;
        self.notices.tell(&Notice::DeploymentExported {
            deployment: asked.label,
            message: incoming.id.to_owned(),
            outcome: outcome.state.name().to_owned(),
            reason: outcome.reason.clone().filter(|_| outcome.state != State::Held),
            spans,
            fate,
        });
        Ok(true)
    }

    /// Tells people of a deployment that did not hold, or had a slow launch.
    fn notify_deployment(&self, life: &DeploymentLife, answers: &ServiceAnswers, trace_id: TraceId, fate: Fate) {
        let Some(notifier) = &self.config.notifier else { return };
        let is_bad = matches!(life.deployment.standing(), State::Failed | State::RolledBack);
        if !is_bad && !notifier.is_slow(life.slowest_launch()) {
            return;
        }
        let link = self.link(notifier, trace_id, fate);
        notifier.tell(Notification::of_deployment(&Report {
            life,
            comparison: None,
            trace_id: "",
            trace_url: link.as_deref(),
            timed_out: false,
            interrupted: false,
            bad: None,
            reached: None,
            is_told: false,
            notes: &answers.notes,
            gaps: &answers.gaps,
        }));
    }

    /// Reads the last lines that speak for the tasks that failed, once they are in.
    async fn hear_failed(&self, asked: &Asked<'_>, place: &ServicePlace, seen: &mut Seen) -> Result<(), NotDone> {
        let Some(logs) = &self.config.logs else { return Ok(()) };
        let speakers = loop {
            match ended::speakers(asked.source, place, &seen.life).await {
                Ok(speakers) => break speakers,
                Err(error) if error.is_passing() => self.wait_for_aws(asked, &error).await?,
                Err(error) => {
                    self.tell_gap(asked, error.to_string(), error.hint());
                    return Ok(());
                }
            }
        };
        for task in speakers {
            self.settled(&task).await?;
            let life = TaskLife::new(logs.observe_one(&place.region, task).await, (self.config.clock)(), usize::MAX);
            for gap in &life.gaps {
                self.tell_gap(asked, format!("task {}: {}: {}", life.task.id, gap.what, gap.why), gap.hint.clone());
            }
            seen.life.hear(&life);
            // The first that said anything speaks.
            if seen.life.failures().first().is_some_and(|group| group.spoken().is_some()) {
                break;
            }
        }
        Ok(())
    }

    fn tell_gap(&self, asked: &Asked<'_>, what: String, hint: Option<String>) {
        let (task, message) = (Some(asked.label.clone()), Some(asked.incoming.id.to_owned()));
        self.notices.tell(&Notice::Gap { task, message, what, hint });
    }

    /// AWS did not answer for a moment: it is told, and asked again.
    async fn wait_for_aws(&self, asked: &Asked<'_>, error: &AwsError) -> Result<(), NotDone> {
        let (task, message, hint) = (asked.label.clone(), asked.incoming.id.to_owned(), error.hint());
        self.notices.tell(&Notice::AwsFailed { task, message, error: error.to_string(), hint });
        self.pause(PAUSE).await
    }

    async fn pause(&self, time: Duration) -> Result<(), NotDone> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            () = self.stop.wait() => Err(NotDone::ToldToStop),
        }
    }

    fn since(&self, at: Time) -> Duration {
        (self.config.clock)().since(at)
    }
}
