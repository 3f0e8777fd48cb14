//! What one source knows and another does not: the metadata endpoint, the agent and Docker know containers' times, ECS
//! knows the task's. Main function: [`fill`].
//!
//! What is there stays; what is missing is taken from the next in rank. Where both say something else about a fact, that is a
//! [`Conflict`], and the one of higher rank is believed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::observation::{ContainerRecord, HostFacts, Source, TaskRecord};
use super::time::Time;

/// Two sources that disagree. Each is named by where its word stood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// About a fact.
    Fact {
        /// The fact: `exit code of container app`.
        what: String,
        /// What is believed, and where it stood.
        believed: (String, String),
        /// What is not.
        other: (String, String),
    },
    /// About one time.
    Time {
        /// Which: `start of container app`.
        what: String,
        /// Where the one that is believed stood.
        believed: String,
        /// Where the other did.
        other: String,
        /// By how much the other is off.
        off: Offset,
    },
    /// About a container that one source lists twice.
    Double {
        /// Its name.
        container: String,
        /// Where it stood.
        origin: String,
        /// The facts: which, what is believed, and what is not.
        facts: Vec<(&'static str, Option<String>, Option<String>)>,
    },
    /// About the task itself: another one has its id.
    Identity {
        /// Where it stood.
        other: String,
    },
    /// About all the times that both know, by about the same.
    Clock {
        /// Where those that are believed stood.
        believed: String,
        /// Where the others did.
        other: String,
        /// By how much those are off.
        off: Offset,
    },
}

/// How far one time lies from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    nanos: i64,
}

impl Offset {
    /// How far `time` lies from `from`.
    pub(super) fn of(time: Time, from: Time) -> Self {
        let nanos = i128::from(time.unix_nanos()) - i128::from(from.unix_nanos());
        let nanos = i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX });
        Self { nanos }
    }

    /// The distance.
    pub(crate) const fn distance(self) -> Duration {
        Duration::from_nanos(self.nanos.unsigned_abs())
    }

    /// Whether the time is the later one.
    pub(crate) const fn is_later(self) -> bool {
        self.nanos > 0
    }

    pub(super) const fn is_tolerated(self) -> bool {
        self.nanos.unsigned_abs() <= TOLERATED_NANOS
    }
}

/// Clocks of the agent and of the control plane may differ by so much without anybody being wrong.
const TOLERATED_NANOS: u64 = 1_000_000_000;

/// How much a source's word counts: lower is more.
pub(super) const fn rank(source: Option<Source>) -> u8 {
    match source {
        None | Some(Source::EcsApi | Source::Event) => 0,
        Some(Source::Metadata) => 1,
        Some(Source::Docker) => 2,
        Some(Source::Agent) => 3,
    }
}

/// Joins one task out of records of it, that of the highest rank first: what the first lacks is taken from the next.
pub(super) fn join(mut ranked: impl Iterator<Item = TaskRecord>) -> (TaskRecord, Vec<Conflict>) {
    let (mut task, mut conflicts) = (ranked.next().unwrap_or_default(), vec![]);
    conflicts.extend(task.doubles.iter().filter_map(|double| listed_twice(&task, double)));
    let mut filled = BTreeMap::new();
    for record in ranked {
        fill(&mut task, &record, &mut filled, &mut conflicts);
    }
    (task, conflicts)
}

/// What a container that is listed twice said first, and is not believed.
fn listed_twice(task: &TaskRecord, double: &ContainerRecord) -> Option<Conflict> {
    let own = task.containers.iter().find(|own| own.name == double.name)?;
    let exit = |one: &ContainerRecord| one.exit_code.map(|code| code.to_string());
    let facts = [
        ("exit code", exit(own), exit(double)),
        ("status", own.last_status.clone(), double.last_status.clone()),
        ("reason", own.reason.clone(), double.reason.clone()),
        ("image", own.image.clone(), double.image.clone()),
        ("runtime id", own.runtime_id.clone(), double.runtime_id.clone()),
    ];
    let facts: Vec<_> = facts.into_iter().filter(|(_, own, double)| own != double).collect();
    let (container, origin) = (own.name.clone(), task.origin.clone());
    (!facts.is_empty()).then_some(Conflict::Double { container, origin, facts })
}

/// Fills what is missing in a task from another record of it. `filled`: where what was filled before stood.
fn fill(
    task: &mut TaskRecord,
    from: &TaskRecord,
    filled: &mut BTreeMap<String, String>,
    conflicts: &mut Vec<Conflict>,
) {
    let origins = (task.origin.clone(), from.origin.clone());
    let mut filler = Filler { origins, filled, conflicts, shared: vec![] };
    filler.time("pull started", task.times.pull_started, from.times.pull_started);
    filler.time("pull stopped", task.times.pull_stopped, from.times.pull_stopped);
    filler.time("execution stopped", task.times.execution_stopped, from.times.execution_stopped);
    // What ECS says of the task makes the root, the phases and the resource, whole: from an event or an answer, with or
    // without metadata beside it, they are the same bytes.
    if task.is_standalone() {
        missing(&mut task.arn, &from.arn);
        missing(&mut task.cluster_arn, &from.cluster_arn);
        missing(&mut task.task_definition_arn, &from.task_definition_arn);
        missing(&mut task.last_status, &from.last_status);
        missing(&mut task.times.pull_started, &from.times.pull_started);
        missing(&mut task.times.pull_stopped, &from.times.pull_stopped);
        missing(&mut task.times.execution_stopped, &from.times.execution_stopped);
    }
    missing(&mut task.clock_error, &from.clock_error);
    missing(&mut task.clock_status, &from.clock_status);
    missing(&mut task.clock_read, &from.clock_read);
    missing(&mut task.vpc_id, &from.vpc_id);
    missing(&mut task.ephemeral_storage, &from.ephemeral_storage);
    for other in &from.containers {
        let is_same = |own: &&mut ContainerRecord| own.name == other.name;
        match task.containers.iter_mut().find(is_same) {
            Some(own) => filler.container(own, other, from.source),
            None => {
                filler.adopt(&other.name);
                task.containers.push(ContainerRecord { times_from: other.times_from.or(from.source), ..other.clone() })
            }
        }
    }
    filler.compare_times();
}

struct Filler<'a> {
    origins: (String, String),
    filled: &'a mut BTreeMap<String, String>,
    conflicts: &'a mut Vec<Conflict>,
    /// The times that both know: which, where ours stood, and how far theirs lies from it.
    shared: Vec<(String, String, Offset)>,
}

/// What two may know of a container.
const FACTS: [&str; 5] = ["runtime id", "image", "exit code", START, END];
const START: &str = "start";
const END: &str = "end";

fn of(what: &str, container: &str) -> String {
    format!("{what} of container {container}")
}

impl Filler<'_> {
    fn container(&mut self, own: &mut ContainerRecord, other: &ContainerRecord, source: Option<Source>) {
        let of = |what: &str| of(what, &other.name);
        // A container that was started again has times for each run, and sources remember different ones.
        let is_same_run = [&*own, other].iter().all(|one| one.restarts.is_none_or(|restarts| restarts == 0))
            && (own.runtime_id == other.runtime_id || own.runtime_id.is_none() || other.runtime_id.is_none());
        self.fact(&of("runtime id"), &mut own.runtime_id, other.runtime_id.as_ref());
        self.fact(&of("image"), &mut own.image, other.image.as_ref());
        self.fact(&of("exit code"), &mut own.exit_code, other.exit_code.as_ref());
        missing(&mut own.arn, &other.arn);
        missing(&mut own.image_digest, &other.image_digest);
        missing(&mut own.health_status, &other.health_status);
        missing(&mut own.reason, &other.reason);
        missing(&mut own.restarts, &other.restarts);
        missing(&mut own.log, &other.log);
        own.internal |= other.internal;
        if own.host == HostFacts::default() {
            own.host.clone_from(&other.host);
        }
        // Times of one clock stay together.
        if own.created.or(own.started).or(own.finished).is_none() {
            (own.created, own.started, own.finished) = (other.created, other.started, other.finished);
            (own.may_restart, own.times_from) = (other.may_restart, other.times_from.or(source));
            [START, END].into_iter().for_each(|what| self.took(of(what)));
        } else if is_same_run {
            self.time(&of(START), own.started, other.started);
            self.time(&of(END), own.finished, other.finished);
        }
    }

    /// A fact that both may know.
    fn fact<T: Clone + PartialEq + ToString>(&mut self, what: &str, own: &mut Option<T>, other: Option<&T>) {
        match (own.as_ref(), other) {
            (Some(known), Some(said)) if known != said => {
                let believed = (known.to_string(), self.believed(what));
                let other = (said.to_string(), self.origins.1.clone());
                self.conflicts.push(Conflict::Fact { what: what.to_owned(), believed, other });
            }
            (Some(_), _) | (None, None) => {}
            (None, Some(said)) => {
                *own = Some(said.clone());
                self.took(what.to_owned());
            }
        }
    }

    fn time(&mut self, what: &str, own: Option<Time>, other: Option<Time>) {
        if let (Some(known), Some(said)) = (own, other) {
            self.shared.push((what.to_owned(), self.believed(what), Offset::of(said, known)));
        }
    }

    /// Where our word stood.
    fn believed(&self, what: &str) -> String {
        self.filled.get(what).unwrap_or(&self.origins.0).clone()
    }

    /// A fact is the other's word from now on.
    fn took(&mut self, what: String) {
        self.filled.insert(what, self.origins.1.clone());
    }

    /// All that is known of a container is the other's word.
    fn adopt(&mut self, container: &str) {
        FACTS.into_iter().for_each(|what| self.took(of(what, container)));
    }

    /// Clocks that differ make one conflict, not one for each time.
    fn compare_times(self) {
        let mut by_origin: BTreeMap<String, Vec<(String, Offset)>> = BTreeMap::new();
        for (what, believed, off) in self.shared {
            by_origin.entry(believed).or_default().push((what, off));
        }
        let other = self.origins.1;
        for (believed, times) in by_origin {
            match common(&times) {
                Some(off) => self.conflicts.push(Conflict::Clock { believed, other: other.clone(), off }),
                None => {
                    self.conflicts.extend(times.into_iter().filter(|(_, off)| !off.is_tolerated()).map(
                        |(what, off)| Conflict::Time { what, believed: believed.clone(), other: other.clone(), off },
                    ))
                }
            }
        }
    }
}

/// By how much several times are all off, where that is about the same.
fn common(times: &[(String, Offset)]) -> Option<Offset> {
    let offs = || times.iter().map(|(_, off)| off.nanos);
    let (least, most) = (offs().min()?, offs().max()?);
    let is_common =
        times.len() > 1 && times.iter().all(|(_, off)| !off.is_tolerated()) && most.abs_diff(least) <= TOLERATED_NANOS;
    is_common.then_some(Offset { nanos: least })
}

fn missing<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
    if own.is_none() {
        own.clone_from(other);
    }
}
