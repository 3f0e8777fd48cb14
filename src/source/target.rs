//! What a TASK on the command line means. Main type: [`TaskArg`].

use std::path::PathBuf;

use crate::hint::Hint;
use crate::model::arn::Arn;

/// What a TASK means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskArg {
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
#[non_exhaustive]
pub enum TaskArgError {
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
    /// It names a service.
    #[error("{text}: a service, not a task")]
    Service {
        /// The text.
        text: String,
        /// Its cluster and its name.
        service: ServiceTarget,
    },
    /// It is a name, but no id.
    #[error("{text}: no task has such an id")]
    Name {
        /// The text.
        text: String,
        /// The name, and its cluster where that was given.
        service: ServiceTarget,
    },
    /// It cannot be a task's id.
    #[error("{0:?} is neither a file nor a task")]
    Nothing(String),
}

/// A service that AWS knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTarget {
    /// Its name.
    pub service: String,
    /// Its cluster's name; without one it is searched for.
    pub cluster: Option<String>,
    /// Its region, where the text says it.
    pub region: Option<String>,
    /// The deployment of it that is meant, where the text says one.
    pub deployment: Option<String>,
}

impl ServiceTarget {
    /// The flags that select its tasks.
    pub(super) fn flags(&self) -> String {
        let Self { service, cluster, region, .. } = self;
        let cluster = cluster.as_deref().unwrap_or("CLUSTER");
        let region = region.as_ref().map_or(String::new(), |region| format!(" --region {region}"));
        format!("--cluster {cluster} --service {service}{region}")
    }

    /// Reads a service: its name, CLUSTER/NAME, its ARN or that of a deployment of it, or the address of its page or a deployment's in the
    /// console.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with("https://") || text.starts_with("http://") {
            let url = ConsoleUrl::parse(text)?;
            let named = |word: &str| url.after(word).map(str::to_owned);
            return Some(Self {
                service: named("services")?,
                cluster: Some(named("clusters")?),
                region: url.region(),
                deployment: named("deployments"),
            });
        }
        if let Some(arn) = Arn::parse(text) {
            let (cluster, service, deployment) = match arn.resource.split('/').collect::<Vec<_>>().as_slice() {
                ["service-deployment", cluster, service, _] => (Some(*cluster), *service, Some(text)),
                ["service", cluster, service] => (Some(*cluster), *service, None),
                ["service", service] => (None, *service, None),
                _ => return None,
            };
            return (arn.service == "ecs").then(|| Self {
                service: service.to_owned(),
                cluster: cluster.map(str::to_owned),
                region: Some(arn.region.to_owned()).filter(|region| !region.is_empty()),
                deployment: deployment.map(str::to_owned),
            });
        }
        let (cluster, service) = match text.split_once('/') {
            Some((cluster, service)) => (Some(cluster), service),
            None => (None, text),
        };
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (is_name(service) && cluster.is_none_or(is_name)).then(|| Self {
            service: service.to_owned(),
            cluster: cluster.map(str::to_owned),
            ..Self::default()
        })
    }
}

/// How many characters of an id are enough to look for it.
const BEGIN: usize = 6;

/// Whether it is all of a task's id: 32 hex digits, or a UUID with its hyphens.
pub fn is_whole_id(id: &str) -> bool {
    match id.len() {
        32 => !id.contains('-'),
        36 => true,
        _ => false,
    }
}

/// Whether it is a task's id, or the begin of one.
fn is_id(id: &str) -> bool {
    (BEGIN..=36).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

impl Hint for TaskArgError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Service { service, .. } => {
                let flags = service.flags();
                return Some(format!(
                    "its tasks: {flags}; its deployments: ecspan deploy {}",
                    flags.replace("--service ", "")
                ));
            }
            Self::Name { service, .. } => {
                let name = &service.service;
                let of_cluster = match service.cluster {
                    Some(_) => String::new(),
                    None => format!(
                        "; of a cluster: `ecspan ls {name}` lists them, --cluster {name} --status all selects them"
                    ),
                };
                return Some(format!(
                    "tasks of a service: {}{of_cluster}; an id, or its first {BEGIN} characters and more, is of hex digits: \
                     `ecspan ls CLUSTER` lists them",
                    service.flags()
                ));
            }
            Self::NoSuchFile(_) => "check the path; a task is CLUSTER/ID, an ID, an ARN or a console URL",
            Self::OtherArn { .. } => "a task's ARN is arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID",
            Self::OtherUrl(_) => "open the task in the console and copy the address: …/clusters/CLUSTER/tasks/ID…",
            Self::Nothing(_) => "TASK is CLUSTER/ID, an ID, an ARN, a console URL, a file or -",
        };
        Some(hint.to_owned())
    }
}

impl TaskArg {
    /// Reads a TASK; `exists` tells whether a path does.
    pub fn parse(text: &str, exists: impl Fn(&str) -> bool) -> Result<Self, TaskArgError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if exists(text) {
            return Ok(Self::File(text.into()));
        }
        let service = || ServiceTarget::parse(text);
        if text.starts_with("arn:") {
            return from_arn(text).map(Self::Task).ok_or_else(|| match service() {
                Some(service) => TaskArgError::Service { text: text.to_owned(), service },
                None => TaskArgError::OtherArn { text: text.to_owned() },
            });
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return from_console_url(text).map(Self::Task).ok_or_else(|| match service() {
                Some(service) => TaskArgError::Service { text: text.to_owned(), service },
                None => TaskArgError::OtherUrl(text.to_owned()),
            });
        }
        if looks_like_a_path(text) {
            return Err(TaskArgError::NoSuchFile(text.to_owned()));
        }
        let target = match text.split_once('/') {
            Some((cluster, id)) if !cluster.is_empty() => {
                TaskTarget { id: id.to_ascii_lowercase(), cluster: Some(cluster.to_owned()), region: None }
            }
            _ => TaskTarget { id: text.to_ascii_lowercase(), cluster: None, region: None },
        };
        match service() {
            _ if is_id(&target.id) => Ok(Self::Task(target)),
            Some(service) => Err(TaskArgError::Name { text: text.to_owned(), service }),
            None => Err(TaskArgError::Nothing(text.to_owned())),
        }
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
    let url = ConsoleUrl::parse(text)?;
    let named = |word: &str| url.after(word).map(str::to_owned);
    // The list of tasks has an address like that, without an id.
    let id = named("tasks").filter(|id| is_id(id))?;
    Some(TaskTarget { id, cluster: Some(named("clusters")?), region: url.region() })
}

/// An address in the console, in its parts.
pub(super) struct ConsoleUrl<'a>(Vec<&'a str>);

impl<'a> ConsoleUrl<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(['/', '?', '#', '&']).filter(|part| !part.is_empty()).collect();
        parts.get(1)?.contains("console.").then_some(Self(parts))
    }

    /// What follows a word; behind a list's there is the query at most.
    pub(super) fn after(&self, word: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|part| *part == word)?;
        self.0.get(at + 1).copied().filter(|part| !part.contains('='))
    }

    pub(super) fn region(&self) -> Option<String> {
        let in_query = self.0.iter().find_map(|part| part.strip_prefix("region="));
        // Somebody with several sessions has an account before it: `123456789012-a1b2c3d4.eu-west-1.console.…`.
        let in_host = || self.0.get(1)?.split_once(".console.")?.0.rsplit('.').next();
        in_query.or_else(in_host).map(str::to_owned)
    }
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
        match TaskArg::parse(text, |_| false) {
            Ok(TaskArg::Task(TaskTarget { id, cluster, region })) => Some((cluster, id, region)),
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
        // The first characters of an id are looked for, and whatever else a task cannot be called is no id.
        assert_eq!(task("prod/84b599"), Some((some("prod"), "84b599".to_owned(), None)));
        assert_eq!(task("84b5991528504856a2f0"), Some((None, "84b5991528504856a2f0".to_owned(), None)));
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
    fn addresses_in_the_console_are_read_as_what_they_are() {
        let host = "eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod";
        let region = |url: &str| ConsoleUrl::parse(url).and_then(|url| url.region());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(region(&format!("https://{host}/services/web/health")), some("eu-west-1"));
        assert_eq!(region(&format!("https://123456789012-a1b2c3d4.{host}/services/web/health")), some("eu-west-1"));
        assert_eq!(
            region("https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/v2/clusters/a"),
            some("us-gov-west-1")
        );
        assert_eq!(region("https://console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters"), some("eu-west-1"));
        assert_eq!(region("https://console.aws.amazon.com/ecs/home"), None);
        // Lists of tasks are no tasks.
        for url in [
            format!("https://{host}/tasks?region=eu-west-1"),
            format!("https://{host}/services/web/tasks?region=eu-west-1"),
        ] {
            assert_eq!(task(&url), None, "{url}");
        }
    }

    #[test]
    fn a_service_can_be_named_in_every_way_and_is_told_where_a_task_is_meant() {
        let service = |cluster: Option<&str>, region: Option<&str>| {
            let (cluster, region) = (cluster.map(str::to_owned), region.map(str::to_owned));
            Some(ServiceTarget { service: "web_1".to_owned(), cluster, region, deployment: None })
        };
        assert_eq!(ServiceTarget::parse("web_1"), service(None, None));
        assert_eq!(ServiceTarget::parse(" prod/web_1\n"), service(Some("prod"), None));
        let of_deployment = "arn:aws:ecs:eu-west-1:1:service-deployment/prod/web_1/NCWGC2ZR-taawPAYrIaU5";
        let in_console = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/web_1/deployments/NCWGC2ZR-taawPAYrIaU5?region=eu-west-1";
        for (text, deployment) in [(of_deployment, of_deployment), (in_console, "NCWGC2ZR-taawPAYrIaU5")] {
            let own = service(Some("prod"), Some("eu-west-1"));
            let expected = own.map(|own| ServiceTarget { deployment: Some(deployment.to_owned()), ..own });
            assert_eq!(ServiceTarget::parse(text), expected);
        }
        let arn = "arn:aws:ecs:eu-west-1:1:service/prod/web_1";
        assert_eq!(ServiceTarget::parse(arn), service(Some("prod"), Some("eu-west-1")));
        assert_eq!(ServiceTarget::parse("arn:aws:ecs:eu-west-1:1:service/web_1"), service(None, Some("eu-west-1")));
        let new =
            "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/web_1/health?region=eu-west-1";
        let old = "https://console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/prod/services/web_1/details";
        for url in [new, old] {
            assert_eq!(ServiceTarget::parse(url), service(Some("prod"), Some("eu-west-1")), "{url}");
        }
        for nothing in [
            "",
            "a b",
            "/web",
            "web/",
            "a/b/c",
            "arn:aws:ecs:eu-west-1:1:cluster/prod",
            "https://example.com/services/web",
            "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services?region=eu-west-1",
        ] {
            assert_eq!(ServiceTarget::parse(nothing), None, "{nothing}");
        }
        for (text, flags) in [
            ("web_1", "--cluster CLUSTER --service web_1"),
            ("prod/web_1", "--cluster prod --service web_1"),
            ("abc12", "--cluster CLUSTER --service abc12"),
            (arn, "--cluster prod --service web_1 --region eu-west-1"),
            (new, "--cluster prod --service web_1 --region eu-west-1"),
        ] {
            let hint = TaskArg::parse(text, |_| false).err().and_then(|error| error.hint());
            let of_cluster = format!("; of a cluster: `ecspan ls {text}` lists them, --cluster {text} --status all");
            let may_be_cluster = !text.contains('/');
            assert_eq!(
                hint.as_ref().is_some_and(|hint| hint.contains(&of_cluster)),
                may_be_cluster,
                "{text}: {hint:?}"
            );
            assert!(hint.as_ref().is_some_and(|hint| hint.contains(flags)), "{text}: {hint:?}");
        }
    }

    #[test]
    fn what_exists_is_a_file_and_what_looks_like_one_is_not_a_task() {
        assert_eq!(TaskArg::parse("a/b", |_| true), Ok(TaskArg::File("a/b".into())));
        assert_eq!(TaskArg::parse("-", |_| true), Ok(TaskArg::Stdin));
        for path in ["task.json", "./x", "/x/y", "a/b/c", "x/task.json"] {
            assert_eq!(TaskArg::parse(path, |_| false), Err(TaskArgError::NoSuchFile(path.to_owned())));
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
