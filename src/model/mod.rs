//! What is known of a task: the observations that sources make, merged into a [`TaskLife`].
//!
//! Pure: no I/O, no clock, no environment, no AWS types. `now` is always an argument.

pub mod action;
pub(crate) mod alike;
pub mod arn;
pub mod around;
mod beside;
pub(crate) mod colour;
pub mod container;
pub mod cut;
pub mod deployment;
pub mod duration;
mod fill;
pub mod finding;
pub mod firelens;
mod life;
pub mod log;
mod log_config;
mod log_place;
pub mod merge;
pub mod observation;
mod observed;
pub mod outcome;
pub mod phases;
pub mod service;
mod service_event;
pub mod severity;
mod standalone;
pub mod stats;
mod time;
pub mod told;
mod unbelieved;
mod worked_out;

pub use life::{AsOf, TaskLife};
pub use time::Time;
