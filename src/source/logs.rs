//! Log lines from CloudWatch Logs: from both ends of a stream, in two calls. Main type: `LogReader`.

use std::time::SystemTime;

use aws_config::Region;
use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsOutput;
use aws_sdk_cloudwatchlogs::operation::get_log_events::builders::GetLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::answer::without_line_end;
use super::aws::{Aws, AwsError, Limiter};
use crate::hint::Hint;
use crate::model::Time;
use crate::model::log::{ContainerLog, LogLine, head_share};
use crate::model::observation::{ContainerRecord, DefinitionRecord, Gap, LogPlace, TaskRecord};

/// How much of a container's log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLines {
    /// At most so many lines, from both ends.
    AtMost(usize),
    /// The whole log.
    All,
}

/// A whole log, read page by page: the next page is asked for while the one before is being used.
#[derive(Debug)]
pub struct WholeLog {
    /// The container that wrote it.
    pub container: String,
    /// Log group.
    pub group: String,
    /// Log stream.
    pub stream: String,
    pages: mpsc::Receiver<Result<Vec<LogLine>, AwsError>>,
    /// Ends when this is dropped.
    _reading: JoinSet<()>,
}

impl WholeLog {
    /// The next lines; a gap where no more could be read.
    pub async fn next(&mut self) -> Option<Result<Vec<LogLine>, Gap>> {
        let page = self.pages.recv().await?;
        Some(page.map_err(|error| gap(&self.container, &error)))
    }
}

fn gap(container: &str, error: &AwsError) -> Gap {
    Gap {
        what: format!("the log of container {container}"),
        why: error.to_string(),
        hint: error.hint().or_else(|| missing_hint(error)),
        container: Some(container.to_owned()),
    }
}

/// The most events that a page holds.
const PAGE: usize = 10_000;

/// `--log-stream CONTAINER=GROUP:STREAM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOverride {
    container: String,
    group: String,
    stream: String,
}

impl StreamOverride {
    /// Reads `CONTAINER=GROUP:STREAM`; groups have no colons, streams may.
    pub fn parse(text: &str) -> Option<Self> {
        let (container, place) = text.split_once('=')?;
        let (group, stream) = place.split_once(':')?;
        let all_there = [container, group, stream].iter().all(|part| !part.is_empty());
        all_there.then(|| Self { container: container.to_owned(), group: group.to_owned(), stream: stream.to_owned() })
    }

    fn place(&self, task_id: &str) -> LogPlace {
        let filled = |text: &str| text.replace("{container}", &self.container).replace("{task_id}", task_id);
        LogPlace { region: None, group: filled(&self.group), stream: filled(&self.stream) }
    }
}

/// Reads the logs of tasks.
#[derive(Debug)]
pub(super) struct LogReader {
    /// Lines a container.
    pub(super) lines: usize,
    pub(super) overrides: Vec<StreamOverride>,
    pub(super) limiter: Option<Limiter>,
}

impl LogReader {
    /// The logs of a task's containers, all at once, and what could not be read.
    pub(super) async fn read(
        &self,
        aws: &Aws,
        region: &Region,
        task: &TaskRecord,
        definition: Option<&DefinitionRecord>,
        hidden_too: bool,
    ) -> (Vec<ContainerLog>, Vec<Gap>) {
        if self.lines == 0 {
            return (vec![], vec![]);
        }
        let places = self.places(task, definition, hidden_too);
        let reads = places.into_iter().map(|(container, place)| async move {
            let region = place.region.clone().map_or_else(|| region.clone(), Region::new);
            let read = self.read_one(aws, &region, &place).await;
            (container, place, read)
        });
        let (mut logs, mut gaps) = (vec![], vec![]);
        for (container, place, read) in futures::future::join_all(reads).await {
            match read {
                Ok(log) => logs.push(ContainerLog {
                    task_id: Some(task.id.clone()),
                    container: Some(container),
                    origin: "GetLogEvents".to_owned(),
                    group: Some(place.group),
                    stream: Some(place.stream),
                    ..log
                }),
                Err(error) => gaps.push(gap(&container, &error)),
            }
        }
        (logs, gaps)
    }

    /// Where each container's log is, as far as anybody says.
    pub(super) fn places(
        &self,
        task: &TaskRecord,
        definition: Option<&DefinitionRecord>,
        hidden_too: bool,
    ) -> Vec<(String, LogPlace)> {
        let records = task.containers.iter().filter(|record| hidden_too || !record.is_hidden());
        let place = |record: &ContainerRecord| {
            let (name, runtime_id) = (record.name.as_str(), record.runtime_id.as_deref());
            let declared = || definition?.containers.iter().find(|container| container.name == name)?.log.as_ref();
            record.log.as_ref().or_else(declared)?.place(name, &task.id, runtime_id)
        };
        let found = records.filter_map(|record| {
            let given =
                self.overrides.iter().find(|given| given.container == record.name).map(|given| given.place(&task.id));
            // A container that never ran wrote nothing: asking would only find no stream.
            let may_have_run =
                record.runtime_id.is_some() || record.exit_code.is_some() || task.times.started.is_some();
            let configured = || place(record).filter(|_| may_have_run);
            Some((record.name.clone(), given.or_else(configured)?))
        });
        found.collect()
    }

    /// Asks the end of the log for all the lines that are wanted. Fewer: that is all. Else the first quarter of what is
    /// kept comes from the log's start.
    async fn read_one(&self, aws: &Aws, region: &Region, place: &LogPlace) -> Result<ContainerLog, AwsError> {
        let tail = self.lines_from(aws, region, place, false, self.lines).await?;
        if tail.len() < self.lines {
            return Ok(ContainerLog { head: lines(&tail), ..Default::default() });
        }
        let (unkept, kept) = tail.split_at(head_share(self.lines));
        let head = self.lines_from(aws, region, place, true, unkept.len()).await?;
        if head == unkept {
            // Exactly as many lines as are wanted: the start of the log is the start of what its end gave.
            return Ok(ContainerLog { head: lines(&tail), ..Default::default() });
        }
        Ok(ContainerLog {
            head: lines(&head),
            tail: lines(kept),
            dropped: unkept.len() as u64,
            unread: true,
            ..Default::default()
        })
    }

    /// Up to `wanted` events from one end, in the order of time. Pages may be short and even empty; the end is the same
    /// token twice.
    async fn lines_from(
        &self,
        aws: &Aws,
        region: &Region,
        place: &LogPlace,
        from_head: bool,
        wanted: usize,
    ) -> Result<Vec<OutputLogEvent>, AwsError> {
        let mut found: Vec<OutputLogEvent> = vec![];
        let mut token: Option<String> = None;
        while found.len() < wanted {
            let limit = i32::try_from((wanted - found.len()).min(PAGE)).unwrap_or(i32::MAX);
            let request = aws.logs(region).get_log_events().start_from_head(from_head).limit(limit);
            let page = self.page(request, place, token.clone()).await?;
            let next = if from_head { page.next_forward_token } else { page.next_backward_token };
            let events = page.events.unwrap_or_default();
            if from_head {
                found.extend(events);
            } else {
                found.splice(0..0, events);
            }
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        Ok(found)
    }

    async fn page(
        &self,
        request: GetLogEventsFluentBuilder,
        place: &LogPlace,
        token: Option<String>,
    ) -> Result<GetLogEventsOutput, AwsError> {
        if let Some(limiter) = &self.limiter {
            limiter.take().await;
        }
        let request = request.log_group_name(&place.group).log_stream_name(&place.stream).set_next_token(token);
        let attempt = || format!("read log stream {} of group {}", place.stream, place.group);
        request.send().await.map_err(|error| AwsError::from_sdk("logs:GetLogEvents", attempt(), &error))
    }

    /// All lines of a log until now, from its start. Without an end forward paging might never come to one.
    pub(super) async fn whole(
        &self,
        aws: &Aws,
        region: &Region,
        place: &LogPlace,
        pages: mpsc::Sender<Result<Vec<LogLine>, AwsError>>,
    ) {
        let now = Time::from(SystemTime::now()).unix_millis();
        let end = i64::try_from(now).unwrap_or(i64::MAX).saturating_add(1);
        let mut token: Option<String> = None;
        loop {
            let limit = i32::try_from(PAGE).unwrap_or(i32::MAX);
            let request = aws.logs(region).get_log_events().start_from_head(true).end_time(end).limit(limit);
            let (read, next) = match self.page(request, place, token.clone()).await {
                Ok(page) => (Ok(lines(&page.events.unwrap_or_default())), page.next_forward_token),
                Err(error) => (Err(error), None),
            };
            let is_empty = read.as_ref().is_ok_and(Vec::is_empty);
            // Nobody listens any more: the run has ended.
            if !is_empty && pages.send(read).await.is_err() {
                return;
            }
            if next.is_none() || next == token {
                return;
            }
            token = next;
        }
    }

    /// Begins to read a whole log; `read` does it.
    pub(super) fn begin(
        container: String,
        place: LogPlace,
        read: impl FnOnce(LogPlace, mpsc::Sender<Result<Vec<LogLine>, AwsError>>) -> BoxFuture<'static, ()>,
    ) -> WholeLog {
        let (sender, pages) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        let (group, stream) = (place.group.clone(), place.stream.clone());
        reading.spawn(read(place, sender));
        WholeLog { container, group, stream, pages, _reading: reading }
    }
}

fn missing_hint(error: &AwsError) -> Option<String> {
    (error.code() == Some("ResourceNotFoundException")).then(|| {
        "the container may have written nothing, or the log group is another one: --log-stream CONTAINER=GROUP:STREAM".to_owned()
    })
}

fn lines(events: &[OutputLogEvent]) -> Vec<LogLine> {
    let line = |event: &OutputLogEvent| {
        let time = Time::from_unix_millis(u64::try_from(event.timestamp?).ok()?)?;
        let observed = event.ingestion_time.and_then(|millis| Time::from_unix_millis(u64::try_from(millis).ok()?));
        Some(LogLine {
            time,
            observed,
            message: without_line_end(event.message.as_deref().unwrap_or_default()).to_owned(),
        })
    };
    events.iter().filter_map(line).collect()
}
