//! Answers of the task metadata endpoint (versions 2, 3 and 4) and of the agent's introspection API. Main functions:
//! [`task`], [`container_only`], [`agent_task`].
//!
//! They know what ECS does not: when each container was created, started and finished, to the nanosecond. They know nothing
//! of when the task was created or stopped. Labels, tags and the output of health checks can hold anything: of labels the names
//! are kept, of the others nothing.

use super::answer;
use super::error::ReadError;
use super::json::At;
use crate::model::arn::last_part;
use crate::model::observation::{ContainerRecord, Gap, HostFacts, LogConfig, Network, Source, TaskRecord, TaskTimes};

/// Whether `at` is a metadata answer about a task.
pub(crate) fn is_task(at: &At<'_>) -> bool {
    at.value.get("TaskARN").is_some()
}

/// Whether `at` is a metadata answer about the container that asked.
pub(crate) fn is_container(at: &At<'_>) -> bool {
    at.value.get("DockerId").is_some() && at.value.get("Name").is_some()
}

/// Whether `at` is a task of the agent.
pub(crate) fn is_agent_task(at: &At<'_>) -> bool {
    at.value.get("Arn").is_some() && at.value.get("KnownStatus").is_some()
}

/// A task, and what the endpoint itself could not learn (`Errors`).
pub(crate) fn task(at: &At<'_>) -> Result<(TaskRecord, Vec<Gap>), ReadError> {
    let arn = at.text("TaskARN").ok_or_else(|| ReadError::NoTaskId { place: at.place.clone() })?;
    let limits = at.get("Limits");
    let limit = |name: &str| limits.as_ref()?.get(name)?.value.as_f64();
    let containers: Result<Vec<_>, _> = at.list("Containers").iter().map(|one| container(one, at)).collect();
    let clock = at.get("ClockDrift");
    let record = TaskRecord {
        times: TaskTimes {
            pull_started: at.time("PullStartedAt")?,
            pull_stopped: at.time("PullStoppedAt")?,
            execution_stopped: at.time("ExecutionStoppedAt")?,
            ..TaskTimes::default()
        },
        cluster_arn: at.text("Cluster"),
        task_definition_arn: definition(at, "Revision"),
        group: at.text("ServiceName").map(|name| format!("service:{name}")),
        launch_type: at.text("LaunchType"),
        availability_zone: at.text("AvailabilityZone"),
        // Of a vCPU, where ECS counts 1,024 units.
        cpu: limit("CPU").map(|cpu| (cpu * 1024.0).round().to_string()),
        memory: limit("Memory").map(|memory| memory.to_string()),
        clock_error: clock
            .as_ref()
            .and_then(|clock| clock.get("ClockErrorBound")?.value.as_f64())
            .map(|millis| millis.to_string()),
        clock_status: clock.as_ref().and_then(|clock| clock.text("ClockSynchronizationStatus")),
        clock_read: clock.as_ref().map_or(Ok(None), |clock| clock.time("ReferenceTimestamp"))?,
        vpc_id: at.text("VPCID"),
        ephemeral_storage: at
            .get("EphemeralStorageMetrics")
            .and_then(|storage| Some((storage.text("Utilized")?, storage.text("Reserved")?))),
        containers: containers?,
        ..bare(at, &arn, Source::Metadata)
    };
    let errors = at.list("Errors").into_iter().map(|error| Gap {
        what: error.text("ErrorField").unwrap_or_else(|| "a field of the metadata".to_owned()),
        why: ["ErrorCode", "ErrorMessage"].iter().filter_map(|key| error.text(key)).collect::<Vec<_>>().join(": "),
        hint: None,
        container: None,
    });
    Ok((record, errors.collect()))
}

/// The container that asked, as a task of which no more is known.
pub(crate) fn container_only(at: &At<'_>) -> Result<TaskRecord, ReadError> {
    let labels = at.get("Labels");
    let label = |name: &str| labels.as_ref()?.text(&format!("com.amazonaws.ecs.{name}"));
    // `container/CLUSTER/TASKID/UUID`; older ones name no task.
    let from_arn = || {
        let arn = at.text("ContainerARN")?;
        let parts: Vec<&str> = arn.split('/').collect();
        (parts.len() == 4).then(|| parts.get(2).map(|id| (*id).to_owned()))?
    };
    let arn = label("task-arn").or_else(from_arn).ok_or_else(|| ReadError::NoTaskId { place: at.place.clone() })?;
    let revision = label("task-definition-version").map_or(String::new(), |revision| format!(":{revision}"));
    Ok(TaskRecord {
        cluster_arn: label("cluster"),
        task_definition_arn: label("task-definition-family").map(|family| format!("{family}{revision}")),
        containers: vec![container(at, at)?],
        // Its own state is not the task's.
        last_status: None,
        desired_status: None,
        ..bare(at, &arn, Source::Metadata)
    })
}

/// A task of the agent's introspection API. Older agents say of containers only which they are.
pub(crate) fn agent_task(at: &At<'_>) -> Result<TaskRecord, ReadError> {
    let arn = at.text("Arn").ok_or_else(|| ReadError::NoTaskId { place: at.place.clone() })?;
    let containers: Result<Vec<_>, _> = at.list("Containers").iter().map(|one| container(one, at)).collect();
    Ok(TaskRecord {
        task_definition_arn: definition(at, "Version"),
        containers: containers?,
        ..bare(at, &arn, Source::Agent)
    })
}

fn bare(at: &At<'_>, arn: &str, source: Source) -> TaskRecord {
    TaskRecord {
        source: Some(source),
        origin: at.place.to_string(),
        id: last_part(arn).to_owned(),
        arn: arn.starts_with("arn:").then(|| arn.to_owned()),
        last_status: at.text("KnownStatus"),
        desired_status: at.text("DesiredStatus"),
        ..TaskRecord::default()
    }
}

/// `FAMILY:REVISION`, from which the model reads both.
fn definition(at: &At<'_>, revision: &str) -> Option<String> {
    let family = at.text("Family")?;
    Some(at.text(revision).map_or_else(|| family.clone(), |revision| format!("{family}:{revision}")))
}

fn container(at: &At<'_>, task: &At<'_>) -> Result<ContainerRecord, ReadError> {
    let (created, started, finished) =
        (at.exact_time("CreatedAt")?, at.exact_time("StartedAt")?, at.exact_time("FinishedAt")?);
    let expected = || ReadError::Expected { place: at.place.clone(), expected: "a container with a Name" };
    let options = at.get("LogOptions");
    let log = at.text("LogDriver").map(|driver| LogConfig { driver, options: answer::log_options(options.as_ref()) });
    let restarts = at.integer("RestartCount");
    // What ECS wants of a container ends with what it wants of the task.
    let may_go_on =
        at.text("DesiredStatus").or_else(|| task.text("DesiredStatus")).is_none_or(|wanted| wanted != "STOPPED");
    Ok(ContainerRecord {
        name: at.text("Name").ok_or_else(expected)?,
        arn: at.text("ContainerARN"),
        runtime_id: at.text("DockerId"),
        image: at.text("Image"),
        last_status: at.text("KnownStatus"),
        health_status: at.get("Health").and_then(|health| health.text("status")),
        exit_code: at.integer("ExitCode"),
        created,
        started,
        finished,
        // Only a container with a restart policy counts its restarts.
        may_restart: restarts.is_some() && may_go_on,
        restarts: restarts.and_then(|count| u64::try_from(count).ok()),
        internal: at.text("Type").is_some_and(|kind| kind != "NORMAL"),
        log,
        host: host_facts(at)?,
        ..ContainerRecord::default()
    })
}

fn host_facts(at: &At<'_>) -> Result<HostFacts, ReadError> {
    let limits = at.get("Limits");
    // No limit is written as 0.
    let limit = |name: &str| limits.as_ref()?.text(name).filter(|limit| limit != "0");
    let labels = at.get("Labels");
    let names = labels.iter().filter_map(|labels| labels.value.as_object()).flat_map(|labels| labels.keys().cloned());
    Ok(HostFacts {
        runtime_name: at.text("DockerName"),
        image_id: at.text("ImageID"),
        cpu: limit("CPU"),
        memory: limit("Memory"),
        ports: at.list("Ports").iter().filter_map(port).collect(),
        networks: at.list("Networks").iter().map(network).collect(),
        label_names: names.collect(),
        mounts: at.list("Volumes").iter().filter_map(|volume| volume.text("Destination")).collect(),
        health_since: at.get("Health").map_or(Ok(None), |health| health.time("statusSince"))?,
    })
}

/// As Docker writes it.
fn port(at: &At<'_>) -> Option<String> {
    let inside =
        format!("{}/{}", at.integer("ContainerPort")?, at.text("Protocol").unwrap_or_else(|| "tcp".to_owned()));
    let Some(outside) = at.integer("HostPort").filter(|port| *port != 0) else { return Some(inside) };
    let address = at.text("HostIp").unwrap_or_else(|| "0.0.0.0".to_owned());
    let address = if address.contains(':') { format!("[{address}]") } else { address };
    Some(format!("{address}:{outside}->{inside}"))
}

fn network(at: &At<'_>) -> Network {
    let texts = |name: &str| {
        let list = at.get(name).and_then(|at| at.value.as_array().cloned()).unwrap_or_default();
        list.into_iter().filter_map(|one| one.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    Network {
        mode: at.text("NetworkMode"),
        addresses: [texts("IPv4Addresses"), texts("IPv6Addresses")].concat(),
        subnets: ["IPv4SubnetCIDRBlock", "IPv6SubnetCIDRBlock"].iter().filter_map(|name| at.text(name)).collect(),
        mac_address: at.text("MACAddress"),
        private_dns_name: at.text("PrivateDNSName"),
    }
}
