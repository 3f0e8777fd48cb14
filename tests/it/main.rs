//! Integration tests, in one binary: each links the AWS SDK, which takes longer than all of them run.
#![allow(clippy::unwrap_used)]

mod delivery;
mod deployment;
mod docker;
mod events;
mod findings;
mod links;
mod mapping_page;
mod metadata;
mod phases;
mod readme;
mod render;
mod run;
mod sent;
mod trace;
