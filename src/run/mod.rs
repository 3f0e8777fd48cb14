//! The engines: what goes on for longer than one question and its answer: what runs beside tasks until it is told to stop
//! ([`sidecar`], [`agent`]), what exports the tasks of events ([`events`]),
//! what reads tasks ([`read`]) and exports them ([`feed`]), what tells of a deployment ([`deploy`]),
//! and what sends again ([`resend`]).
//!
//! Each engine takes a plain configuration whose parts are open already, a [`Stop`], and [`Notices`] to tell what happens
//! meanwhile; it returns what happened. It holds no argument parser, prints nothing, reads no environment, knows no
//! signals and asks no calendar but its configuration's [`Now`]: `.ci/house` looks. Waits are tokio's, so that tests may pause them.

#[cfg(feature = "docker")]
pub mod agent;
mod delivery;
#[cfg(feature = "aws")]
pub mod deploy;
#[cfg(feature = "aws")]
pub mod events;
#[cfg(feature = "aws")]
pub mod feed;
#[cfg(feature = "aws")]
pub mod follow;
#[cfg(feature = "aws")]
pub mod meters;
mod not_requests;
mod notice;
#[cfg(feature = "aws")]
pub mod notify;
#[cfg(feature = "aws")]
pub mod read;
pub mod resend;
pub mod sidecar;
#[cfg(feature = "aws")]
mod silence;
#[cfg(feature = "aws")]
pub mod stats;
mod stop;
mod ui;
pub mod watch;
#[cfg(feature = "aws")]
pub mod xray;

/// Says what time it is: whoever runs an engine decides on the calendar. (Waits are tokio's.)
pub type Now = fn() -> crate::model::Time;

pub use notice::{Fate, Level, NotSent, Notice, Notices, Stopping, Teller};
pub use stop::Stop;
pub use ui::UiUrl;
