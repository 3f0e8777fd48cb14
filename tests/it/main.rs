//! Integration tests, in one binary: each links the AWS SDK, which takes longer than all of them run.
#![allow(clippy::unwrap_used)]

mod alike;
#[cfg(feature = "deliver")]
mod delivery;
mod deployment;
#[cfg(feature = "deliver")]
mod docker;
#[cfg(feature = "deliver")]
mod events;
mod examples;
#[cfg(feature = "aws")]
mod files;
mod findings;
#[cfg(feature = "deliver")]
mod grpc_receiver;
#[cfg(feature = "deliver")]
mod history;
mod links;
mod mapping_page;
mod metadata;
mod one_form;
#[cfg(feature = "html")]
mod page;
mod phases;
mod promised;
mod reading;
#[cfg(feature = "cli")]
mod readme;
mod render;
#[cfg(feature = "aws")]
mod run;
#[cfg(feature = "deliver")]
mod sent;
mod trace;
mod width;
