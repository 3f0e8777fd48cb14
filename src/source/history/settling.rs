//! Each task of a window once, as its last event has it. Pure. Main type: [`Settling`].
//!
//! Rules may write an event twice, EventBridge sends it at least once, and ECS may add something to a task that has stopped: so each is
//! held until nothing more is to come, and its id remembered as long as EventBridge tries.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::model::Time;
use crate::model::merge::by_task;
use crate::model::observation::{Observation, TaskRecord};

/// So long a task that has stopped may still change.
const SETTLE: Duration = Duration::from_secs(300);
/// So long EventBridge tries to deliver an event.
const TRIED: Duration = Duration::from_secs(86_400);

/// Holds tasks back until they are settled.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Those that somebody else tells of.
    known: HashSet<String>,
    held: BTreeMap<(Time, String), TaskRecord>,
    at: HashMap<String, Time>,
    /// Those that were handed on: lately, and before that.
    handed: [HashSet<String>; 2],
    turned: Option<Time>,
}

impl Settling {
    /// All but those that are known.
    pub(super) fn without(known: HashSet<String>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Takes a record that was written at a time.
    pub(super) fn take(&mut self, at: Time, record: TaskRecord) {
        let id = record.id.to_lowercase();
        if self.known.contains(&id) || self.handed.iter().any(|handed| handed.contains(&id)) {
            return;
        }
        let first = *self.at.entry(id.clone()).or_insert(at);
        let key = (first, id);
        let record = match self.held.remove(&key) {
            None => record,
            Some(held) => better(held, record),
        };
        self.held.insert(key, record);
    }

    /// Those of which nothing more is to come when all is read that was written by then, in the order in which they stopped.
    pub(super) fn settled(&mut self, by: Time) -> Vec<TaskRecord> {
        let mut settled = vec![];
        while let Some(first) = self.held.first_entry().filter(|first| by.since(first.key().0) >= SETTLE) {
            let ((_, id), record) = first.remove_entry();
            self.at.remove(&id);
            self.handed[0].insert(id);
            settled.push(record);
        }
        if self.turned.is_none_or(|turned| by.since(turned) >= TRIED) {
            self.turned = Some(by);
            self.handed[1] = std::mem::take(&mut self.handed[0]);
        }
        settled
    }

    /// All that are left.
    pub(super) fn rest(&mut self) -> Vec<TaskRecord> {
        self.at.clear();
        std::mem::take(&mut self.held).into_values().collect()
    }
}

/// The one of two records of a task that counts.
fn better(held: TaskRecord, other: TaskRecord) -> TaskRecord {
    let first = held.clone();
    let both = [held, other].map(|record| Observation::Task(Box::new(record)));
    by_task(both.into()).0.into_iter().next().map_or(first, |joined| joined.task)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, version: u64) -> TaskRecord {
        TaskRecord { id: id.to_owned(), version: Some(version), ..TaskRecord::default() }
    }

    fn at(seconds: u64) -> Time {
        Time::from_unix_nanos((1_000_000 + seconds) * 1_000_000_000)
    }

    fn told(records: Vec<TaskRecord>) -> Vec<(String, Option<u64>)> {
        records.into_iter().map(|record| (record.id, record.version)).collect()
    }

    #[test]
    fn a_task_is_handed_on_once_as_its_last_event_has_it() {
        let mut settling = Settling::without(HashSet::from(["known".to_owned()]));
        settling.take(at(0), record("a", 8));
        settling.take(at(0), record("known", 8));
        settling.take(at(10), record("b", 3));
        settling.take(at(20), record("a", 9));
        settling.take(at(20), record("a", 8));
        assert!(settling.settled(at(299)).is_empty());
        assert_eq!(told(settling.settled(at(300))), [("a".to_owned(), Some(9))]);
        settling.take(at(400), record("A", 9));
        assert_eq!(told(settling.settled(at(500))), [("b".to_owned(), Some(3))]);
        assert!(settling.rest().is_empty());
    }

    #[test]
    fn what_was_handed_on_is_remembered_for_a_day_and_not_for_ever() {
        let mut settling = Settling::default();
        for day in 0..5 {
            settling.take(at(day * 90_000), record(&format!("t{day}"), 1));
            settling.settled(at(day * 90_000 + 300));
            settling.take(at(day * 90_000 + 80_000), record(&format!("t{day}"), 1));
            assert!(settling.settled(at(day * 90_000 + 80_400)).is_empty(), "{day}");
        }
        assert!(settling.handed.iter().map(HashSet::len).sum::<usize>() <= 3);
    }
}
