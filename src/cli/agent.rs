//! `ecspan agent`: on a container instance, sends each container's span once it has finished. Which there are is the ECS
//! agent's word, how they ended Docker's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::time::Duration;

use ecspan::model::observation::ContainerRecord;
use ecspan::model::outcome::error_name;
use ecspan::render::table::Table;
use ecspan::render::{Style, duration};
use ecspan::sink::{Delivery, Piece};
use ecspan::source::agent::{Agent, AgentTasks, Instance, Which};
use ecspan::source::docker::{self, Docker, DockerError};
use ecspan::source::endpoint::EndpointError;
use ecspan::trace::TraceOptions;
use tokio::sync::mpsc::Sender;

use self::known::{KnownTask, News};
use super::args::{AgentArgs, Global, LogLines};
use super::exit::Exit;
use super::problem::Problem;
use super::show::plain_style;
use super::watch::{self, Watch};
use super::{destinations, env, export, signals, terminal};

mod known;

/// The end of a container of a task that the agent has forgotten is asked of a Docker that does not answer for so long.
const PATIENCE: Duration = Duration::from_secs(600);
/// A pipe has room for what a terminal has to cut.
const PIPE_WIDTH: u16 = 200;

const NO_AGENT: &str = "the ECS agent listens on the container instance itself: run ecspan there (in a container with the host's \
                        network), or name its address with --agent-url or ECSPAN_AGENT_URL";

pub(super) async fn run(global: &Global, args: &AgentArgs) -> Result<Exit, Problem> {
    let mut watch = AgentWatch::new(args)?;
    let destinations = destinations::open_for(global, &args.to, &args.otlp, args.undelivered.as_deref()).await?;
    if !args.once {
        let feed = async |pieces| {
            if let Some(error) = watch::follow(&mut watch, &pieces).await {
                watch.gap(&format!("what ended since the last answer was not seen: {error}"), Some(NO_AGENT));
            }
            watch.close();
            watch.gaps
        };
        let (gaps, verdict) = watch::deliver(Delivery::new(destinations), feed).await;
        return Ok(watch::exit(verdict, gaps));
    }
    let feed = async |pieces| {
        tokio::select! {
            looked = watch.look(&pieces, true) => looked.map(|()| watch.close()),
            () = signals::wait() => Ok(()),
        }
    };
    let (looked, verdict) = watch::deliver(Delivery::new(destinations).until(signals::wait()), feed).await;
    if let Some(signal) = signals::received() {
        return Ok(signal);
    }
    looked.map_err(|error| watch.problem(&error))?;
    let style = plain_style(global, (!std::io::stdout().is_terminal()).then_some(PIPE_WIDTH), false);
    watch.print(&style)?;
    Ok(watch::exit(verdict, watch.gaps))
}

/// The tasks of this instance.
struct AgentWatch<'a> {
    args: &'a AgentArgs,
    options: TraceOptions,
    log_lines: usize,
    agent: Agent,
    which: Which,
    instance: Option<Instance>,
    docker: Option<Docker>,
    /// Docker has answered before.
    has_answered: bool,
    /// Why Docker does not answer, as it was told.
    trouble: Option<String>,
    /// By id, in lower case.
    tasks: BTreeMap<String, KnownTask>,
    /// What was told of tasks that cannot be read.
    unreadable: BTreeSet<String>,
    /// The log drivers that were told of.
    drivers: BTreeSet<String>,
    gaps: usize,
}

impl<'a> AgentWatch<'a> {
    fn new(args: &'a AgentArgs) -> Result<Self, Problem> {
        let log_lines = match env::log_lines(args.log_lines)? {
            _ if args.no_logs => 0,
            LogLines::AtMost(lines) => lines,
            LogLines::All => {
                let error = "--log-lines all: spans cannot hold a whole log";
                return Err(Problem::usage(error).hint("name a number: --log-lines 10000".to_owned()));
            }
        };
        let unusable = |error: DockerError| Problem::usage(error.to_string()).hint(error.hint().map(str::to_owned));
        let docker = match args.docker.as_deref().filter(|host| !host.is_empty()) {
            Some("none") => None,
            host => Some(Docker::at(host.unwrap_or(docker::DEFAULT_HOST)).map_err(unusable)?),
        };
        if docker.is_none() && args.standalone {
            return Err(Problem::usage("--standalone needs Docker: the agent knows no ends"));
        }
        if !args.agent_url.starts_with("http://") {
            return Err(Problem::usage(format!("--agent-url {}: expected http://HOST:PORT", args.agent_url)));
        }
        let which = match (&args.task, &args.docker_id) {
            (Some(arn), _) => Which::Arn(arn.clone()),
            (None, Some(id)) => Which::DockerId(id.clone()),
            (None, None) => Which::All,
        };
        Ok(Self {
            args,
            options: TraceOptions {
                standalone: args.standalone,
                all_containers: args.all_containers,
                service_name: watch::service_name(args.service_name.as_deref())?,
                attributes: export::attributes(&args.attr)?,
                base_attributes: env::resource_attributes(),
                ..TraceOptions::default()
            },
            log_lines,
            agent: Agent::at(&args.agent_url).map_err(|error| Problem::failed(error.to_string()))?,
            which,
            instance: None,
            docker,
            has_answered: false,
            trouble: None,
            tasks: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            drivers: BTreeSet::new(),
            gaps: 0,
        })
    }

    fn gap(&mut self, what: &str, hint: Option<&str>) {
        self.gaps += 1;
        terminal::tell("gap", what);
        if let Some(hint) = hint {
            terminal::tell("hint", hint);
        }
    }

    fn problem(&self, error: &EndpointError) -> Problem {
        match (error, &self.which) {
            // The metadata came, so the agent is there.
            (EndpointError::Status { status: 400 | 404, .. }, Which::Arn(name) | Which::DockerId(name))
                if self.instance.is_some() =>
            {
                let hint = "ecspan agent --once lists those that it knows";
                Problem::failed(format!("the ECS agent knows no task of {name}")).hint(hint.to_owned())
            }
            _ => Problem::failed(error.to_string()).hint(NO_AGENT.to_owned()),
        }
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
            self.gap(error, None);
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
                    self.tasks.insert(id, KnownTask::new(record));
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
                    terminal::tell("gap", &what);
                    error.hint().into_iter().for_each(|hint| terminal::tell("hint", hint));
                }
                self.trouble = Some(what);
            }
            (None, Some(_)) => terminal::tell("note", "Docker answers again"),
            (None, None) => {}
        }
    }

    /// The error is that there is no Docker.
    async fn ask_about(&mut self, docker: &Docker, task: &mut KnownTask, is_last: bool) -> Result<(), DockerError> {
        let is_over = task.is_over();
        for container in task.to_ask() {
            let Some(id) = container.runtime_id.as_deref() else { continue };
            let (label, name) = (task.label(), &container.name);
            match docker.container(&container, is_over).await {
                Ok(told) => {
                    self.has_answered = true;
                    if task.hear(id, told, is_last) == News::StartedAgain {
                        let what = "was started again after its span was sent: what it did since is not in it";
                        self.gap(&format!("task {label}: container {name} {what}"), None);
                    }
                }
                Err(error) if error.is_absent() => return Err(error),
                Err(error) => {
                    if task.fail(id, error.to_string()) {
                        terminal::tell("warning", &format!("task {label}: container {name}: {error}"));
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
                            self.gap(&format!("task {label}: the log of container {name}: {error}"), None);
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
            let place = if driver == "awslogs" { "in CloudWatch Logs" } else { "elsewhere" };
            terminal::tell(
                "note",
                &format!("container {container} logs through {driver}: lines are {place}, not read"),
            );
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
                self.gap(&format!("task {}: {why} container {name}: its end was never seen", task.label()), None);
            }
            let is_forgotten = self.is_forgotten(task);
            if is_forgotten {
                over.push(id.clone());
            }
            let at_once = is_last || is_forgotten;
            let unread = if at_once && self.log_lines > 0 { task.to_complete() } else { vec![] };
            for (container, _) in unread {
                let (label, name) = (task.label(), &container.name);
                self.gap(&format!("task {label}: the log of container {name} could not be read any more"), None);
            }
            task.send(&self.options, pieces, at_once).await;
        }
        // What was looked at once is still to be printed.
        if !self.args.once {
            tasks.retain(|id, _| !over.contains(id));
        }
        self.tasks = tasks;
    }

    /// Whether a task that the agent does not list any more has nothing left to be waited for. What will never be known is
    /// told.
    fn is_forgotten(&mut self, task: &mut KnownTask) -> bool {
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
                    &format!("task {}: vanished from the agent's list: its end was never seen", task.label()),
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
            self.gap(&format!("task {}: {what}: its end was never seen", task.label()), None);
        }
        !may_answer
    }

    /// Names what is not sent.
    fn close(&mut self) {
        for task in self.tasks.values() {
            let label = task.label();
            for container in task.open() {
                let what = format!("task {label}: container {}", container.name);
                match task.trouble(container) {
                    Some(trouble) => {
                        self.gaps += 1;
                        terminal::tell("gap", &format!("{what}: {trouble}: its end is not known"));
                    }
                    // One look says in its table what runs.
                    None if self.args.once => {}
                    // That it ended is the agent's word; how and when would be Docker's.
                    None if self.docker.is_none() && task.record().is_stopped() => terminal::tell(
                        "note",
                        &format!("{what} has stopped, and its end is not known: its span is not sent"),
                    ),
                    None => {
                        terminal::tell("note", &format!("{what} had not finished when last seen: its span is not sent"))
                    }
                }
            }
        }
        // It was told when it began.
        self.gaps += usize::from(self.trouble.is_some());
        if self.docker.is_none() {
            terminal::tell(
                "note",
                "Docker was not asked (--docker none): no container's end is known, so none was sent",
            );
        }
    }

    /// What is known of each task's containers, for `--once`.
    fn print(&self, style: &Style) -> Result<(), Problem> {
        let mut table = Table::new(["TASK", "TASK DEFINITION", "STATUS", "CONTAINER", "STATE", "WHAT IS KNOWN"]);
        for task in self.tasks.values() {
            let record = task.record();
            let revision = record.revision().map_or(String::new(), |revision| format!(":{revision}"));
            let definition = format!("{}{revision}", record.family().unwrap_or("-"));
            let status = record.last_status.clone().unwrap_or_else(|| "-".to_owned());
            let row = |name: &str, state: &str, known: String| {
                [record.id.clone(), definition.clone(), status.clone(), name.to_owned(), state.to_owned(), known]
            };
            let shown = |container: &&ContainerRecord| self.args.all_containers || !container.is_hidden();
            let mut containers = record.containers.iter().filter(shown).peekable();
            if containers.peek().is_none() {
                table.push(row("-", "-", "no containers yet".to_owned()));
            }
            for container in containers {
                let docker = task.docker(container);
                let state =
                    docker.and_then(|docker| docker.last_status.as_deref()).or(container.last_status.as_deref());
                let known = known(container, docker, task.lines(container), style);
                table.push(row(&container.name, state.unwrap_or("-"), known));
            }
        }
        if self.tasks.is_empty() {
            terminal::tell("note", "the ECS agent knows no tasks");
            return Ok(());
        }
        // Where stdout carries the spans, it carries nothing else.
        if self.args.to.iter().any(|to| to == "file:-") {
            table.draw(style).lines().for_each(terminal::say);
            return Ok(());
        }
        terminal::print(&table.draw(style)).map(|_| ())
    }
}

/// How a container ended, or for how long it has run.
fn known(container: &ContainerRecord, docker: Option<&ContainerRecord>, lines: Option<usize>, style: &Style) -> String {
    let told = docker.unwrap_or(container);
    let mut parts = vec![];
    parts.extend(told.exit_code.map(|code| format!("exit {code}")));
    parts.extend(told.reason.as_deref().map(|reason| error_name(reason).unwrap_or(reason).to_owned()));
    match (told.started, told.finished) {
        (Some(started), Some(finished)) => parts.push(format!("ran {}", duration::short(finished.since(started)))),
        (Some(started), None) if docker.is_some() => {
            parts.push(format!("runs for {}", duration::short(style.now.since(started))));
        }
        (Some(started), None) => {
            parts.push(format!("started {} ago, end unknown", duration::short(style.now.since(started))))
        }
        (None, _) if docker.is_some() => parts.push("never started".to_owned()),
        (None, _) => parts.push("no times".to_owned()),
    }
    let restarts = told.restarts.or(container.restarts).filter(|restarts| *restarts > 0);
    parts.extend(restarts.map(|restarts| format!("restarted {restarts} times")));
    parts.extend(lines.map(|lines| format!("{lines} log lines")));
    parts.join(", ")
}

impl Watch for AgentWatch<'_> {
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
        terminal::tell("note", "told to stop: looking once more");
        Duration::ZERO
    }

    fn is_over(&self) -> bool {
        false
    }
}
