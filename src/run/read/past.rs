//! What ECS has forgotten, beside what it knows: told where it is from, and each task once. Main functions: [`add`], [`observed`].

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use jiff::tz::TimeZone;
use tokio::time::{Instant, interval_at, sleep_until};

use super::unread::{self, ToRead};
use super::{Course, Reading};
use crate::hint::Hint;
use crate::model::Time;
use crate::model::merge::TaskObservations;
use crate::model::observation::TaskRecord;
use crate::render::moment;
use crate::run::notice::{Notice, Teller};
use crate::source::aws::{AwsError, Region};
use crate::source::ecs::EcsSource;
use crate::source::history::{NoHistory, Past, PastTasks, Recalled};
use crate::source::select::Selection;

/// Tasks of which more is asked at once.
const CONCURRENT: usize = 8;
/// A search is told about this often.
const TELL: Duration = Duration::from_secs(10);

/// Waits for what is looked for, and tells that it is being waited for.
pub(in crate::run) async fn patiently<T>(found: impl Future<Output = T>, tasks: usize, notices: &Teller) -> T {
    let mut found = std::pin::pin!(found);
    let begin = Instant::now();
    let mut ticks = interval_at(begin + TELL, TELL);
    loop {
        tokio::select! {
            found = &mut found => return found,
            _ = ticks.tick() => notices.tell(&Notice::LooksForTasks { tasks, waited: begin.elapsed() }),
        }
    }
}

/// Where the facts of a task came from.
pub(in crate::run) fn recalled(task: &TaskRecord, recalled: &Recalled) -> Notice {
    Notice::Recalled {
        task: unread::name(task),
        group: recalled.group.clone(),
        events: recalled.events,
        status: task.last_status.clone().filter(|_| !task.is_stopped()),
        gone: recalled.gone.clone(),
    }
}

/// What is selected and ECS does not know; `tasks` are those that it knows, the first of them named. Where only the newest are wanted, they are
/// put among them.
pub(super) async fn add(
    mut past: PastReader,
    selection: &Selection,
    tasks: &mut Vec<(Region, TaskRecord)>,
    named: usize,
    to_read: &Mutex<ToRead>,
) -> Option<PastReader> {
    let Some(limit) = selection.limit else {
        to_read.lock().unwrap_or_else(PoisonError::into_inner).read_past(Some(past.told.from));
        return Some(past);
    };
    let mut selected = tasks.split_off(named.min(tasks.len()));
    while let Some(page) = past.next().await {
        newest(&mut selected, page, limit);
    }
    tasks.extend(selected);
    None
}

/// The selected tasks, the newest first: those that ECS knows and those that it has forgotten. What could not be read is in the course.
pub async fn list(
    aws: &Arc<EcsSource>,
    selection: &Selection,
    now: Time,
    course: &Arc<Course>,
) -> Result<Vec<TaskRecord>, AwsError> {
    let reading = Reading::begin(course);
    let (mut tasks, past) = known(aws, selection, now, course, &reading).await?;
    if let Some(mut past) = past {
        while let Some(page) = past.next().await {
            page.tasks.iter().for_each(|_| reading.advance());
            newest(&mut tasks, page, selection.limit.unwrap_or(usize::MAX));
        }
    }
    drop(reading);
    Ok(tasks.into_iter().map(|(_, task)| task).collect())
}

/// Each of the selected tasks, those that ECS knows and then those that it has forgotten as they are read: few are held.
pub(in crate::run) async fn each(
    aws: &Arc<EcsSource>,
    selection: &Selection,
    now: Time,
    course: &Arc<Course>,
    mut take: impl FnMut(TaskRecord),
) -> Result<(), AwsError> {
    if selection.limit.is_some() {
        list(aws, selection, now, course).await?.into_iter().for_each(take);
        return Ok(());
    }
    let reading = Reading::begin(course);
    let (tasks, past) = known(aws, selection, now, course, &reading).await?;
    tasks.into_iter().for_each(|(_, task)| take(task));
    let mut pages = std::pin::pin!(stream::iter(past).flat_map(PastReader::pages));
    while let Some(page) = pages.next().await {
        page.tasks.iter().for_each(|_| reading.advance());
        page.tasks.into_iter().for_each(&mut take);
    }
    Ok(())
}

/// The selected tasks that ECS knows, and where to read of the others.
async fn known(
    aws: &Arc<EcsSource>,
    selection: &Selection,
    now: Time,
    course: &Arc<Course>,
    reading: &Reading,
) -> Result<(Vec<(Region, TaskRecord)>, Option<PastReader>), AwsError> {
    let selected = aws.select(selection, &|more| (0..more).for_each(|_| reading.advance())).await;
    let (mut tasks, mut absent) = (vec![], None);
    match selected {
        Ok((region, answers)) => {
            for answer in answers {
                match answer {
                    Ok(task) => tasks.push((region.clone(), task)),
                    Err(error) => course.lose_to_aws(&error),
                }
            }
        }
        Err(error) if is_of_the_past(&error, aws, selection, now) => absent = Some(error),
        Err(error) => return Err(error),
    }
    let past = PastReader::begin(aws, selection, &tasks, now, absent, course);
    Ok((tasks, past))
}

/// Whether a service or a cluster is not there any more whose tasks may be in history.
pub(super) fn is_of_the_past(error: &AwsError, aws: &EcsSource, selection: &Selection, now: Time) -> bool {
    matches!(error, AwsError::NoSuchService { .. } | AwsError::NoCluster { .. })
        && aws.past_from(selection, now).is_some()
}

/// Puts tasks among others and keeps the newest, these first.
fn newest(tasks: &mut Vec<(Region, TaskRecord)>, more: Past, limit: usize) {
    let Past { region, tasks: more, .. } = more;
    tasks.extend(more.into_iter().map(|task| (region.clone(), task)));
    tasks.sort_by_key(|(_, task)| Reverse((task.times.created, task.id.clone())));
    tasks.truncate(limit);
}

/// The tasks of history with all else about them, a few at once, in the order in which they stopped.
pub(super) fn observed(
    aws: Arc<EcsSource>,
    past: Option<PastReader>,
    to_read: Arc<Mutex<ToRead>>,
) -> impl Stream<Item = TaskObservations> {
    let pages = stream::iter(past).flat_map(PastReader::pages);
    let tasks =
        pages.flat_map(|Past { region, tasks, .. }| stream::iter(tasks).map(move |task| (region.clone(), task)));
    let observed = tasks.map(move |(region, task)| {
        let aws = aws.clone();
        async move { Some(aws.observe_one(&region, task).await) }
    });
    let end = stream::once(std::future::ready(None));
    observed.buffered(CONCURRENT).chain(end).filter_map(move |observed| {
        let until = observed.as_ref().and_then(|observed| observed.task.times.stopped);
        to_read.lock().unwrap_or_else(PoisonError::into_inner).read_past(until);
        std::future::ready(observed)
    })
}

/// History of what is selected, told of while it is read.
#[derive(Debug)]
pub(in crate::run) struct PastReader {
    told: PastTasks,
    course: Arc<Course>,
    /// The service or the cluster is not there any more; that is an error where history does not know it either.
    absent: Option<AwsError>,
    tasks: usize,
    group: String,
    begins: Option<Time>,
    covered: Option<Time>,
    /// So long nothing new has come, and so often that was told.
    waited: Duration,
    times_told: u32,
}

impl PastReader {
    /// Where history reaches further back than ECS: what it knows of the selection, without the tasks that ECS knows.
    pub(super) fn begin(
        aws: &Arc<EcsSource>,
        selection: &Selection,
        tasks: &[(Region, TaskRecord)],
        now: Time,
        absent: Option<AwsError>,
        course: &Arc<Course>,
    ) -> Option<Self> {
        let from = aws.past_from(selection, now)?;
        let known = tasks.iter().map(|(_, task)| task.id.to_lowercase()).collect();
        Some(Self { absent, ..Self::new(aws.past(selection, from, known, now), course.clone()) })
    }

    pub(in crate::run) fn new(told: PastTasks, course: Arc<Course>) -> Self {
        Self {
            told,
            course,
            absent: None,
            tasks: 0,
            group: String::new(),
            begins: None,
            covered: None,
            waited: Duration::ZERO,
            times_told: 0,
        }
    }

    /// All that it tells.
    pub(in crate::run) fn pages(self) -> impl Stream<Item = Past> {
        stream::unfold(self, |mut past| async move { Some((past.next().await?, past)) })
    }

    /// What history says next; what goes wrong with it is told, and how many tasks there were.
    async fn next(&mut self) -> Option<Past> {
        match self.page().await {
            Some(Ok(page)) => {
                for error in &page.errors {
                    self.course.lose_one_of(&format!("{}: broken", page.group), error.to_string(), error.hint());
                }
                self.tasks += page.tasks.len();
                self.group.clone_from(&page.group);
                (self.covered, self.begins) = (Some(page.covered), page.begins);
                self.course.tell(&Notice::PastCovered {
                    at: page.covered,
                    from: self.told.from,
                    until: self.told.until,
                });
                return Some(page);
            }
            // Neither has anything of it: that is one error.
            Some(Err(error @ NoHistory::NoGroup { .. })) if self.has_no_cluster() => {
                self.absent = self.absent.take().map(|absent| absent.and_no_history(error));
            }
            // Who has not asked for history by its name is told where it would be.
            Some(Err(error @ NoHistory::NoGroup { .. })) if self.told.is_guessed => {
                self.course.tell(&Notice::NoPast { error: error.to_string(), hint: error.hint() });
            }
            Some(Err(error)) => {
                let covered = self.covered.map_or(String::new(), |covered| {
                    format!("history is read only to {}: ", moment::spaced(covered, &TimeZone::UTC))
                });
                self.course.lose(format!("{covered}{error}"), error.hint());
            }
            None => {}
        }
        let absent = self.absent.take();
        if self.covered.is_some() {
            self.course.tell(&Notice::PastRead {
                tasks: self.tasks,
                group: self.group.clone(),
                begins: self.begins,
                absent: absent.as_ref().filter(|_| self.tasks > 0).map(ToString::to_string),
            });
        }
        if let Some(error) = absent.filter(|_| self.tasks == 0) {
            self.course.lose_to_aws(&error);
        }
        None
    }

    /// The next page. Empty ones are no news, however many come.
    async fn page(&mut self) -> Option<Result<Past, NoHistory>> {
        let begin = Instant::now();
        let page = loop {
            let due = begin + (TELL * (self.times_told + 1)).saturating_sub(self.waited);
            tokio::select! {
                biased;
                () = sleep_until(due) => {
                    self.times_told += 1;
                    let waited = self.waited + begin.elapsed();
                    self.course.tell(&Notice::LooksInPast { covered: self.covered, waited });
                }
                page = self.told.next() => break page,
            }
        };
        let is_news = |page: &Past| !page.tasks.is_empty() || self.covered.is_none_or(|covered| page.covered > covered);
        match &page {
            Some(Ok(page)) if !is_news(page) => self.waited += begin.elapsed(),
            _ => (self.waited, self.times_told) = (Duration::ZERO, 0),
        }
        page
    }

    const fn has_no_cluster(&self) -> bool {
        matches!(self.absent, Some(AwsError::NoCluster { .. }))
    }
}
