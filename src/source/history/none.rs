//! Why history has nothing to tell. Main type: [`NoHistory`].

use crate::hint::Hint;
use crate::model::Time;
use crate::source::aws::error::AwsError;

/// Why history has nothing to tell.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoHistory {
    /// Nothing keeps events.
    #[error("{}", told_missing(group, region, account.as_deref(), *is_named))]
    NoGroup {
        /// The group that would.
        group: String,
        /// The cluster.
        cluster: Option<String>,
        /// Where it was looked for.
        region: String,
        /// Whose account that is, as far as anybody says.
        account: Option<String>,
        /// Somebody has said that it is this one.
        is_named: bool,
        /// The names of groups that are there and look like it.
        like: Vec<String>,
    },
    /// The groups hold nothing of it.
    #[error("{} has no event of it{}", groups.join(", "), begins.map_or(String::new(), |begins| format!(" since {}", told(begins))))]
    NotInIt {
        /// The groups.
        groups: Vec<String>,
        /// How far back they go.
        begins: Option<Time>,
    },
    /// Its events are there, and none of them is whole.
    #[error("none of its events in {group} is whole: {first}")]
    Broken {
        /// The group.
        group: String,
        /// What is wrong with the first of them.
        first: String,
    },
    /// A query did not come to its end.
    #[error("the query of log group {group} ended early: {status}")]
    QueryEnded {
        /// The group.
        group: String,
        /// How it ended.
        status: String,
    },
    /// History could not be read.
    #[error("its history cannot be read: {0}")]
    Unread(AwsError),
}

impl Hint for NoHistory {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoGroup { is_named: true, like, .. } => {
                let there = match like.as_slice() {
                    [] => "`aws logs describe-log-groups` lists those that there are".to_owned(),
                    like => format!("there is {}", like.join(", ")),
                };
                format!("{there}; --region asks another region, and a group of another account is named by its ARN")
            }
            Self::NoGroup { cluster, .. } => {
                let name = cluster.as_deref().unwrap_or("CLUSTER");
                format!(
                    "ECS forgets a stopped task after about an hour; event capture keeps events from then on: in the ECS console, \
                     cluster {name}, Configuration, Event capture; or `aws cloudformation deploy --stack-name ecs-history-{name} \
                     --template-file examples/deploy/history.yaml --parameter-overrides Cluster={name}` (docs/history.md). \
                     Where another group has them: --history GROUP"
                )
            }
            Self::NotInIt { .. } => {
                "check the id; an older task is not kept there, and one of another cluster or region has another group: --region, --history GROUP"
                    .to_owned()
            }
            Self::Broken { .. } => {
                "a log event of CloudWatch Logs holds so many bytes and no more: an input transformer of the rule can take out what is \
                 long (docs/history.md)"
                    .to_owned()
            }
            Self::QueryEnded { .. } => {
                "somebody or something stopped it (an account runs 30 queries at once, an hour each): the same command reads all of it again, \
                 and what was sent stays as it is"
                    .to_owned()
            }
            Self::Unread(error) => return error.hint(),
        })
    }
}

fn told_missing(group: &str, region: &str, account: Option<&str>, is_named: bool) -> String {
    let account = account.map_or(String::new(), |account| format!(" of account {account}"));
    match is_named {
        true => format!("there is no log group {group} in {region}{account}"),
        false => format!("no log group keeps its events: there is no {group} in {region}{account}"),
    }
}

/// A time as errors tell it.
pub(super) fn told(time: Time) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(time.unix_millis()).unwrap_or_default())
        .unwrap_or_default()
        .to_string()
}
