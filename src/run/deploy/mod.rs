//! A deployment of a service: found, waited for, its tasks read, its trace and theirs delivered. Main function: [`run`].

mod actions;
pub(in crate::run) mod ended;
mod files;
mod gather;
mod recall;
mod wait;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use self::gather::{Gather, Gathered, Origin};
use self::wait::{Seen, Waited, Waiter};
use super::notice::Teller;
use super::read::Course;
use super::stop::Stop;
use super::{Now, delivery};
use crate::hint::Hint;
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::deployment::{Bad, Deployment, DeploymentLife, FailFast, Goal, NoDeployment, Wanted};
use crate::model::service::INACTIVE;
use crate::render::moment;
use crate::sink::{Delivery, DeliveryReport, Destination};
use crate::source::aws::AwsError;
use crate::source::ecs::{self, EcsSource};
use crate::source::history::NoHistory;
use crate::source::service::{ServiceAnswers, ServicePlace};
use crate::trace::{TaskTrace, TraceOptions, deployment};

/// Traces that wait to be delivered.
const WAITING: usize = 4;
/// The action log is a courtesy: it is not waited for any longer.
const ACTIONS_WITHIN: Duration = Duration::from_secs(5);
/// So many deployments are listed, where none of them is meant.
const LISTED: usize = 10;

/// Which deployment, and what is made of it.
#[derive(Debug)]
pub struct DeployConfig {
    /// Where its service is.
    pub from: DeployFrom,
    /// Which of the service's deployments.
    pub wanted: Wanted,
    /// Whether its end is waited for; not of files.
    pub wait: Wait,
    /// So many log lines are kept of each container of a task that failed.
    pub log_lines: usize,
    /// How the tasks' traces are made.
    pub options: TraceOptions,
    /// How the deployment's own is.
    pub own_options: TraceOptions,
    /// Who gets them; nobody: there is a report only.
    pub destinations: Vec<Destination>,
    /// What time it is: what has not ended has lasted until then.
    pub clock: Now,
}

/// Where a service is.
#[derive(Debug)]
pub enum DeployFrom {
    /// In AWS.
    Aws {
        /// Who is asked.
        source: Arc<EcsSource>,
        /// The service's name.
        service: String,
        /// Its cluster; else all are searched.
        cluster: Option<String>,
        /// Its region, else the SDK's.
        region: Option<String>,
    },
    /// In saved answers.
    Files(Files),
}

/// Saved answers.
#[derive(Debug)]
pub struct Files {
    /// The files; `-` is stdin.
    pub paths: Vec<PathBuf>,
    /// Where is kept, while it is read, what cannot be read twice.
    pub temporary: PathBuf,
    /// The service's name, where they hold several.
    pub service: Option<String>,
    /// The cluster's.
    pub cluster: Option<String>,
}

/// Whether the end of a deployment is waited for, and for how long.
#[derive(Clone, Debug, Default)]
pub struct Wait {
    /// It is.
    pub is_wanted: bool,
    /// At most so long.
    pub timeout: Option<Duration>,
    /// As far as this is enough; else its end is waited for.
    pub goal: Option<Goal>,
    /// What ends it before: without any, only the end of the deployment does.
    pub fail_fast: Vec<FailFast>,
}

/// There is no deployment to tell of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The service was not found.
    #[error(transparent)]
    NoPlace(AwsError),
    /// AWS did not tell of the service.
    #[error(transparent)]
    Aws(AwsError),
    /// It is none of those that ECS lists.
    #[error(transparent)]
    NoDeployment(NoDeployment),
    /// The time was up before there was anything to tell.
    #[error("AWS has not answered within --wait-timeout")]
    TimedOut,
    /// It is not clear which service is meant.
    #[error("the files hold several services")]
    SeveralServices(Vec<String>),
    /// Some fields of a service, and no word of which.
    #[error("{0} does not say whose deployments they are")]
    NamelessService(String),
    /// No file holds the service.
    #[error("no file speaks of {what}{}", of.as_ref().map_or(String::new(), |of| format!(", only of deployments of {of}")))]
    NoService {
        /// Which was looked for.
        what: String,
        /// The ARN of a service of which there are deployments alone.
        of: Option<String>,
    },
}

impl Hint for DeployError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPlace(error) | Self::Aws(error) => error.hint(),
            Self::NoDeployment(none) if none.known.is_empty() => {
                Some(match (none.status.as_deref(), none.controller.as_deref()) {
                    (Some(INACTIVE), _) => "the service was deleted: it is INACTIVE".to_owned(),
                    (_, None | Some("ECS")) => "ECS lists no deployments of it".to_owned(),
                    (_, Some(other)) => format!(
                        "its deployment controller is {other}, whose deployments are its task sets, and it has none; ecspan show and export take its tasks"
                    ),
                })
            }
            Self::NoDeployment(none) => {
                let at = |at: Option<Time>| {
                    at.map_or(String::new(), |at| format!(", {}", moment::spaced(at, &TimeZone::UTC)))
                };
                let known = none.known.iter().take(LISTED).map(|known| {
                    let status = known.status.as_deref().unwrap_or("status unknown");
                    format!("{} ({status}{})", known.id, at(known.created))
                });
                Some(format!("known are: {}", known.collect::<Vec<_>>().join("; ")))
            }
            Self::TimedOut => None,
            Self::SeveralServices(names) => Some(format!("name one: {}", names.join(", "))),
            Self::NamelessService(_) => {
                Some("name the service, or save its whole answer: leave out --query".to_owned())
            }
            Self::NoService { of, .. } => {
                let mut names = of.iter().flat_map(|arn| arn.split('/').skip(1));
                let (cluster, service) = (names.next().unwrap_or("CLUSTER"), names.next().unwrap_or("SERVICE"));
                Some(format!(
                    "save `aws ecs describe-services --cluster {cluster} --services {service} --output json` and name that file too"
                ))
            }
        }
    }
}

/// What became of a deployment and of its traces.
#[derive(Debug)]
pub struct Deployed {
    /// The deployment.
    pub life: DeploymentLife,
    /// What ECS said of the service, and what it did not.
    pub answers: ServiceAnswers,
    /// It was not over when the time was up.
    pub timed_out: bool,
    /// Why its end was waited for no longer while it went on: it is as it was last seen, and nothing was sent.
    pub unawaited: Option<Unawaited>,
    /// It was waited for no longer, since it can only end badly.
    pub bad: Option<Bad>,
    /// It was waited for no longer, since it is as far as was wanted: how far.
    pub reached: Option<String>,
    /// Its own trace; spans and all.
    pub trace: OwnTrace,
    /// How many things could not be read; each was told.
    pub lost: usize,
    /// What went where.
    pub report: DeliveryReport,
}

/// Why the end of a deployment is waited for no longer.
#[derive(Debug)]
pub enum Unawaited {
    /// Told to stop.
    Stopped,
    /// AWS tells no more of it: credentials have expired, say.
    Refused(DeployError),
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// All is known that could be.
    Whole(Box<Deployed>),
    /// Told to stop before that: what went where until then.
    Early(DeliveryReport),
}

/// The deployment's own trace.
#[derive(Clone, Debug)]
pub struct OwnTrace {
    /// The trace that it is in.
    pub trace_id: String,
    /// The trace that holds a pointer to it, when that is the caller's.
    pub pointer_id: Option<String>,
    /// Its spans.
    pub spans: usize,
    /// Its name.
    pub label: String,
    /// What is not final yet.
    pub pending: Vec<String>,
}

impl OwnTrace {
    fn of(trace: &TaskTrace) -> Self {
        Self {
            trace_id: trace.caller_trace_id.unwrap_or(trace.trace_id).to_string(),
            pointer_id: trace.caller_trace_id.map(|_| trace.trace_id.to_string()),
            spans: trace.spans.len(),
            label: trace.label.clone(),
            pending: trace.pending.clone(),
        }
    }
}

/// A deployment, as far as it is known before its tasks are.
struct Found {
    origin: Origin,
    deployment: Deployment,
    answers: ServiceAnswers,
    timed_out: bool,
    bad: Option<Bad>,
    reached: Option<String>,
}

/// Finds the deployment, waits for it where that is wanted, reads its tasks and delivers the traces.
pub async fn run(config: DeployConfig, stop: Stop, notices: Teller) -> Result<Ended, DeployError> {
    let course = Arc::new(Course::new(notices.clone(), config.clock));
    let mut seen = None;
    let (found, seen) = tokio::select! {
        found = find(&config, &stop, &course, &mut seen) => match (found, seen) {
            (Err(error @ DeployError::Aws(_)), Some(seen)) => {
                return Ok(unawaited(seen, Unawaited::Refused(error), &config.own_options, &course));
            }
            (found, seen) => (found?, seen),
        },
        () = stop.wait() => return Ok(match seen {
            Some(seen) => unawaited(seen, Unawaited::Stopped, &config.own_options, &course),
            None => Ended::Early(DeliveryReport::default()),
        }),
    };
    let DeployConfig { wanted, log_lines, options, own_options, destinations, .. } = config;
    let Found { origin, deployment, mut answers, timed_out, bad, reached } = found;

    let is_sending = !destinations.is_empty();
    let logs = match &origin {
        Origin::Aws { source, place } if !is_sending => Some((source.clone(), place.region.clone())),
        _ => None,
    };
    let (is_asking, may_stop) = (matches!(origin, Origin::Aws { .. }), stop.clone());
    let gather = Gather {
        log_lines,
        is_sending,
        options,
        course: course.clone(),
        logs,
        is_earlier: wanted != Wanted::Latest || deployment.deleted.is_some(),
        told: Mutex::default(),
    };
    let read = async |pieces: Sender<TaskTrace>| {
        let read = tokio::select! {
            read = gather.read(origin, deployment, &pieces) => Some(read),
            // What files hold is read already.
            () = may_stop.wait(), if is_asking => None,
        };
        let Gathered { mut life, unread, unnamed } = read?;
        // What was seen while it was waited for tells more than nothing. What is sent is of whole answers.
        if let Some(seen) = seen.filter(|_| unread.is_some() && !is_sending) {
            let watched = Arc::unwrap_or_clone(seen.life);
            life = DeploymentLife::with_tasks_of(life.deployment, watched);
        }
        let trace = deployment::trace(&life, &own_options);
        let own = OwnTrace::of(&trace);
        if is_sending {
            let _ = pieces.send(trace).await;
        }
        Some((life, own, Gathered::gaps(unread, unnamed)))
    };
    let delivery = Delivery::new(destinations).until(stop.wait());
    let (read, report) = delivery::run(delivery, &stop, &notices, WAITING, read).await;
    let Some((life, trace, gaps)) = read else {
        return Ok(Ended::Early(report));
    };
    answers.gaps.extend(gaps);
    let lost = course.lost();
    let deployed = Deployed { life, answers, timed_out, unawaited: None, bad, reached, trace, lost, report };
    Ok(Ended::Whole(Box::new(deployed)))
}

/// What there is to tell when nobody waits for the end any more.
fn unawaited(seen: Seen, why: Unawaited, own_options: &TraceOptions, course: &Course) -> Ended {
    let Seen { life, mut answers } = seen;
    let life = Arc::unwrap_or_clone(life);
    if let Unawaited::Refused(DeployError::Aws(error)) = &why {
        answers.gaps.push(ecs::gap("how it went on", error));
    }
    Ended::Whole(Box::new(Deployed {
        trace: OwnTrace::of(&deployment::trace(&life, own_options)),
        life,
        answers,
        timed_out: false,
        unawaited: Some(why),
        bad: None,
        reached: None,
        lost: course.lost(),
        report: DeliveryReport::default(),
    }))
}

/// The deployment that is meant, waited for where that is wanted.
async fn find(
    config: &DeployConfig,
    stop: &Stop,
    course: &Course,
    seen: &mut Option<Seen>,
) -> Result<Found, DeployError> {
    let DeployConfig { wanted, wait, log_lines, .. } = config;
    let (source, service, cluster, region) = match &config.from {
        DeployFrom::Files(files) => return files::read(files, wanted, stop, course).await,
        DeployFrom::Aws { source, service, cluster, region } => (source.clone(), service.clone(), cluster, region),
    };
    let region = source.region(region.as_deref()).map_err(DeployError::NoPlace)?;
    let place = match cluster {
        Some(cluster) => ServicePlace { region, cluster: cluster.clone(), service },
        None => source.find_service(&region, &service).await.map_err(DeployError::NoPlace)?,
    };
    let (log_lines, notices) = (*log_lines, &course.notices());
    let waiter = Waiter { source: &source, place: &place, wanted, wait, log_lines, notices, course, seen };
    let waited = match wait::until_over(waiter).await {
        Err(none @ (DeployError::NoDeployment(_) | DeployError::Aws(_))) => {
            recall::recalled(&source, &place, wanted, none, course).await?
        }
        waited => waited?,
    };
    let Waited { mut deployment, mut answers, timed_out, bad, reached } = waited;
    if let Some(when) = deployment.told_within() {
        let is_past = *wanted != Wanted::Latest || source.has_named_history();
        let (actions, notes) = told_by_name(&source, &place, when, is_past, course.now()).await;
        deployment.hear(actions);
        answers.notes.extend(notes);
    }
    Ok(Found { origin: Origin::Aws { source, place }, deployment, answers, timed_out, bad, reached })
}

/// What the action log says of the service, and history of one that is past; and why one of them was not read.
async fn told_by_name(
    source: &EcsSource,
    place: &ServicePlace,
    when: (Time, Option<Time>),
    is_past: bool,
    now: Time,
) -> (Vec<ActionRecord>, Vec<String>) {
    let (mut actions, mut notes) = (vec![], vec![]);
    if is_past && source.has_history() {
        match source.past_actions(place, (Some(when.0), when.1), now).await {
            Ok(past) => actions.extend(past.actions),
            // Its tasks are looked for there, too, and that is told.
            Err(NoHistory::NoGroup { .. }) => {}
            Err(error) => notes.push(format!("what history says of the service was not read: {error}")),
        }
    }
    let why = match timeout(ACTIONS_WITHIN, source.actions(place, when)).await {
        Ok(Ok(told)) => {
            actions.extend(told.unwrap_or_default());
            None
        }
        Ok(Err(error)) => Some(ended::unread_actions(&error)),
        Err(_) => {
            let why = format!("CloudWatch Logs did not answer within {} s", ACTIONS_WITHIN.as_secs());
            Some(ended::not_read(&why))
        }
    };
    notes.extend(why);
    (actions, notes)
}
