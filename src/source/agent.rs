//! The ECS agent of a container instance, asked live through its introspection API. Main type: [`Agent`].
//!
//! It knows which tasks the instance has and which containers they are made of; their ends are Docker's to tell
//! (`super::docker`).

use serde_json::Value;

use super::answer;
use super::endpoint::{EndpointError, Local};
use super::error::ReadError;
use super::json::At;
use super::metadata;
use crate::model::arn::Arn;
use crate::model::observation::TaskRecord;

/// Who is asked, in errors.
const AGENT: &str = "the ECS agent";

/// The agent of this machine.
#[derive(Debug)]
pub struct Agent(Local);

/// What the agent says of the machine it is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// The cluster's name or ARN.
    pub cluster: Option<String>,
    /// Once it is registered.
    pub container_instance_arn: Option<String>,
    /// The agent's, as written.
    pub version: Option<String>,
}

/// The tasks of an answer, and what was wrong with the others.
#[derive(Debug, Default)]
pub struct AgentTasks {
    /// Those that could be read.
    pub records: Vec<TaskRecord>,
    /// One bad task never hides the others.
    pub errors: Vec<ReadError>,
}

/// Which tasks are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that the agent knows.
    All,
    /// The one with this ARN.
    Arn(String),
    /// The one that has this container.
    DockerId(String),
}

impl Which {
    /// What is asked for. `None` where that can be no ARN and no id: it would change the question.
    fn path(&self) -> Option<String> {
        let is_plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_:/.".contains(c));
        match self {
            Self::All => Some("/v1/tasks".to_owned()),
            Self::Arn(arn) => is_plain(arn).then(|| format!("/v1/tasks?taskarn={arn}")),
            Self::DockerId(id) => is_plain(id).then(|| format!("/v1/tasks?dockerid={id}")),
        }
    }
}

impl Agent {
    /// The agent at this base URL.
    pub fn at(url: &str) -> Result<Self, EndpointError> {
        // An instance runs some hundred containers; one is told in less than a kilobyte.
        const MOST_BYTES: usize = 16 * 1024 * 1024;
        Local::new(AGENT, "the agent's answer", url, MOST_BYTES).map(Self)
    }

    /// The machine.
    pub async fn instance(&self) -> Result<Instance, EndpointError> {
        let answer = self.0.get("/v1/metadata").await?;
        let at = At::root("the agent's metadata", &answer);
        let (cluster, arn) = (at.text("Cluster"), at.text("ContainerInstanceArn"));
        if cluster.is_none() && arn.is_none() {
            let found = answer::describe(at.value);
            return Err(ReadError::UnknownShape { place: at.place, found }.into());
        }
        Ok(Instance { cluster, container_instance_arn: arn, version: at.text("Version") })
    }

    /// The tasks that it knows: those that run, and those that stopped and are not cleaned up yet.
    pub async fn tasks(&self, which: &Which, instance: &Instance) -> Result<AgentTasks, EndpointError> {
        let path = which.path().ok_or(EndpointError::Status { whom: AGENT, status: 400 })?;
        let answer = self.0.get(&path).await?;
        let mut tasks = read(&answer)?;
        tasks.records.iter_mut().for_each(|task| instance.complete(task));
        Ok(tasks)
    }
}

fn read(answer: &Value) -> Result<AgentTasks, ReadError> {
    let at = At::root("the agent's tasks", answer);
    let listed = match answer.get("Tasks") {
        // An instance without tasks.
        Some(Value::Null) => vec![],
        Some(Value::Array(_)) => at.list("Tasks"),
        _ if metadata::is_agent_task(&at) => vec![at],
        _ => return Err(ReadError::UnknownShape { found: answer::describe(at.value), place: at.place }),
    };
    let mut tasks = AgentTasks::default();
    for at in &listed {
        match metadata::agent_task(at) {
            Ok(record) => tasks.records.push(record),
            Err(error) => tasks.errors.push(error),
        }
    }
    Ok(tasks)
}

impl Instance {
    /// Says of a task what is the same for all tasks of the machine.
    fn complete(&self, task: &mut TaskRecord) {
        task.container_instance_arn.clone_from(&self.container_instance_arn);
        let Some(cluster) = self.cluster.as_deref() else { return };
        // Agents are configured with the cluster's name; ECS names it by its ARN everywhere.
        let arn = task.any_arn().map(|arn| {
            let Arn { partition, region, account, .. } = arn;
            format!("arn:{partition}:ecs:{region}:{account}:cluster/{cluster}")
        });
        task.cluster_arn = if cluster.starts_with("arn:") { Some(cluster.to_owned()) } else { arn };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ARN: &str = "arn:aws-cn:ecs:cn-north-1:123456789012:task/0123456789abcdef0123456789abcdef";

    fn task() -> Value {
        json!({ "Arn": ARN, "KnownStatus": "RUNNING", "Containers": [{ "DockerId": "a", "Name": "app" }] })
    }

    #[test]
    fn lists_single_tasks_and_instances_without_tasks_are_read_and_nothing_else() {
        let ids = |answer: Value| read(&answer).map(|tasks| (tasks.records.len(), tasks.errors.len()));
        assert!(matches!(ids(json!({ "Tasks": [task(), { "KnownStatus": "RUNNING" }] })), Ok((1, 1))));
        assert!(matches!(ids(task()), Ok((1, 0))));
        assert!(
            matches!(ids(json!({ "Tasks": [] })), Ok((0, 0))) && matches!(ids(json!({ "Tasks": null })), Ok((0, 0)))
        );
        for other in [json!({}), json!([]), json!("Tasks"), json!({ "Tasks": "none" }), json!({ "Cluster": "prod" })] {
            assert!(ids(other.clone()).is_err(), "{other}");
        }
    }

    #[test]
    fn the_cluster_is_named_by_its_arn() {
        let mut record = read(&task()).unwrap_or_default().records.remove(0);
        let instance = |cluster: &str| Instance { cluster: Some(cluster.to_owned()), ..Instance::default() };
        instance("prod").complete(&mut record);
        assert_eq!(record.cluster_arn.as_deref(), Some("arn:aws-cn:ecs:cn-north-1:123456789012:cluster/prod"));
        instance("arn:aws:ecs:eu-west-1:1:cluster/other").complete(&mut record);
        assert_eq!(record.cluster_name(), Some("other"));
    }

    #[test]
    fn what_would_change_the_question_is_not_asked() {
        assert_eq!(Which::Arn(ARN.to_owned()).path(), Some(format!("/v1/tasks?taskarn={ARN}")));
        for text in ["", "a&dockerid=b", "a b", "a#b", "a%26"] {
            assert_eq!(Which::DockerId(text.to_owned()).path(), None, "{text}");
        }
    }
}
