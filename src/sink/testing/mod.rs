//! For tests of this module: tasks made by hand, a scripted transport, and scripted receivers on loopback. What is sent
//! without being scripted fails the test, and so does a script that is not played to its end.
#![allow(clippy::unwrap_used)]

mod data;
mod grpc_receiver;
mod http_receiver;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use self::data::{full_span, log_span, task, task_of};
pub(crate) use self::grpc_receiver::{GrpcReceiver, GrpcStep, gunzipped};
pub(crate) use self::http_receiver::{HttpReceiver, HttpStep};
use super::deliver::report::DeliveryReport;
use super::otlp::encode::Format;
use super::request::transport::{Answer, Transport};

/// The steps that are left, and what came.
pub(crate) struct Script<Step, Seen> {
    steps: Mutex<VecDeque<Step>>,
    seen: Mutex<Vec<Seen>>,
    unscripted: Mutex<usize>,
}

impl<Step: Debug, Seen: Clone> Script<Step, Seen> {
    fn new(steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        let steps = Mutex::new(steps.into_iter().collect());
        Arc::new(Self { steps, seen: Mutex::default(), unscripted: Mutex::default() })
    }

    fn next(&self, seen: Seen) -> Option<Step> {
        self.seen.lock().unwrap().push(seen);
        let step = self.steps.lock().unwrap().pop_front();
        *self.unscripted.lock().unwrap() += usize::from(step.is_none());
        step
    }

    /// What came; fails unless it is what was scripted.
    pub(crate) fn played(&self) -> Vec<Seen> {
        assert_eq!(*self.unscripted.lock().unwrap(), 0, "requests came that were not scripted");
        let left = self.steps.lock().unwrap();
        assert!(left.is_empty(), "requests did not come: {left:?}");
        self.seen.lock().unwrap().clone()
    }
}

/// A receiver on loopback that plays a script.
pub(crate) struct Receiver<Step, Seen> {
    pub(crate) url: String,
    pub(crate) script: Arc<Script<Step, Seen>>,
    _running: JoinSet<()>,
}

impl<Step: Debug + Send + 'static, Seen: Clone + Send + 'static> Receiver<Step, Seen> {
    /// Hands each connection to `serve`.
    async fn serving<F: Future<Output = ()> + Send + 'static>(
        steps: impl IntoIterator<Item = Step>,
        serve: impl Fn(TcpStream, Arc<Script<Step, Seen>>) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Script::new(steps);
        let mut running = JoinSet::new();
        let played = Arc::clone(&script);
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, Arc::clone(&played)));
            }
        });
        Self { url, script, _running: running }
    }
}

/// One step of a [`Scripted`] transport.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Say(Answer),
    Hang,
}

/// A transport that says what it is told to.
pub(crate) struct Scripted(pub(crate) Arc<Script<Step, Bytes>>);

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Script::new(steps))
    }
}

impl Transport for Scripted {
    fn format(&self) -> Format {
        Format::Protobuf
    }

    fn send(&self, body: Bytes) -> BoxFuture<'_, Answer> {
        match self.0.next(body) {
            Some(Step::Say(answer)) => ready(answer).boxed(),
            Some(Step::Hang) | None => pending().boxed(),
        }
    }
}

pub(crate) fn took(rejected: u64, message: &str) -> Answer {
    Answer::Accepted { rejected, message: message.to_owned() }
}

/// The names of the spans of a protobuf body.
pub(crate) fn span_names(body: &[u8]) -> Vec<String> {
    let groups = ExportTraceServiceRequest::decode(body).unwrap().resource_spans;
    let spans = groups.into_iter().flat_map(|group| group.scope_spans).flat_map(|scope| scope.spans);
    spans.map(|span| span.name).collect()
}

/// The rule that holds whatever happens.
pub(crate) fn assert_adds_up(report: &DeliveryReport) {
    for one in &report.destinations {
        assert_eq!(one.accepted + one.rejected + one.undelivered, one.made, "{one:?}");
        assert!(one.unknown <= one.undelivered, "{one:?}");
        let told: u64 = one.troubles.iter().map(|trouble| trouble.spans).sum();
        assert_eq!(told, one.rejected + one.undelivered, "{one:?}");
    }
}
