//! Waiting for a deployment to be over. Main function: [`until_over`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::actions::Actions;
use super::watch::Watch;
use super::{DeployError, Wait};
use crate::model::deployment::{Bad, Deployment, DeploymentLife, Wanted, choose};
use crate::run::notice::{Notice, Teller};
use crate::run::read::Course;
use crate::run::silence::Silence;
use crate::source::aws::AwsError;
use crate::source::ecs::{EcsSource, LAST_ANSWER};
use crate::source::service::{ServiceAnswers, ServicePlace};

/// Asked no more often …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … and no less often.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// So often one API's word alone that it is over is doubted.
const PARTIAL_LOOKS: usize = 5;

/// Whose deployment is waited for, and by whom that is told.
pub(super) struct Waiter<'a> {
    pub(super) source: &'a Arc<EcsSource>,
    pub(super) place: &'a ServicePlace,
    pub(super) wanted: &'a Wanted,
    pub(super) wait: &'a Wait,
    pub(super) log_lines: usize,
    pub(super) notices: &'a Teller,
    pub(super) course: &'a Course,
    /// How it stood when it was last looked at, for whoever does not wait for its end.
    pub(super) seen: &'a mut Option<Seen>,
}

/// A deployment that goes on, as it was last seen.
pub(super) struct Seen {
    pub(super) life: Arc<DeploymentLife>,
    pub(super) answers: ServiceAnswers,
}

/// A deployment, and how waiting for it ended.
pub(super) struct Waited {
    pub(super) deployment: Deployment,
    pub(super) answers: ServiceAnswers,
    /// That took too long.
    pub(super) timed_out: bool,
    /// It goes on, and can only end badly.
    pub(super) bad: Option<Bad>,
    /// It goes on, and is as far as was wanted.
    pub(super) reached: Option<String>,
}

/// The deployment that is meant, once it is over where that is wanted.
pub(super) async fn until_over(waiter: Waiter<'_>) -> Result<Waited, DeployError> {
    let Waiter { source, place, wanted, wait, log_lines, notices, course, seen } = waiter;
    let mut pause = FIRST_PAUSE;
    // Whatever is rolled out meanwhile, it is this one that is waited for.
    let mut meant: Option<(Wanted, Deployment)> = None;
    let mut last: Option<ServiceAnswers> = None;
    let until = wait.timeout.map(|timeout| Instant::now() + timeout);
    let (mut told, mut paused) = (None, BTreeSet::new());
    let mut watch = Watch::new(source, place, log_lines, notices, course);
    let mut actions = Actions::new(source, place, notices);
    let (mut silence, mut partial) = (Silence::default(), 0);
    loop {
        let is_named = matches!(wanted, Wanted::Id(_));
        // Attempts at a call count too, once there is something to report.
        let asked = match until.filter(|_| meant.is_some()) {
            Some(until) => timeout_at(until + LAST_ANSWER, source.service_answers(place, is_named)).await.ok(),
            None => Some(source.service_answers(place, is_named).await),
        };
        let knows_both = meant.as_ref().is_some_and(|(_, earlier)| earlier.arn.is_some());
        let looked = match asked {
            None => return late(meant, last),
            Some(Err(error)) if error.is_about_gone_service() => return gone(meant, last, error),
            Some(Err(error)) if meant.is_none() || !error.is_passing() => return Err(DeployError::Aws(error)),
            Some(Err(error)) => Err(error),
            // What one of the APIs alone says is not what both would.
            Some(Ok(ServiceAnswers { passing: Some(error), .. })) if knows_both => Err(error),
            Some(Ok(answers)) => Ok(answers),
        };
        let answers = match looked {
            Ok(answers) => answers,
            Err(error) => {
                silence.goes_on(&error, notices);
                if is_over(until) {
                    return late(meant, last);
                }
                sleep(at_most(pause, until)).await;
                continue;
            }
        };
        if answers.passing.is_none() {
            silence.ends(notices);
        }
        let which = meant.as_ref().map_or(wanted, |(which, _)| which);
        let choose = |which: &Wanted| choose(&answers.service, &answers.deployments, &answers.revisions, which);
        // The API that has ARNs may be refused from now on.
        let by_id = || meant.as_ref().map(|(_, earlier)| Wanted::Id(earlier.id.clone()));
        let chosen = choose(which).or_else(|none| by_id().map_or(Err(none), |which| choose(&which)));
        let deployment = match (chosen, meant.take()) {
            (Ok(deployment), None) => deployment,
            (Ok(mut deployment), Some((_, earlier))) => {
                deployment.remember(&earlier);
                deployment
            }
            (Err(none), None) => return Err(DeployError::NoDeployment(none)),
            (Err(_), Some((_, mut earlier))) => {
                earlier.vanished(&answers.service);
                earlier
            }
        };
        let which = which_arn(&deployment);
        meant = Some((Wanted::Id(which), deployment.clone()));
        let waited = |timed_out, bad| Waited {
            deployment: deployment.clone(),
            answers: answers.clone(),
            timed_out,
            bad,
            reached: None,
        };
        // The API that knows of stages and bakes may say something else in a moment.
        let is_doubtful = deployment.is_over() && wait.is_wanted && partial < PARTIAL_LOOKS;
        if let Some(error) = answers.passing.as_ref().filter(|_| is_doubtful) {
            silence.goes_on(error, notices);
            partial += 1;
            last = Some(answers);
            sleep(at_most(pause, until)).await;
            continue;
        }
        // Of a service that is being deleted nothing more comes.
        if deployment.is_over() || deployment.deleted.is_some() || !wait.is_wanted {
            return Ok(waited(false, None));
        }
        tell_once(&deployment, &mut told, notices);
        for hook in deployment.paused().filter(|hook| paused.insert(hook.id.clone())) {
            notices.tell(&Notice::Paused { deployment: which_arn(&deployment), hook: hook.clone() });
        }
        // A look that is cut short goes on with the next one.
        let look = async { futures::join!(watch.look(&deployment), actions.look(&deployment)) };
        let looked = match until {
            Some(until) => timeout_at(until + LAST_ANSWER, look).await.ok(),
            None => Some(look.await),
        };
        if let Some((mut life, ())) = looked {
            life.deployment.actions.extend(actions.told());
            let bad = life.bad(&wait.fail_fast);
            let reached = wait.goal.and_then(|goal| goal.reached(&life));
            let life = Arc::new(life);
            *seen = Some(Seen { life: life.clone(), answers: answers.clone() });
            notices.tell(&Notice::Watched(life));
            if bad.is_some() || reached.is_some() {
                return Ok(Waited { reached, ..waited(false, bad) });
            }
        }
        if is_over(until) {
            return Ok(waited(true, None));
        }
        last = Some(answers);
        sleep(at_most(pause, until)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// What it is asked for by: its ARN, where it has one.
fn which_arn(deployment: &Deployment) -> String {
    deployment.arn.clone().unwrap_or_else(|| deployment.id.clone())
}

/// The time is up while AWS is asked: what it said before counts.
fn late(meant: Option<(Wanted, Deployment)>, last: Option<ServiceAnswers>) -> Result<Waited, DeployError> {
    match (meant, last) {
        (Some((_, deployment)), Some(answers)) => {
            Ok(Waited { deployment, answers, timed_out: true, bad: None, reached: None })
        }
        _ => Err(DeployError::TimedOut),
    }
}

/// The service is not there any more.
fn gone(
    meant: Option<(Wanted, Deployment)>,
    last: Option<ServiceAnswers>,
    error: AwsError,
) -> Result<Waited, DeployError> {
    let (Some((_, mut deployment)), Some(answers)) = (meant, last) else { return Err(DeployError::Aws(error)) };
    deployment.deleted = Some("ECS has no such service any more: it was deleted");
    Ok(Waited { deployment, answers, timed_out: false, bad: None, reached: None })
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

/// What is left is waited for to its end, and then asked once more.
fn at_most(pause: Duration, until: Option<Instant>) -> Duration {
    until.map_or(pause, |until| pause.min(until.saturating_duration_since(Instant::now())))
}

/// What goes on, when it is something else than before: a pipeline's log shows no progress line.
fn tell_once(deployment: &Deployment, told: &mut Option<Notice>, notices: &Teller) {
    let now = Notice::Waiting {
        deployment: deployment.id.clone(),
        running: deployment.running,
        desired: deployment.desired,
        failed: deployment.failed_tasks.filter(|count| *count > 0),
        stage: deployment.stage.as_ref().map(ToString::to_string),
        course: deployment.course(),
    };
    if told.as_ref() != Some(&now) {
        notices.tell(&now);
        *told = Some(now);
    }
}
