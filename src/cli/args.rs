//! What can be typed. Main type: [`Cli`]. Nothing here reads a file, a clock or the network.

mod agent;
mod delivery;
mod deploy;
mod events;
mod history;
mod notify;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ecspan::run::UiUrl;
use ecspan::source::logs::LogLines;
use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

pub(crate) use agent::AgentArgs;
pub(crate) use delivery::{DeliveryArgs, OtlpArgs};
pub(crate) use deploy::{CERTAIN, DeployArgs, LATEST, OVER, ReportFormat};
pub(crate) use events::{Containers, Deployments, EventArgs, WorkerArgs, WorkerLogs};
pub(crate) use history::{HistoryArgs, When};
pub(crate) use notify::NotifyArgs;
pub(crate) use stats::{StatsArgs, StatsFormat};

/// The help of `--undelivered`, where it is also the way to what waits there.
const KEPT_FOR_RESEND: &str = "Where requests are kept that a receiver did not accept, for `ecspan resend` (default: \
    ecspan/undelivered in the state directory); none: nowhere";
/// The same, where nothing is put there.
const UNDELIVERED: &str = "The undelivered folder (default: ecspan/undelivered in the state directory)";

/// Turns every Amazon ECS task into an OpenTelemetry trace.
#[derive(Debug, Parser)]
#[command(name = "ecspan", version, about, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

// A paragraph is a line: clap wraps it to the terminal's width.
const AFTER_HELP: &str = "\
TASK is CLUSTER/ID, an ID (or six and more of its first characters), a task ARN, a console URL, a file or `-` for stdin. \
Files are saved answers of `aws ecs describe-tasks`, EventBridge events (also in messages of SQS, SNS and Kinesis), answers of the \
task metadata endpoint and of the agent, docker inspect, task definitions, pages of log events and ecspan bundles, in JSON or YAML; those \
of one task are put together.

Examples:
  ecspan ls prod --status failed
      which tasks failed, and why?
  ecspan show prod/84b599
      draw a task from AWS
  aws ecs describe-tasks … | ecspan show -
      draw a saved or piped answer
  ecspan show prod/84b599 --format html > task.html
      a page to pass on
  ecspan export prod/84b599 --endpoint http://localhost:4317
      send its trace

Exit codes: 0 all delivered, 1 failed, 2 usage, 3 delivered but something could not be read, 4 partly delivered, \
10 deployment rolled back, 11 deployment failed, 12 timed out waiting, 13 --fail-on, 130 interrupted, 143 terminated";

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// AWS profile to use (as AWS_PROFILE)
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) profile: Option<String>,
    /// AWS region to ask (as AWS_REGION)
    #[arg(long, global = true, value_name = "REGION", help_heading = "Global options")]
    pub(crate) region: Option<String>,
    /// Print times in UTC rather than in local time
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) utc: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Global options")]
    pub(crate) color: Color,
}

/// Set by AWS Lambda.
pub(crate) const LAMBDA_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List clusters, or the tasks of one, newest first
    Ls(LsArgs),
    /// Draw tasks in the terminal
    Show(ShowArgs),
    /// Send tasks as traces to an OTLP endpoint or a file
    Export(Box<ExportArgs>),
    /// Report on a deployment of a service: did it hold, where did the time go, what failed
    Deploy(Box<DeployArgs>),
    /// What many tasks show together: launches, failures by reason, how long each phase takes, and what has become slower
    Stats(StatsArgs),
    /// Send again what receivers did not accept
    Resend(Box<ResendArgs>),
    /// Check what an export needs: credentials, permissions, receivers, the clock, what waits to be resent
    Doctor(Box<DoctorArgs>),
    /// In a task: send each container's span once it has finished, with times to the nanosecond
    Sidecar(Box<SidecarArgs>),
    /// On a container instance: send each container's span once it has finished, from the ECS agent and Docker
    Agent(Box<AgentArgs>),
    /// Until it is stopped: export the tasks whose EventBridge events arrive in an SQS queue
    Worker(Box<WorkerArgs>),
    /// In AWS Lambda: export the tasks whose events the function is invoked with; what `bootstrap` without arguments does there
    Lambda(Box<EventArgs>),
    /// Write everything read about tasks into one file, without environment, commands and labels: attach it to a bug report
    Record(RecordArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print a manual page: `ecspan man | man -l -`
    Man(ManArgs),
}

/// Which tasks.
#[derive(Args, Clone, Debug)]
pub(crate) struct TaskArgs {
    /// CLUSTER/ID, an ID or its first characters (6 and more), an ARN, a console URL, a file, or - for stdin
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Read log lines (and the task definition) of tasks in files from AWS
    #[arg(long)]
    pub(crate) fetch: bool,
    /// Keep at most N log lines a container, a quarter from the start, the rest from the end (default:
    /// OTEL_SPAN_EVENT_COUNT_LIMIT, else 128; at most 10000); all: the whole log, for `--logs-as records` and `--format timeline`
    #[arg(long, value_name = "N|all", value_parser = log_lines)]
    pub(crate) log_lines: Option<LogLines>,
    /// Read this log stream for a container; {container} and {task_id} are filled in
    #[arg(long, value_name = "CONTAINER=GROUP:STREAM")]
    pub(crate) log_stream: Vec<String>,
    /// Make at most N GetLogEvents calls a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) logs_rate: Option<u32>,
    /// Neither read nor show log lines
    #[arg(long)]
    pub(crate) no_logs: bool,
    /// Also the containers that ECS itself adds; in what is drawn, each of many that are alike
    #[arg(long)]
    pub(crate) all_containers: bool,
    #[command(flatten)]
    pub(crate) history: HistoryArgs,
}

/// Selectors: many tasks of one cluster.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SelectArgs {
    /// The cluster of tasks given by id, and of the selectors below
    #[arg(long, value_name = "CLUSTER", help_heading = "Selectors")]
    pub(crate) cluster: Option<String>,
    /// Tasks of this service: its name, CLUSTER/NAME, its ARN or its address in the console
    #[arg(long, value_name = "SERVICE", help_heading = "Selectors")]
    pub(crate) service: Option<String>,
    /// Tasks of this task definition family
    #[arg(long, value_name = "FAMILY", help_heading = "Selectors")]
    pub(crate) family: Option<String>,
    /// Tasks started by this (a deployment, say)
    #[arg(long, value_name = "TEXT", help_heading = "Selectors")]
    pub(crate) started_by: Option<String>,
    /// Tasks in this state
    #[arg(long, value_enum, value_name = "STATUS", help_heading = "Selectors")]
    pub(crate) status: Option<Status>,
    /// Only tasks created since then: 90s, 1h30m, 2d, 1w ago, or a time; also those that ECS has forgotten (--history)
    #[arg(long, value_name = "DURATION|TIME", value_parser = When::parse, help_heading = "Selectors")]
    pub(crate) since: Option<When>,
    /// Only tasks created before then: 1d ago, or a time
    #[arg(long, value_name = "DURATION|TIME", value_parser = When::parse, help_heading = "Selectors")]
    pub(crate) until: Option<When>,
    /// Only the newest N tasks
    #[arg(long, value_name = "N", help_heading = "Selectors", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) limit: Option<usize>,
}

impl SelectArgs {
    /// Whether tasks are to be looked for rather than named.
    pub(crate) fn is_used(&self) -> bool {
        let Self { cluster: _, service, family, started_by, status, since, until, limit } = self;
        let named = [service, family, started_by].into_iter().any(Option::is_some);
        named || status.is_some() || since.is_some() || until.is_some() || limit.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    Pending,
    Running,
    Stopped,
    /// Stopped, or on its way there, and it failed
    Failed,
    All,
}

#[derive(Args, Debug)]
pub(crate) struct LsArgs {
    /// The cluster whose tasks are listed – its name, its ARN or its address in the console –; without one, the clusters are
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster_name: Option<String>,
    /// How the list is printed
    #[arg(long, short, alias = "format", value_enum, value_name = "FORMAT", default_value_t = ListFormat::Table)]
    pub(crate) output: ListFormat,
    /// Width of the table in columns (default: the terminal's width; in a pipe every row is one line, however long)
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=1_000))]
    pub(crate) width: Option<u16>,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) history: HistoryArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// A line each, fields between tabs, names of the fields first
    Tsv,
    /// One JSON array
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) tasks: TaskArgs,
    /// Draw one task of AWS's again and again, with its log lines as they come, until it has stopped
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
    /// What to draw
    #[arg(long, alias = "output", short_alias = 'o', value_enum, default_value_t = Format::Waterfall)]
    pub(crate) format: Format,
    /// Draw the task beside this one, from a common zero: why is it slower? (Several files of one task are put together.) With
    /// --format waterfall, markdown or html
    #[arg(long, value_name = "TASK", num_args = 1.., conflicts_with = "follow")]
    pub(crate) compare: Vec<String>,
    /// Base URL of a Jaeger UI, or another UI's address with {trace_id} in it: --format html and markdown link to the trace there
    #[arg(long, value_name = "URL", env = "ECSPAN_UI_URL")]
    pub(crate) ui_url: Option<UiUrl>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Width in columns (default: the terminal's width, 100 in a pipe)
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=1_000))]
    pub(crate) width: Option<u16>,
}

impl ShowArgs {
    /// Where a trace is, once the task has been exported there.
    pub(crate) fn trace_url(&self, trace_id: &str) -> Option<String> {
        self.ui_url.as_ref()?.trace(trace_id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Bars on one time axis, log lines under their container
    Waterfall,
    /// One line an event or log line, in the order of time
    Timeline,
    /// One JSON document a task
    Json,
    /// The same, each in a line
    Jsonl,
    /// Trace events for Perfetto and chrome://tracing
    Perfetto,
    /// Markdown a task, for an issue or a chat
    Markdown,
    /// The waterfall as an SVG picture, for a README or a wiki
    Svg,
    /// One page for a browser, whole in one file: > task.html
    Html,
}

#[derive(Args, Debug)]
#[command(mut_arg("undelivered", |arg| arg.help(KEPT_FOR_RESEND)))]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) tasks: TaskArgs,
    /// Where to: otlp, xray or xray:REGION (AWS X-Ray), or file:PATH (OTLP JSON, one request a line; - is stdout; an existing
    /// file is replaced). May be repeated
    #[arg(long, value_name = "DESTINATION", default_value = "otlp")]
    pub(crate) to: Vec<String>,
    /// Send nothing; say how many spans, bytes and requests it would be
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// First wait until the tasks have started or stopped
    #[arg(long, value_enum, value_name = "STATE", num_args = 0..=1, require_equals = true, default_missing_value = "stopped")]
    pub(crate) wait: Option<WaitFor>,
    /// Wait no longer than this
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait")]
    pub(crate) wait_timeout: Option<Duration>,
    /// Send the whole waterfall of a running task as of now, under a trace id of its own
    #[arg(long, conflicts_with = "rebase")]
    pub(crate) snapshot: bool,
    /// Shift an old task so that it ends now, under a trace id of its own: backends show it among recent traces
    #[arg(long, value_enum, value_name = "now")]
    pub(crate) rebase: Option<Rebase>,
    /// Of a task that only its metadata or its agent speaks of: also send the root and the phases, which are estimates then
    #[arg(long)]
    pub(crate) standalone: bool,
    /// Make the task a child of this W3C traceparent; `link`: only link to the caller that RunTask's overrides name
    #[arg(long, value_name = "TRACEPARENT|link")]
    pub(crate) parent: Option<String>,
    /// service.name (default: the ECS service, else the family); otel: as the first essential container's OTEL_SERVICE_NAME
    /// or OTEL_RESOURCE_ATTRIBUTES say
    #[arg(long, value_name = "NAME|otel")]
    pub(crate) service_name: Option<String>,
    /// Add a resource attribute
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) attr: Vec<String>,
    /// How log lines are sent
    #[arg(long, value_enum, value_name = "HOW", default_value_t = LogsAs::Events)]
    pub(crate) logs_as: LogsAs,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    /// Base URL of a Jaeger UI, or another UI's address with {trace_id} in it: the closing report links to each trace of which a receiver has accepted something
    #[arg(long, value_name = "URL", env = "ECSPAN_UI_URL")]
    pub(crate) ui_url: Option<UiUrl>,
}

#[derive(Args, Debug)]
pub(crate) struct SidecarArgs {
    /// Also send the task's root and phases, which are estimates: for a task of which nobody else sends anything
    #[arg(long)]
    pub(crate) standalone: bool,
    /// When told to stop, how long to wait for the other containers (ECS kills after the container's stopTimeout, 30 s)
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "20s")]
    pub(crate) stop_timeout: Duration,
    /// Answer a container health check: 0 when the sidecar in this container had an answer lately, else 1
    #[arg(long)]
    pub(crate) health: bool,
    /// The file that --health reads and the sidecar writes (default: in the temporary directory)
    #[arg(long, value_name = "FILE")]
    pub(crate) health_file: Option<PathBuf>,
    /// Where to: otlp, xray or xray:REGION, or file:PATH. May be repeated
    #[arg(long, value_name = "DESTINATION", default_value = "otlp")]
    pub(crate) to: Vec<String>,
    /// service.name (default: the ECS service where the endpoint says it, else the family)
    #[arg(long, value_name = "NAME")]
    pub(crate) service_name: Option<String>,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
}

#[derive(Args, Debug)]
#[command(mut_arg("undelivered", |arg| arg.help(UNDELIVERED)))]
pub(crate) struct DoctorArgs {
    /// Try only the receivers: for exports of files
    #[arg(long)]
    pub(crate) no_aws: bool,
    /// The cluster whose tasks are tried (default: the first one)
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) cluster: Option<String>,
    /// Receivers to try: otlp, xray or xray:REGION. May be repeated
    #[arg(long, value_name = "DESTINATION", default_value = "otlp")]
    pub(crate) to: Vec<String>,
    /// As for export: records and both also try the OTLP logs endpoint
    #[arg(long, value_enum, value_name = "HOW", default_value_t = LogsAs::Events)]
    pub(crate) logs_as: LogsAs,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
}

#[derive(Args, Debug)]
#[command(mut_arg("undelivered", |arg| arg.help(UNDELIVERED).value_name("DIR")))]
pub(crate) struct ResendArgs {
    /// Files of OTLP JSON lines, which are left as they are (default: all in the undelivered folder, each to where it was meant
    /// for; what is accepted is removed from there)
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to instead: otlp, xray or xray:REGION, or file:PATH (a new file)
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) to: Option<String>,
    /// Also what is set aside: requests of which a receiver took a part, and spans that it takes none of
    #[arg(long)]
    pub(crate) partial: bool,
    /// Send nothing; say what waits
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitFor {
    Started,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rebase {
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogsAs {
    /// As events of a span inside the container's
    Events,
    /// As OTLP log records of the container's span, to the OTLP logs endpoint (or the file)
    Records,
    /// As both
    Both,
    /// Not at all
    None,
}

#[derive(Args, Debug)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    pub(crate) tasks: TaskArgs,
    /// Where to write; - and the default are stdout
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

// A paragraph is a line: clap wraps it to the terminal's width.
const COMPLETIONS: &str = "\
In the shell's own file, so that the script is that of the ecspan which is installed:
  bash          source <(ecspan completions bash --dynamic)
  zsh           source <(ecspan completions zsh --dynamic)
  fish          ecspan completions fish --dynamic | source
  elvish        eval (ecspan completions elvish --dynamic | slurp)
  powershell    ecspan completions powershell --dynamic | Out-String | Invoke-Expression";

#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
    /// Also complete clusters, services and tasks: the script calls ecspan, which asks AWS, when Tab is pressed
    #[arg(long)]
    pub(crate) dynamic: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The command whose page is printed (default: ecspan's own)
    #[arg(value_name = "COMMAND")]
    pub(crate) name: Option<String>,
    /// Write all pages into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    pub(crate) dir: Option<PathBuf>,
}

/// The most log lines that are kept of a container.
const MAX_LOG_LINES: usize = 10_000;

/// A number of log lines, or `all`.
pub(crate) fn log_lines(text: &str) -> Result<LogLines, String> {
    match text.parse() {
        Ok(lines) if lines <= MAX_LOG_LINES => Ok(LogLines::AtMost(lines)),
        Ok(_) => Err(format!("at most {MAX_LOG_LINES}, or all: the whole log")),
        Err(_) if text == "all" => Ok(LogLines::All),
        Err(_) => Err("expected a number, or all".to_owned()),
    }
}

/// `90s`, `1h30m`, `1.5s`, `1w`, `500ms`; a bare number is refused, since nobody agrees on its unit.
fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a number and a unit: 500ms, 1.5s, 90s, 1h30m, 2d, 1w";
    let span = SpanParser::new().parse_span(text).map_err(|_| EXPECTED.to_owned())?;
    // A month or a year is no length.
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| EXPECTED.to_owned())?;
    Duration::try_from(length).map_err(|_| EXPECTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_arguments_holds_together() {
        Cli::command().debug_assert();
    }

    /// What another command calls it means the same here.
    #[test]
    fn the_form_of_what_is_printed_has_the_names_of_other_commands_too() {
        for typed in [
            "deploy web --format json",
            "deploy web -o json",
            "deploy web --output=json",
            "ls --format json",
            "show x -o json",
            "stats x -o json",
        ] {
            let words = std::iter::once("ecspan").chain(typed.split(' '));
            let form = match Cli::try_parse_from(words).map(|cli| cli.command) {
                Ok(Command::Deploy(args)) => args.report.join(","),
                Ok(Command::Ls(args)) => format!("{:?}", args.output).to_lowercase(),
                Ok(Command::Show(args)) => format!("{:?}", args.format).to_lowercase(),
                Ok(Command::Stats(args)) => format!("{:?}", args.format).to_lowercase(),
                other => format!("{other:?}"),
            };
            assert_eq!(form, "json", "{typed}");
        }
    }

    #[test]
    fn what_ends_a_wait_waits() {
        let wait = |typed: &str| match Cli::try_parse_from(typed.split(' ')).map(|cli| cli.command) {
            Ok(Command::Deploy(args)) => args.wait,
            _ => Some("an error".to_owned()),
        };
        for typed in ["", " --fail-fast=2", " --wait-timeout 6s", " --fail-fast --wait=stable"] {
            let expected =
                if typed.contains("stable") { Some("stable") } else { Some(OVER).filter(|_| !typed.is_empty()) };
            assert_eq!(wait(&format!("ecspan deploy web{typed}")).as_deref(), expected, "{typed}");
        }
        assert_eq!(wait("ecspan deploy --from x.json --fail-fast").as_deref(), Some("an error"));
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("1w"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(duration("1d 2h"), Ok(Duration::from_secs(26 * 3_600)));
        for nonsense in ["", "90", "s", "-1s", "1s ago", "1mo", "1y", "PT1H", "99999999999999999d", "1e3s", "1.5"] {
            assert!(duration(nonsense).is_err(), "{nonsense}");
        }
    }
}
