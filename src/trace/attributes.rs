//! Attributes of the resource, the root and the containers. Main type: [`Attributes`].

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;

use super::options::TraceOptions;
use super::semconv as name;
use super::service::{OtelService, ServiceName};
use crate::model::TaskLife;
use crate::model::container::Container;
use crate::model::cut::cut;
use crate::model::observation::TaskRecord;

/// Tempo cuts attribute values at 2,048 bytes and still says success; cutting here is said.
const MAX_TEXT_BYTES: usize = 2048;

/// A set of attributes in the making: absent facts leave no trace, values are capped, the result is sorted by key.
#[derive(Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub(super) fn text(mut self, key: &'static str, value: Option<&str>) -> Self {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.0.push(KeyValue::new(key, capped(value)));
        }
        self
    }

    pub(super) fn value(mut self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        self.0.extend(value.map(|value| KeyValue::new(key, value)));
        self
    }

    /// Present only when true.
    pub(super) fn flag(self, key: &'static str, value: bool) -> Self {
        self.value(key, value.then_some(true))
    }

    /// A number where the text is one.
    fn number(self, key: &'static str, value: Option<&str>) -> Self {
        match value.and_then(|value| value.parse::<i64>().ok()) {
            Some(number) => self.value(key, Some(number)),
            None => self.text(key, value),
        }
    }

    /// An array; absent rather than empty, since receivers lose empty arrays.
    pub(super) fn list(self, key: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| StringValue::from(capped(&value))).collect();
        let array = (!values.is_empty()).then_some(Value::Array(Array::String(values)));
        self.value(key, array)
    }

    /// Those so far.
    pub(super) fn pairs(&self) -> &[KeyValue] {
        &self.0
    }

    pub(super) fn sorted(mut self) -> Vec<KeyValue> {
        self.0.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
        self.0
    }
}

/// `text`, or as much of it as fits 2,048 bytes together with a mark that says how long it was.
pub(super) fn capped(text: &str) -> String {
    cut(text, MAX_TEXT_BYTES).into_owned()
}

/// The resource of a task.
pub(super) fn resource(life: &TaskLife, options: &TraceOptions) -> Resource {
    let task = &life.task;
    let arn = task.any_arn();
    let region = arn.map(|arn| arn.region).filter(|region| !region.is_empty());
    let otel = match options.service_name {
        ServiceName::Otel => OtelService::of(life),
        ServiceName::Ecs | ServiceName::Given(_) => OtelService::default(),
    };
    let own_name = match &options.service_name {
        ServiceName::Given(name) => Some(name.as_str()),
        ServiceName::Otel => otel.name.as_deref(),
        ServiceName::Ecs => None,
    };
    let service = own_name.or_else(|| task.service()).or_else(|| task.family()).unwrap_or("ecs");
    let revision = task.revision().map(|revision| revision.to_string());
    let own = identity(task)
        .text(name::SERVICE_NAME, Some(service))
        .text(name::SERVICE_INSTANCE_ID, Some(&task.id))
        .text(name::CLOUD_PROVIDER, Some("aws"))
        .text(name::CLOUD_PLATFORM, Some("aws_ecs"))
        .text(name::CLOUD_REGION, region)
        .text(name::CLOUD_ACCOUNT_ID, arn.and_then(|arn| arn.account_id()))
        .text(name::CLOUD_AVAILABILITY_ZONE, task.availability_zone.as_deref())
        .text(name::AWS_ECS_CLUSTER_ARN, task.cluster_arn.as_deref())
        .text(name::AWS_ECS_TASK_FAMILY, task.family())
        .text(name::AWS_ECS_TASK_REVISION, revision.as_deref())
        .text(name::AWS_ECS_LAUNCHTYPE, task.launch_type.as_deref().map(launch_type));
    let own = otel.attributes.iter().fold(own, |own, (key, value)| own.text(key, Some(value)));
    with_given(own, options)
}

/// A resource of what is known and of what was given: later ones win.
pub(super) fn with_given(own: Attributes, options: &TraceOptions) -> Resource {
    let given = |pairs: &[(String, String)]| -> Vec<KeyValue> {
        pairs.iter().map(|(key, value)| KeyValue::new(Key::from(key.clone()), capped(value))).collect()
    };
    Resource::builder_empty()
        .with_attributes(given(&options.base_attributes))
        .with_attributes(own.sorted())
        .with_attributes(given(&options.attributes))
        .build()
}

/// What stands on every span, since X-Ray drops the resource of spans that have a parent.
pub(super) fn identity(task: &TaskRecord) -> Attributes {
    // Most spans have a few more than these.
    let attributes = Attributes(Vec::with_capacity(8));
    attributes.text(name::AWS_ECS_TASK_ARN, task.arn.as_deref()).text(name::AWS_ECS_TASK_ID, Some(&task.id))
}

/// What the root says of a task. Only facts that an API answer and a STOPPED event both have.
pub(super) fn root(task: &TaskRecord) -> Attributes {
    identity(task)
        .text(name::TASK_STOP_CODE, task.stop_code.as_deref())
        .text(name::TASK_STOPPED_REASON, task.stopped_reason.as_deref())
        .text(name::TASK_STARTED_BY, task.started_by.as_deref())
        .text(name::TASK_CAPACITY_PROVIDER, task.capacity_provider.as_deref())
        .text(name::TASK_PLATFORM_VERSION, task.platform_version.as_deref())
        .text(name::TASK_CONTAINER_INSTANCE_ARN, task.container_instance_arn.as_deref())
        .number(name::TASK_CPU, task.cpu.as_deref())
        .number(name::TASK_MEMORY, task.memory.as_deref())
        .text(name::TASK_PRIVATE_IP, task.private_ip.as_deref())
}

/// What a container's span says of it. Nothing that only its definition or its log tells: that is [`log`]'s.
pub(super) fn container(task: &TaskRecord, container: &Container) -> Attributes {
    let record = &container.record;
    let image = record.image.as_deref().map(ImageRef::parse);
    let digest = record.image_digest.as_deref().or(image.as_ref().and_then(|image| image.digest));
    // Where the container itself says where its log is: its host's word, and no definition's.
    let own_place = record.log.as_ref().and_then(|log| log.place(task, &record.name));
    let (group, stream) = own_place.map(|place| (place.group, place.stream)).unzip();
    let repo_digest = image.as_ref().and_then(|image| Some(format!("{}@{}", image.name, digest?)));
    identity(task)
        .text(name::CONTAINER_NAME, Some(&record.name))
        .text(name::CONTAINER_ID, record.runtime_id.as_deref())
        .text(name::CONTAINER_IMAGE_NAME, image.as_ref().map(|image| image.name))
        .list(name::CONTAINER_IMAGE_TAGS, image.as_ref().and_then(|image| image.tag).map(str::to_owned))
        .list(name::CONTAINER_IMAGE_REPO_DIGESTS, repo_digest)
        .text(name::AWS_ECS_CONTAINER_ARN, record.arn.as_deref())
        .list(name::AWS_LOG_GROUP_NAMES, group)
        .list(name::AWS_LOG_STREAM_NAMES, stream)
        .value(name::CONTAINER_EXIT_CODE, record.exit_code)
        .text(name::CONTAINER_REASON, record.reason.as_deref())
        .text(name::CONTAINER_IMAGE_ID, record.host.image_id.as_deref())
        .number(name::CONTAINER_CPU, record.host.cpu.as_deref())
        .number(name::CONTAINER_MEMORY, record.host.memory.as_deref())
        .list(name::CONTAINER_PORTS, record.host.ports.iter().cloned())
        .list(
            name::CONTAINER_IP_ADDRESSES,
            record.host.networks.iter().flat_map(|network| network.addresses.iter().cloned()),
        )
        .value(name::CONTAINER_RESTARTS, record.restarts.and_then(|count| i64::try_from(count).ok()))
        .flag(name::CONTAINER_NEVER_STARTED, container.never_started)
}

/// What the span of a container's log says of it.
pub(super) fn log(task: &TaskRecord, container: &Container) -> Attributes {
    let (group, stream) = log_place(task, container);
    identity(task)
        .text(name::CONTAINER_NAME, Some(&container.record.name))
        .list(name::AWS_LOG_GROUP_NAMES, group)
        .list(name::AWS_LOG_STREAM_NAMES, stream)
        .value(name::CONTAINER_ESSENTIAL, container.essential())
}

/// The group and the stream of a container's log: those that were read, else those that its definition names.
fn log_place(task: &TaskRecord, container: &Container) -> (Option<String>, Option<String>) {
    let (record, log) = (&container.record, container.log.as_ref());
    let place = container.log_config().and_then(|config| config.place(task, &record.name));
    let (group, stream) = place.map(|place| (place.group, place.stream)).unzip();
    (log.and_then(|log| log.group.clone()).or(group), log.and_then(|log| log.stream.clone()).or(stream))
}

/// The resource of a container's log records: the task's, and what tells the container from the others.
#[cfg(feature = "deliver")]
pub(super) fn log_resource(life: &TaskLife, container: &Container, options: &TraceOptions) -> Resource {
    let (group, stream) = log_place(&life.task, container);
    let own = Attributes::default()
        .text(name::CONTAINER_NAME, Some(&container.record.name))
        .text(name::CONTAINER_ID, container.record.runtime_id.as_deref())
        .list(name::AWS_LOG_GROUP_NAMES, group)
        .list(name::AWS_LOG_STREAM_NAMES, stream);
    let of_task = resource(life, options)
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect::<Vec<_>>();
    Resource::builder_empty().with_attributes(of_task).with_attributes(own.sorted()).build()
}

/// The semantic conventions write the two launch types that they know in lower case; others stay as they came.
fn launch_type(given: &str) -> &str {
    match given {
        "EC2" => "ec2",
        "FARGATE" => "fargate",
        other => other,
    }
}

/// An image reference: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`.
struct ImageRef<'a> {
    name: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> ImageRef<'a> {
    fn parse(image: &'a str) -> Self {
        let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash is a registry's port.
        match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => Self { name, tag: Some(tag), digest },
            _ => Self { name: rest, tag: None, digest },
        }
    }
}
