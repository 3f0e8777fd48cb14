//! The action log of a cluster's services, asked for in CloudWatch Logs. Adds to [`EcsSource`].

use serde_json::Value;

use super::action;
use super::aws::AwsError;
use super::ecs::EcsSource;
use super::json::At;
use super::service::ServicePlace;
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::arn::last_part;

/// The group that ECS writes a cluster's action log to is named after this.
pub(super) const GROUP: &str = "/aws/vendedlogs/ecs/action-logs/";
/// So many pages are read: a deployment is a few lines.
const MOST_PAGES: usize = 50;

impl EcsSource {
    /// The lines of the cluster's action log that are about the service, from one time to another; `None` where the account has no such
    /// log. What is no line of it is nobody's loss.
    pub async fn actions(
        &self,
        place: &ServicePlace,
        (from, to): (Time, Option<Time>),
    ) -> Result<Option<Vec<ActionRecord>>, AwsError> {
        let group = format!("{GROUP}{}", last_part(&place.cluster));
        let service = last_part(&place.service);
        let millis = |time: Time| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
        let mut found = vec![];
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let request = self.aws.logs(&place.region).filter_log_events().log_group_name(&group);
            let request = request.start_time(millis(from)).set_end_time(to.map(millis)).set_next_token(token);
            self.calls.take().await;
            let attempt = || format!("read log group {group}");
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) => match AwsError::from_sdk("logs:FilterLogEvents", attempt(), &error) {
                    error if error.code() == Some("ResourceNotFoundException") => return Ok(None),
                    error => return Err(error),
                },
            };
            for event in page.events.unwrap_or_default() {
                let line: Option<Value> = event.message.and_then(|text| serde_json::from_str(&text).ok());
                let read = |line: &Value| action::line(&At::root(&group, line)).ok();
                found.extend(line.as_ref().and_then(read).filter(|action| action.is_of(service)));
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(Some(found))
    }
}
