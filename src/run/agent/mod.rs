//! On a container instance: sends each container's span once it has finished. Which there are is the ECS agent's word, how they
//! ended Docker's. Main functions: [`follow`], [`look_once`].

mod tracked;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use self::tracked::News;
pub use self::tracked::Tracked;
use super::Now;
use super::notice::{NotSent, Notice, Stopping, Teller};
use super::stop::Stop;
use super::watch::{self, Watch, Watched};
use crate::hint::Hint;
use crate::sink::{Delivery, Destination, Piece};
use crate::source::agent::{Agent, AgentTasks, Instance, Which};
use crate::source::docker::{self, Docker, DockerError};
use crate::source::endpoint::EndpointError;
use crate::trace::TraceOptions;

/// The end of a container of a task that the agent has forgotten is asked of a Docker that does not answer for so long.
const PATIENCE: Duration = Duration::from_secs(600);

/// What to do where no agent answers.
pub const NO_AGENT: &str = "the ECS agent listens on the container instance itself: run ecspan there (in a container with the host's \
                            network), or name its address with --agent-url or ECSPAN_AGENT_URL";

/// What an agent works with.
#[derive(Debug)]
pub struct AgentConfig {
    /// Who lists the tasks.
    pub agent: Agent,
    /// Which of them.
    pub which: Which,
    /// Who knows how containers end; without it nothing ends.
    pub docker: Option<Docker>,
    /// So many lines are read of what a container wrote.
    pub log_lines: usize,
    /// How spans are made.
    pub options: TraceOptions,
    /// Who gets the spans.
    pub destinations: Vec<Destination>,
    /// What time it is.
    pub clock: Now,
}

/// Watches the tasks until told to stop, and sends what becomes final.
pub async fn follow(config: AgentConfig, stop: Stop, notices: Teller) -> Watched {
    let (mut watch, destinations) = AgentWatch::new(config, false, notices.clone());
    let feed = async |pieces| {
        if let Some(error) = watch::follow(&mut watch, &pieces, &stop, &notices).await {
            watch.gap(None, format!("what ended since the last answer was not seen: {error}"), Some(NO_AGENT));
        }
        watch.close();
        watch.gaps
    };
    let (gaps, report) = watch::deliver(Delivery::new(destinations), &stop, &notices, feed).await;
    Watched { gaps, report }
}

/// What one look saw.
#[derive(Debug)]
pub struct Look {
    /// The tasks that the agent lists, by id.
    pub tasks: BTreeMap<String, Tracked>,
    /// Why they could not be asked for.
    pub failed: Option<EndpointError>,
    /// The agent answered, be it without the task that was asked for.
    pub agent_answers: bool,
    /// What was not seen, and what became of the spans.
    pub watched: Watched,
}

/// Looks once, and sends what is final.
pub async fn look_once(config: AgentConfig, stop: Stop, notices: Teller) -> Look {
    let (mut watch, destinations) = AgentWatch::new(config, true, notices.clone());
    let feed = async |pieces| {
        tokio::select! {
            looked = watch.look(&pieces, true) => looked.map(|()| watch.close()).err(),
            () = stop.wait() => None,
        }
    };
    let (failed, report) = watch::deliver(Delivery::new(destinations).until(stop.wait()), &stop, &notices, feed).await;
    let (agent_answers, gaps) = (watch.instance.is_some(), watch.gaps);
    Look { tasks: watch.tasks, failed, agent_answers, watched: Watched { gaps, report } }
}

/// The tasks of this instance.
struct AgentWatch {
    options: TraceOptions,
    clock: Now,
    log_lines: usize,
    agent: Agent,
    which: Which,
    instance: Option<Instance>,
    docker: Option<Docker>,
    /// It looks once: what was looked at is kept, and what runs is no news.
    is_once: bool,
    notices: Teller,
    /// Docker has answered before.
    has_answered: bool,
    /// Why Docker does not answer, as it was told.
    trouble: Option<String>,
    /// By id, in lower case.
    tasks: BTreeMap<String, Tracked>,
    /// What was told of tasks that cannot be read.
    unreadable: BTreeSet<String>,
    /// The log drivers that were told of.
    drivers: BTreeSet<String>,
    gaps: usize,
}

impl AgentWatch {
    fn new(config: AgentConfig, is_once: bool, notices: Teller) -> (Self, Vec<Destination>) {
        let AgentConfig { agent, which, docker, log_lines, options, destinations, clock } = config;
        let watch = Self {
            options,
            clock,
            log_lines,
            agent,
            which,
            instance: None,
            docker,
            is_once,
            notices,
            has_answered: false,
            trouble: None,
            tasks: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            drivers: BTreeSet::new(),
            gaps: 0,
        };
        (watch, destinations)
    }

    fn gap(&mut self, task: Option<&str>, what: String, hint: Option<&str>) {
        self.gaps += 1;
        self.tell_gap(task, what, hint);
    }

    fn tell_gap(&self, task: Option<&str>, what: String, hint: Option<&str>) {
        let (task, hint) = (task.map(str::to_owned), hint.map(str::to_owned));
        self.notices.tell(&Notice::Gap { task, message: None, what, hint });
    }

    /// What the agent lists now.
    async fn ask_agent(&mut self) -> Result<(), EndpointError> {
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.agent.instance().await?,
        };
        let listed = self.agent.tasks(&self.which, self.instance.insert(instance)).await;
        let AgentTasks { records, errors } = listed?;
        let told: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
        for error in told.difference(&self.unreadable.clone()) {
            self.gap(None, error.clone(), None);
        }
        // One that cannot be read may be any of those that seem to be missing.
        let is_whole = told.is_empty();
        self.unreadable = told;
        let mut listed = BTreeSet::new();
        for record in records {
            let id = record.id.to_lowercase();
            listed.insert(id.clone());
            match self.tasks.get_mut(&id) {
                Some(known) => known.update(record),
                None => {
                    self.tasks.insert(id, Tracked::new(record));
                }
            }
        }
        if is_whole {
            for (_, task) in self.tasks.iter_mut().filter(|(id, _)| !listed.contains(*id)) {
                task.miss();
            }
        }
        Ok(())
    }

    /// What Docker says of the containers of all tasks. Without Docker the first of them tells.
    async fn ask_docker(&mut self, is_last: bool) {
        let Some(docker) = self.docker.clone() else { return };
        let mut tasks = std::mem::take(&mut self.tasks);
        let mut absent = None;
        for task in tasks.values_mut() {
            if let Err(error) = self.ask_about(&docker, task, is_last).await {
                absent = Some(error);
                break;
            }
        }
        self.tasks = tasks;
        match (absent, self.trouble.take()) {
            (Some(error), before) => {
                let what = format!("{error}: exit codes, finish times and logs of containers are not known");
                if before.as_ref() != Some(&what) {
                    self.tell_gap(None, what.clone(), error.hint().as_deref());
                }
                self.trouble = Some(what);
            }
            (None, Some(_)) => self.notices.tell(&Notice::DockerAnswers),
            (None, None) => {}
        }
    }

    /// The error is that there is no Docker.
    async fn ask_about(&mut self, docker: &Docker, task: &mut Tracked, is_last: bool) -> Result<(), DockerError> {
        let is_over = task.is_over();
        for container in task.to_ask() {
            let Some(id) = container.runtime_id.as_deref() else { continue };
            let (label, name) = (task.label(), &container.name);
            match docker.container(&container, is_over).await {
                Ok(told) => {
                    self.has_answered = true;
                    if task.hear(id, told, is_last) == News::StartedAgain {
                        let what = "was started again after its span was sent: what it did since is not in it";
                        self.gap(Some(&label), format!("container {name} {what}"), None);
                    }
                }
                Err(error) if error.is_absent() => return Err(error),
                Err(error) => {
                    if task.fail(id, error.to_string()) {
                        let (task, container) = (label, name.clone());
                        self.notices.tell(&Notice::ContainerTrouble { task, container, error: error.to_string() });
                    }
                }
            }
        }
        for (container, image_id) in task.to_complete() {
            let Some(id) = container.runtime_id.as_deref() else { continue };
            let digest = match (&container.image, image_id) {
                (Some(image), Some(image_id)) => match docker.digest(image, &image_id).await {
                    Err(error) if error.is_absent() => return Err(error),
                    // The image may be gone already; a span without its digest is better than none.
                    digest => digest.ok().flatten(),
                },
                _ => None,
            };
            let log = match &container.log {
                Some(log) if self.log_lines > 0 && self.is_readable(&container.name, &log.driver) => {
                    match docker.log(&task.record().id, &container, self.log_lines).await {
                        Ok(log) => Some(log),
                        Err(error) if error.is_absent() => return Err(error),
                        Err(error) => {
                            let (label, name) = (task.label(), &container.name);
                            self.gap(Some(&label), format!("the log of container {name}: {error}"), None);
                            None
                        }
                    }
                }
                _ => None,
            };
            task.complete(id, log, digest);
        }
        Ok(())
    }

    /// Whether Docker has the log. Says once of each driver that it has not.
    fn is_readable(&mut self, container: &str, driver: &str) -> bool {
        if docker::can_read_logs(driver) {
            return true;
        }
        if self.drivers.insert(driver.to_owned()) {
            let (container, driver) = (container.to_owned(), driver.to_owned());
            self.notices.tell(&Notice::LogElsewhere { container, driver });
        }
        false
    }

    /// Sends what is final, and forgets the tasks that are over.
    async fn send(&mut self, pieces: &Sender<Piece>, is_last: bool) {
        let mut tasks = std::mem::take(&mut self.tasks);
        let mut over = vec![];
        for (id, task) in &mut tasks {
            for name in task.lost() {
                let why =
                    if task.is_missing() { "vanished from the agent's list with" } else { "Docker has forgotten" };
                self.gap(Some(&task.label()), format!("{why} container {name}: its end was never seen"), None);
            }
            let is_forgotten = self.is_forgotten(task);
            if is_forgotten {
                over.push(id.clone());
            }
            let at_once = is_last || is_forgotten;
            let unread = if at_once && self.log_lines > 0 { task.to_complete() } else { vec![] };
            for (container, _) in unread {
                let (label, name) = (task.label(), &container.name);
                self.gap(Some(&label), format!("the log of container {name} could not be read any more"), None);
            }
            task.send((self.clock)(), &self.options, pieces, at_once).await;
        }
        // What was looked at once is still to be printed.
        if !self.is_once {
            tasks.retain(|id, _| !over.contains(id));
        }
        self.tasks = tasks;
    }

    /// Whether a task that the agent does not list any more has nothing left to be waited for. What will never be known is
    /// told.
    fn is_forgotten(&mut self, task: &mut Tracked) -> bool {
        if !task.is_missing() {
            return false;
        }
        let missing_for = task.miss();
        let open: Vec<String> = task.open().iter().map(|container| container.name.clone()).collect();
        let may_answer = self.docker.is_some() && self.has_answered && missing_for < PATIENCE;
        if open.is_empty() {
            if may_answer && !task.to_complete().is_empty() {
                return false;
            }
            let began = task.record().containers.iter().any(|container| container.runtime_id.is_some());
            if !began && !task.record().is_stopped() {
                self.gap(
                    Some(&task.label()),
                    "vanished from the agent's list: its end was never seen".to_owned(),
                    None,
                );
            }
            task.stop();
            return true;
        }
        // An agent that has just started lists nothing for a moment.
        if self.trouble.is_none() && task.runs() {
            return false;
        }
        if !may_answer {
            let what = format!("vanished from the agent's list with container {}", open.join(", "));
            self.gap(Some(&task.label()), format!("{what}: its end was never seen"), None);
        }
        !may_answer
    }

    /// Names what is not sent.
    fn close(&mut self) {
        let mut unknown = vec![];
        for task in self.tasks.values() {
            let label = task.label();
            for container in task.open() {
                let not_sent = |why| {
                    let (task, container) = (Some(label.clone()), container.name.clone());
                    self.notices.tell(&Notice::NotSent { task, container, why });
                };
                match task.trouble(container) {
                    Some(trouble) => {
                        let what = format!("container {}: {trouble}: its end is not known", container.name);
                        unknown.push((label.clone(), what));
                    }
                    // One look says in its table what runs.
                    None if self.is_once => {}
                    // That it ended is the agent's word; how and when would be Docker's.
                    None if self.docker.is_none() && task.record().is_stopped() => not_sent(NotSent::EndUnknown),
                    None => not_sent(NotSent::HadNotFinished),
                }
            }
        }
        for (label, what) in unknown {
            self.gap(Some(&label), what, None);
        }
        // It was told when it began.
        self.gaps += usize::from(self.trouble.is_some());
        if self.docker.is_none() {
            self.notices.tell(&Notice::DockerNotAsked);
        }
    }
}

impl Watch for AgentWatch {
    async fn look(&mut self, pieces: &Sender<Piece>, is_last: bool) -> Result<(), EndpointError> {
        let asked = self.ask_agent().await;
        if asked.is_err() && !is_last {
            return asked;
        }
        // At the end also without the agent: Docker knows how those ended that are known.
        self.ask_docker(is_last).await;
        self.send(pieces, is_last).await;
        asked
    }

    fn stop(&mut self) -> Duration {
        self.notices.tell(&Notice::Stopping(Stopping::LooksOnceMore));
        Duration::ZERO
    }

    fn is_over(&self) -> bool {
        false
    }
}
