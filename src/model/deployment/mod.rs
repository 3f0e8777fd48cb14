//! A deployment of a service: which of its service's tasks it started and stopped, how that went, and how long each phase
//! took. Main types: [`Deployment`] (what ECS says of it) and [`DeploymentLife`] (with its tasks).
//!
//! Pure, as all of `model`.

mod bad;
mod choose;
mod compare;
mod facts;
mod life;
mod path;
mod role;
mod spread;
mod stage;
mod together;

pub use bad::{Bad, FailFast, TASK_FAILED};
pub use choose::{Known, NoDeployment, Wanted, choose, undone_by};
pub use compare::{Baseline, Comparison, Difference, LEAST_SAMPLE, Matter, REPORT_VERSION};
pub use facts::{Deployment, Finish, Rollback, RolloutOutcome, State, deployment_ids};
pub(super) use life::launch_lengths;
pub use life::{
    Apart, DeployedContainer, DeployedTask, DeploymentLife, FailureGroup, FoundInTasks, LAUNCH, LogSample, TaskShare,
};
pub use path::Path;
pub use role::{End, Role};
pub use spread::Spread;
pub use stage::{Goal, STAGES, ToldStage};
