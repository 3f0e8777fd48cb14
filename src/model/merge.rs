//! Joins what several observations say of one task. Main type: [`TaskObservations`].
//!
//! Of API answers and events the higher `version` wins, whole; metadata, the agent and Docker fill what it lacks. Then what comes latest in a task's life; then the
//! text of the record, so that the order of arrival never matters. Log lines and definitions are joined by name.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arn::{family_and_revision, last_part};
use super::fill;
pub use super::fill::{Conflict, Offset};
use super::firelens::Records;
use super::log::{ContainerLog, LogLine};
use super::observation::{
    ContainerDefinition, ContainerRecord, DefinitionRecord, Gap, LogConfig, Observation, ServiceEvent, TaskRecord,
};
use super::service::{Around, ServiceRecord};
use super::time::Time;

/// Some print times to the second.
const CREATED_WITHIN: Duration = Duration::from_secs(1);

/// What was observed of one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskObservations {
    /// The task.
    pub task: TaskRecord,
    /// Its definition.
    pub definition: Option<DefinitionRecord>,
    /// Its containers' log lines.
    pub logs: Vec<ContainerLog>,
    /// Service events that name it.
    pub service_events: Vec<ServiceEvent>,
    /// What else its service said in its time.
    pub around: Around,
    /// What was tried and could not be learned.
    pub gaps: Vec<Gap>,
    /// Where sources disagree.
    pub conflicts: Vec<Conflict>,
}

impl TaskObservations {
    /// The latest time that is known of the task: a saved one is known up to then. `None` when there is no time at all.
    pub fn latest(&self) -> Option<Time> {
        let of_task = self.task.times.moments().into_iter().map(|moment| moment.time);
        let of_containers = self.task.containers.iter().flat_map(|c| [c.created, c.started, c.finished]).flatten();
        let agents = self.task.containers.iter().flat_map(|c| &c.managed_agents).filter_map(|agent| agent.started);
        let lines = self.logs.iter().flat_map(ContainerLog::lines).map(|line| line.time);
        of_task.chain(of_containers).chain(agents).chain(lines).chain(self.task.updated).max()
    }

    /// Takes what somebody else learned of the same task. The record and the definition that are there stay: they were first.
    pub fn absorb(&mut self, more: Self) {
        let Self { task: _, definition, logs, service_events, around, gaps, conflicts } = more;
        self.definition = self.definition.take().or(definition);
        self.logs.extend(logs);
        self.service_events.extend(service_events);
        self.service_events = service_events_of(&self.task, &self.service_events);
        if self.around.target_groups.is_empty() {
            self.around.target_groups = around.target_groups;
        }
        self.around =
            Around::new(&self.task, &self.around.target_groups, self.around.events.iter().chain(&around.events));
        self.gaps.extend(gaps);
        self.conflicts.extend(conflicts);
    }
}

/// What no task could be found for. Nothing is lost silently: the caller says so.
#[derive(Clone, Debug, PartialEq)]
pub enum Unclaimed {
    /// Log lines that no task's container can be named for.
    Log {
        /// Where they stood.
        origin: String,
        /// How many.
        lines: usize,
        /// Why.
        why: &'static str,
    },
    /// A task definition that no task uses.
    Definition {
        /// Where it stood.
        origin: String,
        /// Its family.
        family: Option<String>,
    },
    /// Something of a service's deployments.
    Deployment {
        /// Its ARN.
        arn: String,
    },
    /// A gap that belongs to no task.
    Gap(Gap),
}

/// Groups observations by task, in the order of their ids' first appearance in `observations`. Records of one id that cannot be
/// of one task, since somebody has masked ids, are several, and each says so.
pub fn by_task(observations: Vec<Observation>) -> (Vec<TaskObservations>, Vec<Unclaimed>) {
    let mut records: Vec<Vec<TaskRecord>> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let (mut definitions, mut logs, mut events, mut gaps) = (vec![], vec![], vec![], vec![]);
    let (mut unclaimed, mut services) = (vec![], Vec::<ServiceRecord>::new());
    for observation in observations {
        match observation {
            Observation::Task(record) => {
                let at = *index.entry(record.id.to_lowercase()).or_insert(records.len());
                match records.get_mut(at) {
                    Some(known) => known.push(*record),
                    None => records.push(vec![*record]),
                }
            }
            Observation::Definition(definition) => definitions.push(*definition),
            Observation::Log(log) => logs.push(log),
            Observation::ServiceEvent(event) => events.push(event),
            // Its events are observations of their own.
            Observation::Service(record) => services.push(*record),
            Observation::ServiceDeployment(record) => unclaimed.push(Unclaimed::Deployment { arn: record.arn }),
            Observation::ServiceRevision(record) => unclaimed.push(Unclaimed::Deployment { arn: record.arn }),
            Observation::Gap { task_id, gap } => gaps.push((task_id, gap)),
        }
    }
    let mut tasks: Vec<TaskObservations> = records.into_iter().flat_map(namesakes).collect();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate() {
        index.entry(task.task.id.to_lowercase()).or_insert(at);
    }
    for (task_id, gap) in gaps {
        let owner = task_id.and_then(|id| index.get(&id.to_lowercase()).copied());
        match owner.and_then(|at| tasks.get_mut(at)) {
            Some(task) => task.gaps.push(gap),
            None => unclaimed.push(Unclaimed::Gap(gap)),
        }
    }
    for task in &mut tasks {
        task.service_events = service_events_of(&task.task, &events);
        let own = services.iter().rfind(|service| task.task.service() == Some(&service.name));
        task.around = Around::new(&task.task, own.map_or(&[], |service| &service.target_groups), &events);
    }
    assign_definitions(&mut tasks, definitions, &mut unclaimed);
    for log in logs {
        assign_log(&mut tasks, log, &mut unclaimed);
    }
    (tasks, unclaimed)
}

/// The tasks that records of one id are of: one, unless they differ in what a task never changes.
fn namesakes(records: Vec<TaskRecord>) -> Vec<TaskObservations> {
    let mut tasks: Vec<(Vec<Lasting>, Vec<TaskRecord>)> = vec![];
    // Whoever does not say when its task was created comes last, and belongs to the first.
    let (told, untold): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.times.created.is_some());
    for record in told.into_iter().chain(untold) {
        let lasting = Lasting::of(&record);
        match tasks.iter_mut().find(|(known, _)| known.iter().all(|known| known.may_be_of_one_task(&lasting))) {
            Some((known, records)) => {
                // Thousands of records of a task say the same: each is held against what differs alone.
                if !known.contains(&lasting) {
                    known.push(lasting);
                }
                records.push(record);
            }
            None => tasks.push((vec![lasting], vec![record])),
        }
    }
    let origins: Vec<String> = tasks.iter().filter_map(|(_, records)| Some(records.first()?.origin.clone())).collect();
    let mut tasks: Vec<TaskObservations> = tasks.into_iter().map(|(_, records)| joined(records)).collect();
    for (at, task) in tasks.iter_mut().enumerate() {
        let others = origins.iter().enumerate().filter(|(other, _)| *other != at);
        task.conflicts.extend(others.map(|(_, other)| Conflict::Identity { other: other.clone() }));
    }
    tasks
}

/// What a record says that never changes of its task.
#[derive(PartialEq)]
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
fn joined(records: Vec<TaskRecord>) -> TaskObservations {
    let mut by_rank: BTreeMap<u8, Vec<TaskRecord>> = BTreeMap::new();
    for record in records {
        by_rank.entry(fill::rank(record.source)).or_default().push(record);
    }
    let (task, conflicts) = fill::join(by_rank.into_values().filter_map(best));
    TaskObservations { task, conflicts, ..TaskObservations::default() }
}

/// The events that name a task.
pub(crate) fn service_events_of(task: &TaskRecord, events: &[ServiceEvent]) -> Vec<ServiceEvent> {
    let mut own: Vec<ServiceEvent> = events.iter().filter(|event| event.message.contains(&task.id)).cloned().collect();
    own.sort_by(|a, b| (a.at, &a.id, &a.message).cmp(&(b.at, &b.id, &b.message)));
    own.dedup();
    own
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

/// How much a record says. The text decides between records that say equally much, so that the order of arrival does not.
fn knowledge(task: &TaskRecord) -> impl Ord + use<> {
    let of_container = |c: &ContainerRecord| [c.created, c.started, c.finished].into_iter().flatten().count();
    let container_times: usize = task.containers.iter().map(of_container).sum();
    let moments = task.times.moments();
    let latest = moments.iter().map(|m| m.time).max();
    (task.version, task.is_stopped(), moments.len(), container_times, latest, format!("{task:?}"))
}

fn assign_definitions(
    tasks: &mut [TaskObservations],
    mut definitions: Vec<DefinitionRecord>,
    unclaimed: &mut Vec<Unclaimed>,
) {
    definitions.sort_by(|a, b| a.origin.cmp(&b.origin));
    // `register-task-definition` input has no ARN and sometimes no family; then it can only mean the one task there is.
    let one_task = tasks.len() == 1 && definitions.len() == 1;
    for definition in definitions {
        let mut used = false;
        for task in tasks.iter_mut() {
            if definition_fits(&task.task, &definition, one_task) {
                used = true;
                task.definition.get_or_insert_with(|| definition.clone());
            }
        }
        if !used {
            unclaimed.push(Unclaimed::Definition { origin: definition.origin, family: definition.family });
        }
    }
}

fn definition_fits(task: &TaskRecord, definition: &DefinitionRecord, only_one: bool) -> bool {
    let Some(wanted) = task.task_definition_arn.as_deref() else {
        return only_one;
    };
    if definition.arn.as_deref() == Some(wanted) {
        return true;
    }
    let (family, revision) = family_and_revision(wanted);
    let given = definition.arn.as_deref().map(family_and_revision);
    let given_family = definition.family.as_deref().or(given.map(|g| g.0));
    let given_revision = definition.revision.or(given.and_then(|g| g.1));
    match given_family {
        Some(given) => {
            given == family && (given_revision.is_none() || revision.is_none() || given_revision == revision)
        }
        None => only_one && definition.containers.iter().all(|c| task.containers.iter().any(|t| t.name == c.name)),
    }
}

fn assign_log(tasks: &mut [TaskObservations], mut log: ContainerLog, unclaimed: &mut Vec<Unclaimed>) {
    if log.container.is_none() {
        take_records(tasks, &mut log);
        if log.is_empty() {
            return;
        }
    }
    let why = match owner(tasks, &log) {
        Ok((task, container)) => {
            log.container = Some(container);
            log.task_id = tasks.get(task).map(|t| t.task.id.clone());
            if let Some(task) = tasks.get_mut(task) {
                task.logs.push(log);
            }
            return;
        }
        Err(why) => why,
    };
    unclaimed.push(Unclaimed::Log { origin: log.origin.clone(), lines: log.len(), why });
}

/// Gives the lines that say whose they are – a log router's records – to their containers: several may share a stream.
fn take_records(tasks: &mut [TaskObservations], log: &mut ContainerLog) {
    let mut read = vec![];
    for (at, task) in tasks.iter().enumerate() {
        let of = |record| Some((at, Records::of(&task.task, record, None)?));
        read.extend(task.task.containers.iter().filter_map(of));
    }
    let mut found: BTreeMap<(usize, String), Vec<LogLine>> = BTreeMap::new();
    for lines in [&mut log.head, &mut log.tail] {
        let all = std::mem::take(lines);
        lines.extend(all.into_iter().filter_map(|line| {
            let is_record = line.message.contains("\"container_id\"");
            match read.iter().find(|(_, records)| is_record && records.surely_own(&line.message)) {
                Some((task, records)) => {
                    found.entry((*task, records.container().to_owned())).or_default().push(line);
                    None
                }
                None => Some(line),
            }
        }));
    }
    for ((at, container), head) in found {
        if let Some(task) = tasks.get_mut(at) {
            let (origin, group, stream) = (log.origin.clone(), log.group.clone(), log.stream.clone());
            let (task_id, container) = (Some(task.task.id.clone()), Some(container));
            task.logs.push(ContainerLog { task_id, container, origin, group, stream, head, ..ContainerLog::default() });
        }
    }
}

/// Which task's which container wrote this log: as it says itself, else by its stream's name, else the only one there is.
fn owner(tasks: &[TaskObservations], log: &ContainerLog) -> Result<(usize, String), &'static str> {
    let mut fits = vec![];
    for (at, task) in tasks.iter().enumerate() {
        if log.task_id.as_ref().is_some_and(|id| !id.eq_ignore_ascii_case(&task.task.id)) {
            continue;
        }
        let names = container_names(task);
        match (&log.container, &log.stream) {
            (Some(container), _) if names.contains(&container.as_str()) => fits.push((at, container.clone())),
            (Some(_), _) => {}
            (None, Some(stream)) => {
                let writes = |name: &&&str| writes_to(task, name, stream);
                fits.extend(names.iter().filter(writes).map(|name| (at, (*name).to_owned())));
            }
            (None, None) => fits.extend(names.iter().map(|name| (at, (*name).to_owned()))),
        }
    }
    match fits.len() {
        1 => fits.pop().ok_or("no task writes to this stream"),
        0 => Err("no task writes to this stream"),
        _ => Err("it does not say which container wrote it"),
    }
}

fn container_names(task: &TaskObservations) -> Vec<&str> {
    let mut names: Vec<&str> =
        task.task.containers.iter().filter(|c| !c.is_hidden()).map(|c| c.name.as_str()).collect();
    let declared = task.definition.iter().flat_map(|d| &d.containers).map(|c| c.name.as_str());
    for name in declared {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn writes_to(task: &TaskObservations, container: &str, stream: &str) -> bool {
    let declared = |c: &&ContainerDefinition| c.name == container;
    let definition = task.definition.as_ref().and_then(|d| d.containers.iter().find(declared));
    let record = task.task.containers.iter().find(|c| c.name == container);
    let runtime_id = record.and_then(|c| c.runtime_id.as_deref());
    let config = LogConfig::believed(record.and_then(|c| c.log.as_ref()), definition.and_then(|c| c.log.as_ref()));
    let places = config.map_or_else(Vec::new, |config| config.places(&task.task, container));
    if places.is_empty() {
        // Without a definition: `PREFIX/CONTAINER/TASKID`, or the runtime's id.
        return stream.ends_with(&format!("/{container}/{}", task.task.id)) || Some(last_part(stream)) == runtime_id;
    }
    places.iter().any(|own| own.stream == stream)
}
