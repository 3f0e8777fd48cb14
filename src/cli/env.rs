//! The environment variables that ecspan reads itself. (AWS's are read by the SDK, OTLP's by
//! `ecspan::sink::config`.)

use std::ffi::OsString;

use std::sync::Once;

use ecspan::Proxies;
use ecspan::source::logs::LogLines;

use super::problem::Problem;
use super::{args, terminal};

/// Log lines a container, where `--log-lines` does not say: OpenTelemetry's own limit of events.
const EVENT_COUNT_LIMIT: &str = "OTEL_SPAN_EVENT_COUNT_LIMIT";
const DEFAULT_LOG_LINES: usize = 128;
/// Added to every resource; whatever ecspan knows outranks it.
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// What ecspan reads of the environment besides the variables that stand for a flag, for `docs/environment.md`: a test holds that
/// page against this list, against the flags, and against every name in the code.
#[cfg(test)]
const OTHERS: [(&str, &str); 4] = [
    (
        "OpenTelemetry",
        "\
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_COMPRESSION`, \
`OTEL_EXPORTER_OTLP_TIMEOUT`, `OTEL_EXPORTER_OTLP_INSECURE` | the receiver, as the OpenTelemetry specification says; a flag outranks them |
| `OTEL_EXPORTER_OTLP_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_KEY` | TLS: the CA, the \
client's certificate and its key |
| `OTEL_EXPORTER_OTLP_TRACES_…`, `OTEL_EXPORTER_OTLP_LOGS_…`, `OTEL_EXPORTER_OTLP_METRICS_…` | the same, of one signal: these outrank the ones above |
| `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | of ecspan's own metrics |
| `OTEL_METRICS_EXPORTER` | `otlp` (default) or `none`: whether a worker or a function sends its own metrics |
| `OTEL_METRIC_EXPORT_INTERVAL` | how often, in milliseconds |
| `OTEL_SPAN_EVENT_COUNT_LIMIT` | log lines kept a container, where `--log-lines` does not say |
| `OTEL_RESOURCE_ATTRIBUTES` | added to every task's resource; whatever ecspan knows outranks it |
| `OTEL_SERVICE_NAME` | the name of ecspan in its own metrics; never of a task |
| `TRACEPARENT`, `TRACESTATE` | `ecspan deploy`: the deployment's trace is a child of this span |",
    ),
    (
        "AWS",
        "\
| `AWS_PROFILE`, `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and all others | the AWS \
SDK's own; `--profile` outranks exported keys too, `--region` the region. What cannot be meant is told with the variable |
| `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_ECS`, `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`, `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_STS` … | another address \
than AWS's own, unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true` |
| `AWS_CA_BUNDLE` | the authorities that AWS is trusted by, instead of the system's; as `ca_bundle` of the profile |
| `AWS_MAX_ATTEMPTS` | how often a call is tried (10); as `max_attempts` of the profile |
| `AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`, `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | the SDK's own; a \
file that cannot be read is named |
| `AWS_ENDPOINT_URL_XRAY` | where `--to xray` sends |
| `AWS_LAMBDA_RUNTIME_API`, `AWS_LAMBDA_FUNCTION_NAME`, `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, `AWS_LAMBDA_FUNCTION_VERSION` | set by \
AWS Lambda; with the first of them the program without arguments is `ecspan lambda` |
| `ECS_CONTAINER_METADATA_URI_V4`, `ECS_CONTAINER_METADATA_URI` | set by ECS in each container: what `ecspan sidecar` asks |",
    ),
    (
        "Of a task, not of ecspan",
        "\
| `TRACEPARENT`, `TRACESTATE`, `_X_AMZN_TRACE_ID` | in a task's overrides: its caller |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | in its definition or overrides: its name, with `--service-name otel`. No other variable of a \
task is looked at |",
    ),
    (
        "The terminal and the machine",
        "\
| `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM` | colour, beside `--color` |
| `COLUMNS` | how wide reports and drawings are in a pipe (100) |
| `CI` | set in jobs, whose stdout and stderr are one log: `ecspan deploy --wait` does not say twice in it why tasks failed |
| `LC_ALL`, `LC_CTYPE`, `LANG` | whether the characters of boxes and bars are Unicode |
| `TZ` | the time zone of what is drawn, without `--utc` |
| `TMPDIR` | where stdin, pipes and archives of tasks are kept while they are read, and where files name very many tasks |
| `XDG_STATE_HOME`, `HOME` | where the undelivered folder is |
| `TMPDIR` | where a sidecar's health file is |
| `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` | proxies on the way to receivers and to AWS (docs/proxies.md) |
| `ECSPAN_COMPLETE` | set by the script of `ecspan completions --dynamic`, while a shell asks |
| `HOSTNAME` | part of a worker's `service.instance.id` |",
    ),
];

/// A variable's value, where it has one.
pub(super) fn get(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// All of it, as far as it is text.
pub(super) fn all() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// Tells once what of `NO_PROXY` is no host, before somebody is asked past it.
pub(super) fn tell_no_proxy() {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let proxies = Proxies::from_env(&get);
        let odd = proxies.not_hosts();
        if !odd.is_empty() {
            terminal::tell(
                "warning",
                &format!("NO_PROXY: {} can be no host, and so counts for nothing", odd.join(", ")),
            );
            terminal::tell("hint", "names, .domains, addresses and networks count, and * for all (docs/proxies.md)");
        }
    });
}

/// How many log lines are kept of a container.
pub(super) fn log_lines(typed: Option<LogLines>) -> Result<LogLines, Problem> {
    match (typed, get(EVENT_COUNT_LIMIT)) {
        (Some(typed), _) => Ok(typed),
        (None, None) => Ok(LogLines::AtMost(DEFAULT_LOG_LINES)),
        (None, Some(value)) => args::log_lines(&value)
            .map_err(|problem| Problem::usage(format!("{EVENT_COUNT_LIMIT}={value:?}: {problem}"))),
    }
}

/// The pairs of `OTEL_RESOURCE_ATTRIBUTES`, read as the SDK reads them.
pub(super) fn resource_attributes() -> Vec<(String, String)> {
    use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector};
    // The SDK's own reader knows the encoding; it reads the process's environment, as this module does.
    let Some(_) = get(RESOURCE_ATTRIBUTES) else { return vec![] };
    let resource = EnvResourceDetector::new().detect();
    let mut pairs: Vec<_> = resource.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    pairs.sort();
    pairs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use clap::CommandFactory;
    use expect_test::expect_file;

    use super::super::args::Cli;
    use super::OTHERS;

    /// Each variable that stands for a flag, with the flag, what it means, and the commands that have it.
    fn flags() -> BTreeMap<String, (String, String, BTreeSet<String>)> {
        let mut flags = BTreeMap::<_, (String, String, BTreeSet<String>)>::new();
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments() {
                let (Some(variable), Some(flag)) = (arg.get_env(), arg.get_long()) else { continue };
                let means = arg.get_help().unwrap().to_string().replace('|', "\\|");
                let known = flags.entry(variable.to_string_lossy().into_owned()).or_default();
                (known.0, known.1) = (format!("--{flag}"), means);
                known.2.insert(command.get_name().to_owned());
            }
        }
        flags
    }

    fn page() -> String {
        let mut page = "\
# The environment

Every variable that ecspan reads. A flag outranks its variable; an empty variable is an unset one. The page is made from the
program's definitions: `UPDATE_EXPECT=1 cargo test` writes it anew.

## In place of flags

| variable | flag | means | of |
|---|---|---|---|
"
        .to_owned();
        for (variable, (flag, means, commands)) in flags() {
            let commands = commands.into_iter().collect::<Vec<_>>().join(", ");
            page += &format!("| `{variable}` | `{flag}` | {means} | {commands} |\n");
        }
        for (title, rows) in OTHERS {
            page += &format!("\n## {title}\n\n| variable | means |\n|---|---|\n{rows}\n");
        }
        page
    }

    #[test]
    fn the_page_is_what_the_program_reads() {
        expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/docs/environment.md")].assert_eq(&page());
    }

    #[test]
    fn every_name_in_the_code_is_on_the_page() {
        let page = page();
        let mut names = BTreeSet::new();
        collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut names);
        assert!(names.len() > 30, "{names:?}");
        // Those of one signal are on the page as a kind.
        let is_signals = |name: &str| {
            ["TRACES", "LOGS", "METRICS"].iter().any(|of| name.starts_with(&format!("OTEL_EXPORTER_OTLP_{of}_")))
        };
        let missing: Vec<_> = names.iter().filter(|name| !page.contains(*name) && !is_signals(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// String literals that are names of variables.
    fn collect(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                collect(&entry, names);
                continue;
            }
            let text = fs::read_to_string(&entry).unwrap_or_default();
            let is_name = |text: &&str| {
                let prefixes = ["ECSPAN_", "OTEL_", "AWS_", "ECS_CONTAINER_", "XDG_", "DOCKER_", "LC_"];
                prefixes.iter().any(|prefix| text.starts_with(prefix) && text.len() > prefix.len())
                    && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
                    && !text.ends_with('_')
            };
            names.extend(text.split('"').filter(is_name).map(str::to_owned));
        }
    }
}
