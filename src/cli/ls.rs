//! `ecspan ls`: which clusters and tasks are there.

use ecspan::model::Time;
use ecspan::model::duration;
use ecspan::model::observation::TaskRecord;
use ecspan::model::phases::{PhaseKind, Phases};
use ecspan::render::Style;
use ecspan::render::table::Table;
use ecspan::source::ecs::{EcsSource, ObserveOptions};

use super::args::{Global, LsArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::show::plain_style;
use super::tasks::{aws, aws_problem, selection};
use super::{signals, terminal};

pub(super) async fn run(global: &Global, args: &LsArgs) -> Result<Exit, Problem> {
    let style = plain_style(global, None, false);
    let source = EcsSource::new(aws(global).await, ObserveOptions::default());
    let work = async {
        let mut select = args.select.clone();
        select.cluster = args.cluster_name.clone().or(select.cluster);
        if select.cluster.is_none() && !select.is_used() {
            return clusters(&source, &style).await;
        }
        tasks(&source, &selection(&select)?, &style).await
    };
    tokio::select! {
        result = work => result,
        () = signals::wait() => Ok(signals::received().unwrap_or(Exit::Interrupted)),
    }
}

async fn clusters(source: &EcsSource, style: &Style) -> Result<Exit, Problem> {
    let clusters = source.clusters().await.map_err(|error| aws_problem(&error))?;
    let mut table = Table::new(["CLUSTER", "RUNNING", "PENDING", "SERVICES", "STATUS"]);
    if clusters.is_empty() {
        terminal::tell("note", "there are no clusters in this region");
        return Ok(Exit::Success);
    }
    for cluster in clusters {
        let counts = cluster.counts.unwrap_or_default();
        let number = |number: i64| if counts.status.is_empty() { "-".to_owned() } else { number.to_string() };
        let numbers = [number(counts.running), number(counts.pending), number(counts.services)];
        let [running, pending, services] = numbers;
        table.push([cluster.name, running, pending, services, counts.status]);
    }
    terminal::print(&table.draw(style))
}

async fn tasks(
    source: &EcsSource,
    selection: &ecspan::source::select::Selection,
    style: &Style,
) -> Result<Exit, Problem> {
    let (_, tasks) = source.select(selection).await.map_err(|error| aws_problem(&error))?;
    let mut table = Table::new(["ID", "STATUS", "TASK DEFINITION", "SERVICE", "AGE", "LAUNCH", "WHY IT STOPPED"]);
    let (mut listed, mut lost) = (0, 0);
    for task in tasks {
        match task {
            Ok(task) => {
                listed += 1;
                table.push(row(&task, style.now));
            }
            Err(error) => {
                lost += 1;
                aws_problem(&error).print();
            }
        }
    }
    match (listed, lost) {
        (0, 0) => terminal::tell("note", &format!("cluster {} has no such tasks", selection.cluster)),
        (0, _) => return Ok(Exit::Failed),
        _ => {
            terminal::print(&table.draw(style))?;
        }
    }
    Ok(if lost > 0 { Exit::Incomplete } else { Exit::Success })
}

fn row(task: &TaskRecord, now: Time) -> [String; 7] {
    let revision = task.revision().map_or(String::new(), |revision| format!(":{revision}"));
    let phases = Phases::new(&task.times, task.is_stopped());
    let age = task.times.created.map(|created| duration::short(now.since(created)));
    let dash = || "-".to_owned();
    [
        task.id.clone(),
        task.last_status.clone().unwrap_or_else(dash),
        format!("{}{revision}", task.family().unwrap_or("-")),
        task.service().map_or_else(dash, str::to_owned),
        age.unwrap_or_else(dash),
        phases.as_ref().and_then(launch).map_or_else(dash, duration::short),
        task.stopped_reason.clone().or_else(|| task.stop_code.clone()).unwrap_or_default(),
    ]
}

/// Created → started.
fn launch(phases: &Phases) -> Option<std::time::Duration> {
    Some(phases.find(PhaseKind::Running)?.start.since(phases.start))
}
