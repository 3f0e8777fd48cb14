//! From `--to` and the OTLP flags to destinations that are open, and the undelivered folder beside them. Main function:
//! [`open`].

use std::path::{Path, PathBuf};

use ecspan::sink::{Destination, OpenError, Overrides, Settings, Signal, Target, Undelivered};

use ecspan::run::xray;
use ecspan::source::aws::Aws;

use super::args::{DeliveryArgs, ExportArgs, Global, OtlpArgs};
use super::problem::Problem;
use super::{env, tasks};

/// Opens what every `--to` of an export names.
pub(super) async fn open(global: &Global, args: &ExportArgs, records: bool) -> Result<Vec<Destination>, Problem> {
    refuse_unused(&args.to, &args.delivery.otlp)?;
    let aws = aws_for(global, &args.to).await?;
    let open_one = if args.dry_run { Destination::dry_run } else { Destination::open };
    let open = open_all(&args.to, &args.delivery.otlp, aws.as_ref(), records, open_one)?;
    Ok(keeping(open, &args.delivery))
}

/// Opens the destinations of a command that runs for long: traces only, and the undelivered folder beside them.
pub(super) async fn open_for(
    global: &Global,
    to: &[String],
    delivery: &DeliveryArgs,
) -> Result<Vec<Destination>, Problem> {
    refuse_unused(to, &delivery.otlp)?;
    let aws = aws_for(global, to).await?;
    let open = open_all(to, &delivery.otlp, aws.as_ref(), false, Destination::open)?;
    Ok(keeping(open, delivery))
}

/// Opens the destinations of a command that acknowledges each task by itself: nothing is kept, and a file grows.
pub(super) async fn open_growing(global: &Global, to: &[String], otlp: &OtlpArgs) -> Result<Vec<Destination>, Problem> {
    let aws = aws_for(global, to).await?;
    open_all(to, otlp, aws.as_ref(), false, Destination::appending)
}

/// Whoever says how a receiver is reached wants it to be sent to.
pub(super) fn refuse_unused(to: &[String], otlp: &OtlpArgs) -> Result<(), Problem> {
    let is_receiver = |target: &Target| matches!(target, Target::Otlp | Target::Xray(_));
    let targets = to.iter().map(|to| target(to)).collect::<Result<Vec<_>, _>>()?;
    match otlp.of_receiver() {
        Some(flag) if !targets.iter().any(is_receiver) => {
            let none = match to {
                [] => "without --to there is none".to_owned(),
                to => format!("--to {} is none", to.join(" --to ")),
            };
            let problem = Problem::usage(format!("{flag} is a receiver's, and {none}: nothing would be sent to it"));
            Err(problem.hint("add --to otlp".to_owned()))
        }
        _ => Ok(()),
    }
}

/// AWS, where a destination needs it.
async fn aws_for(global: &Global, to: &[String]) -> Result<Option<Aws>, Problem> {
    if !to.iter().any(|to| to.starts_with("xray")) {
        return Ok(None);
    }
    let aws = tasks::aws(global).await;
    aws.problem().map_or(Ok(Some(aws.clone())), |problem| Err(tasks::aws_problem(problem)))
}

fn keeping(open: Vec<Destination>, delivery: &DeliveryArgs) -> Vec<Destination> {
    let Some(folder) = undelivered(delivery) else { return open };
    // What a killed run left there.
    folder.tidy();
    open.into_iter().map(|destination| destination.keeping(&folder)).collect()
}

/// How a destination is opened.
type Open = fn(&Target, Signal, &Settings<'_>) -> Result<Destination, OpenError>;

/// Opens what every `--to` names; reads the environment beneath the flags.
pub(super) fn open_all(
    to: &[String],
    otlp: &OtlpArgs,
    aws: Option<&Aws>,
    records: bool,
    open_one: Open,
) -> Result<Vec<Destination>, Problem> {
    let targets = to.iter().map(|to| target(to)).collect::<Result<Vec<_>, _>>()?;
    let is_xray = |target: &Target| matches!(target, Target::Xray(_));
    if otlp.endpoint.is_some() && targets.iter().any(is_xray) && targets.contains(&Target::Otlp) {
        return Err(Problem::usage("--endpoint names one receiver, and both otlp and xray are sent to")
            .hint("name the other in OTEL_EXPORTER_OTLP_ENDPOINT or AWS_ENDPOINT_URL_XRAY".to_owned()));
    }
    env::tell_no_proxy();
    let overrides = overrides(otlp);
    let aws = aws.map(xray::access);
    let settings = Settings { overrides: &overrides, env: &env::get, aws: aws.as_ref() };
    let mut open = vec![];
    for target in &targets {
        let traces = open_one(target, Signal::Traces, &settings).map_err(problem)?;
        match target {
            Target::Otlp if records => open.push(open_one(target, Signal::Logs, &settings).map_err(problem)?),
            Target::File(_) | Target::Stdout if records => open.push(traces.also_for(Signal::Logs)),
            Target::Otlp | Target::Xray(_) | Target::File(_) | Target::Stdout => {}
        }
        open.push(traces);
    }
    if records && targets.iter().all(is_xray) {
        return Err(Problem::usage("X-Ray takes no log records").hint("add --to otlp, or --logs-as events".to_owned()));
    }
    Ok(open)
}

/// What `--to` names.
pub(super) fn target(to: &str) -> Result<Target, Problem> {
    let target = to.parse().map_err(|error| {
        // Whoever names a URL means its receiver.
        let hint = to.contains("://").then(|| "a receiver's address is what --endpoint names".to_owned());
        Problem::usage(format!("--to: {error}")).hint(hint)
    })?;
    if let Target::Xray(Some(region)) = &target {
        Aws::check_region("the region of --to xray", region).map_err(|error| Problem::misuse(&error))?;
    }
    Ok(target)
}

/// A file that is read must not be replaced by what is made of it.
pub(super) fn refuse_inputs(to: &[String], inputs: &[String]) -> Result<(), Problem> {
    for to in to {
        let Target::File(path) = target(to)? else { continue };
        let Ok(place) = path.canonicalize() else { continue };
        if inputs.iter().any(|input| Path::new(input).canonicalize().is_ok_and(|input| input == place)) {
            return Err(Problem::usage(format!("--to: {} is also what is exported", path.display()))
                .hint("name another file".to_owned()));
        }
    }
    Ok(())
}

/// What is wrong with a destination.
pub(super) fn problem(error: OpenError) -> Problem {
    if error.is_usage() { Problem::misuse(&error) } else { Problem::of(&error) }
}

/// The undelivered folder: `none` for nowhere.
pub(super) fn undelivered(delivery: &DeliveryArgs) -> Option<Undelivered> {
    match delivery.undelivered.as_deref() {
        Some("none") => None,
        Some(folder) => Some(Undelivered::at(PathBuf::from(folder))),
        None => Undelivered::of_user(),
    }
}

/// The OTLP flags.
pub(super) fn overrides(args: &OtlpArgs) -> Overrides {
    Overrides {
        endpoint: args.endpoint.clone(),
        protocol: args.protocol.clone(),
        headers: args.header.clone(),
        compression: args.compression.clone(),
        timeout: args.timeout,
        deadline: Some(args.deadline),
        ca: args.ca.clone(),
        client_certificate: args.client_cert.clone(),
        client_key: args.client_key.clone(),
    }
}
