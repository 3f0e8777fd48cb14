//! What ECS has forgotten, from a log group that keeps its events: event capture's, or any that an EventBridge rule writes to. Adds to
//! [`EcsSource`]; main types: [`HistoryChoice`], [`Recalled`], [`Past`].
//!
//! A line is read as a saved event is. Of a task its last event says all: the newest lines are looked for first, and of a window only
//! events of tasks that have stopped. docs/history.md says which call is made when, and what it costs.

mod filter;
mod groups;
mod insights;
pub(super) mod kept;
mod lines;
mod missing;
pub(super) mod none;
mod pattern;
mod said;
mod settling;
mod window;

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use aws_config::Region;
use futures::StreamExt;
use serde_json::Value;

use self::filter::{Line, Span};
pub(super) use self::groups::CAPTURED;
use self::groups::before;
use self::kept::Group;
use super::aws::AwsError;
use super::ecs::EcsSource;
use super::target::is_whole_id;
use crate::model::Time;
use crate::model::arn::last_part;
use crate::model::merge::by_task;
use crate::model::observation::{Observation, TaskRecord};

pub use self::kept::{HistoryChoice, Recalled};
pub use self::none::NoHistory;
pub use self::said::PastActions;
pub use self::window::{Past, PastTasks};

/// Parts of a group that are searched at once.
const CONCURRENT: usize = 4;
const DAY: Duration = Duration::from_secs(86_400);

impl EcsSource {
    /// A task that ECS does not know, from history; else what ECS said, and why history does not help.
    pub(super) async fn recall(
        &self,
        region: &Region,
        cluster: Option<&str>,
        error: AwsError,
        now: Time,
    ) -> Result<(TaskRecord, Recalled), AwsError> {
        let (task, gone) = match &error {
            AwsError::NoSuchTask { task, .. } => (task.clone(), None),
            AwsError::NoCluster { task: Some(task), cluster, .. } => (task.clone(), Some(cluster.clone())),
            _ => return Err(error),
        };
        if self.history.choice == HistoryChoice::Off {
            return Err(error);
        }
        let groups = match self.groups(region, cluster, now).await {
            Ok(groups) => groups,
            // It may be that no id begins so at all.
            Err(NoHistory::NoGroup { is_named: false, .. }) if gone.is_none() && !is_whole_id(last_part(&task)) => {
                return Err(error);
            }
            Err(why) => return Err(error.and_no_history(why)),
        };
        // A pattern tells small letters from large ones. Ids have small ones, but where somebody has written over them.
        let (id, asked) = (last_part(&task), &groups);
        let small = &id.to_ascii_lowercase();
        let searches = groups.iter().map(|group| async move {
            match self.search_group(group, cluster, id, now).await {
                Ok(None) if id != small => self.search_group(group, cluster, small, now).await,
                found => found,
            }
        });
        let answers = futures::future::join_all(searches).await;
        let (mut found, mut why) = (vec![], None);
        for (group, answer) in asked.iter().zip(answers) {
            match answer {
                Ok(Some((tasks, events))) => found.extend(tasks.into_iter().map(|task| (task, group, events))),
                Ok(None) => {}
                Err(error) => why = Some(error),
            }
        }
        match found.len() {
            0 => Err(error.and_no_history(why.unwrap_or_else(|| NoHistory::NotInIt {
                groups: groups.iter().map(|group| group.name.clone()).collect(),
                begins: groups.iter().map(|group| group.begins).min().flatten(),
            }))),
            1 => {
                let (task, group, events) = found.remove(0);
                Ok((task, Recalled { group: group.name.clone(), events, gone }))
            }
            _ => {
                let name = |task: &TaskRecord| match task.cluster_name() {
                    Some(cluster) => format!("{cluster}/{}", task.id),
                    None => task.id.clone(),
                };
                Err(AwsError::ManyTasks {
                    begin: id.to_owned(),
                    tasks: found.iter().map(|(task, ..)| name(task)).collect(),
                })
            }
        }
    }

    /// The tasks of a group whose ids begin so, and how many events there are of them. The newest part of the group is searched first, and
    /// where something is found, what is older adds nothing.
    async fn search_group(
        &self,
        group: &Group,
        cluster: Option<&str>,
        id: &str,
        now: Time,
    ) -> Result<Option<(Vec<TaskRecord>, usize)>, NoHistory> {
        let pattern = pattern::of_task(id);
        let parts = backwards(now, group.begins);
        let searches: Vec<_> = parts.into_iter().map(|span| self.all_filtered(group, &pattern, span)).collect();
        let mut searches = futures::stream::iter(searches).buffered(CONCURRENT);
        let mut broken = None;
        while let Some(lines) = searches.next().await {
            let lines = match lines {
                Ok(lines) => lines,
                Err(error) => return Err(self.about_group(NoHistory::Unread(error), group, cluster).await),
            };
            let mut records = vec![];
            for line in &lines {
                let said = lines::said(&group.name, line);
                let is_own = |task: &TaskRecord| task.id.to_lowercase().starts_with(&id.to_lowercase());
                let own: Vec<_> = said.tasks.into_iter().filter(is_own).collect();
                if !own.is_empty() {
                    self.keep(line);
                }
                records.extend(own);
                broken = broken.or_else(|| said.errors.first().map(ToString::to_string));
            }
            if records.is_empty() {
                continue;
            }
            let changes: HashSet<_> =
                records.iter().map(|record| (record.id.clone(), record.version, record.last_status.clone())).collect();
            let observations = records.into_iter().map(|record| Observation::Task(Box::new(record))).collect();
            let tasks = by_task(observations).0.into_iter().map(|observed| observed.task).collect();
            return Ok(Some((tasks, changes.len())));
        }
        match broken {
            Some(first) => Err(NoHistory::Broken { group: group.name.clone(), first }),
            None => Ok(None),
        }
    }

    /// A line that says something goes into the bundle.
    fn keep(&self, line: &Line) {
        if self.options.record
            && let Ok(event) = serde_json::from_str::<Value>(&line.message)
        {
            self.bundle.lock().unwrap_or_else(PoisonError::into_inner).push("event", &event);
        }
    }
}

/// The parts of a group's time, the newest first, each as long as all before it: most of what is asked for stopped lately.
fn backwards(now: Time, begins: Option<Time>) -> Vec<Span> {
    const PARTS: u32 = 9;
    let mut parts = vec![];
    let (mut until, mut length) = (None, DAY);
    for part in 0..PARTS {
        let from = before(now, length);
        let is_last = part + 1 == PARTS || begins.is_some_and(|begins| from <= begins);
        parts.push(Span { from: Some(from).filter(|_| !is_last), until });
        if is_last {
            break;
        }
        (until, length) = (Some(from), length * 2);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_groups_time_meet_and_reach_as_far_as_it_does() {
        let now = Time::from_unix_nanos(1_795_435_100_000_000_000);
        for days in [0, 1, 7, 30, 3_650] {
            let parts = backwards(now, Some(before(now, DAY * days)));
            assert_eq!(parts.first().and_then(|part| part.until), None);
            assert_eq!(parts.last().and_then(|part| part.from), None);
            assert!(parts.windows(2).all(|two| two[0].from.is_some() && two[0].from == two[1].until), "{parts:?}");
        }
        assert_eq!(backwards(now, Some(before(now, DAY * 7))).len(), 4);
        assert_eq!(backwards(now, None).len(), 9);
    }
}
