//! Tasks from the ECS API, with their definitions, service events and log lines. Main type: [`EcsSource`]; which tasks are meant is
//! found in `find.rs`.
//!
//! The SDK signs, sends and retries; the raw answers go to the same reader as saved files, and into the bundle of
//! `ecspan record`.

mod find;

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
use super::history::kept::{History, HistoryChoice, Recalled};
use super::json::At;
use super::logs::{LogReader, StreamOverride, WholeLog};
use super::rollout;
use crate::hint::Hint;
use crate::model::arn::last_part;
use crate::model::around::Around;
use crate::model::merge::{TaskObservations, service_events_of};
use crate::model::observation::{DefinitionRecord, Gap, TaskRecord};
use crate::model::service::ServiceRecord;

/// The most tasks in a DescribeTasks call.
pub(crate) const DESCRIBED_AT_ONCE: usize = 100;
/// A burst is as many calls as are made in so many seconds.
const BURST: u32 = 5;
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
    /// Calls to ECS a second; else 20, what ECS allows.
    pub calls_rate: Option<u32>,
    /// Keep the answers for a bundle.
    pub record: bool,
    /// Where events are kept of tasks that ECS has forgotten.
    pub history: HistoryChoice,
}

/// A task that was asked for.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its region.
    pub region: Region,
    /// The task.
    pub task: TaskRecord,
    /// Where it is from, when ECS has forgotten it.
    pub recalled: Option<Recalled>,
}

/// A cluster, as a list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterSummary {
    /// Its name.
    pub name: String,
    /// Its status and counts; `None` where they could not be read.
    pub counts: Option<ClusterCounts>,
}

/// The counts of DescribeClusters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

type Definition = Arc<OnceCell<Result<DefinitionRecord, AwsError>>>;

/// Reads tasks from AWS.
#[derive(Debug)]
pub struct EcsSource {
    pub(super) aws: Aws,
    pub(super) options: ObserveOptions,
    pub(super) history: History,
    logs: LogReader,
    /// DescribeTasks and ListTasks share a bucket: burst 100, 20 a second.
    pub(super) calls: Limiter,
    definitions: Mutex<HashMap<String, Definition>>,
    pub(super) bundle: Mutex<Bundle>,
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
            met: Mutex::default(),
            limiter: options.logs_rate.map(|rate| Limiter::new(rate, 1)),
        };
        Self {
            aws,
            history: History::new(options.history.clone()),
            calls: Limiter::new(options.calls_rate.unwrap_or(20), options.calls_rate.unwrap_or(20) * BURST),
            options,
            logs,
            definitions: Mutex::default(),
            bundle: Mutex::default(),
        }
    }

    /// Everything that was answered so far, secrets out.
    pub fn into_bundle(self) -> Bundle {
        self.bundle.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn cluster_arns(&self, region: &Region) -> Result<Vec<String>, AwsError> {
        let mut arns = vec![];
        let mut token: Option<String> = None;
        loop {
            let attempt = format!("list the clusters of {region}");
            let request = self.aws.ecs(region).list_clusters().set_next_token(token.clone());
            let told = |error: &_| AwsError::from_sdk("ecs:ListClusters", attempt.clone(), error);
            let page = request.send().await.map_err(|error| told(&error))?;
            arns.extend(page.cluster_arns.ok_or_else(|| AwsError::not_of_aws(attempt.clone()))?);
            token = AwsError::next_page(page.next_token, token.as_ref(), &attempt)?;
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

    /// Everything else about one task: its definition, then its logs, and meanwhile its service's events.
    pub async fn observe_one(&self, region: &Region, task: TaskRecord) -> TaskObservations {
        self.logs.meet(&task, self.options.all_containers);
        let mut observed = TaskObservations { task, ..Default::default() };
        let of_definition = async {
            let definition = self.definition(region, &observed.task).await.transpose();
            let declared = definition.as_ref().ok().and_then(Option::as_ref);
            let logs = self.logs.read(&self.aws, region, &observed.task, declared, self.options.all_containers).await;
            (definition, logs)
        };
        let ((definition, (logs, gaps)), service) =
            futures::join!(of_definition, self.service_of(region, &observed.task));
        match definition {
            Ok(definition) => observed.definition = definition,
            Err(error) => observed.gaps.push(gap("the task definition, which says where the logs are", &error)),
        }
        match service {
            Some(Ok(service)) => {
                observed.service_events = service_events_of(&observed.task, &service.events);
                observed.around = Around::new(&observed.task, &service.target_groups, &service.events);
            }
            Some(Err(error)) => observed.gaps.push(gap("the service's events", &error)),
            None => {}
        }
        if self.options.record {
            let mut bundle = self.bundle.lock().unwrap_or_else(PoisonError::into_inner);
            logs.iter().for_each(|log| bundle.push_log(log));
            observed.gaps.iter().chain(&gaps).for_each(|gap| bundle.push_gap(&observed.task.id, gap));
        }
        observed.logs = logs;
        observed.gaps.extend(gaps);
        observed
    }

    /// Containers that the user named a log stream of and that no task had which was observed, and those that there were.
    pub fn streams_of_nobody(&self) -> (Vec<String>, Vec<String>) {
        self.logs.of_nobody()
    }

    /// The whole logs of a task's containers, each read as it is used.
    pub fn whole_logs(
        self: &Arc<Self>,
        task: &TaskRecord,
        definition: Option<&DefinitionRecord>,
    ) -> Result<Vec<WholeLog>, AwsError> {
        let own = self.region_of(task)?;
        let searches = self.logs.searches(task, definition, self.options.all_containers);
        let logs = searches.into_iter().map(|search| {
            let (source, own) = (self.clone(), own.clone());
            LogReader::begin(search, |search, pages| {
                async move { source.logs.whole(&source.aws, &own, &search, pages).await }.boxed()
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
        let answer = match call!(self, "ecs:DescribeServices", attempt, request)
            .map_err(|error: AwsError| error.about_cluster(cluster, region))
        {
            Ok(answer) => answer,
            // Of a cluster that is not there any more nobody says anything.
            Err(AwsError::NoCluster { .. }) => return None,
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
        let foreign = || AwsError::not_of_aws(format!("read the answer of {operation}"));
        let answer: Value = serde_json::from_slice(&body).map_err(|_| foreign())?;
        // AWS's answer to this has lists, be they empty.
        let has_any = |lists: [&str; 2]| lists.iter().any(|list| At::root(operation, &answer).has(list));
        match operation {
            "DescribeTasks" if !has_any(["tasks", "failures"]) => return Err(foreign()),
            "DescribeServices" if !has_any(["services", "failures"]) => return Err(foreign()),
            _ => {}
        }
        if self.options.record {
            self.bundle.lock().unwrap_or_else(PoisonError::into_inner).push(operation, &answer);
        }
        Ok(answer)
    }
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
