//! `ecspan ls`: which clusters and tasks are there. The list is [`Row`]s of named fields, which each format prints in its way.

use std::collections::BTreeSet;
use std::time::Duration;

use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::TaskRecord;
use ecspan::model::phases::{PhaseKind, Phases};
use ecspan::model::{TaskLife, Time, duration};
use ecspan::render::table::Table;
use ecspan::render::{Style, escape, moment};
use ecspan::source::ecs::{ClusterSummary, EcsSource, ObserveOptions};
use ecspan::source::select::Selection;
use serde_json::{Map, Value, json};

use super::args::{Global, ListFormat, LsArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::progress::Progress;
use super::show::plain_style;
use super::tasks::{aws, aws_problem, selection};
use super::{signals, terminal};

/// An id is cut to so many characters where there is no room: they are as good as the whole wherever a task is named.
const SHORT_ID: usize = 12;
/// What ECS says of most tasks that failed, whatever the reason.
const SAYS_NOTHING: &str = "Essential container in task exited";

/// What is known of a cluster or a task, for programs.
type Row = Vec<(&'static str, Value)>;

pub(super) async fn run(global: &Global, args: &LsArgs) -> Result<Exit, Problem> {
    terminal::needs_stdout()?;
    let width = args.width.map(usize::from).or_else(terminal::own_width);
    // A pipe is as wide as its longest line: nothing is cut, and a task is a line.
    let style = Style { width: width.unwrap_or(usize::MAX), ..plain_style(global, None, false) };
    let source = EcsSource::new(aws(global).await, ObserveOptions::default());
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
    let names = ["cluster", "running", "pending", "services", "status"];
    match output {
        ListFormat::Table if clusters.is_empty() => Ok(Exit::Success),
        ListFormat::Table => {
            let mut table = Table::new(["CLUSTER", "RUNNING", "PENDING", "SERVICES", "STATUS"]);
            for cluster in &clusters {
                let dashes = |value: Value| if value.is_null() { "-".to_owned() } else { plain(&value) };
                let [name, running, pending, services, status] = cluster_fields(cluster);
                table.push([plain(&name), dashes(running), dashes(pending), dashes(services), plain(&status)]);
            }
            terminal::print(&table.draw(style))
        }
        ListFormat::Tsv | ListFormat::Json => {
            let rows: Vec<Row> =
                clusters.iter().map(|cluster| names.into_iter().zip(cluster_fields(cluster)).collect()).collect();
            terminal::print(&for_programs(&names, &rows, output))
        }
    }
}

fn cluster_fields(cluster: &ClusterSummary) -> [Value; 5] {
    let Some(counts) = cluster.counts.as_ref().filter(|counts| !counts.status.is_empty()) else {
        return [json!(cluster.name), Value::Null, Value::Null, Value::Null, Value::Null];
    };
    [json!(cluster.name), json!(counts.running), json!(counts.pending), json!(counts.services), json!(counts.status)]
}

async fn tasks(source: &EcsSource, selection: &Selection, output: ListFormat, style: &Style) -> Result<Exit, Problem> {
    let progress = Progress::start("reading tasks");
    let answer = source.select(selection, &|more| progress.advance_by(more)).await;
    drop(progress);
    let (_, answers) = answer.map_err(|error| aws_problem(&error))?;
    let (mut lives, mut lost) = (vec![], 0);
    for task in answers {
        match task {
            Ok(task) => {
                let observed = TaskObservations { task, ..TaskObservations::default() };
                lives.push(TaskLife::new(observed, style.now, 0));
            }
            Err(error) => {
                lost += 1;
                aws_problem(&error).print();
            }
        }
    }
    if lives.is_empty() && lost > 0 {
        return Ok(Exit::Failed);
    }
    if lives.is_empty() {
        terminal::tell("note", &format!("cluster {} has no such tasks", selection.cluster));
    }
    match output {
        ListFormat::Table if lives.is_empty() => {}
        ListFormat::Table => {
            terminal::print(&table(&lives, style))?;
        }
        ListFormat::Tsv | ListFormat::Json => {
            let rows: Vec<Row> = lives.iter().map(|life| fields(life, style)).collect();
            terminal::print(&for_programs(&FIELDS, &rows, output))?;
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
        definition(task).unwrap_or_else(dash),
        task.service().map_or_else(dash, str::to_owned),
        age.unwrap_or_else(dash),
        life.phases.as_ref().and_then(launch).map_or_else(dash, duration::short),
        why(life),
    ]
}

const FIELDS: [&str; 12] = [
    "id",
    "status",
    "failed",
    "task_definition",
    "service",
    "created",
    "started",
    "stopped",
    "launch_ms",
    "stop_code",
    "reason",
    "arn",
];

fn fields(life: &TaskLife, style: &Style) -> Row {
    let task = &life.task;
    let time = |at: Option<Time>| json!(at.map(|at| moment::iso(at, &style.zone)));
    let values = [
        json!(task.id),
        json!(task.last_status),
        json!(life.outcome.failure.is_some()),
        json!(definition(task)),
        json!(task.service()),
        time(task.times.created),
        time(task.times.started),
        time(task.times.stopped),
        json!(life.phases.as_ref().and_then(launch).map(|launch| launch.as_millis() as u64)),
        json!(task.stop_code),
        Some(why(life)).filter(|why| !why.is_empty()).map_or(Value::Null, Value::String),
        json!(task.arn),
    ];
    FIELDS.into_iter().zip(values).collect()
}

fn for_programs(names: &[&'static str], rows: &[Row], output: ListFormat) -> String {
    if output == ListFormat::Json {
        let object = |row: &Row| {
            Value::Object(row.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>())
        };
        return escape::json(&format!("{:#}\n", Value::Array(rows.iter().map(object).collect())));
    }
    let line = |row: &Row| row.iter().map(|(_, value)| escape::text(&plain(value))).collect::<Vec<_>>().join("\t");
    std::iter::once(names.join("\t")).chain(rows.iter().map(line)).map(|line| line + "\n").collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn definition(task: &TaskRecord) -> Option<String> {
    let revision = task.revision().map_or(String::new(), |revision| format!(":{revision}"));
    Some(format!("{}{revision}", task.family()?))
}

/// Created → started.
fn launch(phases: &Phases) -> Option<Duration> {
    Some(phases.find(PhaseKind::Running)?.start.since(phases.start))
}

/// Why it stopped: the task's reason, and what its containers say that the task does not.
fn why(life: &TaskLife) -> String {
    let task = &life.task;
    let reason = task.stopped_reason.as_deref().or(task.stop_code.as_deref()).unwrap_or_default();
    let of_containers = life.containers.iter().filter(|container| !container.is_hidden()).filter_map(|container| {
        let said = container.record.reason.as_deref().filter(|said| !reason.contains(said));
        let code = container.record.exit_code.filter(|code| *code != 0);
        let told = match (said, code) {
            (Some(said), Some(code)) => format!("{said} (exit code {code})"),
            (Some(said), None) => said.to_owned(),
            (None, Some(code)) if container.failure.is_some() => format!("exit code {code}"),
            (None, _) => return None,
        };
        Some(format!("{}: {told}", container.name()))
    });
    let of_containers: Vec<String> = of_containers.collect();
    let of_task = Some(reason.to_owned()).filter(|reason| {
        !reason.is_empty() && (of_containers.is_empty() || reason.trim_end_matches('.') != SAYS_NOTHING)
    });
    of_task.into_iter().chain(of_containers).collect::<Vec<_>>().join("; ")
}
