//! A worker of one's own: the tasks of the EventBridge events in a queue, exported until Ctrl-C; what happens meanwhile goes where
//! this program wants it.
//!
//! ```sh
//! cargo run --example worker -- https://sqs.eu-west-1.amazonaws.com/123456789012/ecs-events
//! ```
//!
//! The endpoint is `OTEL_EXPORTER_OTLP_ENDPOINT`, else http://localhost:4318.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ecspan::model::Time;
use ecspan::run::events::queue::{self, QueueConfig};
use ecspan::run::events::{EventConfig, Filter};
use ecspan::run::meters::Meters;
use ecspan::run::{Level, Notice, Stop};
use ecspan::sink::{Destination, Overrides, Settings, Signal, Target};
use ecspan::source::aws::{Aws, AwsSettings};
use ecspan::source::sqs::Queue;
use opentelemetry_sdk::metrics::SdkMeterProvider;

#[tokio::main]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: worker QUEUE-URL")?;
    let aws = Aws::load(&AwsSettings::default()).await;
    let (overrides, env) = (Overrides::default(), |name: &str| std::env::var(name).ok());
    let config = QueueConfig {
        queue: Queue::open(&aws, &url)?,
        concurrency: 20,
        visibility_timeout: Duration::from_secs(60),
        events: EventConfig {
            // No log lines: an `EcsSource` as `logs` would read them.
            filter: Filter { only_failed: true, ..Filter::default() },
            ..EventConfig::new(
                vec![Destination::open(&Target::Otlp, Signal::Traces, &Settings::new(&overrides, &env))?],
                // A provider with a reader would send ecspan's metrics.
                Meters::new(SdkMeterProvider::default(), aws.calls()),
                || Time::from(SystemTime::now()),
            )
        },
    };

    let stop = Stop::new();
    let ask = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            ask.request();
        }
    });
    // Any `Fn(&Notice)` hears what is told.
    let notices = Arc::new(|notice: &Notice| match notice {
        Notice::Exported { task, failure, .. } => println!("{task} failed: {}", failure.as_deref().unwrap_or("?")),
        notice if notice.level() >= Level::Warning => println!("{notice}"),
        _ => {}
    });
    let drained = queue::run(config, stop, notices).await;
    println!("{} messages, {} tasks exported", drained.messages, drained.exported.tasks);
    Ok(())
}
