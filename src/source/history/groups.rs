//! Which log groups keep ECS's events. Adds to [`EcsSource`]; main type: [`Group`].

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use aws_config::Region;
use tokio::sync::OnceCell;

use super::{HistoryChoice, NoHistory};
use crate::model::Time;
use crate::model::arn::{Arn, last_part};
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;

/// Event capture writes to `…/CLUSTER/performance`.
pub(in crate::source) const CAPTURED: &str = "/aws/events/ecs/containerinsights/";
const OF_CLUSTER: &str = "/performance";

/// A log group that keeps events of ECS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) region: Region,
    /// Its name, or its ARN where it is another account's.
    pub(super) name: String,
    /// What was written before is not kept; `None`: nobody says.
    pub(super) begins: Option<Time>,
    /// What it holds, as far as anybody says.
    pub(super) bytes: Option<u64>,
}

impl Group {
    /// How much of what it holds is of the time since then, as far as anybody says.
    pub(super) fn bytes_since(&self, from: Time, now: Time) -> u64 {
        let (Some(bytes), Some(begins)) = (self.bytes, self.begins) else { return 0 };
        let share = now.since(from.max(begins)).as_secs_f64() / now.since(begins).as_secs_f64().max(1.0);
        (bytes as f64 * share.min(1.0)) as u64
    }

    pub(super) fn is_arn(&self) -> bool {
        self.name.starts_with("arn:")
    }
}

/// Those that were found, for whoever asks again.
pub(super) type Groups = Arc<OnceCell<Result<Vec<Group>, NoHistory>>>;

impl EcsSource {
    /// The groups that may keep the events of a cluster, or, where nobody says which, of any in the region.
    pub(super) async fn groups(
        &self,
        region: &Region,
        cluster: Option<&str>,
        now: Time,
    ) -> Result<Vec<Group>, NoHistory> {
        let cluster = cluster.map(last_part);
        let cell = {
            let mut known = self.history.groups.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry((region.clone(), cluster.map(str::to_owned))).or_default().clone()
        };
        cell.get_or_init(|| self.find_groups(region, cluster, now)).await.clone()
    }

    async fn find_groups(&self, region: &Region, cluster: Option<&str>, now: Time) -> Result<Vec<Group>, NoHistory> {
        let name = match &self.history.choice {
            HistoryChoice::Group(name) if name.starts_with("arn:") => {
                let region = Arn::parse(name).map_or_else(|| region.clone(), |arn| Region::new(arn.region.to_owned()));
                // As the console copies it, it ends in `:*`, which is of its streams.
                let name = name.trim_end_matches(":*").to_owned();
                return Ok(vec![Group { region, name, begins: None, bytes: None }]);
            }
            HistoryChoice::Group(name) => Some(name.clone()),
            _ => cluster.map(|cluster| format!("{CAPTURED}{cluster}{OF_CLUSTER}")),
        };
        let prefix = name.as_deref().unwrap_or(CAPTURED);
        let listed = self.listed_groups(region, prefix, now).await;
        match (name, listed) {
            (Some(name), Ok(groups)) => match groups.into_iter().find(|group| group.name == name) {
                Some(group) => Ok(vec![group]),
                None => Err(NoHistory::NoGroup { group: name, cluster: cluster.map(str::to_owned) }),
            },
            // Whoever may not list groups may still read this one.
            (Some(name), Err(_)) => Ok(vec![Group { region: region.clone(), name, begins: None, bytes: None }]),
            (None, Ok(mut groups)) => {
                groups.retain(|group| group.name.ends_with(OF_CLUSTER));
                let none = || NoHistory::NoGroup { group: format!("{CAPTURED}CLUSTER{OF_CLUSTER}"), cluster: None };
                if groups.is_empty() { Err(none()) } else { Ok(groups) }
            }
            (None, Err(error)) => Err(NoHistory::Unread(error)),
        }
    }

    async fn listed_groups(&self, region: &Region, prefix: &str, now: Time) -> Result<Vec<Group>, AwsError> {
        let (mut groups, mut token) = (vec![], None);
        loop {
            let request =
                self.aws.logs(region).describe_log_groups().log_group_name_prefix(prefix).set_next_token(token);
            let attempt = || format!("list the log groups of {region} that begin with {prefix}");
            let page = request.send().await;
            let page = page.map_err(|error| AwsError::from_sdk("logs:DescribeLogGroups", attempt(), &error))?;
            groups.extend(page.log_groups.unwrap_or_default().into_iter().filter_map(|group| {
                let created =
                    group.creation_time.and_then(|millis| Time::from_unix_millis(u64::try_from(millis).ok()?));
                let kept = group.retention_in_days.and_then(|days| u64::try_from(days).ok());
                let oldest = kept.map(|days| before(now, Duration::from_secs(days * 86_400)));
                let bytes = group.stored_bytes.and_then(|bytes| u64::try_from(bytes).ok());
                Some(Group { region: region.clone(), name: group.log_group_name?, begins: created.max(oldest), bytes })
            }));
            token = page.next_token;
            if token.is_none() {
                return Ok(groups);
            }
        }
    }
}

/// So long before a time.
pub(super) fn before(time: Time, by: Duration) -> Time {
    let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Time::from_unix_nanos(time.unix_nanos().saturating_sub(nanos))
}
