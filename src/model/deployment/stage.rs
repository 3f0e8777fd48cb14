//! How far a deployment has to be for somebody who waits. Main type: [`Goal`].

use super::facts::Deployment;
use super::life::DeploymentLife;
use crate::model::service::Hook;

/// The stages of a deployment, in their order. A rolling one goes through few of them.
pub const STAGES: [&str; 10] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
];
const BAKE: usize = 8;

/// What is waited for, short of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// As many tasks have started as are wanted.
    Started,
    /// The service has said that it is steady, or the new tasks bake: the traffic is theirs.
    Stable,
    /// This one of [`STAGES`], or a later one.
    Stage(usize),
}

impl Goal {
    /// What somebody calls it: `started`, `stable`, `bake`, or a stage by its name.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.to_ascii_uppercase().replace('-', "_");
        match name.as_str() {
            "STARTED" => Some(Self::Started),
            "STABLE" => Some(Self::Stable),
            "BAKE" => Some(Self::Stage(BAKE)),
            name => STAGES.iter().position(|stage| *stage == name).map(Self::Stage),
        }
    }

    /// How far it is, once that is as far as this. What is rolled back goes through its stages to another end.
    pub fn reached(self, life: &DeploymentLife) -> Option<String> {
        let deployment = &life.deployment;
        if deployment.rollback.is_some() {
            return None;
        }
        let stage = deployment.stage.as_deref();
        let at = stage.and_then(|stage| STAGES.iter().position(|known| *known == stage));
        let in_stage =
            |least: usize| at.filter(|at| *at >= least).and(stage).map(|stage| format!("it is in stage {stage}"));
        match self {
            Self::Started => {
                let wanted = deployment.desired.and_then(|desired| usize::try_from(desired).ok())?;
                let running = life.launches.iter().filter(|task| task.has_started() && task.end.is_none()).count();
                (running >= wanted).then(|| format!("{running} of {wanted} tasks have started"))
            }
            Self::Stable => {
                let is_steady = deployment.events().any(|event| event.message.contains("has reached a steady state"));
                let steady = is_steady.then(|| "the service has reached a steady state".to_owned());
                steady.or_else(|| in_stage(BAKE))
            }
            Self::Stage(least) => in_stage(least),
        }
    }
}

impl Deployment {
    /// The hooks that wait for somebody.
    pub fn paused(&self) -> impl Iterator<Item = &Hook> {
        self.hooks.iter().filter(|hook| hook.status.as_deref() == Some("AWAITING_ACTION"))
    }
}
