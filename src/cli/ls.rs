//! `ecspan ls`: which clusters and tasks are there. For programs the rows are `render::list`'s.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ecspan::model::merge::TaskObservations;
use ecspan::model::{TaskLife, Time, duration};
use ecspan::render::Style;
use ecspan::render::list::{self, ClusterRow, TaskRow};
use ecspan::render::table::Table;
use ecspan::run::read::{self, Course};
use ecspan::source::ecs::{ClusterSummary, EcsSource, ObserveOptions};
use ecspan::source::select::Selection;

use super::args::{Global, ListFormat, LsArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::progress::Progress;
use super::style::plain_style;
use super::tasks::{aws, aws_problem, selection};
use super::{notices, signals, stdout, terminal};

/// An id is cut to so many characters where there is no room: they are as good as the whole wherever a task is named.
const SHORT_ID: usize = 12;

pub(super) async fn run(global: &Global, args: &LsArgs) -> Result<Exit, Problem> {
    if let Some(file) = args.cluster_name.as_deref().filter(|name| Path::new(name).is_file()) {
        return Err(Problem::usage(format!("{file} is a file, and ls asks AWS"))
            .hint(format!("a file is drawn by ecspan show {file}, and summed up by ecspan stats {file}")));
    }
    let width = args.width.map(usize::from).or_else(terminal::own_width);
    // A pipe is as wide as its longest line: nothing is cut, and a task is a line.
    let style = Style { width: width.unwrap_or(usize::MAX), ..plain_style(global, None, false) };
    let options = ObserveOptions { history: args.history.history.clone(), ..ObserveOptions::default() };
    let source = Arc::new(EcsSource::new(aws(global).await, options));
    let work = async {
        let mut select = args.select.clone();
        select.cluster = args.cluster_name.clone().or(select.cluster);
        if select.cluster.is_none() && !select.is_used() {
            return clusters(&source, args.output, &style).await;
        }
        tasks(&source, &selection(&select)?, args.output, &style).await
    };
    tokio::select! {
        result = work => result,
        () = signals::wait() => Ok(signals::received().unwrap_or(Exit::Interrupted)),
    }
}

async fn clusters(source: &EcsSource, output: ListFormat, style: &Style) -> Result<Exit, Problem> {
    let progress = Progress::start("listing clusters");
    let clusters = source.clusters().await.map_err(|error| aws_problem(&error))?;
    drop(progress);
    if clusters.is_empty() {
        terminal::tell("note", "there are no clusters in this region");
    }
    match output {
        ListFormat::Table if clusters.is_empty() => Ok(Exit::Success),
        ListFormat::Table => {
            let mut table = Table::new(["CLUSTER", "RUNNING", "PENDING", "SERVICES", "STATUS"]);
            for cluster in clusters.iter().map(row) {
                let number = |count: Option<i64>| count.map_or("-".to_owned(), |count| count.to_string());
                let status = cluster.status.unwrap_or_default().to_owned();
                let counts = [cluster.running, cluster.pending, cluster.services].map(number);
                let [running, pending, services] = counts;
                table.push([cluster.cluster.to_owned(), running, pending, services, status]);
            }
            stdout::print(&table.draw(style))
        }
        ListFormat::Tsv | ListFormat::Json => {
            let rows: Vec<ClusterRow<'_>> = clusters.iter().map(row).collect();
            stdout::print(&if output == ListFormat::Json {
                list::json(&rows)
            } else {
                list::tsv(&list::CLUSTER, &rows)
            })
        }
    }
}

fn row(cluster: &ClusterSummary) -> ClusterRow<'_> {
    let counts = cluster.counts.as_ref().filter(|counts| !counts.status.is_empty());
    ClusterRow {
        ecspan_ls: list::VERSION,
        cluster: &cluster.name,
        running: counts.map(|counts| counts.running),
        pending: counts.map(|counts| counts.pending),
        services: counts.map(|counts| counts.services),
        status: counts.map(|counts| counts.status.as_str()),
    }
}

async fn tasks(
    source: &Arc<EcsSource>,
    selection: &Selection,
    output: ListFormat,
    style: &Style,
) -> Result<Exit, Problem> {
    let course = Arc::new(Course::new(notices::for_a_person(), super::now));
    let tasks = read::list(source, selection, style.now, &course).await.map_err(|error| aws_problem(&error))?;
    let life = |task| TaskLife::new(TaskObservations { task, ..TaskObservations::default() }, style.now, 0);
    let (lives, lost): (Vec<TaskLife>, usize) = (tasks.into_iter().map(life).collect(), course.lost());
    if lives.is_empty() && lost > 0 {
        return Ok(Exit::Failed);
    }
    if lives.is_empty() {
        terminal::tell("note", &format!("cluster {} has no such tasks", selection.cluster));
    }
    match output {
        ListFormat::Table if lives.is_empty() => {}
        ListFormat::Table => {
            stdout::print(&table(&lives, style))?;
        }
        ListFormat::Tsv | ListFormat::Json => {
            let rows: Vec<TaskRow<'_>> = lives.iter().map(|life| TaskRow::new(life, &style.zone)).collect();
            stdout::print(&if output == ListFormat::Json { list::json(&rows) } else { list::tsv(&list::TASK, &rows) })?;
        }
    }
    Ok(if lost > 0 { Exit::Incomplete } else { Exit::Success })
}

fn table(lives: &[TaskLife], style: &Style) -> String {
    let of = |room: Room| {
        let heading = ["ID", "STATUS", "TASK DEFINITION", "SERVICE", "AGE", "LAUNCH", "WHY IT STOPPED"];
        let mut table = Table::new(heading).giving_way(&[2, 3]);
        lives.iter().for_each(|life| table.push(cells(life, room, style.now)));
        table
    };
    let whole = of(Room::Enough);
    if whole.fits(style.width) { whole.draw(style) } else { of(Room::Little { id: short_id(lives) }).draw(style) }
}

/// How much room a row has.
#[derive(Clone, Copy)]
enum Room {
    Enough,
    /// Ids have so many characters, ages one unit.
    Little {
        id: usize,
    },
}

/// So many characters that no two of these tasks have the same.
fn short_id(lives: &[TaskLife]) -> usize {
    let are_apart = |length: &usize| {
        let begun: BTreeSet<&str> = lives.iter().map(|life| cut(&life.task.id, *length)).collect();
        begun.len() == lives.len()
    };
    (SHORT_ID..usize::from(u8::MAX)).find(are_apart).unwrap_or(usize::MAX)
}

fn cut(id: &str, length: usize) -> &str {
    id.get(..length).unwrap_or(id)
}

fn cells(life: &TaskLife, room: Room, now: Time) -> [String; 7] {
    let task = &life.task;
    let dash = || "-".to_owned();
    let age = task.times.created.map(|created| duration::short(now.since(created)));
    let (id, age) = match room {
        Room::Enough => (task.id.as_str(), age),
        Room::Little { id } => {
            (cut(&task.id, id), age.map(|age| age.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")))
        }
    };
    [
        id.to_owned(),
        task.last_status.clone().unwrap_or_else(dash),
        list::definition(task).unwrap_or_else(dash),
        task.service().map_or_else(dash, str::to_owned),
        age.unwrap_or_else(dash),
        life.phases.as_ref().and_then(list::launch).map_or_else(dash, duration::short),
        list::why(life),
    ]
}
