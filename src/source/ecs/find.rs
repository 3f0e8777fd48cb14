//! Which tasks are meant: by their ids, by the first characters of these, or by what they have in common. Extends
//! [`EcsSource`].

use aws_config::Region;
use futures::StreamExt;
use serde_json::Value;

use super::{CONCURRENT, DESCRIBED_AT_ONCE, EcsSource, Found, call, unreadable};
use crate::model::Time;
use crate::model::arn::last_part;
use crate::model::observation::TaskRecord;
use crate::source::answer;
use crate::source::aws::AwsError;
use crate::source::json::At;
use crate::source::select::{Selection, StatusFilter};
use crate::source::service::ServicePlace;
use crate::source::target::{TaskTarget, is_whole_id};

/// A region and a cluster, where they are known.
type Place = (Option<String>, Option<String>);

impl EcsSource {
    /// The tasks that are meant, and an error for each that was not found. Tasks of one cluster share a call; those that ECS has forgotten
    /// are looked for in its history.
    pub async fn find(&self, targets: &[TaskTarget], now: Time) -> Vec<Result<Found, AwsError>> {
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
            let (region, cluster) = (&region, cluster.as_deref());
            let found = found.into_iter().map(|task| async move {
                let (task, recalled) = match task {
                    Ok(task) => (task, None),
                    Err(error) => {
                        let (task, recalled) = self.recall(region, cluster, error, now).await?;
                        (task, Some(recalled))
                    }
                };
                Ok(Found { region: region.clone(), task, recalled })
            });
            futures::future::join_all(found).await
        });
        futures::future::join_all(found).await.into_iter().flatten().collect()
    }

    /// The tasks of a cluster with these ids, by hundreds.
    pub(in crate::source) async fn describe(
        &self,
        region: &Region,
        cluster: &str,
        ids: &[String],
    ) -> Vec<Result<TaskRecord, AwsError>> {
        let chunks: Vec<Vec<String>> = ids.chunks(DESCRIBED_AT_ONCE).map(<[String]>::to_vec).collect();
        let calls = chunks.into_iter().map(|ids| async move {
            match self.describe_call(region, cluster, &ids).await {
                Ok(answer) => described(&answer, cluster, region, &ids),
                Err(error @ AwsError::NoCluster { .. }) => {
                    ids.iter().map(|id| Err(error.clone().about_task(id))).collect()
                }
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
            .map_err(|error: AwsError| error.about_cluster(cluster, region))
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
                ([], Some(error)) => found.push(Err(error.clone().about_task(begin))),
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
            let request = request.set_service_name(selection.service.clone()).set_next_token(token.clone());
            // ECS takes one of the two; the other is looked at afterwards.
            let family = selection.family.clone().filter(|_| selection.service.is_none());
            let attempt = format!("list the tasks of cluster {}", selection.cluster);
            let page = request
                .set_family(family)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk("ecs:ListTasks", attempt.clone(), &error))
                .map_err(|error| error.about_cluster(&selection.cluster, region))?;
            arns.extend(page.task_arns.ok_or_else(|| AwsError::not_of_aws(attempt.clone()))?);
            token = AwsError::next_page(page.next_token, token.as_ref(), &attempt)?;
            if token.is_none() {
                return Ok(arns);
            }
        }
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
