//! What `ecspan worker` and `ecspan lambda` take; a function by variables only. Main types: [`WorkerArgs`], [`EventArgs`].

use std::time::Duration;

use clap::{Args, ValueEnum};
use ecspan::run::UiUrl;
use ecspan::source::logs::LogLines;

use super::{NotifyArgs, OtlpArgs, duration, log_lines};

#[derive(Args, Debug)]
pub(crate) struct WorkerArgs {
    /// URL of the SQS queue that an EventBridge rule for `ECS Task State Change` (and `ECS Deployment State Change`) fills
    #[arg(long, value_name = "URL", env = "ECSPAN_QUEUE", value_parser = queue)]
    pub(crate) queue: String,
    /// How many messages are worked on at once
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = positive)]
    pub(crate) concurrency: usize,
    /// How long a message stays hidden from other workers; renewed while it is worked on, so those of a killed worker come back
    /// after this time
    #[arg(long, value_name = "DURATION", value_parser = visibility, default_value = "60s")]
    pub(crate) visibility_timeout: Duration,
    #[command(flatten)]
    pub(crate) events: EventArgs,
}

/// What is done with events.
#[derive(Args, Clone, Debug)]
pub(crate) struct EventArgs {
    /// Whose log lines are read from CloudWatch Logs
    #[arg(long, value_enum, value_name = "WHOSE", default_value_t = WorkerLogs::Failed, env = "ECSPAN_LOGS")]
    pub(crate) logs: WorkerLogs,
    /// How long after a task stopped its logs are read: lines arrive late
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s", env = "ECSPAN_LOGS_SETTLE")]
    pub(crate) logs_settle: Duration,
    /// Make at most N GetLogEvents calls a second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000), env = "ECSPAN_LOGS_RATE")]
    pub(crate) logs_rate: u32,
    /// Keep at most N log lines a container (default: OTEL_SPAN_EVENT_COUNT_LIMIT, else 128)
    #[arg(long, value_name = "N", value_parser = log_lines, env = "ECSPAN_LOG_LINES")]
    pub(crate) log_lines: Option<LogLines>,
    /// Whether the trace of each deployment is sent, when its event says that it is over: by the ECS API, for which the role needs a
    /// few more permissions
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = Deployments::On, env = "ECSPAN_DEPLOYMENTS")]
    pub(crate) deployments: Deployments,
    /// Whether containers' spans are sent: not where a sidecar or an agent sends them
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Containers::All, env = "ECSPAN_CONTAINERS")]
    pub(crate) containers: Containers,
    /// Only tasks of this cluster. May be repeated
    #[arg(long, value_name = "CLUSTER", help_heading = "Selectors", env = "ECSPAN_CLUSTER", value_delimiter = ',', value_parser = trimmed)]
    pub(crate) cluster: Vec<String>,
    /// Only tasks of this service. May be repeated
    #[arg(long, value_name = "SERVICE", help_heading = "Selectors", env = "ECSPAN_SERVICE", value_delimiter = ',', value_parser = trimmed)]
    pub(crate) service: Vec<String>,
    /// Only tasks of this task definition family. May be repeated
    #[arg(long, value_name = "FAMILY", help_heading = "Selectors", env = "ECSPAN_FAMILY", value_delimiter = ',', value_parser = trimmed)]
    pub(crate) family: Vec<String>,
    /// Only tasks that failed
    #[arg(long, help_heading = "Selectors", env = "ECSPAN_ONLY_FAILED")]
    pub(crate) only_failed: bool,
    /// Only tasks whose launch took at least this long
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Selectors", env = "ECSPAN_SLOWER_THAN")]
    pub(crate) slower_than: Option<Duration>,
    /// Where to: otlp, xray or xray:REGION, or file:PATH. May be repeated
    #[arg(long, value_name = "DESTINATION", default_value = "otlp", env = "ECSPAN_TO", value_delimiter = ',', value_parser = trimmed)]
    pub(crate) to: Vec<String>,
    /// service.name (default: the ECS service, else the family); otel: as the first essential container's OTEL_SERVICE_NAME
    /// or OTEL_RESOURCE_ATTRIBUTES say
    #[arg(long, value_name = "NAME|otel", env = "ECSPAN_SERVICE_NAME")]
    pub(crate) service_name: Option<String>,
    /// Base URL of a Jaeger UI, or another UI's address with {trace_id} in it: notifications link to the trace there
    #[arg(long, value_name = "URL", env = "ECSPAN_UI_URL")]
    pub(crate) ui_url: Option<UiUrl>,
    #[command(flatten)]
    pub(crate) otlp: OtlpArgs,
    #[command(flatten)]
    pub(crate) notify: NotifyArgs,
}

/// Whose log lines a worker reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkerLogs {
    /// Of tasks that failed
    Failed,
    /// Of all tasks
    All,
    /// Of no task
    None,
}

/// Whether deployments are sent, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deployments {
    On,
    Off,
}

/// Which containers' spans are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Containers {
    All,
    None,
}

/// At least one.
fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a number above 0".to_owned())
}

/// What SQS takes, and what a worker can keep up with.
fn visibility(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(5)..=Duration::from_secs(12 * 60 * 60);
    duration(text).and_then(|time| if range.contains(&time) { Ok(time) } else { Err("5s to 12h".to_owned()) })
}

/// A list is often written with spaces.
fn trimmed(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("a name is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// SQS knows queues by URL.
fn queue(text: &str) -> Result<String, String> {
    let is_url = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    let example = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME";
    if is_url { Ok(text.to_owned()) } else { Err(format!("expected the URL of the queue: {example}")) }
}
