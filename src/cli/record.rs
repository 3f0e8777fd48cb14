//! `ecspan record`: everything that is read about tasks, in one file, secrets out.

use std::path::Path;

use ecspan::sink::write_private;
use ecspan::source::bundle::Bundle;
use ecspan::source::files::{self, ToRecord};
use futures::StreamExt;
use serde_json::Value;

use super::args::{Global, RecordArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::tasks::{self, Needs};
use super::{closing, notices, stdout, terminal};

pub(super) async fn run(global: &Global, args: &RecordArgs) -> Result<Exit, Problem> {
    if file(args).is_none() {
        stdout::must_be_open()?;
    }
    let is_file = |named: &&String| *named == "-" || Path::new(named).exists();
    match args.tasks.tasks.iter().partition::<Vec<_>, _>(is_file) {
        (files, tasks) if !files.is_empty() && tasks.is_empty() => return record_files(&files, args),
        (files, tasks) if !files.is_empty() => {
            let error = format!("{} is a file and {} is none: they are not recorded together", files[0], tasks[0]);
            return Err(Problem::usage(error).hint("record them one after the other".to_owned()));
        }
        _ => {}
    }
    let needs = Needs { service_events: true, record: true, ..Needs::default() };
    let mut source = tasks::open(global, &args.tasks, needs, notices::for_a_person()).await?;
    let tasks = source.lives().count().await;
    let exit = tasks::exit(&source.course, tasks);
    closing::tell_unread(&source.unread(), &args.tasks.select);
    let bundle = source.into_aws().map(ecspan::source::ecs::EcsSource::into_bundle).unwrap_or_default();
    if tasks == 0 || bundle.is_empty() {
        return Ok(exit);
    }
    write(&bundle, args)?;
    Ok(exit)
}

/// What can be given away of files, in one bundle.
fn record_files(files: &[&String], args: &RecordArgs) -> Result<Exit, Problem> {
    let mut bundle = Bundle::default();
    let mut is_whole = true;
    for file in files {
        is_whole &= record_file(file, &mut bundle)?;
    }
    write(&bundle, args)?;
    Ok(if is_whole { Exit::Success } else { Exit::Incomplete })
}

/// The file's documents, or, where these are none of AWS's own, what stands in them; whether that is all of it.
fn record_file(file: &str, bundle: &mut Bundle) -> Result<bool, Problem> {
    let ToRecord { contents, whole, parts } = files::to_record(Path::new(file)).map_err(|error| Problem::of(&error))?;
    let said = contents.observations.len() + contents.actions.len();
    // What stands inside something unknown goes with it.
    let left = |documents: &[Value]| {
        let mut bundle = Bundle::default();
        documents.iter().for_each(|document| bundle.push("file", document));
        let left = files::read_bytes(file, bundle.to_json().as_bytes());
        (left.map_or(0, |contents| contents.observations.len() + contents.actions.len()), bundle)
    };
    let (mut count, mut kept) = left(&whole);
    if count < said {
        let of_parts = left(&parts);
        if of_parts.0 > count {
            (count, kept) = of_parts;
        }
    }
    if count == 0 {
        let error = format!(
            "{file}: nothing is left of it once secrets are out: it is no answer of the ECS API or CloudWatch Logs"
        );
        return Err(Problem::failed(error).hint("take the tasks out of what encloses them".to_owned()));
    }
    bundle.append(kept);
    for error in &contents.errors {
        terminal::tell("error", &error.to_string());
    }
    if count < said {
        terminal::tell("error", &format!("{file}: {} of {said} things in it are not kept", said - count));
    }
    Ok(contents.errors.is_empty() && count >= said)
}

/// Where it goes, unless that is stdout.
fn file(args: &RecordArgs) -> Option<&Path> {
    args.output.as_deref().filter(|path| *path != Path::new("-"))
}

fn write(bundle: &Bundle, args: &RecordArgs) -> Result<Exit, Problem> {
    let Some(path) = file(args) else { return stdout::print(&bundle.to_json()) };
    let shown = path.display();
    write_private(path, bundle.to_json().as_bytes())
        .map_err(|error| Problem::failed(format!("failed to write {shown}: {error}")))?;
    terminal::tell(
        "note",
        &format!(
            "{shown} holds what was read, log lines included; environment values, commands and labels are not kept"
        ),
    );
    terminal::tell("hint", "what reasons and log lines say is in it as it was said: read it before you give it away");
    Ok(Exit::Success)
}
