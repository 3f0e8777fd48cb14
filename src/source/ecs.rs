//! Tasks from the ECS API, with their definitions, service events and log lines. Main type: [`EcsSource`].
//!
//! The SDK signs, sends and retries; the raw answers go to the same reader as saved files, and into the bundle of
//! `ecspan record`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::Region;
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use futures::{FutureExt, Stream, StreamExt};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::answer;
use super::aws::{Aws, AwsError, Limiter};
use super::bundle::Bundle;
use super::error::ReadError;
use super::json::At;
use super::logs::{LogReader, StreamOverride, WholeLog};
use super::rollout;
use super::select::{Selection, StatusFilter};
use super::service::ServicePlace;
use super::target::{TaskTarget, is_whole_id};
use crate::hint::Hint;
use crate::model::arn::last_part;
use crate::model::merge::{TaskObservations, service_events_of};
use crate::model::observation::{DefinitionRecord, Gap, TaskRecord};
use crate::model::service::{Around, ServiceRecord};

/// The most tasks in a DescribeTasks call.
const DESCRIBED_AT_ONCE: usize = 100;
/// Calls of one kind on their way at once.
const CONCURRENT: usize = 8;
/// Asked for the last time when a wait's time is up, AWS has so long to answer.
pub const LAST_ANSWER: Duration = Duration::from_secs(2);

/// What is read of each task.
#[derive(Clone, Debug, Default)]
pub struct ObserveOptions {
    /// Log lines a container; 0 makes no call.
    pub log_lines: usize,
    /// Log streams named by the user.
    pub log_streams: Vec<StreamOverride>,
    /// GetLogEvents calls a second.
    pub logs_rate: Option<u32>,
    /// Also the service events that name a task: one call a service.
    pub service_events: bool,
    /// Also the logs of containers that ECS adds.
    pub all_containers: bool,
    /// Keep the answers for a bundle.
    pub record: bool,
}

/// A cluster, as a list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSummary {
    /// Its name.
    pub name: String,
    /// Its status and counts; `None` where they could not be read.
    pub counts: Option<ClusterCounts>,
}

/// The counts of DescribeClusters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterCounts {
    /// `status`.
    pub status: String,
    /// `runningTasksCount`.
    pub running: i64,
    /// `pendingTasksCount`.
    pub pending: i64,
    /// `activeServicesCount`.
    pub services: i64,
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The task has started (or stopped).
    Started,
    /// The task has stopped.
    Stopped,
}

/// A region and a cluster, where they are known.
type Place = (Option<String>, Option<String>);
type Definition = Arc<OnceCell<Result<DefinitionRecord, AwsError>>>;

/// Reads tasks from AWS.
#[derive(Debug)]
pub struct EcsSource {
    pub(super) aws: Aws,
    options: ObserveOptions,
    logs: LogReader,
    /// DescribeTasks and ListTasks share a bucket: burst 100, 20 a second.
    pub(super) calls: Limiter,
    definitions: Mutex<HashMap<String, Definition>>,
    bundle: Mutex<Bundle>,
}

/// Calls an operation for its raw answer.
macro_rules! call {
    ($self:ident, $action:literal, $attempt:expr, $request:expr) => {{
        let capture = $crate::source::ecs::Capture::default();
        match $request.customize().interceptor(capture.clone()).send().await {
            Ok(_) => $self.answer($action, &capture),
            Err(error) => Err($crate::source::aws::AwsError::from_sdk($action, $attempt, &error)),
        }
    }};
}
pub(super) use call;

impl EcsSource {
    /// A source that asks with these clients.
    pub fn new(aws: Aws, options: ObserveOptions) -> Self {
        let logs = LogReader {
            lines: options.log_lines,
            overrides: options.log_streams.clone(),
            limiter: options.logs_rate.map(|rate| Limiter::new(rate, 1)),
        };
        Self {
            aws,
            options,
            logs,
            calls: Limiter::new(20, 100),
            definitions: Mutex::default(),
            bundle: Mutex::default(),
        }
    }

    /// Everything that was answered so far, secrets out.
    pub fn into_bundle(self) -> Bundle {
        self.bundle.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tasks that are meant, and an error for each that was not found. Tasks of one cluster share a call.
    pub async fn find(&self, targets: &[TaskTarget]) -> Vec<Result<(Region, TaskRecord), AwsError>> {
        let mut groups: Vec<(Place, Vec<String>)> = vec![];
        for target in targets {
            let key = (target.region.clone(), target.cluster.clone());
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, ids)) => ids.push(target.id.clone()),
                None => groups.push((key, vec![target.id.clone()])),
            }
        }
        let found = groups.into_iter().map(|((region, cluster), ids)| async move {
            let region = match self.aws.region(region.as_deref()) {
                Ok(region) => region,
                Err(error) => return vec![Err(error)],
            };
            let (ids, begun): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| is_whole_id(id));
            let mut found = match &cluster {
                Some(cluster) => self.describe(&region, cluster, &ids).await,
                None => futures::future::join_all(ids.iter().map(|id| self.search(&region, id))).await,
            };
            if !begun.is_empty() {
                found.extend(self.completed(&region, cluster.as_deref(), &begun).await);
            }
            found.into_iter().map(|task| Ok((region.clone(), task?))).collect()
        });
        futures::future::join_all(found).await.into_iter().flatten().collect()
    }

    /// The tasks of a cluster with these ids, by hundreds.
    pub(super) async fn describe(
        &self,
        region: &Region,
        cluster: &str,
        ids: &[String],
    ) -> Vec<Result<TaskRecord, AwsError>> {
        let chunks: Vec<Vec<String>> = ids.chunks(DESCRIBED_AT_ONCE).map(<[String]>::to_vec).collect();
        let calls = chunks.into_iter().map(|ids| async move {
            match self.describe_call(region, cluster, &ids).await {
                Ok(answer) => described(&answer, cluster, region, &ids),
                Err(error) => vec![Err(error)],
            }
        });
        futures::stream::iter(calls).buffered(CONCURRENT).collect::<Vec<_>>().await.into_iter().flatten().collect()
    }

    async fn describe_call(&self, region: &Region, cluster: &str, ids: &[String]) -> Result<Value, AwsError> {
        let attempt = match ids {
            [id] => format!("describe task {id} of cluster {cluster}"),
            ids => format!("describe {} tasks of cluster {cluster}", ids.len()),
        };
        self.calls.take().await;
        let request = self.aws.ecs(region).describe_tasks().cluster(cluster).set_tasks(Some(ids.to_vec()));
        call!(self, "ecs:DescribeTasks", attempt, request)
    }

    /// A task whose cluster nobody names: every cluster is asked, until one knows it.
    async fn search(&self, region: &Region, id: &str) -> Result<TaskRecord, AwsError> {
        let clusters = self.cluster_arns(region).await?;
        let count = clusters.len();
        let ids = [id.to_owned()];
        let ids = &ids;
        let asked = clusters.into_iter().map(|cluster| async move { self.describe(region, &cluster, ids).await });
        let mut answers = futures::stream::iter(asked).buffer_unordered(CONCURRENT);
        let mut refused = None;
        while let Some(answer) = answers.next().await {
            for task in answer {
                match task {
                    Ok(task) => return Ok(task),
                    Err(AwsError::NoSuchTask { .. }) => {}
                    Err(error) => refused = Some(error),
                }
            }
        }
        let place = Some(format!("any of {count} clusters of {region}"));
        Err(refused.unwrap_or(AwsError::NoSuchTask { task: id.to_owned(), place }))
    }

    /// Tasks of which only the first characters of their ids are given: the one task that begins so.
    async fn completed(
        &self,
        region: &Region,
        cluster: Option<&str>,
        begun: &[String],
    ) -> Vec<Result<TaskRecord, AwsError>> {
        let clusters = match cluster {
            Some(cluster) => Ok(vec![cluster.to_owned()]),
            None => self.cluster_arns(region).await,
        };
        let clusters = match clusters {
            Ok(clusters) => clusters,
            Err(error) => return vec![Err(error)],
        };
        let count = clusters.len();
        let listed = clusters.into_iter().map(|cluster| async move {
            let all = Selection { cluster: cluster.clone(), ..Selection::default() };
            let mut arns = self.task_arns(region, &all, "RUNNING").await?;
            arns.extend(self.task_arns(region, &all, "STOPPED").await?);
            Ok::<_, AwsError>(arns.into_iter().map(|arn| (cluster.clone(), arn)).collect::<Vec<_>>())
        });
        let listed: Vec<_> = futures::stream::iter(listed).buffered(CONCURRENT).collect().await;
        let mut known = vec![];
        let mut refused = None;
        for answer in listed {
            match answer {
                Ok(tasks) => known.extend(tasks),
                Err(error) => refused = Some(error),
            }
        }
        known.sort();
        known.dedup();
        let mut found = vec![];
        for begin in begun {
            let these: Vec<_> = known.iter().filter(|(_, arn)| last_part(arn).starts_with(begin.as_str())).collect();
            match (these.as_slice(), &refused) {
                ([(cluster, arn)], _) => {
                    found.extend(self.describe(region, cluster, std::slice::from_ref(arn)).await);
                }
                ([], Some(error)) => found.push(Err(error.clone())),
                ([], None) => {
                    let place = match cluster {
                        Some(cluster) => format!("cluster {} of {region}", last_part(cluster)),
                        None => format!("any of {count} clusters of {region}"),
                    };
                    found.push(Err(AwsError::NoSuchTask { task: begin.clone(), place: Some(place) }));
                }
                (many, _) => {
                    let tasks = many.iter().map(|(cluster, arn)| format!("{}/{}", last_part(cluster), last_part(arn)));
                    found.push(Err(AwsError::ManyTasks { begin: begin.clone(), tasks: tasks.collect() }));
                }
            }
        }
        found
    }

    /// The tasks that are selected, newest first. `described` is told how many more are known.
    pub async fn select(
        &self,
        selection: &Selection,
        described: &(dyn Fn(usize) + Sync),
    ) -> Result<(Region, Vec<Result<TaskRecord, AwsError>>), AwsError> {
        let region = self.aws.region(None)?;
        let mut arns = vec![];
        if !matches!(selection.status, StatusFilter::Stopped | StatusFilter::Failed) {
            arns.extend(self.task_arns(&region, selection, "RUNNING").await?);
        }
        if matches!(selection.status, StatusFilter::Stopped | StatusFilter::Failed | StatusFilter::All) {
            arns.extend(self.task_arns(&region, selection, "STOPPED").await?);
        }
        // That a service has no tasks is one thing, that there is no such service another.
        if let (true, Some(service)) = (arns.is_empty(), &selection.service) {
            let (cluster, service) = (selection.cluster.clone(), service.clone());
            let place = ServicePlace { region: region.clone(), cluster, service };
            if let Err(error @ AwsError::NoSuchService { .. }) = self.service(&place).await {
                return Err(error);
            }
        }
        let mut tasks = vec![];
        for arns in arns.chunks(DESCRIBED_AT_ONCE * CONCURRENT) {
            tasks.extend(self.describe(&region, &selection.cluster, arns).await);
            described(arns.len());
        }
        // Between the list and the description ECS may have forgotten one: that is no loss to whoever lists.
        tasks.retain(|task| match task {
            Ok(task) => selection.takes(task),
            Err(error) => !matches!(error, AwsError::NoSuchTask { .. }),
        });
        tasks.sort_by_key(|task| {
            std::cmp::Reverse(task.as_ref().ok().map(|task| (task.times.created, task.id.clone())))
        });
        tasks.truncate(selection.limit.unwrap_or(usize::MAX));
        Ok((region, tasks))
    }

    async fn task_arns(&self, region: &Region, selection: &Selection, desired: &str) -> Result<Vec<String>, AwsError> {
        let mut arns = vec![];
        let mut token: Option<String> = None;
        loop {
            self.calls.take().await;
            let request = self.aws.ecs(region).list_tasks().cluster(&selection.cluster).desired_status(desired.into());
            let request = request.set_service_name(selection.service.clone()).set_next_token(token);
            // ECS takes one of the two; the other is looked at afterwards.
            let family = selection.family.clone().filter(|_| selection.service.is_none());
            let attempt = format!("list the tasks of cluster {}", selection.cluster);
            let page = request
                .set_family(family)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk("ecs:ListTasks", attempt, &error))?;
            arns.extend(page.task_arns.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    pub(super) async fn cluster_arns(&self, region: &Region) -> Result<Vec<String>, AwsError> {
        let mut arns = vec![];
        let mut token: Option<String> = None;
        loop {
            let attempt = format!("list the clusters of {region}");
            let request = self.aws.ecs(region).list_clusters().set_next_token(token);
            let page = request.send().await.map_err(|error| AwsError::from_sdk("ecs:ListClusters", attempt, &error))?;
            arns.extend(page.cluster_arns.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    /// The clusters of the region, by name.
    pub async fn clusters(&self) -> Result<Vec<ClusterSummary>, AwsError> {
        let region = self.aws.region(None)?;
        let arns = self.cluster_arns(&region).await?;
        let mut clusters: Vec<ClusterSummary> =
            arns.iter().map(|arn| ClusterSummary { name: last_part(arn).to_owned(), counts: None }).collect();
        for arns in arns.chunks(DESCRIBED_AT_ONCE) {
            // The counts are a courtesy: a list of names needs only ecs:ListClusters.
            let Ok(answer) = self.aws.ecs(&region).describe_clusters().set_clusters(Some(arns.to_vec())).send().await
            else {
                break;
            };
            for described in answer.clusters.unwrap_or_default() {
                let name = described.cluster_name.unwrap_or_default();
                if let Some(cluster) = clusters.iter_mut().find(|cluster| cluster.name == name) {
                    cluster.counts = Some(ClusterCounts {
                        status: described.status.unwrap_or_default(),
                        running: described.running_tasks_count.into(),
                        pending: described.pending_tasks_count.into(),
                        services: described.active_services_count.into(),
                    });
                }
            }
        }
        clusters.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(clusters)
    }

    /// Everything else about tasks that were found: several at once, in their order.
    pub fn observe(self: Arc<Self>, tasks: Vec<(Region, TaskRecord)>) -> impl Stream<Item = TaskObservations> {
        let observed = tasks.into_iter().map(move |(region, task)| {
            let source = self.clone();
            async move { source.observe_one(&region, task).await }
        });
        futures::stream::iter(observed).buffered(CONCURRENT)
    }

    /// Everything else about one task: its definition and its service's events at once, then its logs.
    pub async fn observe_one(&self, region: &Region, task: TaskRecord) -> TaskObservations {
        let mut observed = TaskObservations { task, ..Default::default() };
        let (definition, service) =
            futures::join!(self.definition(region, &observed.task), self.service_of(region, &observed.task));
        match definition {
            Some(Ok(definition)) => observed.definition = Some(definition),
            Some(Err(error)) => observed.gaps.push(gap("the task definition, which says where the logs are", &error)),
            None => {}
        }
        match service {
            Some(Ok(service)) => {
                observed.service_events = service_events_of(&observed.task, &service.events);
                observed.around = Around::new(&observed.task, &service.target_groups, &service.events);
            }
            Some(Err(error)) => observed.gaps.push(gap("the service's events", &error)),
            None => {}
        }
        let definition = observed.definition.as_ref();
        let (logs, gaps) =
            self.logs.read(&self.aws, region, &observed.task, definition, self.options.all_containers).await;
        if self.options.record {
            let mut bundle = self.bundle.lock().unwrap_or_else(PoisonError::into_inner);
            logs.iter().for_each(|log| bundle.push_log(log));
            observed.gaps.iter().chain(&gaps).for_each(|gap| bundle.push_gap(&observed.task.id, gap));
        }
        observed.logs = logs;
        observed.gaps.extend(gaps);
        observed
    }

    /// The whole logs of a task's containers, each read as it is used.
    pub fn whole_logs(
        self: &Arc<Self>,
        task: &TaskRecord,
        definition: Option<&DefinitionRecord>,
    ) -> Result<Vec<WholeLog>, AwsError> {
        let own = self.region_of(task)?;
        let places = self.logs.places(task, definition, self.options.all_containers);
        let logs = places.into_iter().map(|(container, place)| {
            let (source, region) = (self.clone(), place.region.clone().map_or_else(|| own.clone(), Region::new));
            LogReader::begin(container, place, |place, pages| {
                async move { source.logs.whole(&source.aws, &region, &place, pages).await }.boxed()
            })
        });
        Ok(logs.collect())
    }

    /// The definition of a task: asked for once, however many tasks run it.
    pub(super) async fn definition(
        &self,
        region: &Region,
        task: &TaskRecord,
    ) -> Option<Result<DefinitionRecord, AwsError>> {
        let arn = task.task_definition_arn.clone()?;
        let cell = {
            let mut known = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(arn.clone()).or_default().clone()
        };
        let asked = cell.get_or_init(|| async {
            let attempt = format!("describe task definition {}", last_part(&arn));
            let request = self.aws.ecs(region).describe_task_definition().task_definition(&arn);
            let answer = call!(self, "ecs:DescribeTaskDefinition", attempt, request)?;
            Ok(answer::definition(&At::root("DescribeTaskDefinition", &answer)))
        });
        Some(asked.await.clone())
    }

    /// The definition of a task, for whoever can't do without: one that could not be read is asked for again next time.
    pub async fn definition_of(&self, task: &TaskRecord) -> Option<Result<DefinitionRecord, AwsError>> {
        let region = match self.region_of(task) {
            Ok(region) => region,
            Err(error) => return Some(Err(error)),
        };
        let answer = self.definition(&region, task).await?;
        if answer.is_err()
            && let Some(arn) = &task.task_definition_arn
        {
            self.definitions.lock().unwrap_or_else(PoisonError::into_inner).remove(arn);
        }
        Some(answer)
    }

    async fn service_of(&self, region: &Region, task: &TaskRecord) -> Option<Result<ServiceRecord, AwsError>> {
        let service = task.service().filter(|_| self.options.service_events)?;
        let cluster = task.cluster_arn.as_deref().or_else(|| task.cluster_name())?;
        let attempt = format!("describe service {service}");
        let request = self.aws.ecs(region).describe_services().cluster(cluster).services(service);
        let answer = match call!(self, "ecs:DescribeServices", attempt, request) {
            Ok(answer) => answer,
            Err(error) => return Some(Err(error)),
        };
        let found = rollout::services(&At::root("DescribeServices", &answer));
        // One that is not there any more says nothing.
        Some(found.map(|found| found.into_iter().next().unwrap_or_default()).map_err(unreadable))
    }

    /// Asks again and again until a task has come so far, with longer and longer pauses. Gives the task as it was last
    /// seen, and why that is not as far as was asked for.
    pub async fn wait(
        &self,
        region: &Region,
        mut task: TaskRecord,
        until: Until,
        timeout: Option<Duration>,
    ) -> (TaskRecord, Option<AwsError>) {
        let start = Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            let reached = task.is_stopped() || (until == Until::Started && task.times.started.is_some());
            if reached {
                return (task, None);
            }
            // What is left is waited for to its end, and then asked once more.
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            if let Some((timeout, Duration::ZERO)) = timeout.zip(left) {
                let status = task.last_status.clone().unwrap_or_default();
                let error = AwsError::WaitedTooLong { task: task.id.clone(), status, waited: timeout };
                return (task, Some(error));
            }
            tokio::time::sleep(left.map_or(pause, |left| pause.min(left))).await;
            pause = (pause * 3 / 2).min(Duration::from_secs(10));
            let cluster = task.cluster_arn.clone().unwrap_or_else(|| "default".to_owned());
            let id = task.arn.clone().unwrap_or_else(|| task.id.clone());
            let ids = [id];
            let described = self.describe(region, &cluster, &ids);
            let answer = match timeout {
                None => Ok(described.await),
                Some(timeout) => tokio::time::timeout_at(start + timeout + LAST_ANSWER, described).await,
            };
            match answer.map(|mut tasks| tasks.pop()) {
                Ok(Some(Ok(newer))) => task = newer,
                Ok(Some(Err(error))) => return (task, Some(error)),
                // The time is up.
                Err(_) => {}
                Ok(None) => {
                    let error = AwsError::NoSuchTask { task: task.id.clone(), place: None };
                    return (task, Some(error));
                }
            }
        }
    }

    /// The region to ask about a task that was read from a file.
    pub fn region_of(&self, task: &TaskRecord) -> Result<Region, AwsError> {
        self.aws.region(task.any_arn().map(|arn| arn.region))
    }

    /// The raw answer of a call that succeeded.
    pub(super) fn answer(&self, action: &'static str, capture: &Capture) -> Result<Value, AwsError> {
        let body = capture.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        let operation = action.rsplit(':').next().unwrap_or(action);
        let answer: Value = serde_json::from_slice(&body).map_err(|error| AwsError::Unanswered {
            attempt: format!("read the answer of {operation}"),
            cause: error.to_string(),
        })?;
        if self.options.record {
            self.bundle.lock().unwrap_or_else(PoisonError::into_inner).push(operation, &answer);
        }
        Ok(answer)
    }
}

/// The tasks of an answer, and an error for each that could not be read or found.
fn described(answer: &Value, cluster: &str, region: &Region, ids: &[String]) -> Vec<Result<TaskRecord, AwsError>> {
    let tasks = answer::tasks(&At::root("DescribeTasks", answer));
    let mut all: Vec<Result<TaskRecord, AwsError>> = tasks.records.into_iter().map(Ok).collect();
    all.extend(tasks.errors.into_iter().map(|error| Err(unreadable(error))));
    let place = format!("cluster {cluster} of {region}");
    all.extend(tasks.missing.into_iter().map(|missing| {
        let task = last_part(&missing.arn).to_owned();
        // AWS repeats what it was asked for; the id as it was typed says more.
        let task = ids.iter().find(|id| last_part(id) == task).cloned().unwrap_or(task);
        Err(AwsError::NoSuchTask { task, place: Some(place.clone()) })
    }));
    all
}

/// What could not be read.
pub fn gap(what: &str, error: &AwsError) -> Gap {
    Gap { what: what.to_owned(), why: error.to_string(), hint: error.hint(), container: None }
}

pub(super) fn unreadable(error: ReadError) -> AwsError {
    AwsError::Unreadable(Arc::new(error))
}

/// Keeps the body of an answer that the SDK has read.
#[derive(Clone, Debug, Default)]
pub(super) struct Capture(Arc<Mutex<Option<Vec<u8>>>>);

impl Intercept for Capture {
    fn name(&self) -> &'static str {
        "Capture"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().map(<[u8]>::to_vec);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}
