//! A log group that is not there: where, and which of those that are look like it. Adds to [`EcsSource`].

use std::time::Duration;

use aws_config::Region;
use tokio::time::timeout;

use super::groups::{CAPTURED, Wanted};
use super::kept::{Group, HistoryChoice};
use super::none::NoHistory;
use crate::model::Time;
use crate::model::arn::Arn;
use crate::source::ecs::EcsSource;
use crate::source::probe;

/// What this costs is for a hint: so many calls, so long each.
const CALLS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(3);
/// So many names are told.
const TOLD: usize = 3;
/// Shorter parts of a name are in too many others.
const LEAST: usize = 3;

impl EcsSource {
    /// An error, known to be about a group: it may be that this is not there.
    pub(super) async fn about_group(&self, error: NoHistory, group: &Group, cluster: Option<&str>) -> NoHistory {
        match error {
            NoHistory::Unread(error) if error.code() == Some("ResourceNotFoundException") => {
                self.missing(&group.region, group.name.clone(), cluster).await
            }
            other => other,
        }
    }

    /// That a group is not there. Of one that nobody has named there is no more to say.
    pub(super) async fn missing(&self, region: &Region, group: String, cluster: Option<&str>) -> NoHistory {
        let is_named = matches!(self.history.choice, HistoryChoice::Group(_));
        let (account, like) = match Arn::parse(&group) {
            Some(arn) => (Some(arn.account.to_owned()), vec![]),
            None if is_named => self.looking_like(region, &group).await,
            None => (None, vec![]),
        };
        let (cluster, region) = (cluster.map(str::to_owned), region.to_string());
        NoHistory::NoGroup { group, cluster, region, account, is_named, like }
    }

    /// Whose account was asked, and the groups whose names are like this one, the likest first.
    async fn looking_like(&self, region: &Region, name: &str) -> (Option<String>, Vec<String>) {
        let searches = parts(name).into_iter().take(CALLS - 1).map(Wanted::Like).chain([Wanted::Begins(CAPTURED)]);
        let mut found = vec![];
        for wanted in searches {
            let Ok(Ok(page)) = timeout(PATIENCE, self.listed_groups(region, wanted, Time::from_unix_nanos(0))).await
            else {
                break;
            };
            found.extend(page);
            if !found.is_empty() {
                break;
            }
        }
        let account = found.iter().find_map(|group| group.account.clone());
        let account = match account {
            Some(account) => Some(account),
            None => {
                timeout(PATIENCE, probe::identity(&self.aws)).await.ok().and_then(|(who, _)| Some(who.ok()?.account))
            }
        };
        let mut like: Vec<String> = found.into_iter().map(|group| group.name).collect();
        like.sort_by(|a, b| {
            strsim::jaro_winkler(b, name).total_cmp(&strsim::jaro_winkler(a, name)).then_with(|| a.cmp(b))
        });
        like.truncate(TOLD);
        (account, like)
    }
}

/// What a name is made of, the longest first: one of them may be misspelt.
fn parts(name: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = name.split(['/', '-', '_', '.']).filter(|part| part.len() >= LEAST).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_by_its_parts_the_longest_first() {
        assert_eq!(parts("/my-team/ecs_events"), ["events", "team", "ecs"]);
        assert!(parts("/a/b").is_empty());
    }
}
