//! What events in history say of a service by name. Adds to [`EcsSource`].

use serde_json::Value;

use super::filter::Span;
use super::none::NoHistory;
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::arn::last_part;
use crate::source::action;
use crate::source::ecs::EcsSource;
use crate::source::json::At;
use crate::source::service::ServicePlace;

/// What events say of a service, and where they are.
#[derive(Clone, Debug, Default)]
pub struct PastActions {
    /// The log group.
    pub group: String,
    /// As they are written: two rules write each twice.
    pub actions: Vec<ActionRecord>,
}

impl EcsSource {
    /// What the group that keeps the cluster's events says of a service, from one time to another.
    pub async fn past_actions(
        &self,
        place: &ServicePlace,
        (from, until): (Option<Time>, Option<Time>),
        now: Time,
    ) -> Result<PastActions, NoHistory> {
        let (cluster, service) = (last_part(&place.cluster), last_part(&place.service));
        // Tasks and instances have theirs there.
        let named = [format!("*:service/{cluster}/{service}"), format!("*:service/{service}")];
        let named = named.map(|arn| format!("($.resources[0] = \"{arn}\")"));
        let pattern = format!("{{ {} }}", named.join(" || "));
        let mut past = PastActions::default();
        for group in self.groups(&place.region, Some(cluster), now).await? {
            let lines = match self.all_filtered(&group, &pattern, Span { from: from.or(group.begins), until }).await {
                Ok(lines) => lines,
                Err(error) => return Err(self.about_group(NoHistory::Unread(error), &group, Some(cluster)).await),
            };
            let read = lines.iter().filter_map(|line| {
                let event: Value = serde_json::from_str(&line.message).ok()?;
                action::of_event(&At::root(&group.name, &event)).ok()?
            });
            past.actions.extend(read.filter(|action| action.is_of(service)));
            past.group = group.name;
        }
        Ok(past)
    }
}
