//! ecspan's own metrics: an exporter for the SDK's meter provider that sends over the same transports as spans, with their
//! configuration and their reading of answers (docs/adr/0005). Main type: [`MetricsExporter`].
//!
//! A failed export is told, not saved: with cumulative sums the next one says it all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_otlp::OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use prost::Message;
use tokio::runtime::Handle;

use super::retry::{Policy, last_answer};
use crate::sink::destination::Destination;
use crate::sink::otlp::encode::Format;
use crate::sink::reason::Reason;
use crate::sink::request::answer::is_no_such_service;
use crate::sink::request::transport::{Answer, Transport};

/// Told of an export that failed.
type Tell = Arc<dyn Fn(&Reason) + Send + Sync>;

/// Sends metrics to an OTLP endpoint.
pub struct MetricsExporter {
    transport: Arc<dyn Transport>,
    timeout: Duration,
    temporality: Temporality,
    /// The SDK calls from a thread of its own, without a runtime.
    runtime: Handle,
    tell: Tell,
    /// The last export failed: the next failure is not told again.
    is_failing: AtomicBool,
    /// The receiver takes no metrics: it is not asked any more.
    is_off: AtomicBool,
}

impl MetricsExporter {
    /// Sends to this destination of [`Signal::Metrics`](crate::sink::Signal::Metrics). Must be called in a tokio runtime.
    pub fn new(
        to: &Destination,
        env: &dyn Fn(&str) -> Option<String>,
        tell: impl Fn(&Reason) + Send + Sync + 'static,
    ) -> Self {
        Self {
            transport: to.transport.clone(),
            timeout: to.policy.timeout,
            temporality: temporality(env(OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE).as_deref()),
            runtime: Handle::current(),
            tell: Arc::new(tell),
            is_failing: AtomicBool::new(false),
            is_off: AtomicBool::new(false),
        }
    }

    fn failed(&self, reason: &Reason) -> OTelSdkError {
        let is_off = is_no_such_service(reason);
        if is_off {
            self.is_off.store(true, Ordering::Relaxed);
        }
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            (self.tell)(reason);
        }
        OTelSdkError::InternalFailure(reason.to_string())
    }
}

/// As the specification names them; what is not known is the default.
fn temporality(preference: Option<&str>) -> Temporality {
    match preference.map(str::to_ascii_lowercase).as_deref() {
        Some("delta") => Temporality::Delta,
        Some("lowmemory") => Temporality::LowMemory,
        _ => Temporality::Cumulative,
    }
}

impl PushMetricExporter for MetricsExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if self.is_off.load(Ordering::Relaxed) {
            return Ok(());
        }
        let request = ExportMetricsServiceRequest::from(metrics);
        let body = match self.transport.format() {
            Format::Protobuf => request.encode_to_vec(),
            Format::Json => {
                serde_json::to_vec(&request).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?
            }
        };
        let sent = self.runtime.spawn(send(self.transport.clone(), body.into(), self.timeout));
        match sent.await.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))? {
            Ok(()) => {
                self.is_failing.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(reason) => Err(self.failed(&reason)),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

/// Sends until there is an answer that counts, or the time for it is up.
async fn send(transport: Arc<dyn Transport>, body: Bytes, patience: Duration) -> Result<(), Reason> {
    // What may have arrived must not be sent again: sums of the delta kind would be counted twice.
    let policy = Policy { is_idempotent: false, ..Policy::new(patience, patience) };
    match last_answer(transport.as_ref(), &policy, body).await.1 {
        Answer::Accepted { rejected: 0, .. } => Ok(()),
        Answer::Accepted { message, .. } => Err(Reason::Rejected { message }),
        Answer::Retry { reason, .. }
        | Answer::Refused { reason, .. }
        | Answer::Doubtful { reason }
        | Answer::Unknown { reason } => Err(reason.met().clone()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use http::StatusCode;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

    use super::*;
    use crate::sink::testing::{Scripted, Step, took};

    /// Flushes as often as is said, the last time by shutting down.
    async fn flushed(steps: impl IntoIterator<Item = Step>, flushes: usize) -> (usize, Vec<String>) {
        let transport = Arc::new(Scripted::new(steps));
        let told = Arc::new(Mutex::new(vec![]));
        let to = Destination::over("scripted".to_owned(), transport.clone());
        let tell = told.clone();
        let exporter =
            MetricsExporter::new(&to, &|_| None, move |reason: &Reason| tell.lock().unwrap().push(reason.to_string()));
        let provider = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter).build()).build();
        provider.meter("test").u64_counter("n").build().add(1, &[]);
        for left in (0..flushes).rev() {
            let provider = provider.clone();
            let flush = move || if left > 0 { provider.force_flush() } else { provider.shutdown() };
            let _ = tokio::task::spawn_blocking(flush).await.unwrap();
        }
        let told = told.lock().unwrap().clone();
        (transport.0.played().len(), told)
    }

    fn refused(status: StatusCode) -> Step {
        let reason = Reason::Http { status, message: String::new() };
        Step::Say(Answer::refused(reason))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn metrics_are_sent_and_a_failure_is_told_once() {
        assert_eq!(flushed([Step::Say(took(0, ""))], 1).await, (1, vec![]));
        let (attempts, told) =
            flushed([refused(StatusCode::FORBIDDEN), refused(StatusCode::FORBIDDEN), Step::Say(took(0, ""))], 3).await;
        assert_eq!((attempts, told.len()), (3, 1), "{told:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_receiver_without_metrics_is_asked_once() {
        let (attempts, told) = flushed([refused(StatusCode::NOT_FOUND)], 3).await;
        assert_eq!((attempts, told.len()), (1, 1), "{told:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_not_taken_is_sent_again_and_what_may_have_arrived_is_not() {
        let reason = || Reason::NoAnswer { after: Duration::from_secs(1), proxy: None };
        let again = Step::Say(Answer::Retry { after: Some(Duration::from_millis(1)), reason: reason() });
        assert_eq!(flushed([again, Step::Say(took(0, ""))], 1).await, (2, vec![]));
        let (attempts, told) = flushed([Step::Say(Answer::Unknown { reason: reason() })], 1).await;
        assert_eq!((attempts, told), (1, vec![reason().to_string()]), "sums of the delta kind would be counted twice");
    }

    #[test]
    fn temporality_is_the_specifications() {
        assert_eq!(temporality(Some("Delta")), Temporality::Delta);
        assert_eq!(temporality(Some("lowmemory")), Temporality::LowMemory);
        assert_eq!(temporality(None), Temporality::Cumulative);
    }
}
