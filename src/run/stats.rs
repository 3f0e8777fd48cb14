//! Many tasks, read for what they show together. Main function: [`run`].
//!
//! They come from files, from ECS, which remembers a stopped task for an hour, and from the log group that keeps the events of older ones.
//! Each is counted as it is read: of a task only that is kept.

use std::sync::Arc;

use futures::StreamExt;

use super::Now;
use super::notice::Teller;
use super::read::{self, Course, ReadConfig, Reader};
use super::stop::Stop;
use crate::model::TaskLife;
use crate::model::arn::last_part;
use crate::model::merge::TaskObservations;
use crate::model::observation::TaskRecord;
use crate::model::stats::Stats;
use crate::source::aws::AwsError;
use crate::source::ecs::EcsSource;
use crate::source::select::Selection;

/// Which tasks.
#[derive(Debug)]
pub enum StatsFrom {
    /// Files and tasks by name, of those the ones that are selected.
    Named(Box<ReadConfig>, Selection),
    /// All of a cluster that are selected, as ECS still knows them, or history.
    Cluster(Arc<EcsSource>, Selection, Now),
}

/// What came of them.
#[derive(Debug)]
pub struct Read {
    /// The tasks.
    pub stats: Stats,
    /// How many tasks were read by name and are not among the selected.
    pub left_out: u64,
    /// How many things could not be read; each was told.
    pub lost: usize,
    /// It was told to stop before it had read all.
    pub was_stopped: bool,
}

/// Reads the tasks.
pub async fn run(from: StatsFrom, stop: Stop, notices: Teller) -> Result<Read, AwsError> {
    match from {
        StatsFrom::Named(config, selection) => Ok(named(*config, &selection, stop, notices).await),
        StatsFrom::Cluster(source, selection, clock) => cluster(&source, &selection, clock, &stop, notices).await,
    }
}

async fn named(config: ReadConfig, selection: &Selection, stop: Stop, notices: Teller) -> Read {
    let (mut stats, mut left_out) = (Stats::default(), 0);
    let mut reader = Reader::open(config, stop.clone(), notices).await;
    let mut lives = reader.lives();
    while let Some(life) = lives.next().await {
        if is_meant(&life.task, selection) {
            stats.add(&life);
        } else {
            left_out += 1;
        }
    }
    drop(lives);
    Read { stats, left_out, lost: reader.course.lost(), was_stopped: stop.is_requested() }
}

async fn cluster(
    source: &Arc<EcsSource>,
    selection: &Selection,
    clock: Now,
    stop: &Stop,
    notices: Teller,
) -> Result<Read, AwsError> {
    let course = Arc::new(Course::new(notices, clock));
    let mut stats = Stats::default();
    let take = |task| {
        let observed = TaskObservations { task, ..TaskObservations::default() };
        stats.add(&TaskLife::new(observed, clock(), 0));
    };
    let was_stopped = tokio::select! {
        read = read::each(source, selection, clock(), &course, take) => read.map(|()| false)?,
        () = stop.wait() => true,
    };
    Ok(Read { stats, left_out: 0, lost: course.lost(), was_stopped })
}

/// Whether a task of a file is among those that are selected: nobody has filtered it before.
fn is_meant(task: &TaskRecord, selection: &Selection) -> bool {
    let is = |wanted: &str, own: Option<&str>| wanted.is_empty() || own.is_none_or(|own| own == last_part(wanted));
    let service = selection.service.as_deref().unwrap_or_default();
    selection.takes(task)
        && is(&selection.cluster, task.cluster_name())
        && (service.is_empty() || task.service() == Some(last_part(service)))
}
