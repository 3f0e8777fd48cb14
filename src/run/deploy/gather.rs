//! From a deployment's tasks to what is kept of them, and to their traces. Main type: [`Gather`].

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc::Sender;

use crate::model::deployment::{Deployment, DeploymentLife, Role};
use crate::model::merge::TaskObservations;
use crate::model::observation::{Gap, TaskRecord};
use crate::model::{AsOf, TaskLife, Time};
use crate::run::notice::Notice;
use crate::run::read::{Course, PastReader, Reading};
use crate::run::silence::apart_from_request;
use crate::source::aws::{AwsError, Region};
use crate::source::ecs::{self, EcsSource};
use crate::source::select::Selection;
use crate::source::service::ServicePlace;
use crate::trace::{TaskTrace, TraceOptions, caller};

/// Tasks of which more is asked at once.
const CONCURRENT: usize = 8;

/// What the tasks of a deployment come from.
pub(super) enum Origin {
    Aws {
        source: Arc<EcsSource>,
        place: ServicePlace,
    },
    /// Read from files, which know the service up to a time.
    Files(Vec<TaskObservations>, Option<Time>),
}

/// Reads tasks and hands on their traces.
pub(super) struct Gather {
    pub(super) log_lines: usize,
    pub(super) is_sending: bool,
    pub(super) options: TraceOptions,
    pub(super) course: Arc<Course>,
    /// Who is asked for log lines.
    pub(super) logs: Option<(Arc<EcsSource>, Region)>,
    /// Another deployment than the latest is asked for.
    pub(super) is_earlier: bool,
    /// What has been told already: what is refused of one task is refused of thousands.
    pub(super) told: Mutex<BTreeMap<String, usize>>,
}

/// The deployment, and what is missing of its tasks.
pub(super) struct Gathered {
    pub(super) life: DeploymentLife,
    /// Why not all of them were read.
    pub(super) unread: Option<AwsError>,
    /// Those that do not say whose they are.
    pub(super) unnamed: Option<Gap>,
}

impl Gathered {
    pub(super) fn gaps(unread: Option<AwsError>, unnamed: Option<Gap>) -> impl Iterator<Item = Gap> {
        unread.map(|error| ecs::gap("tasks of the service", &error)).into_iter().chain(unnamed)
    }
}

impl Gather {
    /// Reads every task, and gives the deployment with what is kept of them. Tasks that cannot be read are no fault of it: how the
    /// deployment ended is known without them.
    pub(super) async fn read(
        &self,
        origin: Origin,
        mut deployment: Deployment,
        pieces: &Sender<TaskTrace>,
    ) -> Gathered {
        let (mut unread, mut read, mut unnamed) = (None, 0, 0);
        let reading = Reading::begin(&self.course);
        let origin = match origin {
            Origin::Files(tasks, saved) => {
                if deployment.created.is_none() {
                    tasks.iter().for_each(|observed| estimate(&mut deployment, &observed.task));
                }
                Origin::Files(tasks, saved)
            }
            Origin::Aws { source, place } => {
                // ECS remembers only the end of this deployment, and which tasks it stopped depends on its beginning.
                if deployment.created.is_none() {
                    let mut pages = std::pin::pin!(source.service_tasks(&place));
                    // What fails here fails again below, and is told there.
                    while let Ok(Some(page)) = pages.try_next().await {
                        page.iter().for_each(|task| estimate(&mut deployment, task));
                    }
                }
                Origin::Aws { source, place }
            }
        };
        let mut life = DeploymentLife::new(deployment);
        if let Origin::Files(_, saved) = &origin {
            life.saved = *saved;
        }
        let mut observed = self.observed(origin, &life);
        loop {
            match observed.try_next().await {
                Ok(Some(task)) => {
                    read += 1;
                    unnamed += usize::from(life.deployment.cannot_tell(&task.task));
                    self.take(task, &mut life, pieces).await;
                }
                Ok(None) => break,
                Err(error) => {
                    unread = Some(error);
                    break;
                }
            }
            reading.advance();
        }
        drop(observed);
        drop(reading);
        for (why, more) in
            self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|(_, more)| **more > 0)
        {
            self.course.tell(&Notice::MoreGaps { tasks: *more, why: why.clone() });
        }
        life.sort();
        Gathered { life, unread, unnamed: (unnamed > 0).then(|| unattributed(unnamed, read)) }
    }

    /// The tasks of the service, with all that is wanted of each.
    fn observed(
        &self,
        origin: Origin,
        life: &DeploymentLife,
    ) -> BoxStream<'static, Result<TaskObservations, AwsError>> {
        let (source, place) = match origin {
            Origin::Files(tasks, _) => return stream::iter(tasks.into_iter().map(Ok)).boxed(),
            Origin::Aws { source, place } => (source, place),
        };
        let (deployment, is_sending, log_lines) = (Arc::new(life.deployment.clone()), self.is_sending, self.log_lines);
        let known = Arc::new(Mutex::new(HashSet::new()));
        // The latest one is ECS's own news.
        let has_past = self.is_earlier || source.has_named_history();
        let past = has_past.then(|| {
            past_of_service(source.clone(), place.clone(), deployment.clone(), known.clone(), self.course.clone())
        });
        let past = stream::iter(past).flatten();
        // Of a service that is gone ECS has none, and says so with an error.
        let is_gone = deployment.deleted.is_some();
        let is_none =
            move |page: &Result<_, AwsError>| is_gone && page.as_ref().is_err_and(AwsError::is_about_gone_service);
        let pages = source.service_tasks(&place).filter(move |page| future::ready(!is_none(page)));
        let course = Arc::clone(&self.course);
        let tasks = pages.map_ok(|page| stream::iter(page.into_iter().map(Ok::<_, AwsError>))).try_flatten();
        let tasks = tasks.inspect_ok(move |task| {
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(task.id.to_lowercase());
        });
        let tasks = tasks.chain(past.map(Ok));
        let observed = tasks.map_ok(move |task| {
            let (source, region, deployment) = (source.clone(), place.region.clone(), deployment.clone());
            let course = Arc::clone(&course);
            async move {
                let is_rollouts = matches!(deployment.role(&task), Role::Launch | Role::Stop);
                let observed = TaskObservations { task, ..TaskObservations::default() };
                if !is_rollouts {
                    return Ok(observed);
                }
                let has_failed = || TaskLife::new(observed.clone(), course.now(), 0).foreseen().failure.is_some();
                // Whoever only reports needs the lines of one task of a group.
                if is_sending && log_lines > 0 && has_failed() {
                    return Ok(source.observe_one(&region, observed.task).await);
                }
                let definition = if is_sending { source.definition_once(&region, &observed.task).await } else { None };
                Ok(match definition {
                    Some(Ok(definition)) => TaskObservations { definition: Some(definition), ..observed },
                    Some(Err(error)) => {
                        let gap = ecs::gap("the task definition", &error);
                        TaskObservations { gaps: vec![gap], ..observed }
                    }
                    None => observed,
                })
            }
        });
        observed.try_buffer_unordered(CONCURRENT).boxed()
    }

    /// Tells what could not be learned of a task; the same of others is counted.
    fn tell(&self, task: &str, gap: &Gap) {
        let why = format!("{}: {}", gap.what, apart_from_request(&gap.why));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more) = told.get_mut(&why) {
            *more += 1;
            self.course.lose_again();
            return;
        }
        self.course.lose(format!("task {task}: {}: {}", gap.what, gap.why), gap.hint.clone());
        told.insert(why, 0);
    }

    /// Adds a task to the deployment, and hands on its trace when the rollout launched or stopped it.
    async fn take(&self, observed: TaskObservations, life: &mut DeploymentLife, pieces: &Sender<TaskTrace>) {
        let life_of = |observed: TaskObservations| {
            let around = life.deployment.around(&observed.task);
            let as_of = life.saved.map_or_else(|| AsOf::Now(self.course.now()), AsOf::Saved);
            TaskLife::new(TaskObservations { around, ..observed }, as_of, self.log_lines)
        };
        let task = life_of(observed);
        let task = match &self.logs {
            Some((source, region)) if self.log_lines > 0 && life.wants_sample(&task) => {
                life_of(source.observe_one(region, task.task).await)
            }
            _ => task,
        };
        for gap in &task.gaps {
            self.tell(&task.task.id, gap);
        }
        life.add(&task, caller::of_task(&task.task).is_some_and(|caller| caller.is_sampled()));
        let is_rollouts = matches!(life.deployment.role(&task.task), Role::Launch | Role::Stop);
        if !is_rollouts || task.phases.is_none() || !self.is_sending {
            return;
        }
        // Nobody takes it: the run has ended.
        let _ = pieces.send(TaskTrace::new(&task, &self.options)).await;
    }
}

/// The tasks of a service that have stopped since a deployment began and that ECS has forgotten; the known ones are known once this is
/// asked.
fn past_of_service(
    source: Arc<EcsSource>,
    place: ServicePlace,
    deployment: Arc<Deployment>,
    known: Arc<Mutex<HashSet<String>>>,
    course: Arc<Course>,
) -> impl Stream<Item = TaskRecord> {
    let begun = async move {
        let now = course.now();
        let ServicePlace { cluster, service, .. } = place;
        let selection = Selection { cluster, service: Some(service), ..Selection::default() };
        // Those that it stopped were there before it.
        let from = source.past_from(&Selection { created_since: deployment.created, ..selection.clone() }, now);
        let known = std::mem::take(&mut *known.lock().unwrap_or_else(PoisonError::into_inner));
        let past = from.map(|from| PastReader::new(source.past(&selection, from, known, now), course));
        stream::iter(past).flat_map(PastReader::pages).flat_map(|page| stream::iter(page.tasks))
    };
    stream::once(begun).flatten()
}

/// That tasks are left out of the deployment, since nothing says whether they belong to it.
fn unattributed(tasks: usize, of: usize) -> Gap {
    Gap {
        what: format!("{tasks} of {of} tasks"),
        why: "they do not say which deployment started them (startedBy): they are left out".to_owned(),
        hint: Some(
            "save whole answers of `aws ecs describe-tasks`, without --query; an input transformer of a rule has to keep detail.startedBy".to_owned(),
        ),
        container: None,
    }
}

fn estimate(deployment: &mut Deployment, task: &TaskRecord) {
    if let (Some(created), true) = (task.times.created, task.started_by.as_deref() == Some(&deployment.id)) {
        deployment.estimate_created(created);
    }
}
