//! What is said beside tasks – definitions, log lines, service events, gaps – and which task each belongs to. Main types: [`Beside`],
//! [`Claims`].
//!
//! Tasks need not be there all at once: each is looked at, then each is completed, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::arn::{family_and_revision, last_part};
use super::around::Around;
use super::firelens;
use super::log::{ContainerLog, LogLine};
use super::observation::{
    ContainerDefinition, DefinitionRecord, Gap, LogConfig, Observation, ServiceEvent, TaskRecord,
};
use super::observed::{TaskObservations, Unclaimed, service_events_of};
use super::service::ServiceRecord;

/// What is said beside tasks.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    definitions: Vec<DefinitionRecord>,
    logs: Vec<ContainerLog>,
    events: Vec<ServiceEvent>,
    services: Vec<ServiceRecord>,
    gaps: Vec<(Option<String>, Gap)>,
    unclaimed: Vec<Unclaimed>,
}

impl Beside {
    /// Takes an observation, unless it is of a task: that comes back.
    pub fn take(&mut self, observation: Observation) -> Option<TaskRecord> {
        match observation {
            Observation::Task(record) => return Some(*record),
            Observation::Definition(definition) => self.definitions.push(*definition),
            Observation::Log(log) => self.logs.push(log),
            Observation::ServiceEvent(event) => self.events.push(event),
            // Its events are observations of their own.
            Observation::Service(record) => self.services.push(*record),
            Observation::ServiceDeployment(record) => self.unclaimed.push(Unclaimed::Deployment { arn: record.arn }),
            Observation::ServiceRevision(record) => self.unclaimed.push(Unclaimed::Deployment { arn: record.arn }),
            Observation::Gap { task_id, gap } => self.gaps.push((task_id, gap)),
        }
        None
    }

    /// Takes what another holds, behind what is here.
    pub fn append(&mut self, mut other: Self) {
        self.definitions.append(&mut other.definitions);
        self.logs.append(&mut other.logs);
        self.events.append(&mut other.events);
        self.services.append(&mut other.services);
        self.gaps.append(&mut other.gaps);
        self.unclaimed.append(&mut other.unclaimed);
    }

    /// So many service events.
    pub fn service_events(&self) -> usize {
        self.events.len()
    }
}

/// Which task is given what of it.
#[derive(Debug)]
pub struct Claims {
    /// Whether some task runs it.
    definitions: Vec<(DefinitionRecord, bool)>,
    /// There is one task and one definition.
    is_one: bool,
    events: Vec<ServiceEvent>,
    services: Vec<ServiceRecord>,
    /// Which containers of which tasks may have written it; two are as good as more.
    logs: Vec<(ContainerLog, Vec<(usize, String)>)>,
    gaps: Vec<(Option<String>, Gap, Option<usize>)>,
    unclaimed: Vec<Unclaimed>,
    owned_logs: BTreeMap<usize, Vec<ContainerLog>>,
    owned_gaps: BTreeMap<usize, Vec<Gap>>,
}

impl Claims {
    /// Nobody has claimed anything yet.
    pub fn new(beside: Beside, is_one_task: bool) -> Self {
        let Beside { mut definitions, logs, events, services, gaps, unclaimed } = beside;
        definitions.sort_by(|a, b| a.origin.cmp(&b.origin));
        Self {
            // `register-task-definition` input has no ARN and sometimes no family; then it can only mean the one task there is.
            is_one: is_one_task && definitions.len() == 1,
            definitions: definitions.into_iter().map(|definition| (definition, false)).collect(),
            events,
            services,
            logs: logs.into_iter().map(|log| (log, vec![])).collect(),
            gaps: gaps.into_iter().map(|(id, gap)| (id.map(|id| id.to_lowercase()), gap, None)).collect(),
            unclaimed,
            owned_logs: BTreeMap::new(),
            owned_gaps: BTreeMap::new(),
        }
    }

    /// Whether the tasks have to be looked at: without, nothing can be claimed but what a task finds by itself.
    pub fn wants_a_look(&self) -> bool {
        !(self.definitions.is_empty() && self.logs.is_empty() && self.gaps.is_empty())
    }

    /// Looks at every task once, in their order.
    pub fn look_at(&mut self, at: usize, TaskObservations { task, .. }: &TaskObservations) {
        let is_one = self.is_one;
        for (definition, is_used) in &mut self.definitions {
            *is_used |= definition_fits(task, definition, is_one);
        }
        let id = task.id.to_lowercase();
        for (_, _, owner) in self.gaps.iter_mut().filter(|(of, ..)| of.as_ref() == Some(&id)) {
            owner.get_or_insert(at);
        }
        if !self.logs.is_empty() {
            self.offer_logs(at, task);
        }
    }

    fn offer_logs(&mut self, at: usize, task: &TaskRecord) {
        let definition = self.definition_of(task).cloned();
        let routed: Vec<_> = task.containers.iter().filter_map(|of| firelens::Records::of(task, of, None)).collect();
        for (log, _) in self.logs.iter_mut().filter(|(log, _)| log.container.is_none()) {
            for (container, head) in take_records(&routed, log) {
                let (origin, group, stream) = (log.origin.clone(), log.group.clone(), log.stream.clone());
                let own = ContainerLog { container, origin, group, stream, head, ..ContainerLog::default() };
                self.owned_logs.entry(at).or_default().push(own);
            }
        }
        for (log, owners) in self.logs.iter_mut().filter(|(_, owners)| owners.len() < 2) {
            owners.extend(writers(task, definition.as_ref(), log).into_iter().map(|name| (at, name)));
        }
    }

    /// All tasks have been looked at: what none of them claims.
    pub fn settle(&mut self) -> Vec<Unclaimed> {
        let mut unclaimed = std::mem::take(&mut self.unclaimed);
        for (_, gap, owner) in std::mem::take(&mut self.gaps) {
            match owner {
                Some(at) => self.owned_gaps.entry(at).or_default().push(gap),
                None => unclaimed.push(Unclaimed::Gap(gap)),
            }
        }
        for (definition, _) in self.definitions.iter().filter(|(_, is_used)| !is_used) {
            let DefinitionRecord { origin, family, .. } = definition;
            unclaimed.push(Unclaimed::Definition { origin: origin.clone(), family: family.clone() });
        }
        for (mut log, mut owners) in std::mem::take(&mut self.logs) {
            // All of its lines said whose they are.
            if log.container.is_none() && log.is_empty() {
                continue;
            }
            let why = match (owners.pop(), owners.is_empty()) {
                (Some((at, container)), true) => {
                    log.container = Some(container);
                    self.owned_logs.entry(at).or_default().push(log);
                    continue;
                }
                (None, _) => "no task writes to this stream",
                (Some(_), false) => "it does not say which container wrote it",
            };
            unclaimed.push(Unclaimed::Log { origin: log.origin.clone(), lines: log.len(), why });
        }
        unclaimed
    }

    /// Gives a task what it has claimed.
    pub fn complete(&mut self, at: usize, observed: &mut TaskObservations) {
        observed.definition = self.definition_of(&observed.task).cloned();
        observed.service_events = service_events_of(&observed.task, &self.events);
        observed.around = self.around(&observed.task);
        observed.gaps.extend(self.owned_gaps.remove(&at).unwrap_or_default());
        let logs = self.owned_logs.remove(&at).unwrap_or_default().into_iter();
        observed.logs.extend(logs.map(|log| ContainerLog { task_id: Some(observed.task.id.clone()), ..log }));
    }

    /// What the task's service says and has. A service of this name in another cluster is another's.
    fn around(&self, task: &TaskRecord) -> Around {
        let is_own = |service: &&ServiceRecord| {
            let clusters = task.cluster_arn.as_deref().zip(service.cluster_arn.as_deref());
            clusters.is_none_or(|(own, of)| last_part(own) == last_part(of))
        };
        let named = self.services.iter().filter(|service| task.service() == Some(&service.name));
        let (own, others): (Vec<&ServiceRecord>, Vec<&ServiceRecord>) = named.partition(is_own);
        // Of several answers about it each may know more, whichever came last.
        let groups: BTreeSet<&String> = own.iter().flat_map(|service| &service.target_groups).collect();
        let groups: Vec<String> = groups.into_iter().cloned().collect();
        let says = |services: &[&ServiceRecord], event| services.iter().any(|service| service.events.contains(event));
        Around::new(task, &groups, self.events.iter().filter(|event| !says(&others, event) || says(&own, event)))
    }

    /// The first that the task may run.
    fn definition_of(&self, task: &TaskRecord) -> Option<&DefinitionRecord> {
        let mut definitions = self.definitions.iter().map(|(definition, _)| definition);
        definitions.find(|definition| definition_fits(task, definition, self.is_one))
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

/// The lines that say whose they are – a log router's records – taken out of a log, by container: several may share a stream.
fn take_records(routed: &[firelens::Records], log: &mut ContainerLog) -> BTreeMap<Option<String>, Vec<LogLine>> {
    let mut found: BTreeMap<_, Vec<LogLine>> = BTreeMap::new();
    for lines in [&mut log.head, &mut log.tail] {
        let all = std::mem::take(lines);
        lines.extend(all.into_iter().filter_map(|line| {
            let is_record = line.message.contains("\"container_id\"");
            match routed.iter().find(|records| is_record && records.surely_own(&line.message)) {
                Some(records) => {
                    found.entry(Some(records.container().to_owned())).or_default().push(line);
                    None
                }
                None => Some(line),
            }
        }));
    }
    found
}

/// The containers of a task that may have written a log: as it says itself, else by its stream's name, else any.
fn writers(task: &TaskRecord, definition: Option<&DefinitionRecord>, log: &ContainerLog) -> Vec<String> {
    if log.task_id.as_ref().is_some_and(|id| !id.eq_ignore_ascii_case(&task.id)) {
        return vec![];
    }
    let writes = |name: &&str| match (&log.container, &log.stream) {
        (Some(container), _) => container == name,
        (None, Some(stream)) => writes_to(task, definition, name, stream),
        (None, None) => true,
    };
    container_names(task, definition).into_iter().filter(writes).map(str::to_owned).collect()
}

fn container_names<'a>(task: &'a TaskRecord, definition: Option<&'a DefinitionRecord>) -> Vec<&'a str> {
    let mut names: Vec<&str> = task.containers.iter().filter(|c| !c.is_hidden()).map(|c| c.name.as_str()).collect();
    let declared = definition.into_iter().flat_map(|d| &d.containers).map(|c| c.name.as_str());
    for name in declared {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn writes_to(task: &TaskRecord, definition: Option<&DefinitionRecord>, container: &str, stream: &str) -> bool {
    let declared = |c: &&ContainerDefinition| c.name == container;
    let definition = definition.and_then(|d| d.containers.iter().find(declared));
    let record = task.containers.iter().find(|c| c.name == container);
    let runtime_id = record.and_then(|c| c.runtime_id.as_deref());
    let config = LogConfig::believed(record.and_then(|c| c.log.as_ref()), definition.and_then(|c| c.log.as_ref()));
    let places = config.map_or_else(Vec::new, |config| config.places(task, container));
    if places.is_empty() {
        // Without a definition: `PREFIX/CONTAINER/TASKID`, or the runtime's id.
        return stream.ends_with(&format!("/{container}/{}", task.id)) || Some(last_part(stream)) == runtime_id;
    }
    places.iter().any(|own| own.stream == stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::model::merge::by_task;

    #[test]
    fn a_task_has_its_own_services_words_whatever_the_order_and_none_of_a_namesake() {
        let time = |seconds: u64| Time::from_unix_nanos(seconds * 1_000_000_000);
        let cluster = |name: &str| Some(format!("arn:aws:ecs:eu-west-1:123456789012:cluster/{name}"));
        let event = |what: &str| ServiceEvent { id: None, at: time(5), message: format!("(service web) {what}.") };
        let service = |of: &str, groups: &[&str]| {
            let target_groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let events = vec![event(of)];
            ServiceRecord {
                name: "web".to_owned(),
                cluster_arn: cluster(of),
                target_groups,
                events,
                ..ServiceRecord::default()
            }
        };
        let task = |of: &str| {
            let mut task = TaskRecord {
                id: format!("task-of-{of}"),
                cluster_arn: cluster(of),
                group: Some("service:web".to_owned()),
                ..TaskRecord::default()
            };
            task.times.created = Some(time(1));
            task
        };
        let services = [service("prod", &["b"]), service("prod", &["a", "b"]), service("dev", &["c"])];
        let mut all: Vec<Observation> = ["prod", "dev"].map(|of| Observation::Task(Box::new(task(of)))).into();
        for service in services {
            all.extend(service.events.iter().cloned().map(Observation::ServiceEvent));
            all.push(Observation::Service(Box::new(service)));
        }
        for _ in 0..all.len() {
            all.rotate_left(1);
            let (tasks, _) = by_task(all.clone());
            let around =
                |id: &str| tasks.iter().find(|observed| observed.task.id == id).map(|observed| observed.around.clone());
            let expected = |groups: &[&str], said: &str| {
                let target_groups = groups.iter().map(|group| (*group).to_owned()).collect();
                Some(Around { target_groups, events: vec![event(said)] })
            };
            assert_eq!(around("task-of-prod"), expected(&["a", "b"], "prod"));
            assert_eq!(around("task-of-dev"), expected(&["c"], "dev"));
        }
    }
}
