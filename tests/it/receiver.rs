//! A scripted gRPC receiver: its answers are written down beforehand, its requests are kept, and a request that is not in
//! the script is refused and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
use ecspan::model::{TaskLife, Time, merge::TaskObservations};
use ecspan::sink::config::{OtlpConfig, Overrides};
use ecspan::sink::deliver::Control;
use ecspan::sink::{Destination, Report, deliver};
use ecspan::trace::{TaskTrace, TraceOptions};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

pub(crate) type Answer = Result<ExportTraceServiceResponse, Status>;

#[derive(Clone, Default)]
pub(crate) struct Receiver {
    script: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Receiver {
    /// Starts to listen and returns the endpoint as well.
    pub(crate) async fn start(script: impl IntoIterator<Item = Answer>) -> (Self, String) {
        let receiver = Self { script: Arc::new(Mutex::new(script.into_iter().collect())), ..Default::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service =
            TraceServiceServer::new(receiver.clone()).accept_compressed(tonic::codec::CompressionEncoding::Gzip);
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        (receiver, url)
    }

    pub(crate) fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Every answer was given.
    pub(crate) fn is_done(&self) -> bool {
        self.script.lock().unwrap().is_empty()
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.requests.lock().unwrap().push(request.into_inner());
        let answer = self.script.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Err(Status::internal("not in the script"))).map(Response::new)
    }
}

/// Sends traces to an endpoint over gRPC.
pub(crate) async fn send(url: &str, traces: Vec<TaskTrace>, timeout: Duration, deadline: Duration) -> Report {
    let typed = Overrides {
        endpoint: Some(url.to_owned()),
        protocol: Some("grpc".to_owned()),
        timeout: Some(timeout),
        deadline: Some(deadline),
        ..Default::default()
    };
    let config = OtlpConfig::resolve(&typed, &|_| None).unwrap();
    let to = Destination::otlp(&config).unwrap();
    deliver(futures::stream::iter(traces), vec![to], Control::unattended()).await
}

/// The trace of a stopped task with this id; five phases, two inner ones, a container and the root: nine spans.
pub(crate) fn trace(id: &str) -> TaskTrace {
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
    let task = TaskRecord {
        id: id.to_owned(),
        arn: Some(format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{id}")),
        last_status: Some("STOPPED".to_owned()),
        stop_code: Some("UserInitiated".to_owned()),
        cpu: Some("256".to_owned()),
        times,
        containers: vec![ContainerRecord {
            name: "app".to_owned(),
            image: Some("host:5000/app:1.2@sha256:00".to_owned()),
            runtime_id: Some("r".to_owned()),
            exit_code: Some(0),
            ..Default::default()
        }],
        ..Default::default()
    };
    let life = TaskLife::new(TaskObservations { task, ..Default::default() }, Time::from_unix_nanos(0), 128);
    TaskTrace::new(&life, &TraceOptions::default())
}
