//! A deployment whose end was told, read for its own trace, as `ecspan deploy --to` makes it. The traces of its tasks are others'
//! part, and so is what to do while something of it is still open. Main functions: [`place`], [`look`], [`speakers`].

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::gather::{Gather, Gathered, Origin};
use crate::hint::Hint;
use crate::model::Time;
use crate::model::action::ActionRecord;
use crate::model::arn::Arn;
use crate::model::deployment::{DeploymentLife, NoDeployment, Wanted, choose, undone_by};
use crate::model::observation::TaskRecord;
use crate::model::told;
use crate::run::Now;
use crate::run::notice::Notice;
use crate::run::read::Course;
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;
use crate::source::service::{ServiceAnswers, ServicePlace};
use crate::trace::TraceOptions;

/// A deployment with its tasks, whose lines are not read, and what could not be learned of it.
pub(in crate::run) struct Seen {
    pub(in crate::run) life: DeploymentLife,
    pub(in crate::run) answers: ServiceAnswers,
}

/// Why there is none.
pub(in crate::run) enum Unseen {
    /// AWS did not tell.
    Aws(AwsError),
    /// It told of the service, and of no such deployment.
    None(NoDeployment),
    /// It rolls back another one, since then, and is told of with that.
    RollsBack(String, Option<Time>),
}

/// Where the service of an action is. An event with an ARN of the old form may not say in which cluster: all are asked then.
pub(in crate::run) async fn place(source: &EcsSource, action: &ActionRecord) -> Result<Option<ServicePlace>, AwsError> {
    let Some(service) = told::services(std::slice::from_ref(action)).pop() else { return Ok(None) };
    let arns = [&service.arn, &service.cluster_arn, &action.deployment, &action.revision];
    let region = arns.into_iter().flatten().find_map(|arn| Arn::parse(arn)).map(|arn| arn.region);
    let region = source.region(region)?;
    Ok(Some(match service.cluster_arn {
        Some(cluster) => ServicePlace { region, cluster, service: service.name },
        None => source.find_service(&region, &service.name).await?,
    }))
}

/// The deployment that goes by this id, and its tasks, as AWS tells of them now.
pub(in crate::run) async fn look(
    source: &Arc<EcsSource>,
    place: &ServicePlace,
    id: &str,
    clock: Now,
) -> Result<Seen, Unseen> {
    let mut answers = source.service_answers(place, true).await.map_err(Unseen::Aws)?;
    if let Some((undone, since)) = undone_by(&answers.service, id) {
        return Err(Unseen::RollsBack(undone, since));
    }
    // What is missing for a moment would be missing from the trace for ever.
    if let Some(error) = answers.passing.take() {
        return Err(Unseen::Aws(error));
    }
    let wanted = Wanted::Id(id.to_owned());
    let mut deployment =
        choose(&answers.service, &answers.deployments, &answers.revisions, &wanted).map_err(Unseen::None)?;
    if let Some(when) = deployment.told_within() {
        match source.actions(place, when).await {
            Ok(actions) => deployment.hear(actions.unwrap_or_default()),
            Err(error) if error.is_passing() => return Err(Unseen::Aws(error)),
            Err(error) => answers.notes.push(unread_actions(&error)),
        }
    }
    let gather = Gather {
        log_lines: 0,
        is_sending: false,
        options: TraceOptions::default(),
        course: Arc::new(Course::new(Arc::new(|_: &Notice| {}), clock)),
        logs: None,
        is_earlier: false,
        told: Mutex::default(),
    };
    let origin = Origin::Aws { source: source.clone(), place: place.clone() };
    let Gathered { life, unread, unnamed } = gather.read(origin, deployment, &mpsc::channel(1).0).await;
    match unread {
        Some(error) if error.is_passing() => return Err(Unseen::Aws(error)),
        unread => answers.gaps.extend(Gathered::gaps(unread, unnamed)),
    }
    Ok(Seen { life, answers })
}

/// The tasks whose last lines may speak for those that failed.
pub(in crate::run) async fn speakers(
    source: &EcsSource,
    place: &ServicePlace,
    life: &DeploymentLife,
) -> Result<Vec<TaskRecord>, AwsError> {
    let ids: Vec<String> =
        life.failures().first().into_iter().flat_map(|group| group.speakers()).map(str::to_owned).collect();
    if ids.is_empty() || !life.deployment.is_over() {
        return Ok(vec![]);
    }
    source.described_tasks(place, &ids).await
}

/// What is told where the action log could not be read.
pub(super) fn unread_actions(error: &AwsError) -> String {
    not_read(&format!("{error}{}", error.hint().map_or(String::new(), |hint| format!("; {hint}"))))
}

pub(super) fn not_read(why: &str) -> String {
    format!("the action log of the cluster was not read: {why}")
}
