//! A list of tasks or clusters for programs: JSON, or columns between tabs. Main types: [`TaskRow`], [`ClusterRow`].
//!
//! All fields are always there, null where nothing is known.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::document::{self, Iso, Nanos};
use super::escape;
use crate::model::TaskLife;
use crate::model::observation::TaskRecord;
use crate::model::phases::{PhaseKind, Phases};

/// The version of the format.
pub const VERSION: u32 = 1;

/// What ECS says of most tasks that failed, whatever the reason.
const SAYS_NOTHING: &str = "Essential container in task exited";

/// A cluster, in what `ecspan ls -o json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClusterRow<'a> {
    /// The version of the format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    pub ecspan_ls: u32,
    /// Its name.
    pub cluster: &'a str,
    /// So many tasks run; null: not known.
    pub running: Option<i64>,
    /// So many tasks are about to.
    pub pending: Option<i64>,
    /// So many services are active.
    pub services: Option<i64>,
    /// `status`, as ECS has it.
    pub status: Option<&'a str>,
}

/// A task, in what `ecspan ls CLUSTER -o json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TaskRow<'a> {
    /// The version of the format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    pub ecspan_ls: u32,
    /// The last part of its ARN.
    pub id: &'a str,
    /// `lastStatus`, as ECS has it.
    pub status: Option<&'a str>,
    /// Whether it failed, or will have once it is STOPPED.
    pub failed: bool,
    /// FAMILY:REVISION.
    pub task_definition: Option<String>,
    /// The service that runs it.
    pub service: Option<&'a str>,
    /// When it was created.
    pub created: Option<Iso>,
    /// The same.
    pub created_unix_nano: Option<Nanos>,
    /// When it had started.
    pub started: Option<Iso>,
    /// The same.
    pub started_unix_nano: Option<Nanos>,
    /// When it had stopped.
    pub stopped: Option<Iso>,
    /// The same.
    pub stopped_unix_nano: Option<Nanos>,
    /// From created to started, in whole milliseconds.
    pub launch_ms: Option<u64>,
    /// `stopCode`, as ECS has it.
    pub stop_code: Option<&'a str>,
    /// Why it stopped, in words.
    pub reason: Option<String>,
    /// Its ARN.
    pub arn: Option<&'a str>,
}

/// The columns of a cluster.
pub const CLUSTER: [&str; 5] = ["cluster", "running", "pending", "services", "status"];

/// The columns of a task.
pub const TASK: [&str; 12] = [
    "id",
    "status",
    "failed",
    "task_definition",
    "service",
    "created",
    "started",
    "stopped",
    "launch_ms",
    "stop_code",
    "reason",
    "arn",
];

impl<'a> TaskRow<'a> {
    /// That of a task.
    pub fn new(life: &'a TaskLife, zone: &TimeZone) -> Self {
        let task = &life.task;
        let (created, started, stopped) = (task.times.created, task.times.started, task.times.stopped);
        Self {
            ecspan_ls: VERSION,
            id: &task.id,
            status: task.last_status.as_deref(),
            failed: life.foreseen().failure.is_some(),
            task_definition: definition(task),
            service: task.service(),
            created: created.map(|at| Iso::new(at, zone)),
            created_unix_nano: created.map(Nanos),
            started: started.map(|at| Iso::new(at, zone)),
            started_unix_nano: started.map(Nanos),
            stopped: stopped.map(|at| Iso::new(at, zone)),
            stopped_unix_nano: stopped.map(Nanos),
            launch_ms: life.phases.as_ref().and_then(launch).map(|launch| launch.as_millis() as u64),
            stop_code: task.stop_code.as_deref(),
            reason: Some(why(life)).filter(|why| !why.is_empty()),
            arn: task.arn.as_deref(),
        }
    }
}

/// A list of rows.
pub fn json(rows: &[impl Serialize]) -> String {
    document::pretty(&rows)
}

/// These columns of rows, with their names above them.
pub fn tsv(columns: &[&str], rows: &[impl Serialize]) -> String {
    let plain = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => escape::text(text),
        other => other.to_string(),
    };
    let line = |row| {
        // Plain types of texts and numbers cannot fail.
        let row = serde_json::to_value(row).unwrap_or_default();
        columns.iter().map(|column| plain(&row[*column])).collect::<Vec<_>>().join("\t")
    };
    std::iter::once(columns.join("\t")).chain(rows.iter().map(line)).map(|line| line + "\n").collect()
}

/// `FAMILY:REVISION`.
pub fn definition(task: &TaskRecord) -> Option<String> {
    let revision = task.revision().map_or(String::new(), |revision| format!(":{revision}"));
    Some(format!("{}{revision}", task.family()?))
}

/// Created → started.
pub fn launch(phases: &Phases) -> Option<Duration> {
    Some(phases.find(PhaseKind::Running)?.start.since(phases.start))
}

/// Why it stopped: the task's reason, and what its containers say that the task does not.
pub fn why(life: &TaskLife) -> String {
    let task = &life.task;
    let reason = task.stopped_reason.as_deref().or(task.stop_code.as_deref()).unwrap_or_default();
    let of_containers = life.containers.iter().filter(|container| !container.is_hidden()).filter_map(|container| {
        let said = container.record.reason.as_deref().filter(|said| !reason.contains(said));
        let code = container.record.exit_code.filter(|code| *code != 0);
        let told = match (said, code) {
            (Some(said), Some(code)) => format!("{said} (exit code {code})"),
            (Some(said), None) => said.to_owned(),
            (None, Some(code)) if container.failure.is_some() => format!("exit code {code}"),
            (None, _) => return None,
        };
        Some(format!("{}: {told}", container.name()))
    });
    let of_containers: Vec<String> = of_containers.collect();
    let of_task = Some(reason.to_owned()).filter(|reason| {
        !reason.is_empty() && (of_containers.is_empty() || reason.trim_end_matches('.') != SAYS_NOTHING)
    });
    of_task.into_iter().chain(of_containers).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use expect_test::expect_file;

    /// A list of tasks, or of clusters.
    #[derive(schemars::JsonSchema, Serialize)]
    #[serde(untagged)]
    enum Document<'a> {
        /// With the name of a cluster.
        #[allow(dead_code)]
        Tasks(Vec<TaskRow<'a>>),
        /// Without.
        #[allow(dead_code)]
        Clusters(Vec<ClusterRow<'a>>),
    }

    #[test]
    fn its_schema_is_published() {
        expect_file!["../../docs/json/ls.schema.json"]
            .assert_eq(&schema::of::<Document<'_>>("A list: ecspan ls -o json"));
    }
}
