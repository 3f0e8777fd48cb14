//! Log lines from CloudWatch Logs: from both ends of a stream, in two calls. Main type: `LogReader`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsOutput;
use aws_sdk_cloudwatchlogs::operation::get_log_events::builders::GetLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::aws::{Aws, AwsError, Limiter};
use crate::hint::Hint;
use crate::model::Time;
use crate::model::arn::Arn;
use crate::model::firelens::{self, Records};
use crate::model::log::{ContainerLog, LogLine, head_share, without_line_end};
use crate::model::observation::{DefinitionRecord, Gap, LogConfig, LogPlace, TaskRecord};

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
    records: Option<Records>,
    /// Ends when this is dropped.
    _reading: JoinSet<()>,
}

impl WholeLog {
    /// The next lines; a gap where no more could be read.
    pub async fn next(&mut self) -> Option<Result<Vec<LogLine>, Gap>> {
        let page = self.pages.recv().await?;
        let read = |lines| match &self.records {
            Some(records) => records.read(lines),
            None => lines,
        };
        Some(page.map(read).map_err(|error| gap(&self.container, &error)))
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
/// So many pages of a stream that others share are looked through for a container's lines, from each end.
const MOST_SHARED_PAGES: usize = 20;
/// Of a stream that others share, so long before and after a task its lines are looked for: clocks differ.
const AROUND: Duration = Duration::from_secs(5 * 60);

/// `--log-stream CONTAINER=GROUP:STREAM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOverride {
    container: String,
    group: String,
    stream: String,
}

impl StreamOverride {
    /// Reads `CONTAINER=GROUP:STREAM`; groups have no colons, but those of their ARN. Streams may.
    pub fn parse(text: &str) -> Option<Self> {
        let (container, place) = text.split_once('=')?;
        let colons = if place.starts_with("arn:") { 7 } else { 1 };
        let (at, _) = place.match_indices(':').nth(colons - 1)?;
        let (group, stream) = (place.get(..at)?, place.get(at + 1..)?);
        // As the console and the API give a group's ARN.
        let stream = stream.strip_prefix("*:").filter(|_| colons > 1).unwrap_or(stream);
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
    /// The containers of the tasks that were read, where there are overrides.
    pub(super) met: Mutex<BTreeSet<String>>,
    pub(super) limiter: Option<Limiter>,
}

/// Where a container's log is looked for, and what of it is the container's.
#[derive(Clone, Debug)]
pub(super) struct LogSearch {
    pub(super) container: String,
    /// The places, the likeliest first. Never empty.
    places: Vec<LogPlace>,
    records: Option<Records>,
    /// A log router writes it.
    is_routed: bool,
    task_id: String,
    /// When the task was, in milliseconds.
    window: (Option<i64>, Option<i64>),
}

impl LogSearch {
    fn is_own(&self, event: &OutputLogEvent) -> bool {
        let message = event.message.as_deref().unwrap_or_default();
        self.records.as_ref().is_none_or(|records| records.are_own(message))
    }

    /// Whether lines of others are among those of a stream.
    fn is_shared(&self, place: &LogPlace) -> bool {
        self.is_routed && firelens::is_shared(&place.stream, &self.task_id, &self.container)
    }
}

/// What one end of a log gave.
struct Lines {
    events: Vec<OutputLogEvent>,
    /// The search was given up before the log's other end or enough lines were found.
    gave_up: bool,
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
        let searches = self.searches(task, definition, hidden_too);
        let reads = searches.into_iter().map(|search| async move {
            let read = self.read_first(aws, region, &search).await;
            (search.container, read)
        });
        let (mut logs, mut gaps) = (vec![], vec![]);
        for (container, read) in futures::future::join_all(reads).await {
            match read {
                Ok(log) => logs.push(ContainerLog {
                    task_id: Some(task.id.clone()),
                    container: Some(container),
                    origin: "GetLogEvents".to_owned(),
                    ..log
                }),
                Err(error) => gaps.push(gap(&container, &error)),
            }
        }
        (logs, gaps)
    }

    /// A task is read, whose containers may be those of overrides.
    pub(super) fn meet(&self, task: &TaskRecord, hidden_too: bool) {
        if !self.overrides.is_empty() {
            let records = task.containers.iter().filter(|record| hidden_too || !record.is_hidden());
            let names = records.map(|record| record.name.clone());
            self.met.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
        }
    }

    /// Overrides of containers that no task had which was read, and those that there were.
    pub(super) fn of_nobody(&self) -> (Vec<String>, Vec<String>) {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let unmet = self.overrides.iter().map(|given| given.container.clone()).filter(|name| !met.contains(name));
        (if met.is_empty() { vec![] } else { unmet.collect() }, met.iter().cloned().collect())
    }

    /// Where each container's log is, as far as anybody says.
    pub(super) fn searches(
        &self,
        task: &TaskRecord,
        definition: Option<&DefinitionRecord>,
        hidden_too: bool,
    ) -> Vec<LogSearch> {
        let at = |time: Option<Time>| time.and_then(|time| i64::try_from(time.unix_millis()).ok());
        let around = i64::try_from(AROUND.as_millis()).unwrap_or_default();
        let window = (
            at(task.times.created).map(|at| at.saturating_sub(around)),
            at(task.times.stopped).map(|at| at.saturating_add(around)),
        );
        let records = task.containers.iter().filter(|record| hidden_too || !record.is_hidden());
        let found = records.filter_map(|record| {
            let name = record.name.as_str();
            let declared = definition.and_then(|definition| definition.containers.iter().find(|one| one.name == name));
            let config = LogConfig::believed(record.log.as_ref(), declared.and_then(|one| one.log.as_ref()));
            let given = self.overrides.iter().find(|given| given.container == name).map(|given| given.place(&task.id));
            // A container that never ran wrote nothing: asking would only find no stream.
            let may_have_run =
                record.runtime_id.is_some() || record.exit_code.is_some() || task.times.started.is_some();
            let configured =
                || config.filter(|_| may_have_run).map_or_else(Vec::new, |config| config.places(task, name));
            let places = given.map_or_else(configured, |place| vec![place]);
            let records = Records::of(task, record, config);
            let is_routed = config.is_some_and(LogConfig::is_firelens);
            let (container, task_id) = (name.to_owned(), task.id.clone());
            (!places.is_empty()).then_some(LogSearch { container, places, records, is_routed, task_id, window })
        });
        found.collect()
    }

    /// The log from the first place that there is.
    async fn read_first(&self, aws: &Aws, own: &Region, search: &LogSearch) -> Result<ContainerLog, AwsError> {
        let mut refused = None;
        for place in &search.places {
            match self.read_one(aws, &region_of(place, own), search, place).await {
                Ok(log) => {
                    let (group, stream) = (Some(place.group.clone()), Some(place.stream.clone()));
                    return Ok(ContainerLog { group, stream, ..log });
                }
                Err(error) if is_missing(&error) => refused = refused.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        refused.map_or_else(|| Ok(ContainerLog::default()), Err)
    }

    /// Asks the end of the log for all the lines that are wanted. Fewer: that is all. Else the first quarter of what is
    /// kept comes from the log's start.
    async fn read_one(
        &self,
        aws: &Aws,
        region: &Region,
        search: &LogSearch,
        place: &LogPlace,
    ) -> Result<ContainerLog, AwsError> {
        let from = |from_head, wanted| self.lines_from(aws, region, search, place, from_head, wanted);
        let tail = from(false, self.lines).await?;
        if tail.events.len() < self.lines && !tail.gave_up {
            return Ok(ContainerLog { head: lines(tail.events), ..Default::default() });
        }
        let head_share = head_share(self.lines);
        let tail_begins = tail.events.first().and_then(|first| first.timestamp);
        let mut unkept = tail.events;
        let kept = unkept.split_off((unkept.len() + head_share).saturating_sub(self.lines));
        let mut head = from(true, head_share).await?.events;
        if head == unkept && !tail.gave_up {
            // Exactly as many lines as are wanted: the start of the log is the start of what its end gave.
            return Ok(ContainerLog { head: lines(unkept.into_iter().chain(kept)), ..Default::default() });
        }
        if let (true, Some(first)) = (tail.gave_up, tail_begins) {
            // The two searches may have met.
            head.retain(|event| event.timestamp.is_some_and(|at| at < first));
        }
        Ok(ContainerLog {
            head: lines(head),
            tail: lines(kept),
            dropped: unkept.len() as u64,
            unread: true,
            ..Default::default()
        })
    }

    /// Up to `wanted` events from one end, in the order of time. Pages may be short and even empty; the end is the same
    /// token twice. Of a stream that others share, what they wrote is passed over.
    async fn lines_from(
        &self,
        aws: &Aws,
        region: &Region,
        search: &LogSearch,
        place: &LogPlace,
        from_head: bool,
        wanted: usize,
    ) -> Result<Lines, AwsError> {
        let is_shared = search.is_shared(place);
        let mut found: Vec<OutputLogEvent> = vec![];
        let mut token: Option<String> = None;
        let mut pages = 0;
        while found.len() < wanted {
            if is_shared && pages == MOST_SHARED_PAGES {
                return Ok(Lines { events: found, gave_up: true });
            }
            pages += 1;
            let limit = if is_shared { PAGE } else { (wanted - found.len()).min(PAGE) };
            let (start, end) = if is_shared { search.window } else { (None, None) };
            let request = aws.logs(region).get_log_events().start_from_head(from_head).limit(page_size(limit));
            let request = request.set_start_time(start).set_end_time(end);
            let page = self.page(request, place, token.clone()).await?;
            let next = if from_head { page.next_forward_token } else { page.next_backward_token };
            let mut events = page.events.unwrap_or_default();
            events.retain(|event| search.is_own(event));
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
        let over = found.len().saturating_sub(wanted);
        if from_head {
            found.truncate(wanted);
        } else {
            found.drain(..over);
        }
        Ok(Lines { events: found, gave_up: false })
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
        // A group of another account has no name here.
        let request = match group_arn(place) {
            Some(arn) => request.log_group_identifier(arn),
            None => request.log_group_name(&place.group),
        };
        let request = request.log_stream_name(&place.stream).set_next_token(token);
        let attempt = || format!("read log stream {} of group {}", place.stream, place.group);
        request.send().await.map_err(|error| AwsError::from_sdk("logs:GetLogEvents", attempt(), &error))
    }

    /// All lines of a log until now, from its start. Without an end forward paging might never come to one.
    pub(super) async fn whole(
        &self,
        aws: &Aws,
        own: &Region,
        search: &LogSearch,
        pages: mpsc::Sender<Result<Vec<LogLine>, AwsError>>,
    ) {
        let now = i64::try_from(Time::from(SystemTime::now()).unix_millis()).unwrap_or(i64::MAX).saturating_add(1);
        let mut places = search.places.iter().peekable();
        while let Some(place) = places.next() {
            let region = region_of(place, own);
            let (start, end) = if search.is_shared(place) { search.window } else { (None, None) };
            let end = end.map_or(now, |end| end.min(now));
            let mut token: Option<String> = None;
            loop {
                // Room first, so that one page at most waits while another is being used. Or nobody listens any more: the run has ended.
                let Ok(room) = pages.reserve().await else { return };
                let request = aws.logs(&region).get_log_events().start_from_head(true).limit(page_size(PAGE));
                let request = request.set_start_time(start).end_time(end);
                let (read, next) = match self.page(request, place, token.clone()).await {
                    Ok(page) => {
                        let mut events = page.events.unwrap_or_default();
                        events.retain(|event| search.is_own(event));
                        (Ok(lines(events)), page.next_forward_token)
                    }
                    Err(error) if is_missing(&error) && places.peek().is_some() => break,
                    Err(error) => (Err(error), None),
                };
                if !read.as_ref().is_ok_and(Vec::is_empty) {
                    room.send(read);
                }
                if next.is_none() || next == token {
                    return;
                }
                token = next;
            }
        }
    }

    /// Begins to read a whole log; `read` does it.
    pub(super) fn begin(
        search: LogSearch,
        read: impl FnOnce(LogSearch, mpsc::Sender<Result<Vec<LogLine>, AwsError>>) -> BoxFuture<'static, ()>,
    ) -> WholeLog {
        let (sender, pages) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        let (container, records) = (search.container.clone(), search.records.clone());
        let place = search.places.first();
        let (group, stream) = place.map(|place| (place.group.clone(), place.stream.clone())).unwrap_or_default();
        reading.spawn(read(search, sender));
        WholeLog { container, group, stream, pages, records, _reading: reading }
    }
}

/// The region that a place names, in its group's ARN first.
fn region_of(place: &LogPlace, own: &Region) -> Region {
    let of_group = Arn::parse(&place.group).map(|arn| arn.region.to_owned()).filter(|region| !region.is_empty());
    // An ARN is known in its own region alone.
    of_group.or_else(|| place.region.clone()).map_or_else(|| own.clone(), Region::new)
}

/// The ARN of a group that is given by it: as the API wants it, without the `:*` that some answers end it with.
fn group_arn(place: &LogPlace) -> Option<&str> {
    place.group.starts_with("arn:").then(|| place.group.strip_suffix(":*").unwrap_or(&place.group))
}

fn page_size(events: usize) -> i32 {
    i32::try_from(events).unwrap_or(i32::MAX)
}

fn is_missing(error: &AwsError) -> bool {
    error.code() == Some("ResourceNotFoundException")
}

fn missing_hint(error: &AwsError) -> Option<String> {
    is_missing(error).then(|| {
        "the container may have written nothing, or the log group is another one: --log-stream CONTAINER=GROUP:STREAM".to_owned()
    })
}

/// The texts are moved, not copied: whole logs go through it.
fn lines(events: impl IntoIterator<Item = OutputLogEvent>) -> Vec<LogLine> {
    let line = |event: OutputLogEvent| {
        let time = Time::from_unix_millis(u64::try_from(event.timestamp?).ok()?)?;
        let observed = event.ingestion_time.and_then(|millis| Time::from_unix_millis(u64::try_from(millis).ok()?));
        let mut message = event.message.unwrap_or_default();
        message.truncate(without_line_end(&message).len());
        Some(LogLine { time, observed, message, origin: None })
    };
    events.into_iter().filter_map(line).collect()
}
