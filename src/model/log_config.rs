//! What a definition, or a container itself, says of where its log goes: plain data. Main type: [`LogConfig`].

use std::collections::BTreeMap;

/// The driver's name of FireLens.
const FIRELENS: &str = "awsfirelens";

/// Where a container's log goes. Of the driver's options only those of [`LogConfig::OPTIONS`] are kept: others can
/// hold tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// `logDriver`, as written.
    pub driver: String,
    /// The options that decide the stream.
    pub options: BTreeMap<String, String>,
}

impl LogConfig {
    /// The names of the options that are kept.
    pub const OPTIONS: [&str; 22] = [
        "awslogs-group",
        "awslogs-region",
        // The whole stream, as metadata version 4 gives it.
        "awslogs-stream",
        "awslogs-stream-prefix",
        // What a FireLens router sends lines to: a plug-in of Fluent Bit, or of Fluentd.
        "Name",
        "@type",
        // CloudWatch Logs, as its plug-ins have it.
        "region",
        "role_arn",
        "log_group_name",
        "log_group_template",
        "log_stream_name",
        "log_stream_prefix",
        "log_stream_template",
        "default_log_group_name",
        "default_log_stream_name",
        "use_tag_as_stream",
        "log_key",
        // Where other outputs have it.
        "bucket",
        "delivery_stream",
        "stream",
        "index",
        "host",
    ];

    /// An option that is kept.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Whether the log router beside the task's containers takes the lines: FireLens.
    pub fn is_firelens(&self) -> bool {
        self.driver == FIRELENS
    }

    /// What is believed of a container that says where its log goes and whose definition does, too: what runs, but of FireLens
    /// that is only that it is used (the runtime calls it `fluentd`).
    pub fn believed<'a>(own: Option<&'a Self>, declared: Option<&'a Self>) -> Option<&'a Self> {
        let is_routed = |own: &Self| (own.is_firelens() || own.driver == "fluentd") && own.options.is_empty();
        match declared.filter(|declared| declared.is_firelens()) {
            Some(declared) if own.is_none_or(is_routed) => Some(declared),
            _ => own.or(declared),
        }
    }
}

/// A stream of CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The group's region, where it may be another one than the task's.
    pub region: Option<String>,
    /// The group: its name, or the ARN of one in another account.
    pub group: String,
    /// The stream.
    pub stream: String,
}
