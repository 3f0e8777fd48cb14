//! `ecspan resend`: from the arguments to the engine [`ecspan::run::resend`].

use std::path::Path;

use ecspan::run::read::Unread;
use ecspan::run::resend::{self, ResendConfig, Resent};
use ecspan::run::xray;
use ecspan::sink::Target;

use super::args::{Global, ResendArgs, SelectArgs};
use super::ending::Ending;
use super::exit::Exit;
use super::problem::Problem;
use super::{closing, destinations, env, notices, signals, tasks, terminal};

pub(super) async fn run(global: &Global, args: &ResendArgs) -> Result<Exit, Problem> {
    let folder = destinations::undelivered(&args.delivery)
        .ok_or_else(|| Problem::usage("there is no undelivered folder").hint("--undelivered DIR".to_owned()))?;
    let given = args.to.as_deref().map(destinations::target).transpose()?;
    if let Some(Target::File(path)) = &given {
        refuse_existing(path, args)?;
    }
    let place = folder.path().display().to_string();
    if args.delivery.undelivered.is_some() && !folder.path().is_dir() {
        return Err(Problem::failed(format!("{place} is no folder"))
            .hint("without --undelivered the folder in the state directory is read".to_owned()));
    }
    let config = ResendConfig {
        folder,
        files: args.files.clone(),
        // An endpoint is a destination too.
        target: given.or_else(|| args.delivery.otlp.endpoint.is_some().then_some(Target::Otlp)),
        overrides: destinations::overrides(&args.delivery.otlp),
        env: env::get,
        // Configured once, asked only by X-Ray.
        aws: Some(xray::access(&tasks::aws(global).await)),
        partial: args.partial,
        dry_run: args.dry_run,
    };
    let resent = resend::run(config, signals::stop(), notices::for_a_person()).await;
    let Resent { waiting, set_aside, in_other_hands, unread, lost, report } =
        resent.map_err(|error| Problem::failed(error.to_string()))?;
    report.destinations.iter().for_each(closing::tell_destination);
    if set_aside > 0 {
        let requests = closing::count(set_aside, "request");
        let note = format!("{requests} left in place, which a receiver did not take whole: --partial sends them too");
        terminal::tell("note", &note);
    }
    if in_other_hands > 0 {
        let files = closing::count(in_other_hands, "file");
        terminal::tell("note", &format!("{files} left to another resend, which is sending them"));
    }
    if !unread.is_empty() && args.files.is_empty() {
        let files = closing::count(unread.len() as u64, "file");
        terminal::tell(
            "note",
            &format!("interrupted: {files} not sent, which wait in {place}: ecspan resend sends them"),
        );
    } else {
        closing::tell_unread(&Unread { files: unread, ..Unread::default() }, &SelectArgs::default());
    }
    if waiting == 0 && lost == 0 && in_other_hands == 0 && signals::received().is_none() {
        terminal::tell("note", &format!("nothing waits in {place}"));
    }
    let is_empty = report.destinations.is_empty();
    Ok(Ending { lost, is_empty, ..Ending::new(report.verdict()) }.exit())
}

/// What leaves the folder must not replace what left it before, nor the file that it comes from.
fn refuse_existing(path: &Path, args: &ResendArgs) -> Result<(), Problem> {
    if args.dry_run || !path.is_file() {
        return Ok(());
    }
    Err(Problem::usage(format!("--to: {} exists, and a resend replaces no file", path.display()))
        .hint("name a new one".to_owned()))
}
