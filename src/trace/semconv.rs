//! Every attribute, event and scope name of spans and log records. (ecspan's own metrics spell theirs: `run/meters.rs`.) Names come
//! from `opentelemetry-semantic-conventions`; what they lack is `ecspan.*`. `docs/mapping.md` explains each.

pub(crate) use opentelemetry_semantic_conventions::attribute::{
    AWS_ECS_CLUSTER_ARN, AWS_ECS_CONTAINER_ARN, AWS_ECS_LAUNCHTYPE, AWS_ECS_TASK_ARN, AWS_ECS_TASK_FAMILY,
    AWS_ECS_TASK_ID, AWS_ECS_TASK_REVISION, AWS_LOG_GROUP_NAMES, AWS_LOG_STREAM_NAMES, CLOUD_ACCOUNT_ID,
    CLOUD_AVAILABILITY_ZONE, CLOUD_PLATFORM, CLOUD_PROVIDER, CLOUD_REGION, CONTAINER_ID, CONTAINER_IMAGE_ID,
    CONTAINER_IMAGE_NAME, CONTAINER_IMAGE_REPO_DIGESTS, CONTAINER_IMAGE_TAGS, CONTAINER_NAME,
    DEPLOYMENT_ENVIRONMENT_NAME, ERROR_TYPE, LOG_RECORD_ORIGINAL, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE,
};

/// What `deployment.environment.name` was called before; many tasks still set it.
pub(crate) const DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment";

/// Name of the span of what was read of a container's log.
pub(crate) const LOG_SPAN: &str = "log";

/// The instrumentation scope: no version and no schema URL, so that a re-export by a newer ecspan is identical.
pub(crate) const SCOPE: &str = "ecspan";

/// Name of the event of a container that says when the runtime created it.
pub(crate) const EVENT_CREATED: &str = "created";
/// Name of the span of what events and the action log said of a deployment.
pub(crate) const ACTIONS_SPAN: &str = "actions";
/// A digest of what was selected of that, of which its span's id is made.
pub(crate) const ACTIONS_SELECTION: &str = "ecspan.actions.selection";
/// What ECS calls an action; the event that carries it has the same name.
pub(crate) const ACTION_NAME: &str = "ecspan.action.name";
/// An action in words.
pub(crate) const ACTION_WORDS: &str = "ecspan.action.message";
/// The level that ECS gives an action: `INFO`, `WARN`, `ERROR`.
pub(crate) const ACTION_LEVEL: &str = "ecspan.action.level";
/// Where it was told: `event` or `action log`.
pub(crate) const ACTION_SOURCE: &str = "ecspan.action.source";
/// Name of the event that carries a log line.
pub(crate) const EVENT_LOG: &str = "log";
/// Name of the event that stands where log lines are missing.
pub(crate) const EVENT_LOG_GAP: &str = "log gap";

/// Name of the event of a deployment's `stop` that outlives the deployment: when its task was stopped.
pub(crate) const EVENT_STOPPED: &str = "stopped";

/// Name of the event of a deployment that carries a service event.
pub(crate) const EVENT_SERVICE: &str = "service event";
/// What a service event says.
pub(crate) const EVENT_MESSAGE: &str = "ecspan.service_event.message";

/// The alarms that went off.
pub(crate) const DEPLOYMENT_ALARMS: &str = "ecspan.deployment.triggered_alarms";
/// `serviceDeploymentArn`.
pub(crate) const DEPLOYMENT_ARN: &str = "ecspan.deployment.arn";
/// How many failures the circuit breaker counted.
pub(crate) const DEPLOYMENT_BREAKER_FAILURES: &str = "ecspan.deployment.circuit_breaker.failures";
/// How many make it trip.
pub(crate) const DEPLOYMENT_BREAKER_THRESHOLD: &str = "ecspan.deployment.circuit_breaker.threshold";
/// `ecs-svc/N`: the `startedBy` of the deployment's tasks.
pub(crate) const DEPLOYMENT_ID: &str = "ecspan.deployment.id";
/// How many tasks of a deployment failed for one reason.
pub(crate) const FAILED_COUNT: &str = "ecspan.deployment.failed.count";
/// The container of one of them that spoke last.
pub(crate) const FAILED_CONTAINER: &str = "ecspan.deployment.failed.container";
/// Its last line.
pub(crate) const FAILED_LAST_LINE: &str = "ecspan.deployment.failed.last_line";
/// Why most of them failed.
pub(crate) const FAILED_REASON: &str = "ecspan.deployment.failed.reason";
/// `held`, `rolled back`, `failed`; in a snapshot also `in progress`.
pub(crate) const DEPLOYMENT_OUTCOME: &str = "ecspan.deployment.outcome";
/// Why, as ECS says it; on `rollback` the rollback's own reason.
pub(crate) const DEPLOYMENT_REASON: &str = "ecspan.deployment.reason";
/// Whose word the outcome is.
pub(crate) const DEPLOYMENT_SAID_BY: &str = "ecspan.deployment.said_by";
/// The stage of its life cycle.
pub(crate) const DEPLOYMENT_STAGE: &str = "ecspan.deployment.stage";
/// The task definition that is rolled out.
pub(crate) const DEPLOYMENT_TASK_DEFINITION: &str = "ecspan.deployment.task_definition";
/// `serviceArn`.
pub(crate) const SERVICE_ARN: &str = "ecspan.service.arn";
/// Why a deployment's trace has the stop of a task: `replaced`, `failed`, `rolled back`.
pub(crate) const STOP_WHY: &str = "ecspan.stop.why";

/// Whose clock an event's time was read from: `agent` or `control plane`.
pub(crate) const CLOCK: &str = "ecspan.clock";
/// A bound was moved up to the one before it.
pub(crate) const CLOCK_ADJUSTED: &str = "ecspan.clock_adjusted";
/// The span was still open when a snapshot was taken; its end is the snapshot's time.
pub(crate) const IN_PROGRESS: &str = "ecspan.in_progress";
/// How a log line writes the id of the trace that is linked to: `traceparent`, `trace_id`, `xray` or `datadog`.
pub(crate) const LINK_FORM: &str = "ecspan.link.form";
/// Why a span links to another: `caller`, `task`, `deployment`, `snapshot of`, `rebased from` or `log line`.
pub(crate) const LINK_KIND: &str = "ecspan.link.kind";
/// The trace that a task's spans are in, on the pointer that stays under the task's own trace id.
pub(crate) const CALLER_TRACE_ID: &str = "ecspan.caller.trace_id";
/// The last line of a container's log that is kept.
pub(crate) const LOG_LAST_LINE: &str = "ecspan.log.last_line";
/// A digest of what was selected of a container's log, of which its span's id is made.
pub(crate) const LOG_SELECTION: &str = "ecspan.log.selection";
/// `stdout` or `stderr`, where a log router says it of a line.
pub(crate) const LOG_IOSTREAM: &str = "log.iostream";
/// The EC2 instance, where a log router says it of a line.
pub(crate) const HOST_ID: &str = "host.id";
/// What lies between two log lines that were not adjacent.
pub(crate) const LOG_GAP: &str = "ecspan.log.gap";
/// How a span's start is known, where it is not a time that ECS gave: `estimated`, `metadata`, `docker`.
pub(crate) const TIME_START_SOURCE: &str = "ecspan.time.start.source";
/// How a span's end is known, likewise; a deployment's: `service deployment`, `service event`, `deployment updated`,
/// `next deployment`.
pub(crate) const TIME_END_SOURCE: &str = "ecspan.time.end.source";

/// `capacityProviderName`.
pub(crate) const TASK_CAPACITY_PROVIDER: &str = "ecspan.task.capacity_provider";
/// `containerInstanceArn`.
pub(crate) const TASK_CONTAINER_INSTANCE_ARN: &str = "ecspan.task.container_instance.arn";
/// `cpu`, in CPU units (1,024 are one vCPU).
pub(crate) const TASK_CPU: &str = "ecspan.task.cpu";
/// `desiredStatus`, in snapshots only.
pub(crate) const TASK_DESIRED_STATUS: &str = "ecspan.task.desired_status";
/// `healthStatus`, in snapshots only.
pub(crate) const TASK_HEALTH_STATUS: &str = "ecspan.task.health_status";
/// `lastStatus`, in snapshots only.
pub(crate) const TASK_LAST_STATUS: &str = "ecspan.task.last_status";
/// `memory`, in MiB.
pub(crate) const TASK_MEMORY: &str = "ecspan.task.memory";
/// `platformVersion`.
pub(crate) const TASK_PLATFORM_VERSION: &str = "ecspan.task.platform_version";
/// The private IPv4 address of the task's network interface.
pub(crate) const TASK_PRIVATE_IP: &str = "ecspan.task.private_ip";
/// `startedBy`.
pub(crate) const TASK_STARTED_BY: &str = "ecspan.task.started_by";
/// `stopCode`.
pub(crate) const TASK_STOP_CODE: &str = "ecspan.task.stop_code";
/// `stoppedReason`.
pub(crate) const TASK_STOPPED_REASON: &str = "ecspan.task.stopped_reason";

/// The container's own limit of CPU units; from its host.
pub(crate) const CONTAINER_CPU: &str = "ecspan.container.cpu";
/// Whether the task ends when the container ends.
pub(crate) const CONTAINER_ESSENTIAL: &str = "ecspan.container.essential";
/// `exitCode`.
pub(crate) const CONTAINER_EXIT_CODE: &str = "ecspan.container.exit_code";
/// The addresses of its networks; from its host.
pub(crate) const CONTAINER_IP_ADDRESSES: &str = "ecspan.container.ip_addresses";
/// The container's own limit of memory, in MiB; from its host.
pub(crate) const CONTAINER_MEMORY: &str = "ecspan.container.memory";
/// The task is STOPPED and the container never ran; its span is one nanosecond long.
pub(crate) const CONTAINER_NEVER_STARTED: &str = "ecspan.container.never_started";
/// Its ports as Docker writes them: `0.0.0.0:32768->80/tcp`; from its host.
pub(crate) const CONTAINER_PORTS: &str = "ecspan.container.ports";
/// How often it was restarted; from its host.
pub(crate) const CONTAINER_RESTARTS: &str = "ecspan.container.restarts";
/// `reason`.
pub(crate) const CONTAINER_REASON: &str = "ecspan.container.reason";
