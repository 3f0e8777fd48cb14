//! What is on the wire: our request beside the stock exporter's, both to a real gRPC server.

use std::time::Duration;

use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
use ecspan::model::{TaskLife, Time, merge::TaskObservations};
use ecspan::sink::{Delivery, Destination, Overrides, Settings, Signal, Target, Verdict};
use ecspan::trace::{TaskTrace, TraceOptions};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::mpsc;

use crate::grpc_receiver;

#[tokio::test]
async fn our_spans_are_the_stock_exporters_but_for_the_order_of_resource_attributes() {
    let (sender, mut requests) = mpsc::unbounded_channel();
    let url = grpc_receiver::start(move |request| sender.send(request).unwrap()).await;

    let task = trace();
    let mut exporter = SpanExporter::builder().with_tonic().with_endpoint(&url).build().unwrap();
    exporter.set_resource(&task.resource);
    exporter.export(task.spans.clone()).await.unwrap();
    let mut stock = requests.recv().await.unwrap();
    for resource in stock.resource_spans.iter_mut().filter_map(|spans| spans.resource.as_mut()) {
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }

    let overrides = Overrides {
        endpoint: Some(url),
        protocol: Some("grpc".to_owned()),
        timeout: Some(Duration::from_secs(10)),
        ..Default::default()
    };
    let to = Destination::open(&Target::Otlp, Signal::Traces, &Settings::new(&overrides, &|_| None)).unwrap();
    let report = Delivery::new(vec![to]).run(futures::stream::iter([task])).await;
    assert_eq!(report.verdict(), Verdict::All);
    assert_eq!(requests.recv().await.unwrap(), stock);
}

/// A stopped task with attributes of every type, events and a status.
fn trace() -> TaskTrace {
    let s = |seconds: u64| Time::from_unix_millis(1_637_945_381_251 + seconds * 1_000);
    let times = TaskTimes {
        created: s(0),
        pull_started: s(14),
        pull_stopped: s(21),
        started: s(22),
        stopping: s(737),
        execution_stopped: s(749),
        stopped: s(772),
        connected: None,
    };
    let container = ContainerRecord {
        name: "app".to_owned(),
        image: Some("host:5000/app:1.2@sha256:00".to_owned()),
        runtime_id: Some("r".to_owned()),
        exit_code: Some(1),
        ..Default::default()
    };
    let task = TaskRecord {
        id: "84b5991528504856a2f003b7da9b2b82".to_owned(),
        arn: Some("arn:aws:ecs:eu-west-1:123456789012:task/prod/84b5991528504856a2f003b7da9b2b82".to_owned()),
        last_status: Some("STOPPED".to_owned()),
        stop_code: Some("EssentialContainerExited".to_owned()),
        cpu: Some("256".to_owned()),
        times,
        containers: vec![container],
        ..Default::default()
    };
    let life = TaskLife::new(TaskObservations { task, ..Default::default() }, Time::from_unix_nanos(0), 128);
    TaskTrace::new(&life, &TraceOptions::default())
}
