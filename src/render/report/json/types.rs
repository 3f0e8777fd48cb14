//! What the JSON of a report has. Main type: [`Document`].
//!
//! What is an `Option` with `skip_serializing_if` is there where it is known; all else always, null or empty where nothing is known.

use serde::Serialize;

use crate::model::deployment::Spread;
use crate::render::document::{Iso, Nanos, millis};
use crate::render::report::sentences;

/// A deployment, as `ecspan deploy --report json` prints it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// The version of the format.
    #[cfg_attr(test, schemars(extend("const" = crate::model::deployment::REPORT_VERSION)))]
    pub(super) ecspan_report: i64,
    /// What happened, in sentences, which may change.
    pub(super) headline: Vec<String>,
    /// The cluster's ARN, or its name.
    pub(super) cluster_arn: &'a str,
    /// The service's name.
    pub(super) service: &'a str,
    /// `ecs-svc/N`.
    pub(super) deployment: &'a str,
    /// The deployment's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_deployment_arn: Option<&'a str>,
    /// What was rolled out.
    pub(super) task_definition: Option<&'a str>,
    /// That of its trace.
    pub(super) trace_id: &'a str,
    /// The trace's address in a UI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_url: Option<&'a str>,
    /// held, rolled back, failed, timed out, in progress … (docs/deployments.md)
    pub(super) outcome: &'static str,
    /// Why it serves nobody: its service is being deleted, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deleted: Option<&'static str>,
    /// The stage of its life cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<&'a str>,
    /// Why it ended so.
    pub(super) reason: Option<&'a str>,
    /// Who said how it ended.
    pub(super) said_by: &'static str,
    /// true where it was waited for in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timed_out: Option<bool>,
    /// true where it still went on when whoever waited for its end was told to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interrupted: Option<bool>,
    /// What to do now.
    pub(super) next: Vec<Step>,
    /// How it is rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strategy: Option<&'a str>,
    /// It was waited for until it was so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reached: Option<&'a str>,
    /// It was waited for no longer, since it can only end badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing<'a>>,
    /// When it was created.
    pub(super) created: Option<Iso>,
    /// The same.
    pub(super) created_unix_nano: Option<Nanos>,
    /// true where that is the time of its first task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_estimated: Option<bool>,
    /// When ECS began with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_unix_nano: Option<Nanos>,
    /// When it was over.
    pub(super) finished: Option<Iso>,
    /// The same.
    pub(super) finished_unix_nano: Option<Nanos>,
    /// Who said when it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_source: Option<&'static str>,
    /// While it goes on: when saved answers were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of_unix_nano: Option<Nanos>,
    /// From created to finished.
    pub(super) duration_ms: Option<f64>,
    /// What it waited for, of one that is over and of whose tasks something is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<Path>,
    /// Its rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rollback: Option<Rollback<'a>>,
    /// The circuit breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) circuit_breaker: Option<CircuitBreaker<'a>>,
    /// Alarms that went off.
    pub(super) triggered_alarms: &'a [String],
    /// How many tasks.
    pub(super) tasks: Tasks,
    /// From created to its first task that started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_started_ms: Option<f64>,
    /// From created to its last task that started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_started_ms: Option<f64>,
    /// The phases of its launches.
    pub(super) phases: Vec<PhaseSpread<'static>>,
    /// How long old tasks took to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stopping: Option<PhaseSpread<'static>>,
    /// The launch that took longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slowest: Option<Launch<'a>>,
    /// Tasks that failed, by reason.
    pub(super) failures: Vec<Failures<'a>>,
    /// What was found of its tasks and of itself: docs/findings.md.
    pub(super) findings: Vec<Found<'a>>,
    /// What ECS told of it by name.
    pub(super) actions: Vec<Action<'a>>,
    /// Tasks that are not counted as the rollout.
    pub(super) apart: Vec<Apart<'a>>,
    /// The same beside an earlier deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<Baseline<'a>>,
    /// Its launches; of larger deployments those that failed.
    pub(super) launches: Vec<Launch<'a>>,
    /// What the service told.
    pub(super) service_events: Vec<Event<'a>>,
    /// true where the first of them may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_events_cut: Option<bool>,
    /// What was tried and could not be learned.
    pub(super) gaps: Vec<Gap<'a>>,
    /// What explains an absence that is no fault.
    pub(super) notes: &'a [String],
}

/// Why it can only end badly.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Failing<'a> {
    /// In words.
    pub(super) reason: &'a str,
    /// The finding that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<&'a str>,
}

/// What it waited for, in turns.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Path {
    /// For tasks to start.
    pub(super) launch_ms: f64,
    /// For old tasks to stop.
    pub(super) stopping_ms: f64,
    /// For neither.
    pub(super) waiting_ms: f64,
}

/// A rollback.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Rollback<'a> {
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_unix_nano: Option<Nanos>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_unix_nano: Option<Nanos>,
    /// Why, as it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    /// The deployment that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployment: Option<&'a str>,
}

/// A circuit breaker.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CircuitBreaker<'a> {
    /// `status`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'a str>,
    /// So many tasks failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failures: Option<i64>,
    /// So many may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threshold: Option<i64>,
}

/// How many tasks.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Tasks {
    /// So many are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) desired: Option<i64>,
    /// So many were launched.
    pub(super) launched: usize,
    /// So many of these started.
    pub(super) started: usize,
    /// So many of these failed.
    pub(super) failed: usize,
    /// So many failed, as ECS counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_as_ecs_counts: Option<i64>,
    /// So many old tasks stopped.
    pub(super) stopped: usize,
}

/// A launch.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Launch<'a> {
    /// The task's id.
    pub(super) task: &'a str,
    /// Where it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) availability_zone: Option<&'a str>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_unix_nano: Option<Nanos>,
    /// From created to started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) launch_ms: Option<f64>,
    /// Whether it started.
    pub(super) has_started: bool,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<&'static str>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<&'a str>,
    /// The phases of the launch.
    pub(super) phases: Vec<PhaseLength>,
}

/// A phase.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PhaseLength {
    /// Its name.
    pub(super) name: &'static str,
    /// Its length.
    pub(super) duration_ms: f64,
}

/// Tasks that failed for one reason.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Failures<'a> {
    /// The reason.
    pub(super) reason: &'a str,
    /// How many there are.
    pub(super) count: usize,
    /// The first few.
    pub(super) tasks: &'a [String],
    /// What one of them last said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sample: Option<Sample<'a>>,
}

/// Last lines.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Sample<'a> {
    /// The task's id.
    pub(super) task: &'a str,
    /// The container.
    pub(super) container: &'a str,
    /// Its last lines.
    pub(super) lines: Vec<Event<'a>>,
}

/// What was said.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Event<'a> {
    /// When.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// In its own words.
    pub(super) message: &'a str,
}

/// A finding.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Found<'a> {
    /// Its id.
    pub(super) id: &'static str,
    /// Of so many tasks.
    pub(super) count: usize,
    /// So many of these are old ones.
    pub(super) old_tasks: usize,
    /// The first of them; null: of the deployment as a whole.
    pub(super) task: Option<&'a str>,
    /// A sentence, which may change.
    pub(super) text: &'a str,
}

/// What ECS told by name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Action<'a> {
    /// When.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// Its name.
    pub(super) name: &'a str,
    /// INFO, WARN or ERROR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<&'a str>,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    /// In words.
    pub(super) message: String,
    /// Where it was read.
    pub(super) source: &'static str,
    /// The finding that it is, where it is a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<&'static str>,
}

/// Tasks that are not counted as the rollout.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Apart<'a> {
    /// What they are.
    pub(super) what: &'static str,
    /// How many.
    pub(super) count: usize,
    /// The first few.
    pub(super) tasks: &'a [String],
}

/// An earlier deployment beside it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Baseline<'a> {
    /// Where its report was read.
    pub(super) origin: &'a str,
    /// `ecs-svc/N`.
    pub(super) deployment: Option<&'a str>,
    /// How that one ended.
    pub(super) outcome: Option<&'a str>,
    /// When a difference matters.
    pub(super) rule: &'static str,
    /// Phase by phase.
    pub(super) differences: Vec<Difference<'a>>,
}

/// A phase in both.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Difference<'a> {
    /// Its name.
    pub(super) phase: &'a str,
    /// Its median.
    pub(super) p50_ms: f64,
    /// The other's.
    pub(super) baseline_p50_ms: f64,
    /// Of so many launches.
    pub(super) tasks: usize,
    /// The other's.
    pub(super) baseline_tasks: usize,
    /// slower, faster, no, or small sample.
    pub(super) matters: &'static str,
}

/// A step to take.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Step {
    /// What it does, in words, which may change.
    pub(super) said: String,
    /// What is typed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<String>,
}

/// What was tried and could not be learned.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Gap<'a> {
    /// What.
    pub(super) what: &'a str,
    /// Why not.
    pub(super) why: &'a str,
}

/// How long a phase took in many tasks.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::render) struct PhaseSpread<'a> {
    /// Its name.
    name: &'a str,
    /// Of so many tasks.
    tasks: usize,
    /// The first quartile.
    q1_ms: f64,
    /// The median.
    p50_ms: f64,
    /// The third quartile.
    q3_ms: f64,
    /// The 95th percentile.
    p95_ms: f64,
    /// The longest.
    max_ms: f64,
    /// Whether there are too few of them to judge by.
    small_sample: bool,
}

impl<'a> PhaseSpread<'a> {
    /// That of a phase.
    pub(in crate::render) fn new(name: &'a str, spread: &Spread) -> Self {
        Self {
            name,
            tasks: spread.count,
            q1_ms: millis(spread.q1),
            p50_ms: millis(spread.p50),
            q3_ms: millis(spread.q3),
            p95_ms: millis(spread.p95),
            max_ms: millis(spread.max),
            small_sample: sentences::is_small(spread),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use expect_test::expect_file;

    #[test]
    fn its_schema_is_published() {
        expect_file!["../../../../docs/json/deploy.schema.json"]
            .assert_eq(&schema::of::<Document<'_>>("A deployment: ecspan deploy --report json"));
    }
}
