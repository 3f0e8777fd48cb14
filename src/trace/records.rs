//! A container's log lines as OTLP log records. Main type: [`TaskRecords`].
//!
//! They are made as `opentelemetry-proto` has them: the SDK's `SdkLogRecord` can be made by its own logger only.

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_sdk::Resource;

/// Some log records of one container of a task.
#[derive(Clone, Debug)]
pub struct TaskRecords {
    /// What to call the task in reports.
    pub label: String,
    /// The resource that the records share: the task's, with the container's own attributes.
    pub resource: Resource,
    /// The records, in the order of the log.
    pub records: Vec<LogRecord>,
}
