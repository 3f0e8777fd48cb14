//! FilterLogEvents, page by page. Adds to [`EcsSource`]; main types: [`Line`], [`Span`].

use super::kept::Group;
use crate::model::Time;
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;

/// The most events that a page holds.
const PAGE: i32 = 10_000;

/// A line of a log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) time: Time,
    pub(super) message: String,
}

/// A part of a group's time; open where nothing is said. Both ends belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Option<Time>,
    pub(super) until: Option<Time>,
}

/// Some lines, and where more are.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) lines: Vec<Line>,
    pub(super) next: Option<String>,
}

impl EcsSource {
    /// The next lines of a group that fit a pattern, in the order of time. Pages may be empty: the search has come so far.
    pub(super) async fn filtered(
        &self,
        group: &Group,
        pattern: &str,
        span: Span,
        token: Option<String>,
    ) -> Result<Page, AwsError> {
        self.history.calls.take().await;
        let millis = |time: Option<Time>| time.and_then(|time| i64::try_from(time.unix_millis()).ok());
        let request = self.aws.logs(&group.region).filter_log_events().filter_pattern(pattern).limit(PAGE);
        let request = request.set_start_time(millis(span.from)).set_end_time(millis(span.until));
        let request = if group.is_arn() {
            request.log_group_identifier(&group.name)
        } else {
            request.log_group_name(&group.name)
        };
        let attempt = || format!("search log group {}", group.name);
        let page = request.set_next_token(token.clone()).send().await;
        let page = page.map_err(|error| AwsError::from_sdk("logs:FilterLogEvents", attempt(), &error))?;
        let lines = page.events.unwrap_or_default().into_iter().filter_map(|event| {
            let time = Time::from_unix_millis(u64::try_from(event.timestamp?).ok()?)?;
            Some(Line { time, message: event.message? })
        });
        // The same token again would lead nowhere.
        Ok(Page { lines: lines.collect(), next: page.next_token.filter(|next| token.as_ref() != Some(next)) })
    }

    /// All lines of a part of a group: of one task they are few.
    pub(super) async fn all_filtered(&self, group: &Group, pattern: &str, span: Span) -> Result<Vec<Line>, AwsError> {
        let (mut lines, mut token) = (vec![], None);
        loop {
            let page = self.filtered(group, pattern, span, token).await?;
            lines.extend(page.lines);
            token = page.next;
            if token.is_none() {
                return Ok(lines);
            }
        }
    }
}
