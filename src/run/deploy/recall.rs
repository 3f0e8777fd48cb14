//! A deployment that ECS no longer lists, of the events that history keeps of its service. Main function: [`recalled`].

use std::sync::Arc;

use super::DeployError;
use super::wait::Waited;
use crate::hint::Hint;
use crate::model::action;
use crate::model::deployment::{NoDeployment, Wanted, choose};
use crate::run::notice::Notice;
use crate::run::read::{Course, patiently};
use crate::source::ecs::EcsSource;
use crate::source::history::NoHistory;
use crate::source::service::ServicePlace;

/// The deployment, or why there is none, as ECS had it.
pub(super) async fn recalled(
    source: &Arc<EcsSource>,
    place: &ServicePlace,
    wanted: &Wanted,
    none: NoDeployment,
    course: &Course,
) -> Result<Waited, DeployError> {
    let none = DeployError::NoDeployment(none);
    if !source.has_history() || *wanted == Wanted::Latest {
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
    let mut answers = source.service_answers(place, true).await.map_err(DeployError::Aws)?;
    answers.service.actions = action::of_service(past.actions, &answers.service.name);
    action::add_to(&mut answers.service, &mut answers.deployments);
    let deployment = choose(&answers.service, &answers.deployments, &answers.revisions, wanted)
        .map_err(DeployError::NoDeployment)?;
    let events = deployment.actions.len();
    course.tell(&Notice::DeploymentRecalled { deployment: deployment.id.clone(), group: past.group, events });
    Ok(Waited { deployment, answers, timed_out: false, bad: None, reached: None })
}
