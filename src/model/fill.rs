//! What one source knows and another does not: the metadata endpoint, the agent and Docker know containers' times, ECS
//! knows the task's. Main function: [`fill`].
//!
//! What is there stays; what is missing is taken from the next in rank. Where both say something else about a fact, that is a
//! [`Conflict`], and the one of higher rank is believed.

use super::observation::{ContainerRecord, HostFacts, Source, TaskRecord};
use super::time::Time;

/// Two sources that disagree about a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The fact: `exit code of container app`.
    pub what: String,
    /// What is believed, and where it stood.
    pub believed: (String, String),
    /// What is not.
    pub other: (String, String),
}

/// Clocks of the agent and of the control plane may differ by so much without anybody being wrong.
const TOLERATED_NANOS: u64 = 1_000_000_000;

/// How much a source's word counts: lower is more.
pub(super) const fn rank(source: Option<Source>) -> u8 {
    match source {
        None | Some(Source::EcsApi | Source::Event | Source::Logs) => 0,
        Some(Source::Metadata) => 1,
        Some(Source::Docker) => 2,
        Some(Source::Agent) => 3,
    }
}

/// Fills what is missing in a task from another record of it.
pub(super) fn fill(task: &mut TaskRecord, from: &TaskRecord, conflicts: &mut Vec<Conflict>) {
    let mut filler = Filler { origins: (task.origin.clone(), from.origin.clone()), conflicts };
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
                task.containers.push(ContainerRecord { times_from: other.times_from.or(from.source), ..other.clone() })
            }
        }
    }
}

struct Filler<'a> {
    origins: (String, String),
    conflicts: &'a mut Vec<Conflict>,
}

impl Filler<'_> {
    fn container(&mut self, own: &mut ContainerRecord, other: &ContainerRecord, source: Option<Source>) {
        let of = |what: &str| format!("{what} of container {}", other.name);
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
        }
    }

    /// A fact that both may know.
    fn fact<T: Clone + PartialEq + ToString>(&mut self, what: &str, own: &mut Option<T>, other: Option<&T>) {
        match (own.as_ref(), other) {
            (Some(known), Some(said)) if known != said => self.conflict(what, known.to_string(), said.to_string()),
            (Some(_), _) | (None, None) => {}
            (None, Some(said)) => *own = Some(said.clone()),
        }
    }

    fn time(&mut self, what: &str, own: Option<Time>, other: Option<Time>) {
        let (Some(known), Some(said)) = (own, other) else { return };
        let apart = known.unix_nanos().abs_diff(said.unix_nanos());
        if apart > TOLERATED_NANOS {
            let other = format!("{:.3} s apart from it", apart as f64 / 1e9);
            self.conflict(what, format!("{} ms since 1970", known.unix_millis()), other);
        }
    }

    fn conflict(&mut self, what: &str, believed: String, other: String) {
        let (ours, theirs) = self.origins.clone();
        self.conflicts.push(Conflict { what: what.to_owned(), believed: (believed, ours), other: (other, theirs) });
    }
}

fn missing<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
    if own.is_none() {
        own.clone_from(other);
    }
}
