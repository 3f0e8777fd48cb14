//! What is known of where ECS's events are kept, for [`EcsSource`](crate::source::ecs::EcsSource) to hold. Asks nobody. Main types:
//! [`HistoryChoice`], [`Group`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_config::Region;
use tokio::sync::OnceCell;

use super::none::NoHistory;
use crate::model::Time;
use crate::source::aws::Limiter;

/// FilterLogEvents calls a second: an account has 5 in most regions.
const RATE: u32 = 5;

/// Where ECS's events are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HistoryChoice {
    /// Nobody is asked.
    #[default]
    Off,
    /// In the group of the cluster's event capture, if there is one.
    Auto,
    /// In this group: its name, or its ARN where it is another account's.
    Group(String),
}

/// Access to history.
#[derive(Debug)]
pub(in crate::source) struct History {
    pub(in crate::source) choice: HistoryChoice,
    pub(super) calls: Limiter,
    pub(super) groups: Mutex<HashMap<(Region, Option<String>), Groups>>,
}

impl History {
    pub(in crate::source) fn new(choice: HistoryChoice) -> Self {
        Self { choice, calls: Limiter::new(RATE, RATE), groups: Mutex::default() }
    }
}

/// Where the facts of a task came from that ECS has forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// The log group.
    pub group: String,
    /// So many events of it were there, each counted once.
    pub events: usize,
    /// The cluster, where ECS does not have that either.
    pub gone: Option<String>,
}

/// A log group that keeps events of ECS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) region: Region,
    /// Its name, or its ARN where it is another account's.
    pub(super) name: String,
    /// What was written before is not kept; `None`: nobody says.
    pub(super) begins: Option<Time>,
    /// What it holds, as far as anybody says.
    pub(super) bytes: Option<u64>,
    /// Whose it is, as far as anybody says.
    pub(super) account: Option<String>,
}

impl Group {
    /// One of which nothing else is known.
    pub(super) fn named(region: &Region, name: String) -> Self {
        Self { region: region.clone(), name, begins: None, bytes: None, account: None }
    }

    /// How much of what it holds is of the time since then, as far as anybody says.
    pub(super) fn bytes_since(&self, from: Time, now: Time) -> u64 {
        let (Some(bytes), Some(begins)) = (self.bytes, self.begins) else { return 0 };
        let share = now.since(from.max(begins)).as_secs_f64() / now.since(begins).as_secs_f64().max(1.0);
        (bytes as f64 * share.min(1.0)) as u64
    }

    pub(super) fn is_arn(&self) -> bool {
        self.name.starts_with("arn:")
    }
}

/// Those that were found, for whoever asks again.
pub(super) type Groups = Arc<OnceCell<Result<Vec<Group>, NoHistory>>>;
