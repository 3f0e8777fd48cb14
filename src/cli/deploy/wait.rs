//! Waiting for a deployment to be over. Main function: [`until_over`].

use std::time::Duration;

use ecspan::model::Time;
use ecspan::model::deployment::{Deployment, NoDeployment, Wanted, choose};
use ecspan::render::moment;
use ecspan::source::aws::AwsError;
use ecspan::source::ecs::EcsSource;
use ecspan::source::service::{ServiceAnswers, ServicePlace};
use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep, timeout_at};

use crate::cli::args::DeployArgs;
use crate::cli::problem::Problem;
use crate::cli::tasks::aws_problem;
use crate::cli::terminal;

/// Asked no more often …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … and no less often.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The deployment that is meant, once it is over where that is wanted; `true`: that took too long.
pub(super) async fn until_over(
    source: &EcsSource,
    place: &ServicePlace,
    wanted: &Wanted,
    args: &DeployArgs,
) -> Result<(Deployment, ServiceAnswers, bool), Problem> {
    let begin = Instant::now();
    let mut pause = FIRST_PAUSE;
    // Whatever is rolled out meanwhile, it is this one that is waited for.
    let mut meant: Option<(Wanted, Deployment)> = None;
    let mut last: Option<ServiceAnswers> = None;
    let until = args.wait_timeout.map(|timeout| begin + timeout);
    let mut told = String::new();
    loop {
        let is_named = matches!(wanted, Wanted::Id(_));
        // Attempts at a call count too, once there is something to report.
        let asked = match until.filter(|_| meant.is_some()) {
            Some(until) => timeout_at(until, source.service_answers(place, is_named)).await.ok(),
            None => Some(source.service_answers(place, is_named).await),
        };
        let answers = match asked {
            Some(Ok(answers)) => answers,
            None => return late(meant, last),
            Some(Err(error)) if meant.is_some() && error.is_passing() && is_late(begin, pause, args) => {
                aws_problem(&error).print();
                return late(meant, last);
            }
            Some(Err(error)) if meant.is_some() && error.is_passing() => {
                aws_problem(&error).print();
                sleep(pause).await;
                continue;
            }
            Some(Err(error)) => return Err(told_where(&error, args)),
        };
        let which = meant.as_ref().map_or(wanted, |(which, _)| which);
        let chosen = choose(&answers.service, &answers.deployments, &answers.revisions, which);
        let deployment = match (chosen, meant.take()) {
            (Ok(deployment), None) => deployment,
            (Ok(mut deployment), Some((_, earlier))) => {
                deployment.remember(&earlier);
                deployment
            }
            (Err(none), None) => return Err(no_deployment(&none)),
            (Err(_), Some((_, mut earlier))) => {
                earlier.vanished(&answers.service);
                earlier
            }
        };
        let which = deployment.arn.clone().unwrap_or_else(|| deployment.id.clone());
        meant = Some((Wanted::Id(which), deployment.clone()));
        if deployment.is_over() || !args.wait {
            return Ok((deployment, answers, false));
        }
        tell_once(&deployment, &mut told);
        if is_late(begin, pause, args) {
            return Ok((deployment, answers, true));
        }
        last = Some(answers);
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The time is up while AWS is asked: what it said before counts.
fn late(
    meant: Option<(Wanted, Deployment)>,
    last: Option<ServiceAnswers>,
) -> Result<(Deployment, ServiceAnswers, bool), Problem> {
    match (meant, last) {
        (Some((_, deployment)), Some(answers)) => Ok((deployment, answers, true)),
        _ => Err(Problem::timed_out("AWS has not answered within --wait-timeout")),
    }
}

fn is_late(begin: Instant, pause: Duration, args: &DeployArgs) -> bool {
    args.wait_timeout.is_some_and(|timeout| begin.elapsed() + pause > timeout)
}

/// What goes on, when it is something else than before: a pipeline's log shows no progress line.
fn tell_once(deployment: &Deployment, told: &mut String) {
    let number = |count: Option<i64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let failed =
        deployment.failed_tasks.filter(|count| *count > 0).map_or(String::new(), |count| format!(", {count} failed"));
    let stage = deployment.stage.as_ref().map_or(String::new(), |stage| format!(", {stage}"));
    let back = if deployment.rollback.is_some() { ", rolling back" } else { "" };
    let now = format!(
        "{}: {} of {} running{failed}{stage}{back}",
        deployment.id,
        number(deployment.running),
        number(deployment.desired)
    );
    if *told != now {
        terminal::tell("waiting", &now);
        *told = now;
    }
}

/// What is wrong with the service or its cluster.
fn told_where(error: &AwsError, args: &DeployArgs) -> Problem {
    let problem = aws_problem(error);
    match args.cluster {
        Some(_) => problem,
        None => problem.hint(error.hint().map(|hint| format!("{hint}; --cluster NAME names the cluster"))),
    }
}

/// There is no such deployment: those that are known are listed.
pub(super) fn no_deployment(none: &NoDeployment) -> Problem {
    let problem = Problem::failed(none.to_string());
    if none.known.is_empty() {
        return problem
            .hint("ECS lists no deployments of it: is it a service of the ECS deployment controller?".to_owned());
    }
    let at = |at: Option<Time>| at.map_or(String::new(), |at| format!(", {}", moment::spaced(at, &TimeZone::UTC)));
    let known: Vec<String> = none
        .known
        .iter()
        .take(10)
        .map(|known| {
            format!("{} ({}{})", known.id, known.status.as_deref().unwrap_or("status unknown"), at(known.created))
        })
        .collect();
    problem.hint(format!("known are: {}", known.join("; ")))
}
