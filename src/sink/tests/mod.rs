//! Deliveries to receivers on loopback and to files: the table of faults, for each transport.
#![allow(clippy::unwrap_used)]

mod any_answer;
mod faults;
mod grpc;
mod http;
mod limits;
mod streams;
mod tls;
mod undelivered;

use std::time::Duration;

use futures::stream;

use super::config::{OtlpConfig, Overrides};
use super::deliver::delivery::Delivery;
use super::deliver::report::{DeliveryReport, DestinationReport};
use super::destination::Destination;
use super::signal::Signal;
use super::testing::assert_adds_up;
use crate::hint::Hint;
use crate::trace::TaskTrace;

/// An endpoint as flags make it, with pauses that a test can wait for.
fn destination(url: &str, protocol: &str, change: impl FnOnce(&mut Overrides)) -> Destination {
    let mut overrides = Overrides {
        endpoint: Some(url.to_owned()),
        protocol: Some(protocol.to_owned()),
        timeout: Some(Duration::from_secs(5)),
        deadline: Some(Duration::from_secs(10)),
        ..Overrides::default()
    };
    change(&mut overrides);
    let config = OtlpConfig::resolve(Signal::Traces, &overrides, &|_| None).unwrap();
    let mut destination = Destination::otlp(&config).unwrap();
    destination.policy.first_pause = Duration::from_millis(1);
    destination.linger = None;
    destination
}

/// One attempt, which may take so long.
fn impatient(time: Duration) -> impl FnOnce(&mut Overrides) {
    move |overrides| (overrides.timeout, overrides.deadline) = (Some(time), Some(time))
}

/// Two attempts, whatever chance makes of the pauses: the second has a second at least, and a third would come too late.
fn twice(mut to: Destination) -> Destination {
    (to.policy.first_pause, to.policy.deadline) = (Duration::from_secs(2), Duration::from_secs(3));
    to
}

async fn deliver(destinations: Vec<Destination>, tasks: Vec<TaskTrace>) -> DeliveryReport {
    let report = Delivery::new(destinations).run(stream::iter(tasks)).await;
    assert_adds_up(&report);
    report
}

async fn deliver_to(destination: Destination, tasks: Vec<TaskTrace>) -> DestinationReport {
    deliver(vec![destination], tasks).await.destinations.pop().unwrap()
}

/// What is told of the only trouble, and its hint.
fn trouble(report: &DestinationReport) -> (String, String) {
    let [trouble] = report.troubles.as_slice() else { panic!("not one trouble: {report:?}") };
    (trouble.reason.to_string(), trouble.reason.hint().unwrap_or_default())
}
