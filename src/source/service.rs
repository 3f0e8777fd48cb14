//! A service, its deployments and its tasks from the ECS API. Adds to [`EcsSource`]; main type: [`ServiceAnswers`].
//!
//! Tasks come as pages, each listed and described while the one before is used: however many there are, few are held.

use std::sync::Arc;

use aws_config::Region;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::aws::AwsError;
use super::ecs::{EcsSource, call, gap, unreadable};
use super::json::At;
use super::rollout;
use crate::hint::Hint;
use crate::model::arn::last_part;
use crate::model::observation::{DefinitionRecord, Gap, TaskRecord};
use crate::model::service::{ServiceDeploymentRecord, ServiceRecord, ServiceRevisionRecord};

/// Pages of tasks that are described at once.
const CONCURRENT: usize = 4;
/// The most ARNs in a call about deployments or revisions.
const DESCRIBED_AT_ONCE: usize = 20;

/// Where a service is.
#[derive(Clone, Debug)]
pub struct ServicePlace {
    /// The region.
    pub region: Region,
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The service's name or ARN.
    pub service: String,
}

/// What both APIs say of a service's deployments.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServiceAnswers {
    /// DescribeServices.
    pub service: ServiceRecord,
    /// The service deployments API.
    pub deployments: Vec<ServiceDeploymentRecord>,
    /// Its revisions.
    pub revisions: Vec<ServiceRevisionRecord>,
    /// Why there is nothing of the service deployments API, or of the action log: no fault, they are younger than ECS and need permissions
    /// of their own.
    pub notes: Vec<String>,
    /// What was tried and could not be learned.
    pub gaps: Vec<Gap>,
    /// What of these may be learned when AWS is asked again.
    pub(crate) passing: Option<AwsError>,
}

impl EcsSource {
    /// The region, for whoever names a service.
    pub fn region(&self, own: Option<&str>) -> Result<Region, AwsError> {
        self.aws.region(own)
    }

    /// The names of a cluster's services.
    pub async fn service_names(&self, cluster: &str) -> Result<Vec<String>, AwsError> {
        let region = self.aws.region(None)?;
        let (mut names, mut token) = (vec![], None);
        loop {
            let request =
                self.aws.ecs(&region).list_services().cluster(cluster).max_results(100).set_next_token(token.clone());
            let attempt = format!("list the services of cluster {cluster}");
            let told = |error: &_| AwsError::from_sdk("ecs:ListServices", attempt.clone(), error);
            let page = request.send().await.map_err(|error| told(&error))?;
            let arns = page.service_arns.ok_or_else(|| AwsError::not_of_aws(attempt.clone()))?;
            names.extend(arns.iter().map(|arn| last_part(arn).to_owned()));
            token = AwsError::next_page(page.next_token, token.as_ref(), &attempt)?;
            if token.is_none() {
                names.sort_unstable();
                return Ok(names);
            }
        }
    }

    /// The cluster of a service that is named without one: every cluster is asked.
    pub async fn find_service(&self, region: &Region, service: &str) -> Result<ServicePlace, AwsError> {
        let clusters = self.cluster_arns(region).await?;
        let count = clusters.len();
        let places = clusters.into_iter().map(|cluster| {
            let service = service.to_owned();
            ServicePlace { region: region.clone(), cluster, service }
        });
        let asked = places.map(|place| async move {
            let found = self.service(&place).await;
            (place, found)
        });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT).collect().await;
        let mut found = vec![];
        let mut refused = None;
        for (place, answer) in answers {
            match answer {
                Ok(_) => found.push(place),
                Err(AwsError::NoSuchService { .. }) => {}
                Err(error) => refused = Some(error),
            }
        }
        found.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        match (found.pop(), found.is_empty(), refused) {
            (Some(place), true, _) => Ok(place),
            (Some(last), false, _) => {
                let clusters = found.iter().chain([&last]).map(|place| last_part(&place.cluster).to_owned()).collect();
                Err(AwsError::ManyServices { service: service.to_owned(), clusters })
            }
            (None, _, Some(error)) => Err(error),
            (None, _, None) => {
                let cluster = format!("any of {count} clusters of {region}");
                Err(AwsError::NoSuchService { service: service.to_owned(), place: cluster })
            }
        }
    }

    /// What ECS says of a service.
    pub async fn service(&self, place: &ServicePlace) -> Result<ServiceRecord, AwsError> {
        let attempt =
            format!("describe service {} of cluster {}", last_part(&place.service), last_part(&place.cluster));
        let request = self.aws.ecs(&place.region).describe_services().cluster(&place.cluster).services(&place.service);
        self.calls.take().await;
        let answer = call!(self, "ecs:DescribeServices", attempt, request)
            .map_err(|error: AwsError| error.about_cluster(&place.cluster, &place.region))?;
        let found = rollout::services(&At::root("DescribeServices", &answer)).map_err(unreadable)?;
        found.into_iter().next().ok_or_else(|| AwsError::NoSuchService {
            service: last_part(&place.service).to_owned(),
            place: format!("cluster {} of {}", last_part(&place.cluster), place.region),
        })
    }

    /// What both APIs say of a service's deployments, both asked at once. `whole`: the list is read to its end, and not
    /// only its first page, which has the newest.
    pub async fn service_answers(&self, place: &ServicePlace, whole: bool) -> Result<ServiceAnswers, AwsError> {
        let (service, listed) = futures::join!(self.service(place), self.service_deployments(place, whole));
        let mut answers = ServiceAnswers { service: service?, ..ServiceAnswers::default() };
        match listed {
            Ok((deployments, revisions)) => (answers.deployments, answers.revisions) = (deployments, revisions),
            Err(error) if error.is_passing() => {
                answers.gaps.push(gap("the service deployments API", &error));
                answers.passing = Some(error);
            }
            Err(error) if error.code() == Some("UnknownOperationException") => {
                answers.notes.push(
                    "the service deployments API is not available here: DescribeServices alone speaks of the deployment"
                        .to_owned(),
                );
            }
            Err(error) => {
                let hint = error.hint().map_or(String::new(), |hint| format!("; {hint}"));
                answers.notes.push(format!("DescribeServices alone speaks of the deployment: {error}{hint}"));
            }
        }
        Ok(answers)
    }

    async fn service_deployments(
        &self,
        place: &ServicePlace,
        whole: bool,
    ) -> Result<(Vec<ServiceDeploymentRecord>, Vec<ServiceRevisionRecord>), AwsError> {
        let mut listed = vec![];
        let mut token: Option<String> = None;
        loop {
            let attempt = format!("list the deployments of service {}", last_part(&place.service));
            let client = self.aws.ecs(&place.region);
            let request = client.list_service_deployments().cluster(&place.cluster).service(&place.service);
            self.calls.take().await;
            let answer =
                call!(self, "ecs:ListServiceDeployments", attempt.clone(), request.set_next_token(token.clone()))?;
            listed.extend(self.records(&answer)?);
            let next = At::root("ListServiceDeployments", &answer).text("nextToken");
            token = AwsError::next_page(next, token.as_ref(), &attempt)?;
            if token.is_none() || !whole {
                break;
            }
        }
        listed.sort_by_key(|one| std::cmp::Reverse(one.created));
        // The first twenty say all; a list is enough for the names of older ones.
        let older = listed.split_off(listed.len().min(DESCRIBED_AT_ONCE));
        if listed.is_empty() {
            return Ok((vec![], vec![]));
        }
        let arns: Vec<String> = listed.iter().map(|one| one.arn.clone()).collect();
        let revisions: Vec<String> = listed.iter().filter_map(|one| one.target_revision.clone()).collect();
        let client = self.aws.ecs(&place.region);
        let described = async {
            let attempt = format!("describe the deployments of service {}", last_part(&place.service));
            let request = client.describe_service_deployments().set_service_deployment_arns(Some(arns));
            self.calls.take().await;
            self.records(&call!(self, "ecs:DescribeServiceDeployments", attempt, request)?)
        };
        let revised = async {
            let attempt = format!("describe the revisions of service {}", last_part(&place.service));
            let request = client.describe_service_revisions().set_service_revision_arns(Some(revisions));
            self.calls.take().await;
            let answer = call!(self, "ecs:DescribeServiceRevisions", attempt, request)?;
            Ok::<_, AwsError>(rollout::service_revisions(&At::root("DescribeServiceRevisions", &answer)))
        };
        let (described, revised) = futures::join!(described, revised);
        // A revision only adds the name of a task definition that DescribeServices may know too.
        Ok((described?.into_iter().chain(older).collect(), revised.unwrap_or_default()))
    }

    fn records(&self, answer: &Value) -> Result<Vec<ServiceDeploymentRecord>, AwsError> {
        rollout::service_deployments(&At::root("DescribeServiceDeployments", answer)).map_err(unreadable)
    }

    /// The definition of a task, asked for once whatever comes of it.
    pub(crate) async fn definition_once(
        &self,
        region: &Region,
        task: &TaskRecord,
    ) -> Option<Result<DefinitionRecord, AwsError>> {
        self.definition(region, task).await
    }

    /// The tasks of a service, those that run and those that ECS still remembers, page by page.
    pub(crate) fn service_tasks(
        self: &Arc<Self>,
        place: &ServicePlace,
    ) -> impl Stream<Item = Result<Vec<TaskRecord>, AwsError>> + Send + use<> {
        let running = self.clone().pages(place.clone(), "RUNNING");
        let stopped = self.clone().pages(place.clone(), "STOPPED");
        let (source, place) = (self.clone(), place.clone());
        let described = stream::select(running, stopped).map_ok(move |arns| {
            let (source, place) = (source.clone(), place.clone());
            async move { source.described_tasks(&place, &arns).await }
        });
        described.try_buffer_unordered(CONCURRENT)
    }

    /// The ARNs of a service's tasks that are to run (`RUNNING`), or to stop (`STOPPED`), and in how many calls they came.
    pub async fn service_task_arns(
        self: &Arc<Self>,
        place: &ServicePlace,
        desired: &'static str,
    ) -> Result<(Vec<String>, usize), AwsError> {
        let pages: Vec<Vec<String>> = self.clone().pages(place.clone(), desired).try_collect().await?;
        let calls = pages.len().max(1);
        Ok((pages.into_iter().flatten().collect(), calls))
    }

    /// Tasks of a service by their ARNs; those that ECS has forgotten meanwhile are left out.
    pub async fn described_tasks(&self, place: &ServicePlace, arns: &[String]) -> Result<Vec<TaskRecord>, AwsError> {
        let mut records = vec![];
        for task in self.describe(&place.region, &place.cluster, arns).await {
            match task {
                Ok(task) => records.push(task),
                // Between the list and the description ECS may have forgotten one.
                Err(AwsError::NoSuchTask { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    fn pages(
        self: Arc<Self>,
        place: ServicePlace,
        desired: &'static str,
    ) -> impl Stream<Item = Result<Vec<String>, AwsError>> + Send {
        let begin = (self, place, Some(None::<String>));
        stream::try_unfold(begin, move |(source, place, token)| async move {
            let Some(token) = token else { return Ok(None) };
            source.calls.take().await;
            let attempt = format!("list the tasks of service {}", last_part(&place.service));
            let request = source.aws.ecs(&place.region).list_tasks().cluster(&place.cluster);
            let request =
                request.service_name(&place.service).desired_status(desired.into()).set_next_token(token.clone());
            let page = request.send().await;
            let page = page.map_err(|error| AwsError::from_sdk("ecs:ListTasks", attempt.clone(), &error))?;
            let next = AwsError::next_page(page.next_token, token.as_ref(), &attempt)?.map(Some);
            Ok(Some((page.task_arns.unwrap_or_default(), (source, place, next))))
        })
        .try_filter(|arns| futures::future::ready(!arns.is_empty()))
    }
}
