//! `ecspan agent`: from the arguments to the engine [`ecspan::run::agent`], and the table of `--once`.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use ecspan::model::duration;
use ecspan::model::observation::ContainerRecord;
use ecspan::model::outcome::error_name;
use ecspan::render::Style;
use ecspan::render::table::Table;
use ecspan::run::agent::{self, AgentConfig, Look, NO_AGENT, Tracked};
use ecspan::source::agent::{Agent, Which};
use ecspan::source::docker::{self, Docker};
use ecspan::source::endpoint::EndpointError;
use ecspan::source::logs::LogLines;
use ecspan::trace::TraceOptions;

use super::args::{AgentArgs, Global};
use super::exit::Exit;
use super::problem::Problem;
use super::style::plain_style;
use super::{closing, destinations, env, notices, options, signals, stdout, terminal};

/// A pipe has room for what a terminal has to cut.
const PIPE_WIDTH: u16 = 200;

pub(super) async fn run(global: &Global, args: &AgentArgs) -> Result<Exit, Problem> {
    let config = config(global, args).await?;
    if !args.once {
        let watched = agent::follow(config, signals::stop(), notices::for_a_person()).await;
        return Ok(closing::watched(&watched));
    }
    let Look { tasks, failed, agent_answers, watched } =
        agent::look_once(config, signals::stop(), notices::for_a_person()).await;
    let exit = closing::watched(&watched);
    if let Some(signal) = signals::received() {
        return Ok(signal);
    }
    if let Some(error) = failed {
        return Err(problem(&error, &which(args), agent_answers));
    }
    let style = plain_style(global, (!std::io::stdout().is_terminal()).then_some(PIPE_WIDTH), false);
    print(&tasks, args, &style)?;
    Ok(exit)
}

fn which(args: &AgentArgs) -> Which {
    match (&args.task, &args.docker_id) {
        (Some(arn), _) => Which::Arn(arn.clone()),
        (None, Some(id)) => Which::DockerId(id.clone()),
        (None, None) => Which::All,
    }
}

async fn config(global: &Global, args: &AgentArgs) -> Result<AgentConfig, Problem> {
    let log_lines = match env::log_lines(args.log_lines)? {
        _ if args.no_logs => 0,
        LogLines::AtMost(lines) => lines,
        LogLines::All => {
            let error = "--log-lines all: spans cannot hold a whole log";
            return Err(Problem::usage(error).hint("name a number: --log-lines 10000".to_owned()));
        }
    };
    let docker = match args.docker.as_deref().filter(|host| !host.is_empty()) {
        Some("none") => None,
        host => Some(Docker::at(host.unwrap_or(docker::DEFAULT_HOST)).map_err(|error| Problem::misuse(&error))?),
    };
    if docker.is_none() && args.standalone {
        return Err(Problem::usage("--standalone needs Docker: the agent knows no ends"));
    }
    if !args.agent_url.starts_with("http://") {
        return Err(Problem::usage(format!("--agent-url {}: expected http://HOST:PORT", args.agent_url)));
    }
    Ok(AgentConfig {
        options: TraceOptions {
            standalone: args.standalone,
            all_containers: args.all_containers,
            service_name: options::named_service(args.service_name.as_deref())?,
            attributes: options::attributes(&args.attr)?,
            base_attributes: env::resource_attributes(),
            ..TraceOptions::default()
        },
        log_lines,
        agent: Agent::at(&args.agent_url).map_err(|error| Problem::failed(error.to_string()))?,
        which: which(args),
        docker,
        destinations: destinations::open_for(global, &args.to, &args.delivery).await?,
        clock: super::now,
    })
}

fn problem(error: &EndpointError, which: &Which, agent_answers: bool) -> Problem {
    match (error, which) {
        (EndpointError::Status { status: 400 | 404, .. }, Which::Arn(name) | Which::DockerId(name))
            if agent_answers =>
        {
            let hint = "ecspan agent --once lists those that it knows";
            Problem::failed(format!("the ECS agent knows no task of {name}")).hint(hint.to_owned())
        }
        _ => Problem::failed(error.to_string()).hint(NO_AGENT.to_owned()),
    }
}

/// What is known of each task's containers.
fn print(tasks: &BTreeMap<String, Tracked>, args: &AgentArgs, style: &Style) -> Result<(), Problem> {
    let mut table = Table::new(["TASK", "TASK DEFINITION", "STATUS", "CONTAINER", "STATE", "WHAT IS KNOWN"]);
    for task in tasks.values() {
        let record = task.record();
        let revision = record.revision().map_or(String::new(), |revision| format!(":{revision}"));
        let definition = format!("{}{revision}", record.family().unwrap_or("-"));
        let status = record.last_status.clone().unwrap_or_else(|| "-".to_owned());
        let row = |name: &str, state: &str, known: String| {
            [record.id.clone(), definition.clone(), status.clone(), name.to_owned(), state.to_owned(), known]
        };
        let shown = |container: &&ContainerRecord| args.all_containers || !container.is_hidden();
        let mut containers = record.containers.iter().filter(shown).peekable();
        if containers.peek().is_none() {
            table.push(row("-", "-", "no containers yet".to_owned()));
        }
        for container in containers {
            let docker = task.docker(container);
            let state = docker.and_then(|docker| docker.last_status.as_deref()).or(container.last_status.as_deref());
            let known = known(container, docker, task.lines(container), style);
            table.push(row(&container.name, state.unwrap_or("-"), known));
        }
    }
    if tasks.is_empty() {
        terminal::tell("note", "the ECS agent knows no tasks");
        return Ok(());
    }
    // Where stdout carries the spans, it carries nothing else.
    if args.to.iter().any(|to| to == "file:-") {
        table.draw(style).lines().for_each(terminal::say);
        return Ok(());
    }
    stdout::print(&table.draw(style)).map(|_| ())
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
