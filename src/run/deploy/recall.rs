//! A deployment that ECS no longer lists, or whose service is gone, of the events that history keeps of the service. Main function:
//! [`recalled`].

use std::sync::Arc;

use super::DeployError;
use super::wait::Waited;
use crate::hint::Hint;
use crate::model::action::{self, ActionRecord};
use crate::model::arn::last_part;
use crate::model::deployment::{Wanted, choose};
use crate::model::service::{INACTIVE, ServiceRecord};
use crate::model::told;
use crate::run::notice::Notice;
use crate::run::read::{Course, patiently};
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;
use crate::source::history::NoHistory;
use crate::source::service::{ServiceAnswers, ServicePlace};

/// The deployment, or why there is none, as ECS had it.
pub(super) async fn recalled(
    source: &Arc<EcsSource>,
    place: &ServicePlace,
    wanted: &Wanted,
    none: DeployError,
    course: &Course,
) -> Result<Waited, DeployError> {
    let is_gone = is_gone(&none);
    let is_past = matches!(none, DeployError::NoDeployment(_)) && *wanted != Wanted::Latest;
    if !source.has_history() || !(is_gone || is_past) {
        return Err(none);
    }
    let past = match patiently(source.past_actions(place, (None, None), course.now()), 0, &course.notices()).await {
        Ok(past) if !past.actions.is_empty() => past,
        Ok(_) | Err(NoHistory::NoGroup { is_named: false, .. }) => return Err(none),
        Err(error) => {
            course.lose(error.to_string(), error.hint());
            return Err(none);
        }
    };
    let mut answers = match is_gone {
        true => match of_gone(&past.actions, place) {
            Some(answers) => answers,
            None => return Err(none),
        },
        false => source.service_answers(place, true).await.map_err(DeployError::Aws)?,
    };
    answers.service.actions = action::of_service(past.actions, &answers.service.name);
    told::add_to(&mut answers.service, &mut answers.deployments);
    let deployment = choose(&answers.service, &answers.deployments, &answers.revisions, wanted)
        .map_err(DeployError::NoDeployment)?;
    let events = deployment.actions.len();
    course.tell(&Notice::DeploymentRecalled { deployment: deployment.id.clone(), group: past.group, events });
    Ok(Waited { deployment, answers, timed_out: false, bad: None, reached: None })
}

/// Whether ECS no longer has the service.
fn is_gone(none: &DeployError) -> bool {
    match none {
        DeployError::Aws(error) => matches!(error, AwsError::NoSuchService { .. }),
        DeployError::NoDeployment(none) => none.status.as_deref() == Some(INACTIVE),
        _ => false,
    }
}

/// What events say of a service that ECS no longer has: it was deleted.
fn of_gone(actions: &[ActionRecord], place: &ServicePlace) -> Option<ServiceAnswers> {
    let name = last_part(&place.service);
    let known = told::services(actions).into_iter().find(|one| one.name == name)?;
    let cluster_arn = known.cluster_arn.clone().or_else(|| Some(place.cluster.clone()));
    let service = ServiceRecord { cluster_arn, status: Some(INACTIVE.to_owned()), ..known };
    Some(ServiceAnswers { service, ..ServiceAnswers::default() })
}
