//! Logs Insights: what a filter would take long to look through. Adds to [`EcsSource`].
//!
//! A query gives so many rows and no more: where it is full, its time is halved.

use std::collections::VecDeque;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::{QueryStatus, ResultField};
use tokio::time::sleep;

use super::filter::{Line, Span};
use super::groups::before;
use super::kept::Group;
use super::none::NoHistory;
use crate::model::Time;
use crate::model::arn::last_part;
use crate::source::aws::{AwsError, Unless};
use crate::source::ecs::EcsSource;
use crate::source::select::Selection;

/// Rows of a query, which are in one answer.
const ROWS: i32 = 10_000;
/// An account runs 30 queries at once; whoever finds them all taken tries so often again.
const TRIES: u32 = 30;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The query for the last events of the tasks that are selected. Only what says when it stopped is of a task that has; fields would not do:
/// Insights finds 200 of them in a line.
pub(super) fn of_stopped(selection: &Selection) -> String {
    let Selection { service, family, started_by, .. } = selection;
    let terms = [
        Some("\"stoppedAt\"".to_owned()),
        service.as_ref().map(|service| format!("service:{}", last_part(service))),
        family.as_ref().map(|family| format!("task-definition/{family}:")),
        started_by.clone(),
    ];
    let like = |term: &String| format!("@message like {}", serde_json::Value::from(term.as_str()));
    let wanted: Vec<String> = terms.iter().flatten().map(like).collect();
    format!("fields @timestamp, @message | filter {} | sort @timestamp asc | limit {ROWS}", wanted.join(" and "))
}

impl EcsSource {
    /// The lines of a part of a group that a query finds, in the order of time.
    pub(super) async fn queried(&self, group: &Group, query: &str, span: Span) -> Result<Vec<Line>, NoHistory> {
        let mut spans = VecDeque::from([span]);
        let mut lines = vec![];
        while let Some(span) = spans.pop_front() {
            let found = self.query(group, query, span).await?;
            let is_full = usize::try_from(ROWS).is_ok_and(|rows| found.len() >= rows);
            match halved(span).filter(|_| is_full) {
                Some([first, second]) => {
                    spans.push_front(second);
                    spans.push_front(first);
                }
                None => lines.extend(found),
            }
        }
        Ok(lines)
    }

    async fn query(&self, group: &Group, query: &str, span: Span) -> Result<Vec<Line>, NoHistory> {
        let client = self.aws.logs(&group.region);
        let attempt = || format!("search log group {} with Logs Insights", group.name);
        let seconds = |time: Option<Time>| time.and_then(|time| i64::try_from(time.unix_millis() / 1_000).ok());
        let begin = || {
            let request = client.start_query().query_string(query).set_start_time(seconds(span.from).or(Some(0)));
            let request = request.set_end_time(seconds(span.until));
            if group.is_arn() {
                request.log_group_identifiers(&group.name)
            } else {
                request.log_group_name(&group.name)
            }
        };
        let mut tries = 0;
        let id = loop {
            tries += 1;
            match begin().send().await {
                Ok(answer) => break answer.query_id.unwrap_or_default(),
                Err(error) => match AwsError::from_sdk("logs:StartQuery", attempt(), &error) {
                    error if error.code() == Some("LimitExceededException") && tries < TRIES => {
                        sleep(LONGEST_PAUSE).await
                    }
                    error => return Err(NoHistory::Unread(error)),
                },
            }
        };
        // It counts against the account's, and what it looks through is paid. Where stopping is denied it goes on to its end.
        let stop = client.stop_query().query_id(&id);
        let running = Unless::ended(async move {
            let _ = stop.send().await;
        });
        let mut pause = FIRST_PAUSE;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let answer = client.get_query_results().query_id(&id).send().await;
            let answer = answer
                .map_err(|error| NoHistory::Unread(AwsError::from_sdk("logs:GetQueryResults", attempt(), &error)))?;
            match answer.status {
                Some(QueryStatus::Complete) => {
                    running.over();
                    return Ok(answer.results.unwrap_or_default().iter().filter_map(|row| line(row)).collect());
                }
                Some(QueryStatus::Running | QueryStatus::Scheduled) | None => {}
                Some(other) => {
                    running.over();
                    let (group, status) = (group.name.clone(), other.as_str().to_owned());
                    return Err(NoHistory::QueryEnded { group, status });
                }
            }
        }
    }
}

fn line(row: &[ResultField]) -> Option<Line> {
    let named = |name: &str| row.iter().find(|field| field.field.as_deref() == Some(name))?.value.as_deref();
    let time = format!("{}Z", named("@timestamp")?.trim().replacen(' ', "T", 1));
    let nanos = time.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    Some(Line { time: Time::from_unix_nanos(u64::try_from(nanos).ok()?), message: named("@message")?.to_owned() })
}

/// The halves of a span, which meet in a second; `None` where it is too short.
fn halved(span: Span) -> Option<[Span; 2]> {
    let (from, until) = span.from.zip(span.until)?;
    let half = until.since(from) / 2;
    let middle = before(until, half);
    (half >= Duration::from_secs(2))
        .then_some([Span { from: Some(from), until: Some(middle) }, Span { from: Some(middle), until: Some(until) }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_looks_for_what_only_events_of_stopped_tasks_have() {
        let selection = Selection { service: Some("web".to_owned()), ..Selection::default() };
        assert_eq!(
            of_stopped(&selection),
            r#"fields @timestamp, @message | filter @message like "\"stoppedAt\"" and @message like "service:web" | sort @timestamp asc | limit 10000"#
        );
    }

    #[test]
    fn halves_meet_and_end() {
        let at = |seconds: u64| Some(Time::from_unix_nanos(seconds * 1_000_000_000));
        let span = Span { from: at(100), until: at(200) };
        let [first, second] = halved(span).expect("long enough");
        assert_eq!((first.from, first.until, second.from, second.until), (at(100), at(150), at(150), at(200)));
        assert!(halved(Span { from: at(100), until: at(103) }).is_none());
    }
}
