//! What a TASK on the command line means. Main type: [`Target`].

use std::path::PathBuf;

use crate::hint::Hint;
use crate::model::arn::Arn;

/// What a TASK means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A task that AWS knows.
    Task(TaskTarget),
}

/// A task that AWS knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTarget {
    /// Its id.
    pub id: String,
    /// Its cluster's name or ARN; without one it is searched for.
    pub cluster: Option<String>,
    /// Its region, where the text says it.
    pub region: Option<String>,
}

/// A TASK that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It looks like a file, and there is none.
    #[error("{0}: no such file")]
    NoSuchFile(String),
    /// It is the ARN of something else.
    #[error("{text}: an ARN, but not a task's")]
    OtherArn {
        /// The text.
        text: String,
    },
    /// It is a URL, but not of a task in the console.
    #[error("{0}: a URL, but not a task's in the ECS console")]
    OtherUrl(String),
    /// It cannot be a task's id.
    #[error("{0:?} is neither a file nor a task")]
    Nothing(String),
}

impl Hint for TargetError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSuchFile(_) => "check the path; a task is CLUSTER/ID, an ID, an ARN or a console URL",
            Self::OtherArn { .. } => "a task's ARN is arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID",
            Self::OtherUrl(_) => "open the task in the console and copy the address: …/clusters/CLUSTER/tasks/ID…",
            Self::Nothing(_) => "TASK is CLUSTER/ID, an ID, an ARN, a console URL, a file or -",
        };
        Some(hint.to_owned())
    }
}

impl Target {
    /// Reads a TASK; `exists` tells whether a path does.
    pub fn parse(text: &str, exists: impl Fn(&str) -> bool) -> Result<Self, TargetError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if exists(text) {
            return Ok(Self::File(text.into()));
        }
        if text.starts_with("arn:") {
            return from_arn(text).map(Self::Task).ok_or_else(|| TargetError::OtherArn { text: text.to_owned() });
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return from_console_url(text).map(Self::Task).ok_or_else(|| TargetError::OtherUrl(text.to_owned()));
        }
        if looks_like_a_path(text) {
            return Err(TargetError::NoSuchFile(text.to_owned()));
        }
        let target = match text.split_once('/') {
            Some((cluster, id)) if !cluster.is_empty() => {
                TaskTarget { id: id.to_owned(), cluster: Some(cluster.to_owned()), region: None }
            }
            _ => TaskTarget { id: text.to_owned(), cluster: None, region: None },
        };
        let id_is_one = !target.id.is_empty() && target.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if id_is_one { Ok(Self::Task(target)) } else { Err(TargetError::Nothing(text.to_owned())) }
    }
}

fn from_arn(text: &str) -> Option<TaskTarget> {
    let arn = Arn::parse(text)?;
    let parts: Vec<&str> = arn.resource.split('/').collect();
    let (cluster, id) = match parts.as_slice() {
        ["task", cluster, id] => (Some((*cluster).to_owned()), *id),
        ["task", id] => (None, *id),
        _ => return None,
    };
    (arn.service == "ecs" && !id.is_empty()).then(|| TaskTarget {
        id: id.to_owned(),
        cluster,
        region: Some(arn.region.to_owned()),
    })
}

/// `https://REGION.console.aws.amazon.com/ecs/v2/clusters/CLUSTER/[services/SERVICE/]tasks/ID/…` and the older
/// `…/ecs/home?region=REGION#/clusters/CLUSTER/tasks/ID/details`.
fn from_console_url(text: &str) -> Option<TaskTarget> {
    let parts: Vec<&str> = text.split(['/', '?', '#', '&']).filter(|part| !part.is_empty()).collect();
    let after = |word: &str| parts.iter().position(|part| *part == word).and_then(|at| parts.get(at + 1));
    let host = *parts.get(1)?;
    if !host.contains("console.") {
        return None;
    }
    let in_query = parts.iter().find_map(|part| part.strip_prefix("region="));
    let in_host = host.split('.').next().filter(|first| *first != "console");
    Some(TaskTarget {
        id: (*after("tasks")?).to_owned(),
        cluster: Some((*after("clusters")?).to_owned()),
        region: in_query.or(in_host).map(str::to_owned),
    })
}

fn looks_like_a_path(text: &str) -> bool {
    let endings = [".json", ".jsonl", ".ndjson", ".txt", ".gz"];
    text.starts_with(['.', '/', '~'])
        || text.matches('/').count() > 1
        || endings.iter().any(|ending| text.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(text: &str) -> Option<(Option<String>, String, Option<String>)> {
        match Target::parse(text, |_| false) {
            Ok(Target::Task(TaskTarget { id, cluster, region })) => Some((cluster, id, region)),
            _ => None,
        }
    }

    #[test]
    fn a_task_can_be_named_in_every_way() {
        let some = |text: &str| Some(text.to_owned());
        let id = "84b5991528504856a2f003b7da9b2b82";
        assert_eq!(task(id), Some((None, id.to_owned(), None)));
        assert_eq!(task(&format!("prod/{id}")), Some((some("prod"), id.to_owned(), None)));
        assert_eq!(
            task(&format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{id}")),
            Some((some("prod"), id.to_owned(), some("eu-west-1")))
        );
        assert_eq!(
            task(&format!("arn:aws-cn:ecs:cn-north-1:1:task/{id}")),
            Some((None, id.to_owned(), some("cn-north-1")))
        );
        for url in [
            format!("https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/{id}/configuration"),
            format!(
                "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/tasks/{id}?region=eu-west-1"
            ),
            format!("https://console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/prod/tasks/{id}/details"),
        ] {
            assert_eq!(task(&url), Some((some("prod"), id.to_owned(), some("eu-west-1"))), "{url}");
        }
    }

    #[test]
    fn what_exists_is_a_file_and_what_looks_like_one_is_not_a_task() {
        assert_eq!(Target::parse("a/b", |_| true), Ok(Target::File("a/b".into())));
        assert_eq!(Target::parse("-", |_| true), Ok(Target::Stdin));
        for path in ["task.json", "./x", "/x/y", "a/b/c", "x/task.json"] {
            assert_eq!(Target::parse(path, |_| false), Err(TargetError::NoSuchFile(path.to_owned())));
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in [
            "arn:aws:ecs:eu-west-1:1:service/prod/web",
            "https://example.com/clusters/a/tasks/b",
            "",
            "a b",
            "x/",
            "prod/a;b",
        ] {
            assert_eq!(task(text), None, "{text}");
        }
    }
}
