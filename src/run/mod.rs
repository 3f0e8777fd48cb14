//! The engines: what goes on for longer than one question and its answer: what runs beside tasks until it is told to stop
//! ([`sidecar`], [`agent`]), and what exports the tasks of events ([`events`]).
//!
//! Each engine takes a plain configuration whose parts are open already, a [`Stop`], and [`Notices`] to tell what happens
//! meanwhile; it returns what happened. It holds no argument parser, prints nothing, reads no environment and knows no signals:
//! `.ci/run` looks. Time is tokio's, so that tests may pause it.

pub mod agent;
pub mod events;
pub mod meters;
pub mod notice;
pub mod sidecar;
mod stop;
pub mod watch;

pub use notice::{Fate, Level, NotSent, Notice, Notices, Stopping, Teller};
pub use stop::Stop;
