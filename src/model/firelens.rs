//! FireLens, the log router beside a task's containers: where in CloudWatch Logs it writes, and the records that it writes
//! there. Pure. Main functions: `places`, [`output`]; main type: [`Records`].
//!
//! A router's line is a record as JSON: what the container wrote is its `log`, and what stands beside it says whose it is.

use std::collections::HashMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::{Map, Value};

use super::arn::{Arn, last_part};
use super::log::{LineOrigin, LogLine, without_line_end};
use super::log_config::{LogConfig, LogPlace};
use super::observation::{ContainerRecord, TaskRecord};

/// Where the Go plug-in writes what its templates cannot be filled in for.
const DEFAULT_GROUP: &str = "fluentbit-default";
const DEFAULT_STREAM: &str = "/fluentbit-default";
/// A line that came in pieces is put together up to this size; spans hold less.
const MOST_BYTES: usize = 64 * 1024;

/// What a router sends a container's lines to: a plug-in of Fluent Bit (`Name`) or of Fluentd (`@type`). `None`: its own
/// configuration says so, which nobody else reads.
pub fn output(config: &LogConfig) -> Option<&str> {
    ["Name", "@type"].into_iter().find_map(|name| config.option(name)).filter(|name| !name.is_empty())
}

/// Whether the output is CloudWatch Logs: the plug-in in Go is `cloudwatch`, the ones in C and of Fluentd are `cloudwatch_logs`.
pub fn is_cloudwatch(config: &LogConfig) -> bool {
    output(config)
        .is_some_and(|name| ["cloudwatch", "cloudwatch_logs"].iter().any(|own| name.eq_ignore_ascii_case(own)))
}

/// Where a router sends a container's lines that are not read, for people: the output, and what else its options say of the place.
pub fn elsewhere(config: &LogConfig) -> String {
    let Some(output) = output(config) else {
        return "logs through FireLens: its router's own configuration says where to".to_owned();
    };
    if is_cloudwatch(config) {
        let of = |group: &str| format!(", log group {group}");
        let group = config.option("log_group_name").map_or_else(String::new, of);
        return format!(
            "logs through FireLens to CloudWatch Logs{group}: its router alone knows the stream (--log-stream CONTAINER=GROUP:STREAM)"
        );
    }
    let places = ["host", "bucket", "delivery_stream", "stream", "index"];
    // A URL with a user in it is nobody's place to look.
    let told =
        places.into_iter().filter_map(|name| Some((name, config.option(name).filter(|value| !value.contains('@'))?)));
    let told: Vec<String> = told.map(|(name, value)| format!("{name} {value}")).collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    format!("logs through FireLens to {output}{told}: its lines are there, not in CloudWatch Logs")
}

/// Whether others than this container of this task write to a stream, as far as its name tells.
pub fn is_shared(stream: &str, task_id: &str, container: &str) -> bool {
    !(stream.contains(task_id) && stream.contains(container))
}

/// Where the lines of a container may be, as far as the options decide it: first where they should be, then where the router puts
/// what it cannot fill in.
pub(super) fn places(config: &LogConfig, task: &TaskRecord, container: &str) -> Vec<LogPlace> {
    if !is_cloudwatch(config) {
        return vec![];
    }
    let names = Names { task, container, runtime_id: task.runtime_id(container) };
    let is_go = output(config).is_some_and(|name| name.eq_ignore_ascii_case("cloudwatch"));
    let fallback = |option: &str, default: &str| is_go.then(|| config.option(option).unwrap_or(default).to_owned());
    // Fluent Bit puts its prefix before the tag that the agent gives.
    let prefixed = || config.option("log_stream_prefix").map(|prefix| format!("{prefix}{}", names.tag()));
    let of_fluentd = || config.option("use_tag_as_stream").is_some_and(|value| value == "true").then(|| names.tag());
    let groups = candidates(
        config.option("log_group_template").map(|template| names.fill_accessors(template)),
        config.option("log_group_name"),
        &names,
        fallback("default_log_group_name", DEFAULT_GROUP),
    );
    let mut streams = candidates(
        config.option("log_stream_template").map(|template| names.fill_accessors(template)),
        config.option("log_stream_name"),
        &names,
        fallback("default_log_stream_name", DEFAULT_STREAM),
    );
    if config.option("log_stream_name").is_none() {
        streams.extend(prefixed().or_else(of_fluentd));
    }
    let region = config.option("region");
    let place = |(group, stream): (&String, &String)| LogPlace {
        region: region.map(str::to_owned),
        group: in_account(group, region, config.option("role_arn"), task),
        stream: stream.clone(),
    };
    let pairs = groups.iter().flat_map(|group| streams.iter().map(move |stream| (group, stream)));
    pairs.map(place).collect()
}

/// The names that one option may come to, the likeliest first.
fn candidates(
    template: Option<Option<String>>,
    name: Option<&str>,
    names: &Names<'_>,
    fallback: Option<String>,
) -> Vec<String> {
    let is_template = name.is_some_and(|name| name.contains("$("));
    let filled = name.and_then(|name| if is_template { names.fill(name) } else { Some(name.to_owned()) });
    let fallback = fallback.filter(|_| is_template);
    let mut all: Vec<String> = template.flatten().into_iter().chain(filled).chain(fallback).collect();
    all.dedup();
    all
}

/// A group that the router writes to as a role of another account is asked for by its ARN.
fn in_account(group: &str, region: Option<&str>, role: Option<&str>, task: &TaskRecord) -> String {
    let own = task.any_arn();
    let role = role.and_then(Arn::parse).filter(|role| role.account_id().is_some());
    let region = region.or(own.map(|own| own.region));
    match (role, region) {
        (Some(role), Some(region))
            if !group.starts_with("arn:") && own.is_some_and(|own| own.account != role.account) =>
        {
            format!("arn:{}:logs:{region}:{}:log-group:{group}", role.partition, role.account)
        }
        _ => group.to_owned(),
    }
}

/// What templates may name of a container.
struct Names<'a> {
    task: &'a TaskRecord,
    container: &'a str,
    runtime_id: Option<&'a str>,
}

impl Names<'_> {
    /// The tag that the agent gives a container's lines.
    fn tag(&self) -> String {
        format!("{}-firelens-{}", self.container, self.task.id)
    }

    fn value(&self, name: &str) -> Option<String> {
        let name = name.trim();
        let name = name.strip_suffix("[0]").filter(|name| name.eq_ignore_ascii_case("tag")).unwrap_or(name);
        Some(match name {
            "tag" | "TAG" => self.tag(),
            "ecs_task_id" => self.task.id.clone(),
            "ecs_cluster" => self.task.cluster_name()?.to_owned(),
            "ecs_task_arn" => self.task.arn.clone()?,
            "ecs_task_definition" => format!("{}:{}", self.task.family()?, self.task.revision()?),
            "container_name" => self.container.to_owned(),
            "container_id" => self.runtime_id?.to_owned(),
            _ => return None,
        })
    }

    /// `$(…)` filled in; `None` where one of them is known to the router only. What may not stand in a name is a dot there.
    fn fill(&self, template: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("$(") {
            let (name, after) = after.split_once(')')?;
            filled.push_str(before);
            filled.push_str(&self.value(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled.replace([':', '*'], "."))
    }

    /// `$name` filled in, as Fluent Bit's record accessors are written.
    fn fill_accessors(&self, template: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let mut end = after.find(|c| !is_name(c)).unwrap_or(after.len());
            if after.get(end..).is_some_and(|rest| rest.starts_with('[')) {
                end += after.get(end..)?.find(']')? + 1;
            }
            filled.push_str(before);
            filled.push_str(&self.value(after.get(..end)?)?);
            rest = after.get(end..)?;
        }
        filled.push_str(rest);
        Some(filled)
    }
}

/// Reads the lines of one container that a router wrote: which are its own, and what the container wrote of each.
#[derive(Clone, Debug)]
pub struct Records {
    task_id: String,
    container: String,
    runtime_id: Option<String>,
    /// What Docker's name of a container begins with, where the definition is known: `ecs-FAMILY-REVISION-`.
    prefix: Option<String>,
    /// Nobody says that they are records: only those are read that could be nothing else.
    by_content: bool,
}

impl Records {
    /// For a container whose lines may be records; `None`: they are what the container wrote, as they are.
    pub fn of(task: &TaskRecord, container: &ContainerRecord, config: Option<&LogConfig>) -> Option<Self> {
        let are_text = config.is_some_and(|config| config.driver == "awslogs" || config.option("log_key").is_some());
        let definition = task.family().zip(task.revision());
        (!are_text).then(|| Self {
            task_id: task.id.clone(),
            container: container.name.clone(),
            runtime_id: container.runtime_id.clone(),
            prefix: definition.map(|(family, revision)| format!("ecs-{family}-{revision}-")),
            by_content: !config.is_some_and(LogConfig::is_firelens),
        })
    }

    /// The container's name.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Whether a line is this container's, as far as it says so.
    pub fn are_own(&self, message: &str) -> bool {
        self.record(message).is_none_or(|record| self.owns(&record).unwrap_or(true))
    }

    /// Whether a line says itself that it is this container's.
    pub fn surely_own(&self, message: &str) -> bool {
        self.record(message).and_then(|record| self.owns(&record)) == Some(true)
    }

    /// What the container wrote, in the order of the lines, without those of others. A line that came in pieces is one.
    pub fn read(&self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let mut read: Vec<LogLine> = Vec::with_capacity(lines.len());
        let mut open: HashMap<String, usize> = HashMap::new();
        for line in lines {
            let Some(record) = self.record(&line.message) else {
                read.push(line);
                continue;
            };
            if self.owns(&record) == Some(false) {
                continue;
            }
            let piece = text(&record, "partial_id");
            let line = unwrapped(record, line);
            match piece.as_ref().and_then(|id| read.get_mut(*open.get(id)?)) {
                Some(begun) if begun.message.len() + line.message.len() <= MOST_BYTES => {
                    begun.message.push_str(&line.message)
                }
                _ => {
                    open.extend(piece.map(|id| (id, read.len())));
                    read.push(line);
                }
            }
        }
        read
    }

    /// Whether a line may be a record at all: most logs have none, and are done with.
    pub(super) fn may_be_one(&self, message: &str) -> bool {
        static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"container_id\""));
        message.trim_start().starts_with('{') && (!self.by_content || KEY.find(message.as_bytes()).is_some())
    }

    fn record(&self, message: &str) -> Option<Map<String, Value>> {
        if !self.may_be_one(message) {
            return None;
        }
        let record: Map<String, Value> = serde_json::from_str(message).ok()?;
        let has = |name: &str| record.get(name).is_some_and(Value::is_string);
        (!self.by_content || (has("container_id") && has("container_name"))).then_some(record)
    }

    /// Whose a record says that it is; `None`: it does not say.
    fn owns(&self, record: &Map<String, Value>) -> Option<bool> {
        let task = text(record, "ecs_task_arn").map(|arn| last_part(&arn).eq_ignore_ascii_case(&self.task_id));
        if task == Some(false) {
            return Some(false);
        }
        let id = text(record, "container_id").zip(self.runtime_id.as_ref()).map(|(id, own)| id == *own);
        let name = text(record, "container_name").map(|name| self.is_named(&name));
        match (id, name) {
            (Some(true), _) => Some(true),
            // Started again, a container has another id and the same name.
            (Some(false), name) => Some(task == Some(true) && name == Some(true)),
            (None, name) => name,
        }
    }

    /// The name as ECS has it, or Docker's: `/ecs-FAMILY-REVISION-NAME-HEX`.
    fn is_named(&self, name: &str) -> bool {
        let name = name.trim_start_matches('/');
        let of_docker = || {
            let (name, _) = name.strip_prefix("ecs-")?.rsplit_once('-')?;
            Some(match &self.prefix {
                Some(prefix) => {
                    prefix.strip_prefix("ecs-").and_then(|prefix| name.strip_prefix(prefix)) == Some(&*self.container)
                }
                None => name.strip_suffix(&self.container).is_some_and(|before| before.ends_with('-')),
            })
        };
        name == self.container || of_docker().unwrap_or(false)
    }
}

/// These say whose a record is: the span says it too.
const IDENTITY: [&str; 5] = ["container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition"];
/// These say which piece of a line it is.
const PIECE: [&str; 4] = ["partial_message", "partial_id", "partial_ordinal", "partial_last"];

/// The line that a record holds. What the application (or a parser) put beside it stands behind it.
fn unwrapped(mut record: Map<String, Value>, line: LogLine) -> LogLine {
    let iostream = text(&record, "source").filter(|source| ["stdout", "stderr"].contains(&source.as_str()));
    let origin = LineOrigin { host: text(&record, "ec2_instance_id"), iostream };
    let log = record.get("log").filter(|log| !log.is_null()).cloned();
    record.retain(|key, _| {
        let is_told = match key.as_str() {
            "log" => log.is_some(),
            "source" => origin.iostream.is_some(),
            "ec2_instance_id" => origin.host.is_some(),
            key => IDENTITY.contains(&key) || PIECE.contains(&key),
        };
        !is_told
    });
    let log = log.map(|log| match log {
        Value::String(text) => without_line_end(&text).to_owned(),
        other => other.to_string(),
    });
    let rest = (!record.is_empty()).then(|| Value::Object(record).to_string());
    let message = log.into_iter().chain(rest).collect::<Vec<_>>().join(" ");
    let origin = (origin != LineOrigin::default()).then(|| Box::new(origin));
    LogLine { message, origin, ..line }
}

fn text(record: &Map<String, Value>, key: &str) -> Option<String> {
    record.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
#[path = "firelens_tests.rs"]
mod tests;
