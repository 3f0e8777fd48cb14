//! What sources tell the model: [`Observation`]s, each with its provenance, and [`Gap`]s.
//!
//! Plain data. An absent fact is `None` – never zero, never "now", never an empty string – and the strings
//! `""` and `"null"`, which ECS sends for absent facts, do not get this far. Nothing here can hold an
//! environment value other than the five names of [`TracedEnv`], a command or an argument.

use std::collections::BTreeMap;

use super::arn::{Arn, family_and_revision, last_part};
use super::log::ContainerLog;
pub use super::log_config::{LogConfig, LogPlace};
use super::service::{ServiceDeploymentRecord, ServiceRecord, ServiceRevisionRecord};
pub use super::service_event::ServiceEvent;
use super::time::Time;

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// An answer of the ECS API, live or saved.
    EcsApi,
    /// An EventBridge event.
    Event,
    /// The task metadata endpoint.
    Metadata,
    /// The agent's introspection API.
    Agent,
    /// The container runtime.
    Docker,
}

/// One thing that one source said.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Observation {
    /// A task as it was at one moment.
    Task(Box<TaskRecord>),
    /// A task definition.
    Definition(Box<DefinitionRecord>),
    /// Log lines of one container.
    Log(ContainerLog),
    /// A service event that names tasks.
    ServiceEvent(ServiceEvent),
    /// A service with its deployments.
    Service(Box<ServiceRecord>),
    /// A deployment of the service deployments API.
    ServiceDeployment(Box<ServiceDeploymentRecord>),
    /// A revision of a service.
    ServiceRevision(Box<ServiceRevisionRecord>),
    /// Something that could not be learned.
    Gap {
        /// The task that it is about, by its id as written; `None` where nobody says.
        task_id: Option<String>,
        /// What is missing.
        gap: Gap,
    },
}

/// A task as one answer or event gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskRecord {
    /// Who said it.
    pub source: Option<Source>,
    /// Where it stood: `task.json: $.tasks[0]`, `DescribeTasks`.
    pub origin: String,
    /// The last part of the ARN, as written. Never empty.
    pub id: String,
    /// The task's ARN, when it has a whole one.
    pub arn: Option<String>,
    /// `version` of the Task object: counts its state changes.
    pub version: Option<u64>,
    /// The cluster's ARN (or its name, where nothing better is known).
    pub cluster_arn: Option<String>,
    /// The task definition's ARN, as given (a revision may be missing).
    pub task_definition_arn: Option<String>,
    /// `lastStatus`, as written.
    pub last_status: Option<String>,
    /// `desiredStatus`, as written.
    pub desired_status: Option<String>,
    /// The task's own times.
    pub times: TaskTimes,
    /// `healthStatus`.
    pub health_status: Option<String>,
    /// `stopCode`.
    pub stop_code: Option<String>,
    /// `stoppedReason`, trimmed.
    pub stopped_reason: Option<String>,
    /// `startedBy`.
    pub started_by: Option<String>,
    /// `group`: `service:NAME` or `family:NAME`.
    pub group: Option<String>,
    /// `launchType`, as written.
    pub launch_type: Option<String>,
    /// `capacityProviderName`.
    pub capacity_provider: Option<String>,
    /// `platformVersion`.
    pub platform_version: Option<String>,
    /// `availabilityZone`.
    pub availability_zone: Option<String>,
    /// `containerInstanceArn`.
    pub container_instance_arn: Option<String>,
    /// `cpu` in CPU units, as written.
    pub cpu: Option<String>,
    /// `memory` in MiB, as written.
    pub memory: Option<String>,
    /// How wrong the instance's clock may be, in milliseconds, as written; metadata only.
    pub clock_error: Option<String>,
    /// Whether the instance's clock is synchronised, as written; metadata only.
    pub clock_status: Option<String>,
    /// When that was measured; metadata only.
    pub clock_read: Option<Time>,
    /// `VPCID`; metadata only.
    pub vpc_id: Option<String>,
    /// `EphemeralStorageMetrics`: MiB used and MiB reserved, as written; metadata only.
    pub ephemeral_storage: Option<(String, String)>,
    /// The private IPv4 address of the task's network interface attachment.
    pub private_ip: Option<String>,
    /// What the RunTask overrides say to tracing, by container name, in the order of that name.
    pub overrides: BTreeMap<String, TracedEnv>,
    /// When it was as it says: an event's `time` or `updatedAt`. An answer does not tell.
    pub updated: Option<Time>,
    /// The containers, in the order in which they were given, each once.
    pub containers: Vec<ContainerRecord>,
    /// Containers that were listed before another of the same name, and say something else: what counts is in `containers`.
    pub doubles: Vec<ContainerRecord>,
}

impl TaskRecord {
    /// Whether the task has reached STOPPED, after which nothing changes.
    pub fn is_stopped(&self) -> bool {
        self.times.stopped.is_some() || self.last_status.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("STOPPED"))
    }

    /// The task definition's family, from its ARN, else from the group.
    pub fn family(&self) -> Option<&str> {
        let from_arn = self.task_definition_arn.as_deref().map(|arn| family_and_revision(arn).0);
        from_arn.or_else(|| self.group.as_deref()?.strip_prefix("family:"))
    }

    /// The task definition's revision.
    pub fn revision(&self) -> Option<u64> {
        self.task_definition_arn.as_deref().and_then(|arn| family_and_revision(arn).1)
    }

    /// The service that runs it.
    pub fn service(&self) -> Option<&str> {
        self.group.as_deref()?.strip_prefix("service:")
    }

    /// The runtime's id of a container.
    pub fn runtime_id(&self, container: &str) -> Option<&str> {
        self.containers.iter().find(|record| record.name == container)?.runtime_id.as_deref()
    }

    /// The ARN that tells region, account and partition: the task's own, else the cluster's, else the definition's.
    pub(crate) fn any_arn(&self) -> Option<Arn<'_>> {
        let arns = [&self.arn, &self.cluster_arn, &self.task_definition_arn];
        arns.into_iter().flatten().find_map(|arn| Arn::parse(arn))
    }

    /// The cluster's name.
    pub fn cluster_name(&self) -> Option<&str> {
        let from_task = || Arn::parse(self.arn.as_deref()?)?.cluster();
        self.cluster_arn.as_deref().map(last_part).or_else(from_task)
    }
}

/// The times of a task. Milliseconds, whoever gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskTimes {
    /// `createdAt`.
    pub created: Option<Time>,
    /// `connectivityAt`: the *last* time that the task's agent connected.
    pub connected: Option<Time>,
    /// `pullStartedAt`: the first pull's start.
    pub pull_started: Option<Time>,
    /// `pullStoppedAt`: the last pull's end.
    pub pull_stopped: Option<Time>,
    /// `startedAt`.
    pub started: Option<Time>,
    /// `stoppingAt`.
    pub stopping: Option<Time>,
    /// `executionStoppedAt`.
    pub execution_stopped: Option<Time>,
    /// `stoppedAt`.
    pub stopped: Option<Time>,
}

/// The only environment variables of a task that are read at all. Everything else may be a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracedEnv {
    /// `TRACEPARENT`.
    pub traceparent: Option<String>,
    /// `TRACESTATE`.
    pub tracestate: Option<String>,
    /// `_X_AMZN_TRACE_ID`.
    pub xray: Option<String>,
    /// `OTEL_SERVICE_NAME`.
    pub otel_service_name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub otel_resource_attributes: Option<String>,
}

impl TracedEnv {
    /// Their names.
    pub const NAMES: [&str; 5] =
        ["TRACEPARENT", "TRACESTATE", "_X_AMZN_TRACE_ID", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];
}

/// A container as one answer or event gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerRecord {
    /// `name`.
    pub name: String,
    /// `containerArn`.
    pub arn: Option<String>,
    /// `runtimeId` (a Docker id on EC2).
    pub runtime_id: Option<String>,
    /// `image`, as written in the task definition.
    pub image: Option<String>,
    /// `imageDigest`.
    pub image_digest: Option<String>,
    /// `lastStatus`, as written.
    pub last_status: Option<String>,
    /// `healthStatus`.
    pub health_status: Option<String>,
    /// `exitCode`.
    pub exit_code: Option<i64>,
    /// `reason`, trimmed.
    pub reason: Option<String>,
    /// When the runtime created it; metadata, agent or docker only.
    pub created: Option<Time>,
    /// When it started; metadata, agent or docker only.
    pub started: Option<Time>,
    /// When it finished; metadata or docker only.
    pub finished: Option<Time>,
    /// Who gave its times, where that is not who gave the rest.
    pub times_from: Option<Source>,
    /// How often it was restarted; metadata only, and only with a restart policy.
    pub restarts: Option<u64>,
    /// It has finished and may be started again: what is known of it is not final.
    pub may_restart: bool,
    /// What ECS runs in it beside its own process.
    pub managed_agents: Vec<ManagedAgent>,
    /// Where its log goes, where the container itself says so; metadata version 4 only.
    pub log: Option<LogConfig>,
    /// `true` for a container that ECS itself adds (metadata's `CNI_PAUSE` type).
    pub internal: bool,
    /// What only its host knows of it; metadata or docker only.
    pub host: HostFacts,
}

/// An agent that ECS runs in a container: ECS Exec's, GuardDuty's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedAgent {
    /// `name`.
    pub name: String,
    /// `lastStatus`, as written; `status` in events.
    pub status: Option<String>,
    /// `lastStartedAt`; not in events.
    pub started: Option<Time>,
    /// `reason`.
    pub reason: Option<String>,
}

/// What the instance that runs a container knows of it and the ECS API does not. Of labels only the names are kept, and of
/// a health check's output nothing: both can hold secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// `DockerName`.
    pub runtime_name: Option<String>,
    /// `ImageID`: the digest of the image's configuration.
    pub image_id: Option<String>,
    /// `Limits.CPU`, in CPU units, as written.
    pub cpu: Option<String>,
    /// `Limits.Memory`, in MiB, as written.
    pub memory: Option<String>,
    /// `Ports`, as Docker writes them: `0.0.0.0:32768->80/tcp`, `80/tcp`.
    pub ports: Vec<String>,
    /// `Networks`.
    pub networks: Vec<Network>,
    /// The names of `Labels`.
    pub label_names: Vec<String>,
    /// Where `Volumes` are mounted.
    pub mounts: Vec<String>,
    /// `Health.statusSince`.
    pub health_since: Option<Time>,
}

/// A network that a container is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `NetworkMode`.
    pub mode: Option<String>,
    /// `IPv4Addresses`, then `IPv6Addresses`.
    pub addresses: Vec<String>,
    /// `IPv4SubnetCIDRBlock`, then `IPv6SubnetCIDRBlock`.
    pub subnets: Vec<String>,
    /// `MACAddress`.
    pub mac_address: Option<String>,
    /// `PrivateDNSName`.
    pub private_dns_name: Option<String>,
}

/// A task definition, less everything that can hold a secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionRecord {
    /// Where it stood.
    pub origin: String,
    /// `taskDefinitionArn`.
    pub arn: Option<String>,
    /// `family`.
    pub family: Option<String>,
    /// `revision`.
    pub revision: Option<u64>,
    /// `containerDefinitions`, in their order.
    pub containers: Vec<ContainerDefinition>,
}

/// A container of a task definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerDefinition {
    /// `name`.
    pub name: String,
    /// `image`.
    pub image: Option<String>,
    /// `essential`; ECS takes an absent one as `true`.
    pub essential: bool,
    /// `stopTimeout` in seconds; ECS takes an absent one as 30.
    pub stop_timeout: Option<u64>,
    /// `logConfiguration`.
    pub log: Option<LogConfig>,
    /// What its `environment` says to tracing.
    pub env: TracedEnv,
}

/// Something that could not be learned, and why. It shows in every output and, when it was tried and failed, in
/// the exit code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What is missing: `the log of container app`.
    pub what: String,
    /// Why: `access denied: …`.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The container it is about.
    pub container: Option<String>,
}
