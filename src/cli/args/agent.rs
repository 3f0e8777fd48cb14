//! What `ecspan agent` takes. Main type: [`AgentArgs`].

use clap::Args;
use ecspan::source::logs::LogLines;

use super::{DeliveryArgs, log_lines};

#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    /// Look once, print what is known of the tasks, send what is final, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Only this task
    #[arg(long, value_name = "ARN", requires = "once", conflicts_with = "docker_id")]
    pub(crate) task: Option<String>,
    /// Only the task that has the container with this Docker id
    #[arg(long, value_name = "ID", requires = "once")]
    pub(crate) docker_id: Option<String>,
    /// URL of the ECS agent's introspection API
    #[arg(long, value_name = "URL", env = "ECSPAN_AGENT_URL", default_value = "http://localhost:51678")]
    pub(crate) agent_url: String,
    /// Docker's socket or address, unix://PATH or tcp://HOST:PORT (default: unix:///var/run/docker.sock); none: ask only the
    /// agent, which knows no ends
    #[arg(long, value_name = "HOST|none", env = "DOCKER_HOST")]
    pub(crate) docker: Option<String>,
    /// Read at most the last N lines of what a container wrote (default: OTEL_SPAN_EVENT_COUNT_LIMIT, else 128; at most 10000),
    /// where its log driver is json-file, local or journald
    #[arg(long, value_name = "N", value_parser = log_lines)]
    pub(crate) log_lines: Option<LogLines>,
    /// Do not read logs
    #[arg(long)]
    pub(crate) no_logs: bool,
    /// Also send the tasks' roots and phases, which are estimates: where nobody else sends anything of them
    #[arg(long)]
    pub(crate) standalone: bool,
    /// Also the containers that ECS itself adds
    #[arg(long)]
    pub(crate) all_containers: bool,
    /// Where to: otlp, xray or xray:REGION, or file:PATH. May be repeated
    #[arg(long, value_name = "DESTINATION", default_value = "otlp")]
    pub(crate) to: Vec<String>,
    /// service.name (default: the family)
    #[arg(long, value_name = "NAME")]
    pub(crate) service_name: Option<String>,
    /// Add a resource attribute
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) attr: Vec<String>,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
}
