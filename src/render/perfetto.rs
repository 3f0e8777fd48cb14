//! Tasks as Chrome trace events, which Perfetto's UI and `chrome://tracing` open. Main function: [`draw`]; a task at a time: [`Events`].
//!
//! A process a task; in it a thread for its phases, which lie inside of one another, and one for each container, with its log lines
//! and the application traces that they name. Times are microseconds since 1970.

use serde_json::{Value, json};

use super::escape;
use super::rows::{Of, Row, drawn_until, rows, visible};
use super::style::{Style, Tone};
use crate::model::container::Container;
use crate::model::phases::Phases;
use crate::model::{TaskLife, Time, severity};
use crate::trace::line_ids;

/// The thread of a task's phases; those of containers follow.
const PHASES: usize = 1;
/// What a document begins with.
const HEAD: &str = r#"{"displayTimeUnit":"ms","traceEvents":["#;

/// The trace events of these tasks, each with its trace id, as a JSON document that ends with a line end.
pub fn draw<'a>(tasks: impl IntoIterator<Item = (&'a TaskLife, &'a str)>, style: &Style) -> String {
    let mut events = Events::default();
    let mut drawn: String = tasks.into_iter().map(|(life, trace_id)| events.of(life, trace_id, style)).collect();
    drawn.push_str(&events.finish());
    drawn
}

/// A document in the making: what is written is not kept, so that there may be any number of tasks.
#[derive(Debug, Default)]
pub struct Events {
    tasks: usize,
}

impl Events {
    /// The next task: what is to be written for it.
    pub fn of(&mut self, life: &TaskLife, trace_id: &str, style: &Style) -> String {
        self.tasks += 1;
        let mut events = vec![];
        task(&mut events, self.tasks, life, trace_id, style);
        let events: Vec<String> = events.iter().map(Value::to_string).collect();
        let before = if self.tasks == 1 { HEAD } else { "," };
        escape::json(&format!("{before}\n{}", events.join(",\n")))
    }

    /// What is to be written last.
    pub fn finish(&self) -> String {
        format!("{}\n]}}\n", if self.tasks == 0 { HEAD } else { "" })
    }
}

fn task(events: &mut Vec<Value>, pid: usize, life: &TaskLife, trace_id: &str, style: &Style) {
    let mut named = |what: &str, tid: usize, name: String| {
        events.push(json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}));
    };
    named("process_name", PHASES, format!("task {} {}", life.family(), life.task.id));
    named("thread_name", PHASES, "phases".to_owned());
    let containers = visible(life, style);
    for (at, container) in containers.iter().enumerate() {
        named("thread_name", PHASES + 1 + at, format!("container {}", container.name()));
    }
    if let Some(phases) = &life.phases {
        let end = drawn_until(life, phases);
        let thread = |row: &Row<'_>| match row.of {
            Of::Container(of) | Of::Alike(of) => {
                containers.iter().position(|one| std::ptr::eq(*one, of)).map_or(PHASES, |at| PHASES + 1 + at)
            }
            Of::Task | Of::Phase(_) => PHASES,
        };
        let rows = rows(life, phases, end, style);
        events.extend(rows.iter().filter_map(|row| bar(pid, thread(row), row, life, trace_id)));
        moments(events, pid, phases);
    }
    for (at, container) in containers.iter().enumerate().filter(|_| style.logs) {
        lines(events, pid, PHASES + 1 + at, container);
    }
}

fn bar(pid: usize, tid: usize, row: &Row<'_>, life: &TaskLife, trace_id: &str) -> Option<Value> {
    let bar = row.bar?;
    let category = match row.of {
        Of::Task => "task",
        Of::Phase(_) => "phase",
        Of::Container(_) | Of::Alike(_) => "container",
    };
    let mut args = json!({"estimated": row.is_estimated(), "goes_on": bar.open});
    match row.of {
        Of::Task => {
            args["task_id"] = json!(life.task.id);
            args["trace_id"] = json!(trace_id);
            args["findings"] = life.findings.iter().map(|finding| json!(finding.text)).collect();
        }
        Of::Phase(phase) => args["clock_adjusted"] = json!(phase.clock_adjusted),
        Of::Container(container) | Of::Alike(container) => {
            args["exit_code"] = json!(container.record.exit_code);
            args["reason"] = json!(container.record.reason);
        }
    }
    let mut event = json!({
        "ph": "X", "name": row.name, "cat": category, "pid": pid, "tid": tid, "ts": micros(bar.start),
        "dur": bar.end.since(bar.start).as_nanos() as f64 / 1e3, "args": args,
    });
    if row.tone == Tone::Bad {
        event["cname"] = json!("terrible");
    }
    Some(event)
}

/// The raw times, as they were given.
fn moments(events: &mut Vec<Value>, pid: usize, phases: &Phases) {
    events.extend(phases.moments.iter().map(|moment| {
        json!({
            "ph": "i", "s": "t", "name": moment.name, "cat": "time", "pid": pid, "tid": PHASES, "ts": micros(moment.time),
            "args": {"clock": moment.clock.name()},
        })
    }));
}

fn lines(events: &mut Vec<Value>, pid: usize, tid: usize, container: &Container) {
    let log = container.log.iter().flat_map(|log| log.lines());
    events.extend(log.map(|line| {
        let traces: Vec<String> =
            line_ids::of_line(&line.message).iter().map(|named| named.trace_id.to_string()).collect();
        json!({
            "ph": "i", "s": "t", "name": line.message, "cat": "log", "pid": pid, "tid": tid, "ts": micros(line.time),
            "args": {"severity": severity::of(&line.message).map(|severity| severity.text), "traces": traces},
        })
    }));
}

fn micros(time: Time) -> f64 {
    // Whole microseconds stay whole.
    (time.unix_nanos() / 1_000) as f64 + (time.unix_nanos() % 1_000) as f64 / 1e3
}
