//! A deployment from saved answers. Main function: [`read`].

use std::collections::BTreeSet;

use super::gather::Origin;
use super::{DeployError, Files, Found};
use crate::model::Time;
use crate::model::action::{self, ActionRecord};
use crate::model::arn::last_part;
use crate::model::deployment::{Wanted, choose};
use crate::model::merge::{self, TaskObservations};
use crate::model::observation::{Gap, Observation, TaskRecord};
use crate::model::service::ServiceRecord;
use crate::model::told;
use crate::run::notice::Notice;
use crate::run::read::Course;
use crate::run::read::files::{ReadFile, read_file};
use crate::run::stop::Stop;
use crate::source::pieces::Lists;
use crate::source::service::ServiceAnswers;

pub(super) async fn read(files: &Files, wanted: &Wanted, stop: &Stop, course: &Course) -> Result<Found, DeployError> {
    let mut answers = ServiceAnswers::default();
    let (mut services, mut rest): (Vec<ServiceRecord>, Vec<Observation>) = (vec![], vec![]);
    let mut actions = vec![];
    for path in &files.paths {
        let (mut observations, mut found): (Vec<Observation>, Vec<(String, ActionRecord)>) = (vec![], vec![]);
        let mut each = |observation, _| observations.push(observation);
        let mut heard = |kind, action| found.push((kind, action));
        let read = read_file(path, &files.temporary, &mut Lists::default(), course, stop, &mut each, &mut heard).await;
        let ReadFile { mut passed_by, missing_services, .. } = match read {
            Some(Ok(read)) => read,
            Some(Err(error)) => {
                course.lose_to(&error);
                continue;
            }
            // Told to stop: so is whoever waits for this.
            None => std::future::pending().await,
        };
        for (kind, action) in found {
            if let Some(count) = passed_by.get_mut(&kind) {
                *count = count.saturating_sub(1);
            }
            actions.push(action);
        }
        passed_by.retain(|_, count| *count > 0);
        missing_services.into_iter().for_each(|error| course.lose(error, None));
        if !passed_by.is_empty() {
            course.tell(&Notice::NotOfDeployments { path: path.to_owned(), kinds: passed_by });
        }
        for observation in observations {
            match observation {
                Observation::Service(record) => services.push(*record),
                Observation::ServiceDeployment(record) => answers.deployments.push(*record),
                Observation::ServiceRevision(record) => answers.revisions.push(*record),
                other => rest.push(other),
            }
        }
    }
    name_by_tasks(&mut services, &rest, files);
    if !actions.is_empty() {
        // A deployment of last week is in events alone.
        let is_known = |name: &str| services.iter().any(|known| known.name == name);
        let others: Vec<ServiceRecord> =
            told::services(&actions).into_iter().filter(|one| !is_known(&one.name)).collect();
        services.extend(others);
    }
    add_events(&mut services, &rest);
    // A described deployment says more than a listed one.
    answers.deployments.sort_by_key(|one| (one.arn.clone(), one.circuit_breaker.is_none() && one.rollback.is_none()));
    answers.deployments.dedup_by(|a, b| a.arn == b.arn);
    let cluster_of = |record: &ServiceRecord| record.cluster_arn.as_deref().map(last_part).map(str::to_owned);
    // Of several answers about one service the last counts.
    services.reverse();
    let mut seen = BTreeSet::new();
    services.retain(|record| seen.insert((cluster_of(record), record.name.clone())));
    let is_meant = |record: &ServiceRecord| {
        files.service.as_deref().is_none_or(|name| last_part(name) == record.name)
            && files.cluster.as_deref().is_none_or(|name| cluster_of(record).is_none_or(|own| own == last_part(name)))
    };
    let names: Vec<String> = services.iter().map(|record| record.name.clone()).collect();
    let mut meant: Vec<ServiceRecord> = services.into_iter().filter(is_meant).collect();
    answers.service = match (meant.pop(), meant.is_empty()) {
        (Some(one), true) if one.name.is_empty() => return Err(DeployError::NamelessService(one.origin)),
        (Some(one), true) => one,
        (Some(_), false) => return Err(DeployError::SeveralServices(names)),
        (None, _) => {
            let what = files.service.as_ref().map_or_else(|| "a service".to_owned(), |name| format!("service {name}"));
            let what =
                files.cluster.as_ref().map_or_else(|| what.clone(), |cluster| format!("{what} in cluster {cluster}"));
            let of = answers.deployments.first().map(|one| one.service_arn.clone().unwrap_or_else(|| one.arn.clone()));
            return Err(DeployError::NoService { what, of });
        }
    };
    answers.service.actions = action::of_service(actions, &answers.service.name);
    told::add_to(&mut answers.service, &mut answers.deployments);
    let deployment = choose(&answers.service, &answers.deployments, &answers.revisions, wanted)
        .map_err(DeployError::NoDeployment)?;
    let (tasks, unclaimed) = merge::by_task(rest);
    if !unclaimed.is_empty() {
        course.tell(&Notice::Unclaimed { things: unclaimed.len() });
    }
    let service = answers.service.name.clone();
    let mut of_service: Vec<_> = tasks;
    of_service.retain(|observed| observed.task.service().is_none_or(|name| name == service));
    // Without a group it may be one of the service's, if a deployment started it.
    let is_own = |task: &TaskRecord| {
        task.service().is_some() || task.started_by.as_deref().is_some_and(|by| by.starts_with("ecs-svc/"))
    };
    if !of_service.iter().any(|observed| is_own(&observed.task)) {
        answers.gaps.push(Gap {
            what: "tasks of the service".to_owned(),
            why: "no file holds any".to_owned(),
            hint: Some("save the answers of `aws ecs describe-tasks` too".to_owned()),
            container: None,
        });
    }
    let saved = saved(&of_service, &answers.service);
    Ok(Found {
        origin: Origin::Files(of_service, saved),
        deployment,
        answers,
        timed_out: false,
        bad: None,
        reached: None,
    })
}

/// The latest time that any answer holds of the service.
fn saved(tasks: &[TaskObservations], service: &ServiceRecord) -> Option<Time> {
    let of_deployments = service.deployments.iter().flat_map(|one| [one.created, one.updated]).flatten();
    let of_events = service.events.iter().map(|event| event.at);
    tasks.iter().filter_map(TaskObservations::latest).chain(of_deployments).chain(of_events).max()
}

/// Of a service some fields may stand alone (`--query`): the tasks that one of its deployments started know its name and its
/// cluster, else whoever asks has said them.
fn name_by_tasks(services: &mut [ServiceRecord], rest: &[Observation], files: &Files) {
    let lacks = |service: &&mut ServiceRecord| service.name.is_empty() || service.cluster_arn.is_none();
    for service in services.iter_mut().filter(lacks) {
        let is_own = |id: &str| service.deployments.iter().any(|deployment| deployment.id == id);
        let task = rest.iter().find_map(|observation| match observation {
            Observation::Task(task) if task.started_by.as_deref().is_some_and(is_own) => Some(task),
            _ => None,
        });
        if service.name.is_empty() {
            let named = task.and_then(|task| task.service()).or(files.service.as_deref().map(last_part));
            service.name = named.unwrap_or_default().to_owned();
        }
        let of_task = || task.and_then(|task| task.cluster_arn.clone());
        service.cluster_arn = service.cluster_arn.take().or_else(of_task).or_else(|| files.cluster.clone());
    }
}

/// Events may stand apart from the service that they name.
fn add_events(services: &mut [ServiceRecord], rest: &[Observation]) {
    for service in services.iter_mut().filter(|service| service.events.is_empty() && !service.name.is_empty()) {
        let events = rest.iter().filter_map(|observation| match observation {
            Observation::ServiceEvent(event) if event.is_of(&service.name) => Some(event.clone()),
            _ => None,
        });
        service.events = events.collect();
        // As ECS gives them: the newest first.
        service.events.sort_by_key(|event| std::cmp::Reverse(event.at));
        service.events.dedup();
    }
}
