//! The closing report of `ecspan export`: what went where, what was accepted, where it is found.

use std::fmt::Write as _;

use clap::ValueEnum;
use ecspan::Hint;
use ecspan::render::{escape, moment};
use ecspan::run::UiUrl;
use ecspan::run::read::Unread;
use ecspan::run::watch::Watched;
use ecspan::sink::{
    DeliveryReport, DestinationReport, Signal, TaskLine, Trouble, Undelivered, console_url, xray_trace_id,
};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::args::{SelectArgs, When};
use super::ending::Ending;
use super::exit::Exit;
use super::problem::Problem;
use super::{log, terminal};

/// So many tasks are listed; a deploy of thousands is summed up.
const LISTED: usize = 50;

/// What is not sent of a task that ECS has not spoken of.
const CONTAINERS_ONLY: &str = "of the task itself only estimates are known: --standalone sends them";

/// Tells what became of what was watched, and how a run ends that drained.
pub(super) fn watched(watched: &Watched) -> Exit {
    watched.report.destinations.iter().for_each(tell_destination);
    Ending { lost: watched.gaps, ..Ending::of_drained(watched.report.verdict()) }.exit()
}

/// So many tasks are named for one trouble.
const NAMED: usize = 5;

/// So many reasons of one destination are told: a receiver may word each of its answers anew.
const CAUSES: usize = 10;

/// Prints the report on stderr: stdout may carry the spans themselves.
pub(super) fn print(report: &DeliveryReport, ui: Option<&UiUrl>) {
    for task in report.tasks.iter().take(LISTED) {
        terminal::tell_line(&task_line(task));
        // Whoever follows a link wants to find something.
        let ui = ui.filter(|_| has_arrived_somewhere(report, &task.label) && task.spans > 0);
        if let Some(url) = ui.and_then(|ui| ui.trace(task.caller_trace_id.unwrap_or(task.trace_id))) {
            terminal::tell_line(&format!("  {url}"));
        }
        let mut arrived = report.destinations.iter().filter(|to| has_arrived(to, &task.label));
        if let (Some(region), true) = (arrived.find_map(|to| to.xray_region.as_deref()), task.spans > 0) {
            let trace_id = task.caller_trace_id.unwrap_or(task.trace_id);
            terminal::tell_line(&format!("  X-Ray: {} {}", xray_trace_id(trace_id), console_url(region, trace_id)));
        }
    }
    if let Some(more) = report.task_count.checked_sub(LISTED as u64).filter(|more| *more > 0) {
        terminal::tell_line(&format!("… and {more} more tasks"));
    }
    for destination in &report.destinations {
        tell_destination(destination);
    }
}

fn task_line(task: &TaskLine) -> String {
    let mut line = escape::text(&task.label);
    let waits = !task.pending.is_empty();
    match (task.spans, waits) {
        (0, _) if task.containers_only => {
            let _ = write!(line, ": 0 spans: no container has finished, and {CONTAINERS_ONLY}");
            return line;
        }
        (0, _) => {
            let _ = write!(line, ": 0 spans: {}, nothing final yet; --wait or --snapshot", escape::text(&task.status));
            return line;
        }
        (spans, _) => {
            let _ =
                write!(line, ": {}, trace id {}", count(spans, "span"), task.caller_trace_id.unwrap_or(task.trace_id));
        }
    }
    if task.caller_trace_id.is_some() && !waits {
        let _ = write!(line, " (the caller's; a pointer is under {})", task.trace_id);
    } else if task.caller_trace_id.is_some() {
        line.push_str(" (the caller's)");
    }
    if waits {
        let pending: Vec<String> = task.pending.iter().map(|name| escape::text(name)).collect();
        let follows = if task.containers_only { CONTAINERS_ONLY } else { "the root follows when the task has stopped" };
        let _ = write!(line, "; {} still open: {} ({follows})", pending.len(), pending.join(", "));
    }
    match (task.dropped_log_lines, task.has_unread_log_lines) {
        (0, false) => {}
        (lines, false) => {
            let _ = write!(line, "; {} not kept", count(lines, "log line"));
        }
        // Both ends of a log were read, and nobody knows how much lies between.
        (_, true) => line.push_str("; log lines between the first and the last not read"),
    }
    line
}

/// Whether some receiver has accepted something of a task.
pub(super) fn has_arrived_somewhere(report: &DeliveryReport, task: &str) -> bool {
    report.destinations.iter().any(|to| has_arrived(to, task))
}

/// Whether this one has. A file is none.
fn has_arrived(to: &DestinationReport, task: &str) -> bool {
    let is_receiver = !to.dry_run && !to.name.starts_with("file:") && to.signal == Signal::Traces;
    let is_lost = |trouble: &Trouble| trouble.lost.is_resent() && trouble.tasks.iter().any(|one| **one == *task);
    is_receiver && to.accepted > 0 && !to.troubles.iter().any(is_lost)
}

/// Prints what became of everything at one destination.
pub(super) fn tell_destination(destination: &DestinationReport) {
    tell_troubles(destination);
    terminal::tell_line(&destination_line(destination));
    for unsaved in &destination.unsaved {
        let hint = "it is lost unless it is exported again; --undelivered DIR names another folder".to_owned();
        Problem::failed(unsaved).hint(hint).print();
    }
    if let Some(folder) = &destination.folder {
        terminal::tell("note", &saved_note(destination, &folder.display().to_string()));
    }
}

/// The same as structured lines, of a command that keeps nothing.
pub(super) fn log_destination(destination: &DestinationReport) {
    for trouble in &destination.troubles {
        let (what, hint) = (trouble_line(destination, trouble), trouble.reason.hint().unwrap_or_default());
        log::say("error", &what, &[("hint", &hint)]);
    }
    for warning in &destination.warnings {
        log::say("warning", &format!("the receiver says: {warning}"), &[]);
    }
    log::say("info", &destination_line(destination), &[]);
}

/// Names what was not read before the run was told to stop, as it can be asked for again.
pub(super) fn tell_unread(unread: &Unread, select: &SelectArgs) {
    let Unread { files, tasks, selected, is_unlisted, past } = unread;
    let select = typed(select);
    if unread.is_empty() {
        return;
    }
    let tell = |number: usize, what: &str, names: &[String]| {
        let what = count(number as u64, what);
        let were = if number == 1 { "was" } else { "were" };
        Problem::failed(format!("interrupted: {what} {were} not read: {}", some_of(names, LISTED, 0))).print();
    };
    if !files.is_empty() {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        tell(files.len(), "file", &names);
    }
    if !tasks.is_empty() {
        tell(tasks.len(), "task", tasks);
    }
    if !selected.is_empty() {
        let number = selected.len();
        let what = format!("interrupted: {} of {select} not read: ", count(number as u64, "task"));
        Problem::failed(what + &some_of(selected, LISTED, 0)).print();
    }
    if *is_unlisted {
        Problem::failed(format!("interrupted: the tasks of {select} were not read")).print();
    }
    if let Some(past) = past {
        let what = "interrupted: of the tasks that ECS has forgotten, those that stopped after";
        Problem::failed(format!("{what} {} were not read", moment::iso(*past, &TimeZone::UTC))).print();
    }
    terminal::tell("hint", "ask for them again, by these names or with the same command: what was sent stays as it is");
}

/// Selectors as they are typed.
fn typed(select: &SelectArgs) -> String {
    let SelectArgs { cluster, service, family, started_by, status, since, until, limit } = select;
    let when = |when: &When| match when {
        When::Ago(ago) => {
            SignedDuration::try_from(*ago).map_or_else(|_| format!("{}s", ago.as_secs()), |ago| format!("{ago:#}"))
        }
        When::At(time) => moment::iso(*time, &TimeZone::UTC),
    };
    let typed = [
        ("cluster", cluster.clone()),
        ("service", service.clone()),
        ("family", family.clone()),
        ("started-by", started_by.clone()),
        ("status", status.and_then(|status| Some(status.to_possible_value()?.get_name().to_owned()))),
        ("since", since.as_ref().map(when)),
        ("until", until.as_ref().map(when)),
        ("limit", limit.map(|limit| limit.to_string())),
    ];
    let typed = typed.into_iter().filter_map(|(flag, value)| Some(format!("--{flag} {}", value?)));
    typed.collect::<Vec<_>>().join(" ")
}

/// The first of some names, and how many more there are, beside so many that are not among them.
fn some_of(names: &[impl AsRef<str>], most: usize, others: u64) -> String {
    let named = names.iter().take(most).map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    match names.len().saturating_sub(most) as u64 + others {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn saved_note(to: &DestinationReport, folder: &str) -> String {
    let mut note = String::new();
    let is_usual = Undelivered::of_user().is_some_and(|usual| usual.path().display().to_string() == folder);
    let resend = if is_usual { "ecspan resend".to_owned() } else { format!("ecspan resend --undelivered {folder}") };
    if to.saved > 0 {
        let _ = write!(note, "{} saved in {folder}: {resend} sends them", count(to.saved, to.signal.noun()));
    }
    if to.set_aside > 0 {
        let them = count(to.set_aside, "request");
        let (and, place) = if note.is_empty() { ("", format!(" in {folder}")) } else { ("; ", String::new()) };
        let _ = write!(note, "{and}{them} set aside{place}, which the receiver did not take whole: {resend} --partial");
    }
    note
}

fn tell_troubles(destination: &DestinationReport) {
    for trouble in destination.troubles.iter().take(CAUSES) {
        Problem::failed(trouble_line(destination, trouble)).hint(trouble.reason.hint()).print();
    }
    let rest = destination.troubles.get(CAUSES..).unwrap_or_default();
    if !rest.is_empty() {
        let (spans, noun) = (rest.iter().map(|trouble| trouble.spans).sum::<u64>(), destination.signal.noun());
        let causes = count(rest.len() as u64, "other reason");
        Problem::failed(format!("{} not accepted for {causes}", count(spans, noun))).print();
    }
    for warning in destination.warnings.iter().take(CAUSES) {
        terminal::tell("warning", &format!("the receiver says: {warning}"));
    }
    if destination.warnings.len() > CAUSES {
        terminal::tell("warning", "the receiver says more, of other requests");
    }
}

fn trouble_line(destination: &DestinationReport, trouble: &Trouble) -> String {
    let Trouble { lost, spans, of, reason, is_example, .. } = trouble;
    let noun = destination.signal.noun();
    let example = if *is_example { "for example, " } else { "" };
    format!("{spans} of {of} {noun}s {lost}{}: {example}{reason}", concerned(trouble))
}

/// The tasks that a trouble is about; many are summed up.
fn concerned(trouble: &Trouble) -> String {
    match some_of(&trouble.tasks, NAMED, trouble.more_tasks) {
        named if named.is_empty() => String::new(),
        named => format!(" ({named})"),
    }
}

fn destination_line(to: &DestinationReport) -> String {
    let size = format!("{} in {}", bytes(to.bytes), count(to.requests, "request"));
    let mut line = if to.dry_run {
        format!("dry run: {} would go to {}: {size}", count(to.made, to.signal.noun()), to.name)
    } else {
        format!("{}: {} of {} accepted, {size}", to.name, to.accepted, count(to.made, to.signal.noun()))
    };
    for (number, what) in [(to.rejected, "rejected"), (to.undelivered, "not delivered"), (to.saved, "saved")] {
        if number > 0 {
            let _ = write!(line, ", {number} {what}");
        }
    }
    if to.attempts > to.requests {
        let _ = write!(line, ", {} attempts", to.attempts);
    }
    if to.dropped_events > 0 {
        let _ = write!(line, ", {} not sent so that a span fits into a request", count(to.dropped_events, "log event"));
    }
    if to.cut_records > 0 {
        let _ = write!(line, ", {} cut so that it fits into a request", count(to.cut_records, "log record"));
    }
    line
}

pub(super) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn bytes(number: u64) -> String {
    match number {
        0..1_024 => format!("{number} B"),
        1_024..1_048_576 => format!("{:.1} KiB", number as f64 / 1_024.0),
        _ => format!("{:.1} MiB", number as f64 / 1_048_576.0),
    }
}
