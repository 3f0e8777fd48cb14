//! Joins what several observations say of one task to [`TaskObservations`]. Main function: [`by_task`].
//!
//! Of API answers and events the higher `version` wins, whole; metadata, the agent and Docker fill what it lacks. Then what comes latest in a task's life; then the
//! text of the record, so that the order of arrival never matters. Log lines and definitions are joined by name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arn::family_and_revision;
pub use super::beside::{Beside, Claims};
use super::fill;
pub use super::fill::{Conflict, Offset};
use super::observation::{ContainerRecord, Observation, TaskRecord};
#[cfg(feature = "aws")]
pub(crate) use super::observed::service_events_of;
pub use super::observed::{TaskObservations, Unclaimed};
use super::time::Time;
use super::unbelieved::Unbelieved;

/// Some print times to the second.
const CREATED_WITHIN: Duration = Duration::from_secs(1);

/// Groups observations by task, in the order of their ids' first appearance in `observations`. Records of one id that cannot be
/// of one task, since somebody has masked ids, are several, and each says so.
pub fn by_task(observations: Vec<Observation>) -> (Vec<TaskObservations>, Vec<Unclaimed>) {
    let mut records: Vec<Records> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut beside = Beside::default();
    for observation in observations {
        let Some(record) = beside.take(observation) else { continue };
        let at = *index.entry(record.id.to_lowercase()).or_insert(records.len());
        if at == records.len() {
            records.push(Records::default());
        }
        if let Some(known) = records.get_mut(at) {
            known.push(record);
        }
    }
    let mut tasks: Vec<TaskObservations> = records.into_iter().flat_map(Records::tasks).collect();
    let mut claims = Claims::new(beside, tasks.len() == 1);
    tasks.iter().enumerate().for_each(|(at, task)| claims.look_at(at, task));
    let unclaimed = claims.settle();
    tasks.iter_mut().enumerate().for_each(|(at, task)| claims.complete(at, task));
    (tasks, unclaimed)
}

/// All that is said of one id, in the order in which it is: of records without end as much stays as can still count.
#[derive(Debug, Default)]
pub struct Records {
    told: Vec<Alike>,
    /// Whoever does not say when its task was created comes last, and belongs to the first.
    untold: Vec<Alike>,
}

/// Records that may be of one task.
#[derive(Debug)]
struct Alike {
    known: Vec<Lasting>,
    /// Where the first of them stood.
    origin: String,
    /// By the rank of their source: those of ECS count whole, so the best is enough.
    by_rank: BTreeMap<u8, Vec<TaskRecord>>,
    /// What the others of ECS said.
    unbelieved: Unbelieved,
}

impl Alike {
    fn new(lasting: Lasting, record: TaskRecord) -> Self {
        let (origin, by_rank) = (record.origin.clone(), BTreeMap::new());
        let mut one = Self { known: vec![lasting], origin, by_rank, unbelieved: Unbelieved::default() };
        one.keep(record);
        one
    }

    fn may_hold(&self, lasting: &Lasting) -> bool {
        self.known.iter().all(|known| known.may_be_of_one_task(lasting))
    }

    /// Thousands of records of a task say the same: each is held against what differs alone.
    fn know(&mut self, lasting: Lasting) {
        if !self.known.contains(&lasting) {
            self.known.push(lasting);
        }
    }

    fn keep(&mut self, record: TaskRecord) {
        let of_rank = self.by_rank.entry(fill::rank(record.source)).or_default();
        match of_rank.first_mut().filter(|_| !record.is_standalone()) {
            Some(best) => {
                let other = if knows_more(&record, best) { std::mem::replace(best, record) } else { record };
                self.unbelieved.add(&other);
            }
            None => of_rank.push(record),
        }
    }
}

impl Records {
    /// Adds a record.
    pub fn push(&mut self, record: TaskRecord) {
        let lasting = Lasting::of(&record);
        let is_told = record.times.created.is_some();
        let list = if is_told { &mut self.told } else { &mut self.untold };
        let fits = |one: &&mut Alike| if is_told { one.may_hold(&lasting) } else { one.known.contains(&lasting) };
        match list.iter_mut().find(fits) {
            Some(one) => {
                one.know(lasting);
                one.keep(record);
            }
            None => list.push(Alike::new(lasting, record)),
        }
    }

    /// The tasks that they are of: one, unless they differ in what a task never changes.
    pub fn tasks(self) -> Vec<TaskObservations> {
        let mut all = self.told;
        for untold in self.untold {
            match all.iter_mut().find(|one| untold.known.iter().all(|lasting| one.may_hold(lasting))) {
                Some(one) => {
                    untold.known.into_iter().for_each(|lasting| one.know(lasting));
                    untold.by_rank.into_values().flatten().for_each(|record| one.keep(record));
                    one.unbelieved.absorb(untold.unbelieved);
                }
                None => all.push(untold),
            }
        }
        let origins: Vec<String> = all.iter().map(|one| one.origin.clone()).collect();
        let mut tasks: Vec<TaskObservations> = all.into_iter().map(joined).collect();
        for (at, task) in tasks.iter_mut().enumerate() {
            let others = origins.iter().enumerate().filter(|(other, _)| *other != at);
            task.conflicts.extend(others.map(|(_, other)| Conflict::Identity { other: other.clone() }));
        }
        tasks
    }
}

/// What a record says that never changes of its task.
#[derive(Debug, PartialEq)]
struct Lasting {
    is_standalone: bool,
    created: Option<Time>,
    definition: Option<String>,
}

impl Lasting {
    fn of(record: &TaskRecord) -> Self {
        let definition = record.task_definition_arn.clone();
        Self { is_standalone: record.is_standalone(), created: record.times.created, definition }
    }

    /// Whether two records of one id may be of one task. Only ECS knows these facts for sure.
    fn may_be_of_one_task(&self, other: &Self) -> bool {
        if self.is_standalone || other.is_standalone {
            return true;
        }
        let one_time = |(a, b): (Time, Time)| a.since(b).max(b.since(a)) < CREATED_WITHIN;
        let one_definition = |(a, b): (&str, &str)| {
            let ((a, a_revision), (b, b_revision)) = (family_and_revision(a), family_and_revision(b));
            a == b && a_revision.zip(b_revision).is_none_or(|(a, b)| a == b)
        };
        let definitions = self.definition.as_deref().zip(other.definition.as_deref());
        self.created.zip(other.created).is_none_or(one_time) && definitions.is_none_or(one_definition)
    }
}

/// One task out of all records of it: of each source the one that knows most, whole; then what the first lacks from the next.
fn joined(one: Alike) -> TaskObservations {
    let of_ecs = one.by_rank.values().flatten().find(|record| !record.is_standalone());
    let mut conflicts = of_ecs.map_or_else(Vec::new, |believed| one.unbelieved.against(believed));
    let (task, others) = fill::join(one.by_rank.into_values().filter_map(best));
    conflicts.extend(others);
    TaskObservations { task, conflicts, ..TaskObservations::default() }
}

/// Of one source's records the one that knows most. Docker and the metadata endpoint may speak of one container at a time:
/// those that the best lacks are taken from the others.
fn best(mut records: Vec<TaskRecord>) -> Option<TaskRecord> {
    if records.len() > 1 {
        records.sort_by_cached_key(knowledge);
    }
    let mut best = records.pop()?;
    if best.is_standalone() {
        for other in records.into_iter().rev().flat_map(|record| record.containers) {
            if !best.containers.iter().any(|own| own.name == other.name) {
                best.containers.push(other);
            }
        }
    }
    Some(best)
}

/// Whether a record says more than another.
fn knows_more(one: &TaskRecord, other: &TaskRecord) -> bool {
    measured(one).cmp(&measured(other)).then_with(|| text(one).cmp(&text(other))).is_gt()
}

/// How much a record says. The text decides between records that say equally much, so that the order of arrival does not.
fn knowledge(task: &TaskRecord) -> impl Ord + use<> {
    (measured(task), text(task))
}

fn text(task: &TaskRecord) -> String {
    format!("{task:?}")
}

fn measured(task: &TaskRecord) -> impl Ord + use<> {
    let of_container = |c: &ContainerRecord| [c.created, c.started, c.finished].into_iter().flatten().count();
    let container_times: usize = task.containers.iter().map(of_container).sum();
    let moments = task.times.moments();
    let latest = moments.iter().map(|m| m.time).max();
    (task.version, task.is_stopped(), moments.len(), container_times, latest)
}
