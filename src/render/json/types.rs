//! What the JSON of a task has. Main type: [`Task`].
//!
//! What is an `Option` with `skip_serializing_if` is there where it is known; all else always, null or empty where nothing is known.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::render::document::{Iso, Nanos};

/// A task, as `ecspan show --format json` prints it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Task<'a> {
    /// The version of the format.
    #[cfg_attr(test, schemars(extend("const" = super::TASK_VERSION)))]
    pub(super) ecspan_task: u32,
    /// The last part of its ARN.
    pub(super) task_id: &'a str,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_arn: Option<&'a str>,
    /// That of its trace: its id, where that is as long as one of a trace.
    pub(super) trace_id: &'a str,
    /// The cluster's name.
    pub(super) cluster: Option<&'a str>,
    /// The service that runs it.
    pub(super) service: Option<&'a str>,
    /// Of its task definition.
    pub(super) family: Option<&'a str>,
    /// Of its task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<u64>,
    /// `lastStatus`, as ECS has it.
    pub(super) last_status: Option<&'a str>,
    /// `stopCode`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_code: Option<&'a str>,
    /// `stoppedReason`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stopped_reason: Option<Cow<'a, str>>,
    /// `startedBy`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_by: Option<&'a str>,
    /// `launchType`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) launch_type: Option<&'a str>,
    /// `capacityProviderName`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capacity_provider: Option<&'a str>,
    /// Where it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) availability_zone: Option<&'a str>,
    /// CPU units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<&'a str>,
    /// MiB of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<&'a str>,
    /// As the metadata endpoint has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vpc_id: Option<&'a str>,
    /// As the metadata endpoint has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ephemeral_storage_mib: Option<Storage<'a>>,
    /// How far the clock of its machine can be trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock: Option<Clock<'a>>,
    /// Whether it failed.
    pub(super) failed: bool,
    /// What failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Cow<'a, str>>,
    /// The failure's kind: `error.type` of its span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_type: Option<&'a str>,
    /// While it has not stopped: when this was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of_unix_nano: Option<Nanos>,
    /// When it was created.
    pub(super) start: Option<Iso>,
    /// The same.
    pub(super) start_unix_nano: Option<Nanos>,
    /// When it was over.
    pub(super) end: Option<Iso>,
    /// The same.
    pub(super) end_unix_nano: Option<Nanos>,
    /// From start to end.
    pub(super) duration_ms: Option<f64>,
    /// What its time went into: one after another, without a hole.
    pub(super) phases: Vec<Phase>,
    /// Its times, as they were given.
    pub(super) moments: Vec<Moment>,
    /// Its containers; those that ECS adds with `--all-containers`.
    pub(super) containers: Vec<Container<'a>>,
    /// What is worth pointing out: docs/findings.md.
    pub(super) findings: Vec<Finding<'a>>,
    /// What was tried and could not be learned.
    pub(super) gaps: Vec<Gap<'a>>,
    /// What explains an absence that is no fault.
    pub(super) notes: &'a [String],
    /// What its service told that names it.
    pub(super) service_events: Vec<ServiceEvent<'a>>,
    /// What its service told of others, where it may have to do with the task.
    pub(super) meanwhile: Vec<Meanwhile<'a>>,
}

/// Ephemeral storage.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Storage<'a> {
    /// So much of it is used.
    pub(super) used: &'a str,
    /// So much there is.
    pub(super) reserved: &'a str,
}

/// A machine's clock.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Clock<'a> {
    /// It is wrong by no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_bound_ms: Option<&'a str>,
    /// `SYNCHRONIZED` or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'a str>,
    /// When that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read_unix_nano: Option<Nanos>,
}

/// A phase of a task's life.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Phase {
    /// Its name, as its span has it.
    pub(super) name: &'static str,
    /// Its start.
    pub(super) start: Iso,
    /// The same.
    pub(super) start_unix_nano: Nanos,
    /// Its end, unless it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_unix_nano: Option<Nanos>,
    /// From start to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_ms: Option<f64>,
    /// Whether no later news can change it.
    #[serde(rename = "final")]
    pub(super) is_final: bool,
    /// Whether a bound was earlier than the one before it, and was moved there.
    pub(super) clock_adjusted: bool,
    /// Whether a bound is estimated.
    pub(super) estimated: bool,
    /// Those inside of it.
    pub(super) phases: Vec<Self>,
}

/// A time that ECS gives.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Moment {
    /// What happened then.
    pub(super) name: &'static str,
    /// When.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// Whose clock it was read from.
    pub(super) clock: &'static str,
}

/// A container.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Container<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<&'a str>,
    /// `lastStatus`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_status: Option<&'a str>,
    /// Its id where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime_id: Option<&'a str>,
    /// `healthStatus`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_status: Option<&'a str>,
    /// What only its host knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<Host<'a>>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i64>,
    /// Why it stopped or did not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Cow<'a, str>>,
    /// Agents of ECS in it.
    pub(super) managed_agents: Vec<Agent<'a>>,
    /// Whether the task stops with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) essential: Option<bool>,
    /// Whether it surely never ran.
    pub(super) never_started: bool,
    /// When it began to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Bound>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Bound>,
    /// Of its log what was kept, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_lines: Option<Vec<Line<'a>>>,
    /// So many lines were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_lines_dropped: Option<u64>,
    /// The traces that its lines name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) links: Option<Vec<Link>>,
    /// So many more were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) links_dropped: Option<usize>,
}

/// A bound of a container.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Bound {
    /// When.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// Who says so; or that it is estimated.
    pub(super) source: &'static str,
}

/// A log line.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Line<'a> {
    /// When it was written.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// What it says.
    pub(super) message: &'a str,
    /// stdout or stderr.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iostream: Option<&'a str>,
    /// The machine that it was written on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<&'a str>,
}

/// A trace that log lines name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Link {
    /// Its id.
    pub(super) trace_id: String,
    /// A span in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) span_id: Option<String>,
    /// How it was written.
    pub(super) form: &'static str,
}

/// An agent of ECS in a container.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Agent<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// `lastStatus`, as ECS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'a str>,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_unix_nano: Option<Nanos>,
    /// Why it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Cow<'a, str>>,
}

/// What only a container's host knows of it.
#[derive(Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Host<'a> {
    /// Its name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime_name: Option<&'a str>,
    /// Its image's id there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_id: Option<&'a str>,
    /// Its CPU units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<&'a str>,
    /// Its MiB of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<&'a str>,
    /// Its ports.
    pub(super) ports: &'a [String],
    /// Its networks.
    pub(super) networks: Vec<Network<'a>>,
    /// The names of its labels.
    pub(super) label_names: &'a [String],
    /// Where something is mounted.
    pub(super) mounts: &'a [String],
    /// Since when its health is as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_since: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_since_unix_nano: Option<Nanos>,
    /// How often it was started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restarts: Option<u64>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Iso>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_unix_nano: Option<Nanos>,
    /// When it was started.
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
    /// Where its log goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<Log<'a>>,
}

/// A network of a container.
#[derive(Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Network<'a> {
    /// Its mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<&'a str>,
    /// The container's addresses in it.
    pub(super) addresses: &'a [String],
    /// Its subnets.
    pub(super) subnets: &'a [String],
    /// The interface's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mac_address: Option<&'a str>,
    /// The container's name in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) private_dns_name: Option<&'a str>,
}

/// Where a log goes.
#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Log<'a> {
    /// The driver's name.
    pub(super) driver: &'a str,
    /// Of its options those that say where, and no secret.
    pub(super) options: &'a BTreeMap<String, String>,
}

/// What is worth pointing out.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Finding<'a> {
    /// Its id: docs/findings.md.
    pub(super) id: &'static str,
    /// A sentence, which may change.
    pub(super) text: Cow<'a, str>,
}

/// What was tried and could not be learned.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Gap<'a> {
    /// What.
    pub(super) what: &'a str,
    /// Why not.
    pub(super) why: &'a str,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<&'a str>,
}

/// What a service told.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServiceEvent<'a> {
    /// When.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// In ECS's words.
    pub(super) message: Cow<'a, str>,
}

/// What a service told of others.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Meanwhile<'a> {
    /// When.
    pub(super) time: Iso,
    /// The same.
    pub(super) unix_nano: Nanos,
    /// What the task was doing then.
    #[serde(rename = "while")]
    pub(super) during: &'static str,
    /// In ECS's words.
    pub(super) message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use expect_test::expect_file;

    #[test]
    fn its_schema_is_published() {
        expect_file!["../../../docs/json/task.schema.json"]
            .assert_eq(&schema::of::<Task<'_>>("A task: ecspan show --format json, and each line of --format jsonl"));
    }
}
