//! Where ecspan's own metrics go, of the commands that run for ever. `docs/metrics.md` explains each metric.

use ecspan::run::meters::Meters;
use ecspan::run::{Notice, Teller};
use ecspan::sink::{Destination, MetricsExporter, Overrides, Settings, Signal, Target};
use ecspan::source::calls::Calls;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::EnvResourceDetector;

use super::args::OtlpArgs;
use super::problem::Problem;
use super::{destinations, env};

/// Where metrics go, by the specification's name: `otlp` (default) or `none`.
const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";

/// Opens the destination of metrics, where there is one: that of `--to otlp`.
pub(super) fn open(to: &[String], otlp: &OtlpArgs, calls: Calls, notices: Teller) -> Result<Meters, Problem> {
    let overrides = destinations::overrides(otlp);
    let exporter = if is_wanted(to)? { Some(exporter(&overrides, notices)?) } else { None };
    let mut provider = SdkMeterProvider::builder().with_resource(resource());
    if let Some(exporter) = exporter {
        // The interval is the SDK's own, 60 s, or OTEL_METRIC_EXPORT_INTERVAL.
        provider = provider.with_reader(PeriodicReader::builder(exporter).build());
    }
    Ok(Meters::new(provider.build(), calls))
}

/// Whether metrics are sent: spans go to an OTLP endpoint too, or an endpoint for metrics is named.
fn is_wanted(to: &[String]) -> Result<bool, Problem> {
    match env::get(METRICS_EXPORTER).as_deref() {
        None | Some("otlp") => {
            let named = env::get(opentelemetry_otlp::OTEL_EXPORTER_OTLP_METRICS_ENDPOINT).is_some();
            Ok(named || to.iter().any(|to| to == "otlp"))
        }
        Some("none") => Ok(false),
        Some(other) => {
            let problem = Problem::usage(format!("{METRICS_EXPORTER} is {other:?}, which is neither otlp nor none"));
            Err(problem.hint("ecspan sends its own metrics over OTLP".to_owned()))
        }
    }
}

fn exporter(overrides: &Overrides, notices: Teller) -> Result<MetricsExporter, Problem> {
    let settings = Settings::new(overrides, &env::get);
    let to = Destination::open(&Target::Otlp, Signal::Metrics, &settings).map_err(destinations::problem)?;
    let name = to.name().to_owned();
    Ok(MetricsExporter::new(&to, &env::get, move |reason| {
        let hint =
            format!("{METRICS_EXPORTER}=none turns them off, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT sends them elsewhere");
        notices.tell(&Notice::MetricsNotTaken { to: name.clone(), why: reason.to_string(), hint });
    }))
}

/// Who measures: here ecspan speaks of itself, so its own variables count.
fn resource() -> Resource {
    let own = [
        KeyValue::new("service.name", "ecspan"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        // Workers are many and alike; their sums must not be taken for one.
        KeyValue::new("service.instance.id", instance_id()),
    ];
    let named = env::get("OTEL_SERVICE_NAME").map(|name| KeyValue::new("service.name", name));
    Resource::builder_empty()
        .with_attributes(own)
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_attributes(named)
        .build()
}

fn instance_id() -> String {
    let started = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let host = env::get("HOSTNAME").unwrap_or_else(|| "ecspan".to_owned());
    format!("{host}-{}-{}", std::process::id(), started.as_millis())
}
