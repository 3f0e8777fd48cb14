//! What ecspan itself costs, beside the AWS calls that bound it. `cargo bench`; `benches/report` puts it into `docs/performance.md`.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/it/grpc_receiver.rs"]
mod grpc_receiver;

use std::hint::black_box;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::merge::{self, TaskObservations};
use ecspan::model::{TaskLife, Time};
use ecspan::sink::{Delivery, Destination, Overrides, Settings, Signal, Target, Verdict, resource_spans};
use ecspan::source::files;
use ecspan::trace::{TaskTrace, TraceOptions};
use futures::stream::StreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::runtime::Runtime;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

const TASK: &str = include_str!("../examples/oom/task.json");
const NOW: Time = Time::from_unix_nanos(0);

/// The task of the OOM example under another id, on one line.
fn task_json(number: usize) -> String {
    let value: serde_json::Value = serde_json::from_str(TASK).unwrap();
    let text = value["tasks"][0].to_string();
    text.replace("5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3", &format!("{number:032x}"))
}

fn observed(number: usize, lines: usize) -> TaskObservations {
    let contents = files::read_bytes("bench", task_json(number).as_bytes()).unwrap();
    let mut task = merge::by_task(contents.observations).0.remove(0);
    let line = |i: usize| LogLine {
        observed: None,
        origin: None,
        time: Time::from_unix_millis(1_795_166_100_000 + i as u64).unwrap(),
        message: format!("{{\"level\":\"info\",\"msg\":\"rows loaded\",\"rows\":{i},\"heap_mb\":291}}"),
    };
    let log = |container: &str| ContainerLog {
        container: Some(container.to_owned()),
        head: (0..lines).map(line).collect(),
        ..Default::default()
    };
    task.logs = vec![log("report"), log("envoy")];
    task
}

fn traced(task: TaskObservations) -> TaskTrace {
    TaskTrace::new(&TaskLife::new(task, NOW, 10_000), &TraceOptions::default())
}

/// Model, trace and encoding: without log lines for the cost of a span, with many for the cost of a log event.
fn spans_and_events(c: &mut Criterion) {
    let mut group = c.benchmark_group("model + trace + encode");
    for lines in [0, 128, 5_000] {
        let task = observed(1, lines);
        let spans = traced(task.clone()).spans.len();
        let name = format!("{spans} spans, {} log events", 2 * lines);
        group.throughput(Throughput::Elements(if lines == 0 { spans as u64 } else { 2 * lines as u64 }));
        group.bench_function(name, |b| {
            b.iter_batched(
                || task.clone(),
                |task| black_box(resource_spans(traced(task)).encode_to_vec()),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// From a file of JSON lines to encoded spans: the cost of a task should not depend on how many there are.
fn from_a_file(c: &mut Criterion) {
    let mut group = c.benchmark_group("from a file");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    for tasks in [100_usize, 1_000, 10_000] {
        let text: String = (0..tasks).map(|number| task_json(number) + "\n").collect();
        group.throughput(Throughput::Elements(tasks as u64));
        group.bench_with_input(BenchmarkId::from_parameter(tasks), &text, |b, text| {
            b.iter(|| {
                let contents = files::read_bytes("bench", text.as_bytes()).unwrap();
                let (tasks, _) = merge::by_task(contents.observations);
                tasks.into_iter().map(|task| resource_spans(traced(task)).encode_to_vec().len()).sum::<usize>()
            });
        });
    }
    group.finish();
}

/// Delivery of 1,000 tasks to a receiver on this machine, beside a bare tonic client that sends the same requests, encoded
/// beforehand. Ours encodes and cuts as well.
fn delivery(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let url = runtime.block_on(grpc_receiver::start(|request| drop(black_box(request))));
    let traces: Vec<TaskTrace> = (0..1_000).map(|number| traced(observed(number, 10))).collect();
    let spans: usize = traces.iter().map(|trace| trace.spans.len()).sum();

    let mut group = c.benchmark_group("delivery over gRPC");
    group.sample_size(20).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(spans as u64));
    group.bench_function("ecspan", |b| {
        b.to_async(&runtime).iter_batched(
            || traces.clone(),
            |traces| async {
                let overrides =
                    Overrides { endpoint: Some(url.clone()), protocol: Some("grpc".to_owned()), ..Default::default() };
                let to =
                    Destination::open(&Target::Otlp, Signal::Traces, &Settings::new(&overrides, &|_| None)).unwrap();
                let report = Delivery::new(vec![to]).run(futures::stream::iter(traces)).await;
                assert_eq!(report.verdict(), Verdict::All);
            },
            criterion::BatchSize::LargeInput,
        );
    });
    let requests = requests(&traces);
    group.bench_function("a bare tonic client, encoded beforehand", |b| {
        b.to_async(&runtime).iter(|| async {
            let channel = tonic::transport::Endpoint::from_shared(url.clone()).unwrap().connect().await.unwrap();
            let sends = requests.iter().map(|request| {
                let mut grpc = tonic::client::Grpc::new(channel.clone());
                async move {
                    grpc.ready().await.unwrap();
                    let path = http::uri::PathAndQuery::from_static(
                        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                    );
                    grpc.unary(Request::new(request.clone()), path, Raw).await.unwrap()
                }
            });
            futures::stream::iter(sends).buffer_unordered(4).collect::<Vec<_>>().await
        });
    });
    group.finish();
}

/// The same spans in as many requests as ecspan makes of them.
fn requests(traces: &[TaskTrace]) -> Vec<Bytes> {
    const FULL_AT: usize = 256 * 1024;
    let mut requests = vec![];
    let mut open = ExportTraceServiceRequest::default();
    let mut size = 0;
    for trace in traces {
        let spans = resource_spans(trace.clone());
        size += spans.encoded_len() + 4;
        open.resource_spans.push(spans);
        if size >= FULL_AT {
            requests.push(Bytes::from(std::mem::take(&mut open).encode_to_vec()));
            size = 0;
        }
    }
    requests.push(Bytes::from(open.encode_to_vec()));
    requests
}

/// Hands bytes through.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

criterion_group!(benches, spans_and_events, from_a_file, delivery);
criterion_main!(benches);
