//! Which log groups keep ECS's events. Adds to [`EcsSource`].

use std::sync::PoisonError;
use std::time::Duration;

use aws_config::Region;

use super::kept::{Group, HistoryChoice};
use super::none::NoHistory;
use crate::model::Time;
use crate::model::arn::{Arn, last_part};
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;

/// Event capture writes to `…/CLUSTER/performance`.
pub(in crate::source) const CAPTURED: &str = "/aws/events/ecs/containerinsights/";
const OF_CLUSTER: &str = "/performance";

/// Which groups are listed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// Those whose names begin so.
    Begins(&'a str),
    /// The same, of an account that shares them.
    Of(&'a str, &'a str),
    /// One page of those whose names have this in them.
    Like(&'a str),
}

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
            HistoryChoice::Group(name) if Arn::parse(name).is_some() => {
                return Ok(vec![self.group_of_arn(region, name, now).await]);
            }
            HistoryChoice::Group(name) => Some(name.clone()),
            _ => cluster.map(|cluster| format!("{CAPTURED}{cluster}{OF_CLUSTER}")),
        };
        let listed = self.listed_groups(region, Wanted::Begins(name.as_deref().unwrap_or(CAPTURED)), now).await;
        match (name, listed) {
            (Some(name), Ok(groups)) => match groups.into_iter().find(|group| group.name == name) {
                Some(group) => Ok(vec![group]),
                None => Err(self.missing(region, name, cluster).await),
            },
            // Whoever may not list groups may still read this one.
            (Some(name), Err(_)) => Ok(vec![Group::named(region, name)]),
            (None, Ok(mut groups)) => {
                groups.retain(|group| group.name.ends_with(OF_CLUSTER));
                if groups.is_empty() {
                    return Err(self.missing(region, format!("{CAPTURED}CLUSTER{OF_CLUSTER}"), None).await);
                }
                Ok(groups)
            }
            (None, Err(error)) => Err(NoHistory::Unread(error)),
        }
    }

    /// A group that its ARN names: how much there is of it is known where its account shares that.
    async fn group_of_arn(&self, region: &Region, arn: &str, now: Time) -> Group {
        // As the console copies it, it ends in `:*`, which is of its streams.
        let arn = arn.trim_end_matches(":*");
        let Some(named) = Arn::parse(arn) else { return Group::named(region, arn.to_owned()) };
        let region =
            Some(named.region).filter(|own| !own.is_empty()).map_or(region.clone(), |own| Region::new(own.to_owned()));
        let name = named.resource.trim_start_matches("log-group:");
        let listed = self.listed_groups(&region, Wanted::Of(name, named.account), now).await.unwrap_or_default();
        let is_it =
            |group: &Group| group.name == name && group.account.as_deref().is_none_or(|own| own == named.account);
        let known = listed.into_iter().find(is_it).unwrap_or_else(|| Group::named(&region, String::new()));
        Group { name: arn.to_owned(), ..known }
    }

    pub(super) async fn listed_groups(
        &self,
        region: &Region,
        wanted: Wanted<'_>,
        now: Time,
    ) -> Result<Vec<Group>, AwsError> {
        let (mut groups, mut token) = (vec![], None);
        loop {
            let request = self.aws.logs(region).describe_log_groups().set_next_token(token.clone());
            let (request, attempt) = match wanted {
                Wanted::Begins(prefix) => (request.log_group_name_prefix(prefix), format!("begin with {prefix}")),
                Wanted::Of(prefix, account) => (
                    request.log_group_name_prefix(prefix).include_linked_accounts(true).account_identifiers(account),
                    format!("begin with {prefix}, of account {account}"),
                ),
                Wanted::Like(part) => (request.log_group_name_pattern(part), format!("have {part} in their names")),
            };
            let attempt = || format!("list the log groups of {region} that {attempt}");
            let page = request.send().await;
            let page = page.map_err(|error| AwsError::from_sdk("logs:DescribeLogGroups", attempt(), &error))?;
            groups.extend(page.log_groups.unwrap_or_default().into_iter().filter_map(|group| {
                let created =
                    group.creation_time.and_then(|millis| Time::from_unix_millis(u64::try_from(millis).ok()?));
                let kept = group.retention_in_days.and_then(|days| u64::try_from(days).ok());
                let oldest = kept.map(|days| before(now, Duration::from_secs(days * 86_400)));
                let bytes = group.stored_bytes.and_then(|bytes| u64::try_from(bytes).ok());
                let account = group.arn.as_deref().and_then(|arn| Some(Arn::parse(arn)?.account.to_owned()));
                let (region, name) = (region.clone(), group.log_group_name?);
                Some(Group { region, name, begins: created.max(oldest), bytes, account })
            }));
            token = AwsError::next_page(page.next_token, token.as_ref(), &attempt())?;
            if token.is_none() || matches!(wanted, Wanted::Like(_)) {
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
