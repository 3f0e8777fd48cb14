//! A deployment of a service: which of its service's tasks it started and stopped, how that went, and how long each phase
//! took. Main types: [`Deployment`] (what ECS says of it) and [`DeploymentLife`] (with its tasks).
//!
//! Pure, as all of `model`.

mod bad;
mod candidate;
mod choose;
mod compare;
mod facts;
mod judge;
mod life;
mod path;
mod role;
mod spread;
mod stage;
mod task;
mod together;

pub use bad::{Bad, FailFast, TASK_FAILED};
pub use candidate::{Known, deployment_ids};
pub use choose::{NoDeployment, Wanted, choose, undone_by};
pub use compare::{Baseline, Comparison, Difference, LEAST_SAMPLE, Matter, REPORT_VERSION};
pub use facts::Deployment;
pub use judge::{Finish, Rollback, RolloutOutcome, State};
pub use life::{Apart, DeploymentLife, FailureGroup, FoundInTasks, LAUNCH};
pub use path::Path;
pub use role::{End, Role};
pub use spread::Spread;
pub use stage::{Goal, STAGES, ToldStage};
pub(super) use task::launch_lengths;
pub use task::{DeployedContainer, DeployedTask, LogSample, TaskShare};
