//! A deployment's report as Markdown, from a program of one's own: waits until the rollout is over, and ends with an error unless
//! it held.
//!
//! ```sh
//! cargo run --example deploy_report -- prod web
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ecspan::model::Time;
use ecspan::model::deployment::{State, Wanted};
use ecspan::render::Style;
use ecspan::render::report::{Report, markdown};
use ecspan::run::deploy::{self, DeployConfig, DeployFrom, Ended, Wait};
use ecspan::run::{Notice, Stop};
use ecspan::source::aws::{Aws, AwsSettings};
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::trace::TraceOptions;
use jiff::tz::TimeZone;

#[tokio::main]
#[allow(clippy::print_stdout, clippy::print_stderr)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (cluster, service) = args.next().zip(args.next()).ok_or("usage: deploy_report CLUSTER SERVICE")?;
    let aws = Aws::load(&AwsSettings::default()).await;
    let log_lines = 20;
    let config = DeployConfig {
        from: DeployFrom::Aws {
            source: Arc::new(EcsSource::new(aws, ObserveOptions { log_lines, ..ObserveOptions::default() })),
            service,
            cluster: Some(cluster),
            region: None,
        },
        wanted: Wanted::Latest,
        wait: Wait { is_wanted: true, timeout: Some(Duration::from_secs(900)), ..Wait::default() },
        log_lines,
        options: TraceOptions::default(),
        own_options: TraceOptions::default(),
        // Nobody: there is only the report.
        destinations: vec![],
        clock: || Time::from(SystemTime::now()),
    };
    let ended = deploy::run(config, Stop::new(), Arc::new(|notice: &Notice| eprintln!("{notice}"))).await?;
    let Ended::Whole(deployed) = ended else { return Err("interrupted".into()) };
    let report = Report {
        life: &deployed.life,
        comparison: None,
        trace_id: &deployed.trace.trace_id,
        trace_url: None,
        timed_out: deployed.timed_out,
        interrupted: deployed.unawaited.is_some(),
        bad: deployed.bad.as_ref(),
        reached: deployed.reached.as_deref(),
        is_told: false,
        notes: &deployed.answers.notes,
        gaps: &deployed.answers.gaps,
    };
    let style = Style {
        width: 100,
        unicode: true,
        color: false,
        zone: TimeZone::UTC,
        now: Time::from(SystemTime::now()),
        all_containers: false,
        logs: true,
    };
    println!("{}", markdown(&report, &style));
    match deployed.life.deployment.outcome.state {
        State::Held => Ok(()),
        other => Err(format!("the deployment did not hold: {other:?}").into()),
    }
}
