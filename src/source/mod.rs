//! Where observations come from: files, stdin, the ECS API, CloudWatch Logs, metadata, the agent, Docker. Knows JSON and AWS;
//! knows nothing of traces.
//!
//! What reads answers is always there; what asks is behind the features `aws`, `docker` and `deliver` (HTTP to the metadata
//! endpoint and the agent).

mod action;
#[cfg(feature = "aws")]
mod action_log;
#[cfg(feature = "deliver")]
pub mod agent;
pub mod answer;
#[cfg(feature = "aws")]
pub mod aws;
pub mod baseline;
pub mod bundle;
#[cfg(feature = "aws")]
pub mod calls;
pub mod docker;
mod document;
#[cfg(feature = "aws")]
pub mod ecs;
#[cfg(feature = "deliver")]
pub mod endpoint;
pub mod error;
mod event;
mod execution;
pub mod files;
mod given;
#[cfg(feature = "aws")]
pub mod history;
#[cfg(feature = "aws")]
pub(crate) mod input;
mod json;
#[cfg(feature = "aws")]
pub mod logs;
mod metadata;
pub(crate) mod packed;
mod pasted;
#[cfg(feature = "aws")]
pub(crate) mod pieces;
#[cfg(feature = "aws")]
pub mod probe;
mod redact;
mod rollout;
mod rows;
#[cfg(feature = "aws")]
pub mod select;
#[cfg(feature = "aws")]
pub mod service;
mod shape;
#[cfg(feature = "aws")]
pub mod sns;
mod spread;
#[cfg(feature = "aws")]
pub mod sqs;
pub mod target;
mod text;
mod times;
mod trail;
mod twice;
