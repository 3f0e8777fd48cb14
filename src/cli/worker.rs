//! `ecspan worker` and `ecspan lambda`: from the arguments to the engines of [`ecspan::run::events`].

use std::sync::Arc;

use ecspan::run::Teller;
use ecspan::run::events::queue::{self, QueueConfig};
use ecspan::run::events::{EventConfig, Exported, Filter, invoke};
use ecspan::source::aws::Aws;
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::source::sqs::Queue;
use ecspan::trace::{ServiceName, TraceOptions};

use ecspan::source::logs::LogLines;

use super::args::{Containers, Deployments, EventArgs, Global, LAMBDA_RUNTIME_API, WorkerArgs, WorkerLogs};
use super::ending::Ending;
use super::exit::Exit;
use super::problem::Problem;
use super::{closing, destinations, env, log, meters, notices, notify, signals, tasks};

/// Calls to ECS a second about deployments: half of what ECS gives to all who ask it.
const DEPLOYMENTS_RATE: u32 = 10;
/// What Lambda sets and the runtime insists on.
const LAMBDA_VARIABLES: [&str; 4] =
    [LAMBDA_RUNTIME_API, "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];

/// `ecspan worker`.
pub(super) async fn run(global: &Global, args: &WorkerArgs) -> Result<Exit, Problem> {
    let (aws, notices) = (aws(global).await, notices::for_a_log());
    let config = QueueConfig {
        events: config(global, &args.events, &aws, &notices).await?,
        queue: Queue::open(&aws, &args.queue).map_err(|error| tasks::aws_problem(&error))?,
        concurrency: args.concurrency,
        visibility_timeout: args.visibility_timeout,
    };
    let drained = queue::run(config, signals::stop_in_a_log(), notices).await;
    Ok(exit(&drained.exported, drained.queue_answered))
}

/// `ecspan lambda`.
pub(super) async fn lambda(global: &Global, args: &EventArgs) -> Result<Exit, Problem> {
    if let Some(missing) = LAMBDA_VARIABLES.iter().find(|name| env::get(name).is_none()) {
        return Err(Problem::usage(format!("{missing} is not set, as it is in AWS Lambda"))
            .hint("elsewhere, `ecspan worker` takes events from a queue".to_owned()));
    }
    // Lambda gives host and port; the runtime panics on what is no address.
    if env::get(LAMBDA_RUNTIME_API).and_then(|api| api.parse::<http::Uri>().ok()).is_none() {
        return Err(Problem::usage(format!("{LAMBDA_RUNTIME_API} is no address")));
    }
    let (aws, notices) = (aws(global).await, notices::for_a_log());
    let config = config(global, args, &aws, &notices).await?;
    let exported = invoke::run(config, signals::stop_in_a_log(), notices).await;
    exported.map(|exported| exit(&exported, true)).map_err(|error| Problem::failed(error.to_string()))
}

/// AWS; a wait is a line of the log.
async fn aws(global: &Global) -> Aws {
    tasks::aws_telling(global, Arc::new(|what: &str| log::say("info", &format!("waiting {what}"), &[]))).await
}

async fn config(global: &Global, args: &EventArgs, aws: &Aws, notices: &Teller) -> Result<EventConfig, Problem> {
    let destinations = destinations::open_growing(global, &args.to, &args.otlp).await?;
    let logs = if args.logs == WorkerLogs::None { None } else { Some(logs(aws, args)?) };
    let service_name = ServiceName::from(args.service_name.as_deref());
    let definitions = match (&service_name, &logs) {
        (ServiceName::Otel, Some(source)) => Some(source.clone()),
        (ServiceName::Otel, None) => Some(Arc::new(EcsSource::new(aws.clone(), ObserveOptions::default()))),
        (ServiceName::Ecs | ServiceName::Given(_), _) => None,
    };
    Ok(EventConfig {
        filter: Filter {
            clusters: args.cluster.clone(),
            services: args.service.clone(),
            families: args.family.clone(),
            only_failed: args.only_failed,
            slower_than: args.slower_than,
        },
        logs,
        logs_of_all: args.logs == WorkerLogs::All,
        logs_settle: args.logs_settle,
        definitions,
        deployments: (args.deployments == Deployments::On).then(|| {
            let options = ObserveOptions { calls_rate: Some(DEPLOYMENTS_RATE), ..ObserveOptions::default() };
            Arc::new(EcsSource::new(aws.clone(), options))
        }),
        options: TraceOptions {
            service_name,
            base_attributes: env::resource_attributes(),
            no_containers: args.containers == Containers::None,
            ..TraceOptions::default()
        },
        destinations,
        notifier: notify::open(&args.notify, Some(aws), args.ui_url.as_ref(), notices.clone())?,
        meters: meters::open(&args.to, &args.otlp, aws.calls(), notices.clone())?,
        clock: super::now,
    })
}

/// Where log lines come from.
fn logs(aws: &Aws, args: &EventArgs) -> Result<Arc<EcsSource>, Problem> {
    let LogLines::AtMost(log_lines) = env::log_lines(args.log_lines)? else {
        return Err(
            Problem::usage("--log-lines all: a worker sends log lines as events").hint("name a number".to_owned())
        );
    };
    let options = ObserveOptions { log_lines, logs_rate: Some(args.logs_rate), ..ObserveOptions::default() };
    Ok(Arc::new(EcsSource::new(aws.clone(), options)))
}

/// What it drained was delivered, or refused for good: that was told, and is in the exit code. A queue that never answered
/// was tried in vain.
fn exit(exported: &Exported, was_answered: bool) -> Exit {
    exported.report.destinations.iter().for_each(closing::log_destination);
    let (lost, is_empty) = (usize::from(!was_answered), !was_answered);
    Ending { lost, is_empty, ..Ending::of_drained(exported.report.verdict()) }.exit()
}
