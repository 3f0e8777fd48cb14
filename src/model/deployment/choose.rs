//! Which deployment of a service is meant, among those that either API or an event speaks of. Main function: [`choose`].

use std::fmt;

use super::candidate::{Candidate, Known, candidates, rollbacks};
use super::facts::Deployment;
use crate::model::Time;
use crate::model::service::{ServiceDeploymentRecord, ServiceRecord, ServiceRevisionRecord};

/// Which deployment is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The latest that was asked for: a rollback belongs to the deployment that it undoes.
    Latest,
    /// The one before that.
    Previous,
    /// `ecs-svc/N`, `N`, or the ARN (or its last part) of a service deployment.
    Id(String),
}

impl Wanted {
    /// What there is none of.
    fn none(&self) -> String {
        match self {
            Self::Latest => "deployment".to_owned(),
            Self::Previous => "deployment before the latest".to_owned(),
            Self::Id(id) => format!("deployment {id}"),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Previous => f.write_str("previous"),
            Self::Id(id) => f.write_str(id),
        }
    }
}

/// There is no such deployment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("service {service} has no {}", wanted.none())]
pub struct NoDeployment {
    /// The service.
    pub service: String,
    /// The service's deployment controller, where ECS says it: only its own has deployments that ECS lists.
    pub controller: Option<String>,
    /// The service's status: one that was deleted has none left.
    pub status: Option<String>,
    /// What was asked for.
    pub wanted: Wanted,
    /// Those that are known, newest first.
    pub known: Vec<Known>,
}

/// The deployment that is meant.
pub fn choose(
    service: &ServiceRecord,
    new: &[ServiceDeploymentRecord],
    revisions: &[ServiceRevisionRecord],
    wanted: &Wanted,
) -> Result<Deployment, NoDeployment> {
    let candidates = candidates(service, new, revisions);
    // An active service has one. What its events remember beside a list that is empty is no deployment that stands.
    let has_none = service.status.as_deref() == Some("ACTIVE") && service.deployments.is_empty() && new.is_empty();
    let found = match wanted {
        Wanted::Latest => candidates.first().filter(|_| !has_none),
        Wanted::Previous => candidates.get(1),
        Wanted::Id(id) => candidates.iter().find(|candidate| candidate.is(id)),
    };
    found.map(|found| Deployment::new(service, found)).ok_or_else(|| NoDeployment {
        service: service.name.clone(),
        controller: service.controller.clone(),
        status: service.status.clone(),
        wanted: wanted.clone(),
        known: candidates.iter().map(Candidate::known).collect(),
    })
}

/// The deployment that this one rolls back, and since when: it is told of with that one.
pub fn undone_by(service: &ServiceRecord, id: &str) -> Option<(String, Option<Time>)> {
    let told = rollbacks(service).into_iter().find(|rollback| rollback.by.is_some_and(|by| by.id == id))?;
    Some((told.of, told.by.and_then(|by| by.created)))
}
