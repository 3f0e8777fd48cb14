//! What a CLUSTER on the command line means. Main type: [`ClusterTarget`].

use super::target::{ConsoleUrl, ServiceTarget};
use crate::hint::Hint;
use crate::model::arn::Arn;

/// A cluster that AWS knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterTarget {
    /// Its name, or its ARN, which also says whose it is.
    pub cluster: String,
    /// Its region, where the text says it.
    pub region: Option<String>,
}

/// A CLUSTER that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// It names a service.
    #[error("{text} is a service, not a cluster")]
    Service {
        /// The text.
        text: String,
        /// Its cluster and its name.
        service: ServiceTarget,
    },
    /// No cluster has such a name.
    #[error("{0} is no cluster")]
    Nothing(String),
}

impl Hint for ClusterError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Service { service, .. } => format!("the service in its cluster: {}", service.flags()),
            Self::Nothing(_) => {
                "CLUSTER is a name (letters, digits, - and _), arn:aws:ecs:REGION:ACCOUNT:cluster/NAME, or the address \
                                 of its page in the console; `ecspan ls` lists the clusters"
                    .to_owned()
            }
        })
    }
}

impl ClusterTarget {
    /// Reads a cluster: its name, its ARN, or the address of a page of it in the console.
    pub fn parse(text: &str) -> Result<Self, ClusterError> {
        let nothing = || ClusterError::Nothing(text.to_owned());
        if text.starts_with("https://") || text.starts_with("http://") {
            let url = ConsoleUrl::parse(text).ok_or_else(nothing)?;
            let cluster = url.after("clusters").filter(|name| is_name(name)).ok_or_else(nothing)?;
            return Ok(Self { cluster: cluster.to_owned(), region: url.region() });
        }
        let named = match Arn::parse(text) {
            Some(arn) => {
                let is_cluster = arn.service == "ecs" && arn.resource.strip_prefix("cluster/").is_some_and(is_name);
                let region = Some(arn.region).filter(|region| !region.is_empty()).map(str::to_owned);
                is_cluster.then(|| Self { cluster: text.to_owned(), region })
            }
            None => {
                // As the shell completes it.
                let name = text.strip_suffix('/').unwrap_or(text);
                is_name(name).then(|| Self { cluster: name.to_owned(), region: None })
            }
        };
        named.ok_or_else(|| match ServiceTarget::parse(text) {
            Some(service) => ClusterError::Service { text: text.to_owned(), service },
            None => nothing(),
        })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_can_be_named_in_every_way() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod_1";
        let host = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod_1";
        let (services, tasks) = (format!("{host}/services?region=eu-west-1"), format!("{host}/tasks"));
        for (text, cluster, region) in [
            ("prod_1", "prod_1", None),
            ("prod_1/", "prod_1", None),
            (arn, arn, Some("eu-west-1")),
            (host, "prod_1", Some("eu-west-1")),
            (&services, "prod_1", Some("eu-west-1")),
            (&tasks, "prod_1", Some("eu-west-1")),
        ] {
            let target = ClusterTarget { cluster: cluster.to_owned(), region: region.map(str::to_owned) };
            assert_eq!(ClusterTarget::parse(text), Ok(target), "{text}");
        }
    }

    #[test]
    fn what_is_no_cluster_is_told_as_what_it_is() {
        let service = "arn:aws:ecs:eu-west-1:1:service/prod/web";
        for (text, says) in [
            ("prod/web", "--cluster prod --service web"),
            (service, "--cluster prod --service web --region eu-west-1"),
            ("a b", "`ecspan ls` lists the clusters"),
            ("/", "`ecspan ls` lists the clusters"),
            ("https://example.com/clusters/prod", "in the console"),
            ("https://console.aws.amazon.com/ecs/v2/clusters?region=eu-west-1", "in the console"),
            ("arn:aws:s3:::prod", "cluster/NAME"),
        ] {
            let error = ClusterTarget::parse(text).expect_err(text);
            assert!(error.to_string().starts_with(text), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains(says)), "{text}: {:?}", error.hint());
        }
    }
}
