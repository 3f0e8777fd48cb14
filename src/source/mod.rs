//! Where observations come from: files, stdin, the ECS API, CloudWatch Logs. Knows JSON and AWS; knows nothing of
//! traces.

pub mod answer;
pub mod bundle;
pub mod error;
pub mod files;
mod json;
mod redact;
mod shape;
mod times;
