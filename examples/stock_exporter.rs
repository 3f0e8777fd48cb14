//! Sends a task's trace through the stock `opentelemetry_otlp` exporter: any `SpanExporter` will do.
//!
//! ```sh
//! cargo run --example stock_exporter -- examples/nginx/task.json
//! ```
//!
//! The endpoint is `OTEL_EXPORTER_OTLP_ENDPOINT`, else http://localhost:4317.

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use ecspan::model::{TaskLife, Time, merge};
use ecspan::source::files;
use ecspan::trace::{TaskTrace, TraceOptions};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SpanExporter as _;

#[tokio::main]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: stock_exporter FILE")?;
    let (tasks, _) = merge::by_task(files::read_path(Path::new(&path))?.observations);
    for observed in tasks {
        let life = TaskLife::new(observed, Time::from(SystemTime::now()), 128);
        let trace = TaskTrace::new(&life, &TraceOptions::default());
        // An exporter has one resource, and each task has its own.
        let mut exporter = SpanExporter::builder().with_tonic().build()?;
        exporter.set_resource(&trace.resource);
        let count = trace.spans.len();
        exporter.export(trace.spans).await?;
        println!("{}: {count} spans, trace id {}", trace.label, trace.trace_id);
    }
    Ok(())
}
