//! The environment variables that ecspan reads itself. (AWS's are read by the SDK, OTLP's by
//! `ecspan::sink::config`.)

use ecspan::source::logs::LogLines;

use super::args;
use super::problem::Problem;

/// Log lines a container, where `--log-lines` does not say: OpenTelemetry's own limit of events.
const EVENT_COUNT_LIMIT: &str = "OTEL_SPAN_EVENT_COUNT_LIMIT";
const DEFAULT_LOG_LINES: usize = 128;
/// Added to every resource; whatever ecspan knows outranks it.
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// A variable's value, where it has one.
pub(super) fn get(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
