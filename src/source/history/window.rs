//! The tasks that stopped in a window of time, as they are read: few are held, however many there are. Main types: [`PastTasks`], [`Past`].

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::filter::{Page, Span};
use super::groups::before;
use super::kept::{Group, HistoryChoice};
use super::none::NoHistory;
use super::settling::Settling;
use super::{CONCURRENT, DAY, insights, lines, pattern};
use crate::model::Time;
use crate::model::observation::TaskRecord;
use crate::source::ecs::EcsSource;
use crate::source::error::ReadError;
use crate::source::select::{Selection, StatusFilter};

/// So long ECS remembers for certain a task that has stopped.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// A window is searched in so many parts, of a day at most and an hour at least.
const PARTS: u32 = 28;

/// From so many bytes on a filter takes minutes, and a query pays: it is charged by what it looks through.
const LARGE: u64 = 512 * 1024 * 1024;

/// How a group is searched.
#[derive(Debug)]
struct Search {
    pattern: String,
    /// By a query of Logs Insights, where that pays.
    query: Option<String>,
}

/// What history tells next of a window.
#[derive(Debug)]
pub struct Past {
    /// The group that keeps it.
    pub group: String,
    /// The group's region, and that of its tasks.
    pub region: Region,
    /// Tasks that have stopped, each as its last event has it.
    pub tasks: Vec<TaskRecord>,
    /// All is told that was written by then.
    pub covered: Time,
    /// It goes no further back, though more was asked for.
    pub begins: Option<Time>,
    /// Lines that were to be events and cannot be read.
    pub errors: Vec<ReadError>,
}

/// The tasks of a window, read while they are used.
#[derive(Debug)]
pub struct PastTasks {
    /// Where the window begins.
    pub from: Time,
    /// Where it ends.
    pub until: Time,
    /// Nobody has named the group.
    pub is_guessed: bool,
    told: mpsc::Receiver<Result<Past, NoHistory>>,
    /// Ends when this is dropped.
    _reading: JoinSet<()>,
}

impl PastTasks {
    /// What is told next; after an error nothing more.
    pub async fn next(&mut self) -> Option<Result<Past, NoHistory>> {
        self.told.recv().await
    }
}

impl EcsSource {
    /// From when on history is to be read for a selection; `None` where ECS remembers all that is asked for, or history is not wanted.
    pub fn past_from(&self, selection: &Selection, now: Time) -> Option<Time> {
        let knows_some = !matches!(selection.status, StatusFilter::Pending | StatusFilter::Running);
        // Those of before a time in the past are of any age.
        let is_past = selection.created_until.is_some_and(|until| now.since(until) > REMEMBERED);
        let since = selection.created_since.or_else(|| is_past.then_some(Time::from_unix_nanos(0)));
        let since = since.filter(|since| now.since(*since) > REMEMBERED);
        match &self.history.choice {
            HistoryChoice::Off => None,
            HistoryChoice::Auto => since.filter(|_| knows_some),
            HistoryChoice::Group(_) => {
                Some(selection.created_since.unwrap_or(Time::from_unix_nanos(0))).filter(|_| knows_some)
            }
        }
    }

    /// Whether history may be asked.
    pub fn has_history(&self) -> bool {
        self.history.choice != HistoryChoice::Off
    }

    /// Whether somebody has said which group keeps events.
    pub const fn has_named_history(&self) -> bool {
        matches!(self.history.choice, HistoryChoice::Group(_))
    }

    /// The selected tasks that history knows from a time on, but for those that are `known` (ids in lower case).
    pub fn past(self: &Arc<Self>, selection: &Selection, from: Time, known: HashSet<String>, now: Time) -> PastTasks {
        let (sender, told) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        let (source, selection) = (self.clone(), selection.clone());
        reading.spawn(async move {
            if let Err(error) = source.tell_past(&selection, from, known, now, &sender).await {
                // Nobody listens any more: the run has ended.
                let _ = sender.send(Err(error)).await;
            }
        });
        let is_guessed = self.history.choice == HistoryChoice::Auto;
        PastTasks { from, until: now, is_guessed, told, _reading: reading }
    }

    async fn tell_past(
        self: &Arc<Self>,
        selection: &Selection,
        from: Time,
        known: HashSet<String>,
        now: Time,
        told: &mpsc::Sender<Result<Past, NoHistory>>,
    ) -> Result<(), NoHistory> {
        let region = self.region(None).map_err(NoHistory::Unread)?;
        let cluster = Some(selection.cluster.as_str());
        let groups = self.groups(&region, cluster, now).await?;
        let mut settling = Settling::without(known);
        for group in groups {
            // Who asks for all there is knows that it ends somewhere, and who asks for as much as is kept gets it.
            let is_short =
                |begins: &Time| selection.created_since.is_some_and(|since| since.plus(REMEMBERED) < *begins);
            let begins = group.begins.filter(is_short);
            let from = group.begins.map_or(from, |begins| begins.max(from));
            let query = (group.bytes_since(from, now) >= LARGE).then(|| insights::of_stopped(selection));
            let search = Search { pattern: pattern::of_stopped(selection), query };
            let mut pages = std::pin::pin!(self.pages_of(&group, search, from, now));
            while let Some((page, covered)) = pages.next().await {
                let page = match page {
                    Ok(page) => page,
                    Err(error) => return Err(self.about_group(error, &group, cluster).await),
                };
                let mut errors = vec![];
                for line in &page.lines {
                    let said = lines::said(&group.name, line);
                    errors.extend(said.errors);
                    for task in said.tasks.into_iter().filter(|task| selection.takes_past(task)) {
                        self.keep(line);
                        settling.take(line.time, task);
                    }
                }
                let tasks = settling.settled(covered);
                let past = Past { group: group.name.clone(), region: region.clone(), tasks, covered, begins, errors };
                if told.send(Ok(past)).await.is_err() {
                    return Ok(());
                }
            }
            let past = Past {
                group: group.name.clone(),
                region: region.clone(),
                tasks: settling.rest(),
                covered: now,
                begins,
                errors: vec![],
            };
            let _ = told.send(Ok(past)).await;
        }
        Ok(())
    }

    /// The pages of a window in the order of time, each with how far that is; the next parts of the window are asked for meanwhile.
    fn pages_of(
        self: &Arc<Self>,
        group: &Group,
        search: Search,
        from: Time,
        until: Time,
    ) -> impl Stream<Item = (Result<Page, NoHistory>, Time)> + use<> {
        let (source, group, search) = (self.clone(), Arc::new(group.clone()), Arc::new(search));
        let parts = stream::iter(forwards(from, until)).map(move |span| {
            let (sender, pages) = mpsc::channel(1);
            let (source, group, search) = (source.clone(), group.clone(), search.clone());
            let mut reading = JoinSet::new();
            reading.spawn(async move { source.tell_pages(&group, &search, span, &sender).await });
            let pages = stream::unfold((pages, reading), |(mut pages, reading)| async move {
                Some((pages.recv().await?, (pages, reading)))
            });
            std::future::ready(pages)
        });
        parts.buffered(CONCURRENT).flatten()
    }

    async fn tell_pages(
        &self,
        group: &Group,
        search: &Search,
        span: Span,
        pages: &mpsc::Sender<(Result<Page, NoHistory>, Time)>,
    ) {
        let end = |span: Span| span.until.unwrap_or(Time::from_unix_nanos(0));
        if let Some(query) = &search.query {
            match self.queried(group, query, span).await {
                // Whoever may not query may still filter.
                Err(NoHistory::Unread(error)) if error.code() == Some("AccessDeniedException") => {}
                found => {
                    let _ = pages.send((found.map(|lines| Page { lines, next: None }), end(span))).await;
                    return;
                }
            }
        }
        let (mut token, mut covered) = (None, span.from.unwrap_or(Time::from_unix_nanos(0)));
        loop {
            let page = self.filtered(group, &search.pattern, span, token).await.map_err(NoHistory::Unread);
            token = page.as_ref().ok().and_then(|page| page.next.clone());
            let last = page.as_ref().ok().and_then(|page| page.lines.last()).map(|line| line.time);
            covered = if token.is_none() { end(span) } else { last.map_or(covered, |last| last.max(covered)) };
            // Nobody listens any more: the run has ended.
            if pages.send((page, covered)).await.is_err() || token.is_none() {
                return;
            }
        }
    }
}

/// The parts of a window in the order of time. What lies between two is in both.
fn forwards(from: Time, until: Time) -> Vec<Span> {
    let hour = DAY / 24;
    let length = (until.since(from) / PARTS).clamp(hour, DAY);
    let mut parts = vec![];
    let mut end = until;
    // Who asks for all that a group has ever kept asks once for what is older than most groups keep.
    for _ in 0..PARTS * 14 {
        let begin = before(end, length).max(from);
        parts.push(Span { from: Some(begin), until: Some(end) });
        if begin == from {
            break;
        }
        end = begin;
    }
    if let Some(oldest) = parts.last_mut() {
        oldest.from = Some(from);
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_window_meet_and_fill_it() {
        let until = Time::from_unix_nanos(1_795_435_100_000_000_000);
        for (hours, count) in [(1, 1), (3, 3), (7 * 24, 28), (30 * 24, 30), (365 * 24, 365), (400 * 24, 392)] {
            let from = before(until, DAY / 24 * hours);
            let parts = forwards(from, until);
            assert_eq!(parts.len(), count);
            assert_eq!((parts[0].from, parts[count - 1].until), (Some(from), Some(until)));
            assert!(parts.windows(2).all(|two| two[0].until == two[1].from));
        }
        assert_eq!(forwards(Time::from_unix_nanos(0), until)[0].from, Some(Time::from_unix_nanos(0)));
    }
}
