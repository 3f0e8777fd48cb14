//! Where observations come from: files, stdin, the ECS API, CloudWatch Logs, metadata, the agent, Docker. Knows JSON and AWS;
//! knows nothing of traces.

pub mod agent;
pub mod answer;
pub mod aws;
pub mod baseline;
pub mod bundle;
pub mod calls;
pub mod docker;
mod docker_log;
pub mod ecs;
pub mod endpoint;
pub mod error;
mod event;
pub mod files;
mod json;
pub mod logs;
mod metadata;
pub mod probe;
mod redact;
mod rollout;
pub mod select;
pub mod service;
mod shape;
pub mod sqs;
pub mod target;
mod times;
