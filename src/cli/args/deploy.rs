//! What can be typed after `ecspan deploy`. Main type: [`DeployArgs`].

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ArgPredicate;
use clap::{Args, ValueEnum};
use ecspan::run::UiUrl;
use ecspan::source::logs::LogLines;

use super::{DeliveryArgs, HistoryArgs, NotifyArgs, duration, log_lines};

// A paragraph is a line: clap wraps it to the terminal's width.
const EXAMPLES: &str = "\
Examples:
  ecspan deploy web --cluster prod
      the latest deployment, as it stands
  ecspan deploy web --cluster prod --wait --wait-timeout 15m
      in CI, after `aws ecs update-service`
  ecspan deploy web --cluster prod --wait --fail-fast
      and no longer than it takes to see that it fails
  ecspan deploy web --cluster prod --report web.html
      and as a page for a browser, whole in one file
  ecspan deploy web --cluster prod --report-file json:web.json --baseline last/web.json
      beside an earlier one
  ecspan deploy web --cluster prod --endpoint http://localhost:4317
      and its traces
  ecspan deploy --from services.json tasks.json
      saved answers of describe-services and describe-tasks

Exit codes: 0 it held or goes on, 1 failed, 2 usage, 3 something could not be read, 4 partly delivered, 10 rolled back, \
11 failed, 12 timed out waiting, 13 a finding of --fail-on or --fail-fast, 130 interrupted, 143 terminated";

/// What `--wait` alone waits for, and what `--fail-fast` alone ends it by. Not empty: `--wait=` is a variable that nobody has set.
pub(crate) const OVER: &str = "over";
pub(crate) const CERTAIN: &str = "certain";
/// The deployment that is meant where none is named.
pub(crate) const LATEST: &str = "latest";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeployArgs {
    /// The service: its name, CLUSTER/NAME, its ARN, or its address in the console. Those of a deployment mean that one
    #[arg(value_name = "SERVICE", required_unless_present = "from")]
    pub(crate) service: Option<String>,
    /// The service's cluster (default: that of the ARN; else all clusters are searched)
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) cluster: Option<String>,
    /// latest, previous, ecs-svc/N, or the ARN of a service deployment. A rollback belongs to the deployment that it undoes
    #[arg(long, value_name = "ID|latest|previous", default_value = LATEST)]
    pub(crate) deployment: String,
    /// Read saved answers instead of asking AWS: of describe-services, list-service-deployments, describe-service-deployments,
    /// describe-service-revisions, describe-tasks, describe-task-definition, get-log-events
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) from: Vec<PathBuf>,
    /// First wait until the deployment is over; or only until its tasks have started, the service is stable, it bakes (bake), or it is in a
    /// stage of its life cycle (POST_SCALE_UP, TEST_TRAFFIC_SHIFT …)
    #[arg(long, value_name = "started|stable|bake|STAGE", num_args = 0..=1, require_equals = true, default_missing_value = OVER, conflicts_with = "from",
        default_value_ifs = [("wait_timeout", ArgPredicate::IsPresent, OVER), ("fail_fast", ArgPredicate::IsPresent, OVER)])]
    pub(crate) wait: Option<String>,
    /// Wait no longer than this, then end with exit code 12. Waits, also without --wait
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "from")]
    pub(crate) wait_timeout: Option<Duration>,
    /// Wait no longer once the deployment can only end badly: an image or a secret that cannot be had, three tasks that failed alike, a crash
    /// loop, a circuit breaker at its threshold, an alarm, a rollback. N: N tasks that failed alike; FINDING: as for --fail-on, and
    /// the exit code is 13, else 11. Waits, also without --wait. May be repeated
    #[arg(long, value_name = "N|FINDING", num_args = 0..=1, require_equals = true, default_missing_value = CERTAIN, conflicts_with = "from")]
    pub(crate) fail_fast: Vec<String>,
    /// What is printed: text, markdown, html, json or none (default: text). A file's name, as for --report-file, is written beside that
    #[arg(long, aliases = ["format", "output"], short_alias = 'o', value_name = "FORMAT|FILE")]
    pub(crate) report: Vec<String>,
    /// Also write the report into a file: FORMAT:PATH, or a PATH that ends in .html, .json, .md or .txt. May be repeated
    #[arg(long, value_name = "FORMAT:PATH")]
    pub(crate) report_file: Vec<String>,
    /// Compare with the JSON report of an earlier deployment
    #[arg(long, value_name = "REPORT.json")]
    pub(crate) baseline: Option<PathBuf>,
    /// End with 13 when this is found: slower-than-baseline, task-failed, or a finding of some task (out-of-memory,
    /// slow-pull, crash-loop …: docs/findings.md). May be repeated
    #[arg(long, value_name = "FINDING")]
    pub(crate) fail_on: Vec<String>,
    /// Also deliver the deployment's trace, and the trace of each task that it launched or stopped: otlp, xray or
    /// xray:REGION, or file:PATH. May be repeated. Without it, and without --endpoint, nothing is sent
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) to: Vec<String>,
    /// Send the deployment as of now, open ends included, under a trace id of its own
    #[arg(long)]
    pub(crate) snapshot: bool,
    /// Keep at most N log lines of each container of a task that failed (default: OTEL_SPAN_EVENT_COUNT_LIMIT, else 128)
    #[arg(long, value_name = "N", value_parser = log_lines)]
    pub(crate) log_lines: Option<LogLines>,
    /// Make at most N GetLogEvents calls a second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) logs_rate: u32,
    /// Do not read the log lines of tasks that failed
    #[arg(long)]
    pub(crate) no_logs: bool,
    /// service.name (default: the ECS service); otel: of each task's trace as its first essential container says
    #[arg(long, value_name = "NAME|otel")]
    pub(crate) service_name: Option<String>,
    /// Add a resource attribute
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) attr: Vec<String>,
    #[command(flatten)]
    pub(crate) history: HistoryArgs,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    /// Base URL of a Jaeger UI, or another UI's address with {trace_id} in it: the closing report, the Markdown report and the page link to the trace, once a receiver has accepted it
    #[arg(long, value_name = "URL", env = "ECSPAN_UI_URL")]
    pub(crate) ui_url: Option<UiUrl>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Width in columns (default: the terminal's width, 100 in a pipe)
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=1_000))]
    pub(crate) width: Option<u16>,
    #[command(flatten)]
    pub(crate) notify: NotifyArgs,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For the terminal
    Text,
    /// For the summary of a CI job
    Markdown,
    /// A page for a browser, whole in one file
    Html,
    /// For scripts, and for --baseline
    Json,
    /// Nothing
    None,
}
