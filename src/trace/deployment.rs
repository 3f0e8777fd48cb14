//! From a deployment to its spans. Main function: [`trace`].
//!
//! Append-only, as a task's trace: a stop goes out once its task has stopped, the root once the deployment is over. A launch waits for
//! that, too, once its task has started: whether that task failed before is its status. Documented in `docs/deployments.md`.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Link, SpanContext, SpanId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::attributes::{Attributes, capped, with_given};
use super::frame::Frame;
use super::mapping::TaskTrace;
use super::options::TraceOptions;
use super::service::ServiceName;
use super::span::{Bounds, NewSpan, Spans, link, links, local};
use super::{ids, log_span, semconv as name};
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::arn::{Arn, family_and_revision};
use crate::model::deployment::{DeployedTask, Deployment, DeploymentLife, End, Role, State};
use crate::model::outcome::Failure;
use crate::model::phases::{Clock, Phase, PhaseKind};

/// Launches of larger deployments have no phases: their tasks' own traces do.
const MOST_WITH_PHASES: usize = 500;

const ROOT: &str = "deployment";
const QUEUED: &str = "queued";
const ROLLBACK: &str = "rollback";
const POINTER: &str = "pointer";
const LAUNCH: &str = "launch";
const STOP: &str = "stop";
const FAILED: &str = "failed tasks";

/// The trace of a deployment, as one piece for delivery. The options' service name, mode, attributes and an explicit
/// parent count; the rest is about tasks.
pub fn trace(life: &DeploymentLife, options: &TraceOptions) -> TaskTrace {
    let mut maker = DeploymentMaker::new(life, options);
    maker.root();
    maker.queued();
    maker.rollback();
    maker.actions();
    maker.stages();
    maker.failed();
    let with_phases = life.launches.len() <= MOST_WITH_PHASES;
    for task in &life.launches {
        maker.launch(task, with_phases);
        if matches!(task.end, Some(End::Failed | End::RolledBack)) && task.has_started() {
            maker.stop(task);
        }
    }
    for task in &life.stops {
        maker.stop(task);
    }
    maker.done()
}

struct DeploymentMaker<'a> {
    life: &'a DeploymentLife,
    identity: String,
    spans: Spans,
    resource: Resource,
    /// The root's bounds, where its start is known: what is inside does not leave them, or receivers take that for a wrong clock.
    around: Option<Bounds>,
    root_pending: bool,
    /// Launches and stops that are not over.
    pending: [usize; 2],
}

impl<'a> DeploymentMaker<'a> {
    fn new(life: &'a DeploymentLife, options: &TraceOptions) -> Self {
        let identity = life.deployment.identity();
        Self {
            life,
            spans: Spans::new(Frame::of_deployment(&identity, options)),
            resource: resource(&life.deployment, options),
            identity,
            around: life
                .deployment
                .created
                .map(|start| Bounds { start, end: life.deployment.finished.map(|finish| finish.at) }),
            root_pending: false,
            pending: [0; 2],
        }
    }

    fn inside(&self, start: Time, end: Option<Time>) -> Bounds {
        let bounds = Bounds { start, end };
        self.around.map_or(bounds, |around| bounds.inside(around))
    }

    fn span_id(&self, path: &str) -> SpanId {
        ids::deployment_span_id(&self.identity, path)
    }

    /// What stands on every span, since X-Ray drops the resource of those that have a parent.
    fn common(&self) -> Attributes {
        Attributes::default().text(name::DEPLOYMENT_ID, Some(&self.life.deployment.id))
    }

    fn root(&mut self) {
        let deployment = &self.life.deployment;
        let Some(start) = deployment.created else {
            self.root_pending = true;
            return;
        };
        let breaker = deployment.circuit_breaker.as_ref().filter(|_| deployment.is_over());
        let outcome = &deployment.outcome;
        let attributes = self
            .common()
            .text(name::DEPLOYMENT_ARN, deployment.arn.as_deref())
            .text(name::DEPLOYMENT_OUTCOME, Some(outcome.state.name()))
            .text(name::DEPLOYMENT_REASON, outcome.reason.as_deref())
            .text(name::DEPLOYMENT_SAID_BY, Some(outcome.said_by))
            .text(name::DEPLOYMENT_TASK_DEFINITION, deployment.task_definition.as_deref())
            .value(name::DEPLOYMENT_BREAKER_FAILURES, breaker.and_then(|breaker| breaker.failures))
            .value(name::DEPLOYMENT_BREAKER_THRESHOLD, breaker.and_then(|breaker| breaker.threshold))
            .list(name::DEPLOYMENT_ALARMS, deployment.triggered_alarms.iter().cloned())
            .text(name::TIME_START_SOURCE, deployment.created_estimated.then_some("estimated"))
            .text(name::TIME_END_SOURCE, deployment.finished.map(|finish| finish.source));
        let event = |event: &crate::model::observation::ServiceEvent| {
            let text = KeyValue::new(name::EVENT_MESSAGE, capped(&event.message));
            Event::new(name::EVENT_SERVICE, event.at.into(), vec![text], 0)
        };
        let mut events = SpanEvents::default();
        events.events = deployment.events().map(event).collect();
        let original = self.spans.frame.snapshot.map(|_| {
            let of = local(ids::deployment_trace_id(&self.identity), self.span_id(ROOT));
            link(of, "snapshot of")
        });
        let failure = failure(deployment);
        self.push(NewSpan {
            span_id: self.span_id(ROOT),
            name: ROOT.into(),
            parent: None,
            bounds: Bounds { start, end: deployment.finished.map(|finish| finish.at) },
            around: None,
            is_final: deployment.is_over(),
            attributes,
            events,
            links: self.spans.root_links(original),
            failure: failure.as_ref(),
        });
        let pointer = self.span_id(POINTER);
        self.spans.pointer(pointer, self.common(), "deployment");
    }

    fn queued(&mut self) {
        let deployment = &self.life.deployment;
        let (Some(start), Some(end), false) = (deployment.created, deployment.started, deployment.created_estimated)
        else {
            return;
        };
        self.inner(QUEUED, QUEUED, start, Some(end), true, None);
    }

    fn rollback(&mut self) {
        let deployment = &self.life.deployment;
        let Some(rollback) = &deployment.rollback else { return };
        let Some(start) = rollback.started else { return };
        let end = rollback.finished.or_else(|| deployment.finished.map(|finish| finish.at));
        self.inner(ROLLBACK, ROLLBACK, start, end, deployment.is_over(), rollback.reason.as_deref());
    }

    /// What was told of it by name. Not everybody hears the same, so it is on a span of its own, whose id is made of what it holds.
    fn actions(&mut self) {
        let deployment = &self.life.deployment;
        let told = &deployment.actions;
        let (Some(first), Some(last), true) = (told.first(), told.last(), deployment.is_over()) else { return };
        let event = |action: &ActionRecord| {
            let level = action.level.clone().map(|level| KeyValue::new(name::ACTION_LEVEL, level));
            let attributes = [
                KeyValue::new(name::ACTION_NAME, capped(&action.name)),
                KeyValue::new(name::ACTION_WORDS, capped(&action.words())),
                KeyValue::new(name::ACTION_SOURCE, action.source.name()),
            ];
            Event::new(capped(&action.name), action.at.into(), attributes.into_iter().chain(level).collect(), 0)
        };
        let mut events = SpanEvents::default();
        events.events = told.iter().map(event).collect();
        let told = Bounds { start: first.at, end: Some(last.at) };
        let bounds = self.inside(first.at, Some(last.at));
        let attributes = self.common().flag(name::CLOCK_ADJUSTED, bounds != told);
        let selection = log_span::selection(told, &attributes, &events, &SpanLinks::default());
        self.push(NewSpan {
            span_id: self.span_id(&format!("{}/{selection}", name::ACTIONS_SPAN)),
            name: name::ACTIONS_SPAN.into(),
            parent: Some(self.span_id(ROOT)),
            bounds,
            around: self.around,
            is_final: true,
            attributes: attributes.text(name::ACTIONS_SELECTION, Some(&selection)),
            events,
            links: SpanLinks::default(),
            failure: None,
        });
    }

    /// Its stages, as far as they were told of. Not everybody hears the same, so their ids are made of what is known.
    fn stages(&mut self) {
        for stage in self.life.deployment.told_stages() {
            let bounds = self.inside(stage.start, Some(stage.end));
            let attributes = self
                .common()
                .text(name::DEPLOYMENT_STAGE, Some(stage.name))
                .text(name::TIME_START_SOURCE, Some(stage.told_by))
                .text(name::TIME_END_SOURCE, Some(stage.ended_by));
            let selection = log_span::selection(bounds, &attributes, &SpanEvents::default(), &SpanLinks::default());
            self.push(NewSpan {
                span_id: self.span_id(&format!("stage/{}/{selection}", stage.name)),
                name: Cow::Owned(format!("stage {}", capped(stage.name))),
                parent: Some(self.span_id(ROOT)),
                bounds,
                around: self.around,
                is_final: true,
                attributes,
                events: SpanEvents::default(),
                links: SpanLinks::default(),
                failure: None,
            });
        }
    }

    fn inner(
        &mut self,
        path: &str,
        name: &'static str,
        start: Time,
        end: Option<Time>,
        is_final: bool,
        why: Option<&str>,
    ) {
        self.push(NewSpan {
            span_id: self.span_id(path),
            name: name.into(),
            parent: Some(self.span_id(ROOT)),
            bounds: self.inside(start, end.map(|end| end.max(start))),
            around: self.around,
            is_final,
            attributes: self.common().text(name::DEPLOYMENT_REASON, why),
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            failure: None,
        });
    }

    /// Why its tasks failed, most of them: what ECS says of the deployment is only that they did. What is known of that depends on who asks,
    /// and when, so the id is made of it.
    fn failed(&mut self) {
        let deployment = &self.life.deployment;
        let (Some(start), Some(failure)) = (deployment.created, failure(deployment)) else { return };
        let failures = self.life.failures();
        let Some(main) = failures.first() else { return };
        let last = main.spoken().and_then(|sample| Some((sample, sample.lines.last()?)));
        let tasks = if main.count == 1 { "1 task".to_owned() } else { format!("{} tasks", main.count) };
        let said =
            last.map_or(String::new(), |(sample, line)| format!("; {}: {}", sample.container, capped(&line.message)));
        let why = Failure::new(failure.error_type, format!("{tasks} failed: {}{said}", main.reason));
        let attributes = self
            .common()
            .text(name::FAILED_REASON, Some(&main.reason))
            .value(name::FAILED_COUNT, i64::try_from(main.count).ok())
            .text(name::AWS_ECS_TASK_ID, last.map(|(sample, _)| sample.task_id.as_str()))
            .text(name::FAILED_CONTAINER, last.map(|(sample, _)| sample.container.as_str()))
            .text(name::FAILED_LAST_LINE, last.map(|(_, line)| capped(&line.message)).as_deref());
        let bounds = self.inside(start, deployment.finished.map(|finish| finish.at));
        let selection = log_span::selection(bounds, &attributes, &SpanEvents::default(), &SpanLinks::default());
        self.push(NewSpan {
            span_id: self.span_id(&format!("failed/{selection}")),
            name: FAILED.into(),
            parent: Some(self.span_id(ROOT)),
            bounds,
            around: self.around,
            is_final: deployment.is_over(),
            attributes,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            failure: Some(&why),
        });
    }

    /// Whether a launch of a task that has started failed is decided once its deployment is over, and its end, if that began before.
    fn is_decided(&self, task: &DeployedTask) -> bool {
        let deployment = &self.life.deployment;
        let end_began = task.phases.as_ref().and_then(|phases| phases.end_began);
        let ends_inside = end_began.is_some_and(|at| deployment.finished.is_none_or(|finish| at <= finish.at));
        deployment.is_over() && (task.is_stopped || !ends_inside)
    }

    fn launch(&mut self, task: &'a DeployedTask, with_phases: bool) {
        let Some((start, end)) = task.launch() else { return };
        let path = format!("launch/{}", task.id.to_lowercase());
        let failure = task.failure.as_ref().filter(|_| task.has_failed());
        self.push(NewSpan {
            span_id: self.span_id(&path),
            name: named(LAUNCH, task),
            parent: Some(self.span_id(ROOT)),
            bounds: self.inside(start, end),
            around: self.around,
            is_final: if task.has_started() { self.is_decided(task) } else { task.is_stopped },
            attributes: self.of_task(task),
            events: SpanEvents::default(),
            links: links([task_link(task)]),
            failure,
        });
        let launch = task.phases.iter().flat_map(|phases| &phases.list).filter(|phase| phase.kind.is_launch());
        // What had started failed later than in any of these.
        let failure = failure.filter(|_| !task.has_started());
        for phase in launch.filter(|_| with_phases) {
            self.phase(task, phase, &path, &path, failure);
        }
    }

    fn phase(&mut self, task: &DeployedTask, phase: &Phase, launch: &str, parent: &str, failure: Option<&'a Failure>) {
        if phase.is_empty() {
            return;
        }
        let path = format!("{launch}/{}", phase.kind.name());
        self.push(NewSpan {
            span_id: self.span_id(&path),
            name: phase.kind.name().into(),
            parent: Some(self.span_id(parent)),
            bounds: self.inside(phase.start, phase.end),
            around: self.around,
            is_final: phase.is_final,
            attributes: self.of_task(task).flag(name::CLOCK_ADJUSTED, phase.clock_adjusted),
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            failure: failure.filter(|_| task.failed_phase == Some(phase.kind)),
        });
        for child in &phase.children {
            self.phase(task, child, launch, &path, failure);
        }
    }

    fn stop(&mut self, task: &'a DeployedTask) {
        let Some(phases) = &task.phases else { return };
        let Some(start) = phases.end_began else { return };
        let why = match (task.role, task.end) {
            (Role::Launch, Some(end)) => end.name(),
            _ => "replaced",
        };
        let bounds = self.inside(start, phases.end);
        let mut events = SpanEvents::default();
        if let Some(end) = phases.end.filter(|end| bounds.end != Some(*end)) {
            let clock = KeyValue::new(name::CLOCK, Clock::ControlPlane.name());
            events.events.push(Event::new(name::EVENT_STOPPED, end.into(), vec![clock], 0));
        }
        self.push(NewSpan {
            span_id: self.span_id(&format!("stop/{}", task.id.to_lowercase())),
            name: named(STOP, task),
            parent: Some(self.span_id(ROOT)),
            bounds,
            around: self.around,
            // Stopped while the deployment goes on, it lies inside: what ends the deployment is still to come.
            is_final: task.is_stopped,
            attributes: self.of_task(task).text(name::STOP_WHY, Some(why)),
            events,
            links: links([task_link(task)]),
            failure: task.failure.as_ref().filter(|_| task.has_failed()),
        });
    }

    fn of_task(&self, task: &DeployedTask) -> Attributes {
        self.common()
            .text(name::AWS_ECS_TASK_ARN, task.arn.as_deref())
            .text(name::AWS_ECS_TASK_ID, Some(&task.id))
            .text(name::CLOUD_AVAILABILITY_ZONE, task.zone.as_deref())
    }

    fn push(&mut self, new: NewSpan<'_>) {
        let name = new.name.clone();
        if self.spans.push(new) {
            return;
        }
        match name.split(' ').next().unwrap_or_default() {
            ROOT => self.root_pending = true,
            LAUNCH => self.pending[0] += 1,
            STOP => self.pending[1] += 1,
            // What is inside waits with what is around it.
            _ => {}
        }
    }

    fn done(self) -> TaskTrace {
        let deployment = &self.life.deployment;
        let [launches, stops] = self.pending;
        let open = |count: usize, what: &str, many: &str| {
            (count > 0).then(|| if count == 1 { format!("1 {what}") } else { format!("{count} {many}") })
        };
        let root = self.root_pending.then(|| ROOT.to_owned());
        TaskTrace {
            task_id: deployment.id.clone(),
            label: format!("{}/{} {}", deployment.cluster(), deployment.service, deployment.id),
            trace_id: self.spans.frame.own_trace_id,
            caller_trace_id: self.spans.frame.parent.as_ref().map(SpanContext::trace_id),
            resource: self.resource,
            spans: self.spans.made,
            pending: root
                .into_iter()
                .chain(open(launches, "launch", "launches"))
                .chain(open(stops, "stop", "stops"))
                .collect(),
            status: deployment.outcome.state.name().to_owned(),
            containers_only: false,
            dropped_log_lines: 0,
            has_unread_log_lines: false,
        }
    }
}

/// Of many rows of a kind each says where its task was: there are few zones.
fn named(what: &'static str, task: &DeployedTask) -> Cow<'static, str> {
    task.zone.as_ref().map_or(Cow::Borrowed(what), |zone| Cow::Owned(format!("{what} {zone}")))
}

/// A deployment that did not hold, as its root's status has it.
fn failure(deployment: &Deployment) -> Option<Failure> {
    let error_type = match deployment.outcome.state {
        State::RolledBack => "rolled back",
        State::Failed => "failed",
        State::Held | State::InProgress => return None,
    };
    let description = deployment.outcome.reason.clone().unwrap_or_else(|| error_type.to_owned());
    Some(Failure::new(Some(error_type.to_owned()), description))
}

/// Where a task's own trace is found.
fn task_link(task: &DeployedTask) -> Link {
    let path = if task.has_caller { POINTER } else { "task" };
    link(local(ids::trace_id(&task.id), ids::span_id(&task.id, path)), "task")
}

fn resource(deployment: &Deployment, options: &TraceOptions) -> Resource {
    let arn = Arn::parse(&deployment.cluster_arn);
    let region = arn.map(|arn| arn.region).filter(|region| !region.is_empty());
    let service = match &options.service_name {
        ServiceName::Given(name) => name,
        // Many tasks, one service: what a container calls itself is on the tasks' own traces.
        ServiceName::Ecs | ServiceName::Otel => &deployment.service,
    };
    let family = deployment.task_definition.as_deref().map(family_and_revision);
    let revision = family.and_then(|(_, revision)| revision).map(|revision| revision.to_string());
    let own = Attributes::default()
        .text(name::SERVICE_NAME, Some(service))
        .text(name::CLOUD_PROVIDER, Some("aws"))
        .text(name::CLOUD_PLATFORM, Some("aws_ecs"))
        .text(name::CLOUD_REGION, region)
        .text(name::CLOUD_ACCOUNT_ID, arn.and_then(|arn| arn.account_id()))
        .text(name::AWS_ECS_CLUSTER_ARN, arn.map(|_| deployment.cluster_arn.as_str()))
        .text(name::AWS_ECS_TASK_FAMILY, family.map(|(family, _)| family))
        .text(name::AWS_ECS_TASK_REVISION, revision.as_deref())
        .text(name::SERVICE_ARN, deployment.service_arn.as_deref());
    with_given(own, options)
}

/// The path of a task's launch, and of its phases, in the deployment's trace.
pub fn launch_path(task_id: &str, phase: Option<PhaseKind>) -> String {
    let id = task_id.to_lowercase();
    phase.map_or_else(|| format!("launch/{id}"), |phase| format!("launch/{id}/{}", phase.name()))
}
