//! How far a deployment has to be for somebody who waits. Main type: [`Goal`].

use super::facts::Deployment;
use super::life::DeploymentLife;
use crate::model::Time;
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
                let running = life.running();
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

/// A stage of a deployment that is over, as far as what was told of it names stages: from the first word of it to that of the next one.
/// Nobody says when it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldStage<'a> {
    /// As ECS calls it.
    pub name: &'a str,
    /// When it was first told of …
    pub start: Time,
    /// … and by whom.
    pub told_by: &'static str,
    /// When another was, or the rollback began, or the deployment was over.
    pub end: Time,
    /// Which of these: `event`, `action log`, `rollback`, or as the deployment's end is known.
    pub ended_by: &'static str,
}

impl Deployment {
    /// Its stages, in the order of time.
    pub fn told_stages(&self) -> Vec<ToldStage<'_>> {
        let Some(finish) = self.finished.filter(|_| self.is_over()) else { return vec![] };
        // What stages a rollback goes through is its own affair.
        let told_back = self.actions.iter().find(|action| action.name.contains("ROLLBACK")).map(|action| action.at);
        let back = self.rollback.as_ref().and_then(|rollback| rollback.started);
        let rollback = back.into_iter().chain(told_back).min().filter(|at| *at <= finish.at);
        let (over, over_by) = rollback.map_or((finish.at, finish.source), |at| (at, "rollback"));
        let mut found: Vec<ToldStage<'_>> = vec![];
        for action in self.actions.iter().filter(|action| action.at < over) {
            let Some(name) = action.stage() else { continue };
            let told_by = action.source.name();
            if let Some(last) = found.last_mut() {
                if last.name == name {
                    continue;
                }
                (last.end, last.ended_by) = (action.at, told_by);
            }
            found.push(ToldStage { name, start: action.at, told_by, end: over, ended_by: over_by });
        }
        found
    }

    /// The hooks that wait for somebody.
    pub fn paused(&self) -> impl Iterator<Item = &Hook> {
        self.hooks.iter().filter(|hook| hook.status.as_deref() == Some("AWAITING_ACTION"))
    }
}
