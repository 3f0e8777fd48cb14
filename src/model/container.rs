//! A container of a task: what is known of it, and where its span lies. Main type: [`Container`].

use super::firelens::{self, Records};
use super::log::ContainerLog;
use super::observation::{ContainerDefinition, ContainerRecord, DefinitionRecord, Gap, LogConfig, Source, TaskRecord};
use super::outcome::{self, Failure, OUT_OF_MEMORY};
use super::phases::Phases;
use super::time::Time;

/// Where a bound of a container's span was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BoundSource {
    /// From the task's times: ECS gives none for containers.
    Estimated,
    /// From the task metadata endpoint or the agent.
    Metadata,
    /// From the container runtime.
    Docker,
}

impl BoundSource {
    /// As attributes give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Metadata => "metadata",
            Self::Docker => "docker",
        }
    }

    const fn of(source: Option<Source>) -> Self {
        match source {
            Some(Source::Docker) => Self::Docker,
            // ECS itself gives containers no times: what has some is of who watches them.
            Some(Source::Metadata | Source::Agent | Source::EcsApi | Source::Event) | None => Self::Metadata,
        }
    }
}

/// A bound of a container's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContainerBound {
    /// Where it lies.
    pub at: Time,
    /// How that is known.
    pub source: BoundSource,
}

/// A container.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Container {
    /// What the task says of it.
    pub record: ContainerRecord,
    /// What the task definition says of it.
    pub definition: Option<ContainerDefinition>,
    /// What it wrote, as far as that was read.
    pub log: Option<ContainerLog>,
    /// Where its span begins; `None` when nothing is known of it yet.
    pub start: Option<ContainerBound>,
    /// Where its span ends; `None` while it may still run.
    pub end: Option<ContainerBound>,
    /// The task is STOPPED and says nothing that a container that ran would have left.
    pub never_started: bool,
    /// Its task ends before it ran. For drawings alone: what is sent waits until the task is STOPPED.
    is_given_up: bool,
    /// Its own failure.
    pub failure: Option<Failure>,
}

impl ContainerRecord {
    /// Whether it says anything that only a container that ran leaves. The runtime gives an id, and sometimes an exit code, to one that it
    /// could not start as well.
    pub fn has_run(&self) -> bool {
        let time = self.created.or(self.started).or(self.finished);
        let is_of_runtime = self.exit_code.is_some() || self.runtime_id.is_some();
        time.is_some() || (is_of_runtime && !outcome::says_never_started(self.reason.as_deref().unwrap_or_default()))
    }

    /// Whether ECS (or GuardDuty) added it: hidden unless all containers are asked for.
    pub fn is_hidden(&self) -> bool {
        let added = ["~internal~", "aws-guardduty-agent-", "ecs-service-connect-"];
        self.internal || added.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

impl Container {
    /// The containers of a task, and the gaps that joining their logs left.
    pub(super) fn all(
        task: &TaskRecord,
        definition: Option<&DefinitionRecord>,
        phases: Option<&Phases>,
        logs: Vec<ContainerLog>,
        log_lines: usize,
    ) -> (Vec<Self>, Vec<Gap>) {
        // What a container is told by depends on the Task alone: whoever knows the definition tells the same.
        let one_only = task.containers.iter().filter(|record| !record.is_hidden()).count() == 1;
        let mut records = task.containers.clone();
        for declared in definition.into_iter().flat_map(|d| &d.containers) {
            if !records.iter().any(|record| record.name == declared.name) {
                let (name, image) = (declared.name.clone(), declared.image.clone());
                records.push(ContainerRecord { name, image, ..Default::default() });
            }
        }
        let mut logs = super::log::join(logs);
        let mut containers = Vec::with_capacity(records.len());
        for record in records {
            let mut log = logs
                .iter()
                .position(|log| log.container.as_deref() == Some(&record.name))
                .map(|at| logs.swap_remove(at));
            let declared = definition.and_then(|d| d.containers.iter().find(|c| c.name == record.name)).cloned();
            let config = LogConfig::believed(record.log.as_ref(), declared.as_ref().and_then(|c| c.log.as_ref()));
            if let Some(log) = &mut log {
                let has_any = |records: &Records| log.lines().any(|line| records.may_be_one(&line.message));
                let records = Records::of(task, &record, config).filter(has_any);
                if let Some(records) = &records {
                    [&mut log.head, &mut log.tail]
                        .into_iter()
                        .for_each(|lines| lines.retain(|line| records.are_own(&line.message)));
                }
                // The limit counts lines as sources gave them, before anything else looks at them.
                log.limit(log_lines);
                if let Some(records) = &records {
                    [&mut log.head, &mut log.tail]
                        .into_iter()
                        .for_each(|lines| *lines = records.read(std::mem::take(lines)));
                }
            }
            containers.push(Self::new(task, record, declared, log, phases, one_only));
        }
        let gaps = logs.into_iter().map(|log| Gap {
            what: format!("{} log lines of {}", log.len(), log.origin),
            why: "the task has no such container".to_owned(),
            hint: None,
            container: log.container,
        });
        (containers, gaps.collect())
    }

    fn new(
        task: &TaskRecord,
        record: ContainerRecord,
        definition: Option<ContainerDefinition>,
        log: Option<ContainerLog>,
        phases: Option<&Phases>,
        one_only: bool,
    ) -> Self {
        let never_started = task.is_stopped() && !record.has_run();
        let ends_unstarted = task.times.started.is_none() && phases.is_some_and(|phases| phases.end_began.is_some());
        let is_given_up = ends_unstarted && !record.has_run();
        let (start, end) = match phases {
            Some(phases) if never_started => {
                let at = phases.end_began.map(|at| ContainerBound { at, source: BoundSource::Estimated });
                (at, at)
            }
            Some(phases) => bounds(task, &record, phases),
            None => (None, None),
        };
        let failure = outcome::container_failure(task, &record, one_only);
        Self { record, definition, log, start, end, never_started, is_given_up, failure }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Whether ECS (or GuardDuty) added it.
    pub fn is_hidden(&self) -> bool {
        self.record.is_hidden()
    }

    /// Whether the task ends when it ends; `None` without the task definition.
    pub fn essential(&self) -> Option<bool> {
        self.definition.as_ref().map(|d| d.essential)
    }

    /// Where its log goes, as far as anybody says.
    pub fn log_config(&self) -> Option<&LogConfig> {
        let declared = self.definition.as_ref().and_then(|definition| definition.log.as_ref());
        LogConfig::believed(self.record.log.as_ref(), declared)
    }

    /// Whether there is no sign that it ever ran, in its log neither, and none will come.
    pub fn never_ran(&self) -> bool {
        (self.never_started || self.is_given_up) && self.log.as_ref().is_none_or(ContainerLog::is_empty)
    }

    /// Whether it was killed because memory ran out.
    pub fn ran_out_of_memory(&self) -> bool {
        self.failure.as_ref().and_then(|failure| failure.error_type.as_deref()) == Some(OUT_OF_MEMORY)
    }

    /// Whether it has finished for good: by its own clock, and not to be started again.
    pub fn has_finished(&self) -> bool {
        self.record.finished.is_some() && !self.record.may_restart
    }

    /// Whether it has ended although its task may go on.
    pub fn has_stopped(&self) -> bool {
        self.record.last_status.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("STOPPED"))
            || self.record.exit_code.is_some()
    }

    /// Why no log lines are to be expected from CloudWatch Logs, where the definition says so, or whose may be among them.
    pub(super) fn log_note(&self, task: &TaskRecord) -> Option<String> {
        let name = self.name();
        if self.definition.is_none() || self.is_hidden() {
            return None;
        }
        let config = self.log_config();
        if let Some(log) = &self.log {
            let stream = log.stream.as_deref().filter(|stream| firelens::is_shared(stream, &task.id, name))?;
            config.filter(|config| config.is_firelens())?.option("log_key")?;
            return Some(format!(
                "container {name} logs through FireLens with log_key to stream {stream}, which others may share: whose a line is, nothing tells"
            ));
        }
        match config {
            None => Some(format!("container {name} has no log driver set: its lines are not in CloudWatch Logs")),
            Some(config) if config.driver == "awslogs" || config.place(task, name).is_some() => None,
            Some(config) if config.is_firelens() => Some(format!("container {name} {}", firelens::elsewhere(config))),
            Some(config) => Some(format!("container {name} logs through {}: its lines are not read", config.driver)),
        }
    }
}

/// Start and end of a container that ran. ECS gives no times of containers, so without metadata or docker they are
/// estimated from the task's. Never by log lines: who has read them and who has not tell of the same container.
fn bounds(
    task: &TaskRecord,
    record: &ContainerRecord,
    phases: &Phases,
) -> (Option<ContainerBound>, Option<ContainerBound>) {
    let own = |at| ContainerBound { at, source: BoundSource::of(record.times_from.or(task.source)) };
    let estimated = |at| ContainerBound { at, source: BoundSource::Estimated };

    let from_task = [phases.launched, task.times.execution_stopped.filter(|_| phases.launched.is_some())]
        .into_iter()
        .flatten()
        .min();
    let start = record.started.map(own).or_else(|| from_task.map(|at| estimated(at.max(phases.start))));

    let end = record.finished.map(own).or_else(|| {
        let last = phases.end?;
        Some(estimated(task.times.execution_stopped.unwrap_or(last).min(last)))
    });
    // Clocks differ: an end before the start is moved up to it, as phases are.
    let end = end.map(|end| ContainerBound { at: start.map_or(end.at, |start| end.at.max(start.at)), ..end });
    (start, end)
}
