//! ecspan's own metrics, of the commands that run for ever. Main type: [`Meters`]. `docs/metrics.md` explains each.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::model::TaskLife;
use crate::model::deployment::DeploymentLife;
use crate::model::phases::Phase;
use crate::source::calls::Calls;
use crate::trace::semconv::{DEPLOYMENT_OUTCOME, ERROR_TYPE};

/// A launch takes seconds to many minutes, a task's life up to weeks.
const PHASE_SECONDS: [f64; 16] =
    [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];
/// A rollout takes minutes, with a bake up to a day.
const DEPLOYMENT_SECONDS: [f64; 14] =
    [30.0, 60.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 43_200.0, 86_400.0];
/// A service and its cluster go by these names whatever is measured of them.
const SERVICE: &str = "ecspan.task.service";
const CLUSTER: &str = "ecspan.task.cluster";
const LAG_SECONDS: [f64; 12] = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 90.0, 120.0, 300.0, 900.0, 3_600.0];
/// What OpenTelemetry's conventions call an error that has no name.
const UNNAMED_ERROR: &str = "_OTHER";

/// What became of a message, as the metric names it.
#[derive(Clone, Copy, Debug)]
pub(super) enum MessageFate {
    Exported,
    PassedBy,
    Poison,
    GivenBack,
}

impl MessageFate {
    const fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::PassedBy => "passed_by",
            Self::Poison => "poison",
            Self::GivenBack => "given_back",
        }
    }
}

/// The instruments.
#[derive(Debug)]
pub struct Meters {
    provider: SdkMeterProvider,
    received: Counter<u64>,
    messages: Counter<u64>,
    tasks: Counter<u64>,
    spans: Counter<u64>,
    lag: Histogram<f64>,
    phases: Histogram<f64>,
    deployments: Histogram<f64>,
}

impl Meters {
    /// What is counted goes where the provider says; calls to AWS are counted elsewhere already.
    pub fn new(provider: SdkMeterProvider, calls: Calls) -> Self {
        let meter = provider.meter("ecspan");
        let counter = |name: &'static str, unit: &'static str, what: &'static str| {
            meter.u64_counter(name).with_unit(unit).with_description(what).build()
        };
        let seconds = |name: &'static str, bounds: &[f64], what: &'static str| {
            meter.f64_histogram(name).with_unit("s").with_boundaries(bounds.to_vec()).with_description(what).build()
        };
        meter
            .u64_observable_counter("ecspan.aws.calls")
            .with_unit("{call}")
            .with_description("Attempts at AWS API calls")
            .with_callback(move |observer| {
                for (operation, count) in calls.counts() {
                    let of = [("rpc.service", operation.service), ("rpc.method", operation.name)];
                    observer.observe(count, &of.map(|(key, value)| KeyValue::new(key, value)));
                }
            })
            .build();
        Self {
            received: counter("ecspan.messages.received", "{message}", "Messages received"),
            messages: counter("ecspan.messages.settled", "{message}", "Messages whose fate is decided"),
            tasks: counter("ecspan.tasks.exported", "{task}", "Tasks whose spans are all accepted or refused for good"),
            spans: counter("ecspan.spans", "{span}", "Spans accepted and rejected by receivers"),
            lag: seconds("ecspan.export.lag", &LAG_SECONDS, "From stoppedAt to the receiver's answer"),
            phases: seconds("ecspan.task.phase.duration", &PHASE_SECONDS, "How long a phase of a task took"),
            deployments: seconds(
                "ecspan.deployment.duration",
                &DEPLOYMENT_SECONDS,
                "From a deployment's creation to its end, that of its rollback included",
            ),
            provider,
        }
    }

    /// Messages came.
    pub(super) fn received(&self, count: u64) {
        self.received.add(count, &[]);
    }

    /// A message's fate is decided.
    pub(super) fn settled(&self, fate: MessageFate) {
        self.messages.add(1, &[KeyValue::new("ecspan.message.fate", fate.name())]);
    }

    /// What a receiver said of a task's spans.
    pub(super) fn spans(&self, destination: &str, accepted: u64, rejected: u64) {
        for (count, fate) in [(accepted, "accepted"), (rejected, "rejected")] {
            if count > 0 {
                let of = [("ecspan.span.fate", fate.to_owned()), ("ecspan.destination", destination.to_owned())];
                self.spans.add(count, &of.map(|(key, value)| KeyValue::new(key, value)));
            }
        }
    }

    /// A task was exported, so long after it stopped.
    pub(super) fn task(&self, life: &TaskLife, lag: Option<Duration>) {
        let task = &life.task;
        let of = |name: &'static str, value: Option<&str>| value.map(|value| KeyValue::new(name, value.to_owned()));
        let whose: Vec<KeyValue> = [
            of(SERVICE, task.service().or_else(|| task.family())),
            of(CLUSTER, task.cluster_name()),
            of("ecspan.task.last_status", task.last_status.as_deref()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let failure = life.outcome.failure.as_ref();
        let failed = [KeyValue::new("ecspan.task.failed", failure.is_some())];
        let why = failure.map(|failure| failure.error_type.clone().unwrap_or_else(|| UNNAMED_ERROR.to_owned()));
        let why: Vec<KeyValue> = why.map(|why| KeyValue::new(ERROR_TYPE, why)).into_iter().collect();
        self.tasks.add(1, &[whose.as_slice(), &failed, &why].concat());
        if let Some(lag) = lag {
            self.lag.record(lag.as_secs_f64(), &[]);
        }
        // It has started long ago and is about to stop.
        let stops = task.desired_status.as_deref() == Some("STOPPED");
        if stops && !life.is_stopped() {
            return;
        }
        for phase in life.phases.iter().flat_map(|phases| &phases.list) {
            self.phase(phase, &whose);
        }
    }

    /// A deployment was exported.
    pub(super) fn deployment(&self, life: &DeploymentLife) {
        let deployment = &life.deployment;
        // Of one that goes on, or whose beginning is a guess, nobody knows how long it took.
        let (Some(from), Some(finish), false) = (deployment.created, deployment.finished, deployment.created_estimated)
        else {
            return;
        };
        let of = [
            KeyValue::new(SERVICE, deployment.service.clone()),
            KeyValue::new(CLUSTER, deployment.cluster().to_owned()),
            KeyValue::new(DEPLOYMENT_OUTCOME, deployment.outcome.state.name()),
        ];
        self.deployments.record(finish.at.since(from).as_secs_f64(), &of);
    }

    fn phase(&self, phase: &Phase, whose: &[KeyValue]) {
        if let Some(length) = phase.length().filter(|_| phase.is_final) {
            let kind = KeyValue::new("ecspan.task.phase", phase.kind.name());
            self.phases.record(length.as_secs_f64(), &[whose, &[kind]].concat());
        }
        phase.children.iter().for_each(|child| self.phase(child, whose));
    }

    /// Sends what was counted so far: the program may be frozen or ended next.
    pub(super) async fn flush(&self, within: Duration) {
        let provider = self.provider.clone();
        // It blocks its thread; a failure was told by the exporter.
        let flush = tokio::task::spawn_blocking(move || provider.force_flush());
        let _ = tokio::time::timeout(within, flush).await;
    }
}
