//! `ecspan completions`, and what its script calls when Tab is pressed. What a word may be is known by the name that its value has in the
//! help (`CLUSTER`, `URL` …), so a new flag completes without a line here. Nothing is told on stderr while a shell asks: a name that
//! cannot be had is not offered.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use ecspan::source::aws::{Aws, AwsSettings};
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::source::select::Selection;

use super::args::{Cli, CompletionsArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::{env, stdout};

/// Set by the script of `--dynamic` alone: it names the shell.
const VARIABLE: &str = "ECSPAN_COMPLETE";
/// Who presses Tab waits no longer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The newest tasks; more than these nobody looks through.
const OFFERED: usize = 100;

pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    if args.dynamic {
        let name = args.shell.to_string();
        let shells = Shells::builtins();
        let shell =
            shells.completer(&name).ok_or_else(|| Problem::usage(format!("{name} has no dynamic completion")))?;
        shell
            .write_registration(VARIABLE, "ecspan", "ecspan", "ecspan", &mut script)
            .map_err(|error| Problem::failed(format!("failed to make the script: {error}")))?;
    } else {
        clap_complete::generate(args.shell, &mut hinted(Cli::command()), "ecspan", &mut script);
    }
    stdout::print(&String::from_utf8_lossy(&script))
}

/// Answers a shell, and ends the program then.
pub(super) fn answer() {
    CompleteEnv::with_factory(|| hinted(Cli::command())).var(VARIABLE).complete();
}

/// Says what each value is, to shells.
fn hinted(command: Command) -> Command {
    let hint = |arg: Arg| {
        let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        match name.as_deref().unwrap_or_default() {
            "URL" => arg.value_hint(ValueHint::Url),
            "DIR" | "DIR|none" => arg.value_hint(ValueHint::DirPath),
            "CLUSTER" => arg.add(ArgValueCompleter::new(|current: &OsStr| offered(clusters(""), current))),
            "SERVICE" => arg.add(ArgValueCompleter::new(services)),
            "TASK" => arg.value_hint(ValueHint::FilePath).add(ArgValueCompleter::new(tasks)),
            _ => arg,
        }
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

/// A name, and what is said beside it.
type Name = (String, String);

fn offered(names: Vec<Name>, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = current.to_str() else { return vec![] };
    let fits = names.into_iter().filter(|(name, _)| name.starts_with(begun));
    fits.map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into()))).collect()
}

/// The clusters, each with this after its name.
fn clusters(after: &str) -> Vec<Name> {
    asked(async |source| {
        let clusters = source.clusters().await.unwrap_or_default();
        let counted = clusters.into_iter().map(|cluster| {
            let counts = cluster.counts.map(|counts| format!("{} running", counts.running));
            (cluster.name + after, counts.unwrap_or_default())
        });
        counted.collect()
    })
}

/// The services of the cluster that was typed; CLUSTER/NAME, too.
fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    let text = current.to_str().unwrap_or_default();
    let (cluster, prefix) = match text.split_once('/') {
        Some((cluster, _)) => (cluster.to_owned(), format!("{cluster}/")),
        None => match typed("--cluster") {
            Some(cluster) => (cluster, String::new()),
            None => return offered(clusters("/"), current),
        },
    };
    let names = asked(async |source| source.service_names(&cluster).await.unwrap_or_default());
    offered(names.into_iter().map(|name| (format!("{prefix}{name}"), String::new())).collect(), current)
}

/// Files, clusters, and the tasks of a cluster that is named.
fn tasks(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut offers = PathCompleter::file().complete(current);
    let text = current.to_str().unwrap_or_default();
    let is_path = text.starts_with(['.', '/', '~']);
    let of = |cluster: &str, prefix: &str| {
        let selection = Selection { cluster: cluster.to_owned(), limit: Some(OFFERED), ..Selection::default() };
        let found = asked(async |source| {
            let (_, tasks) = source.select(&selection, &|_| {}).await.ok()?;
            let named = tasks.into_iter().flatten().map(|task| {
                let status = task.last_status.clone().unwrap_or_default();
                let of = task.service().or(task.family()).unwrap_or_default();
                (format!("{prefix}{}", task.id), format!("{status} {of}"))
            });
            Some(named.collect())
        });
        offered(found.unwrap_or_default(), current)
    };
    match (text.split_once('/'), typed("--cluster")) {
        _ if is_path => {}
        (Some((cluster, _)), _) if !std::path::Path::new(cluster).exists() => {
            offers.extend(of(cluster, &format!("{cluster}/")))
        }
        (None, Some(cluster)) => offers.extend(of(&cluster, "")),
        (None, None) => offers.extend(offered(clusters("/"), current)),
        _ => {}
    }
    offers
}

/// The value of a flag on the line that is being typed.
fn typed(flag: &str) -> Option<String> {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    value(&words, flag).filter(|value| !value.is_empty())
}

fn value(words: &[&str], flag: &str) -> Option<String> {
    words.iter().enumerate().rev().find_map(|(at, word)| match word.strip_prefix(flag)? {
        "" => words.get(at + 1).map(|next| (*next).to_owned()),
        joined => joined.strip_prefix('=').map(str::to_owned),
    })
}

/// What AWS answers within what a person waits for.
fn asked<T: Default>(ask: impl AsyncFnOnce(EcsSource) -> T) -> T {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return T::default() };
    let settings = AwsSettings {
        profile: typed("--profile"),
        region: typed("--region"),
        env: Some(env::all()),
        ask: None,
        waiting: None,
    };
    let answer = async {
        let aws = Aws::load(&settings).await;
        ask(EcsSource::new(aws, ObserveOptions::default())).await
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_flag_is_the_one_that_counts() {
        let words = ["ecspan", "show", "--cluster", "test", "--utc", "--cluster=prod", "--clusters", "x"];
        assert_eq!(value(&words, "--cluster").as_deref(), Some("prod"));
        assert_eq!(value(&words[..4], "--cluster").as_deref(), Some("test"));
        assert_eq!(value(&words[..3], "--cluster"), None);
        assert_eq!(value(&words, "--region"), None);
    }

    #[test]
    fn what_shells_cannot_know_of_a_value_is_said_by_its_name() {
        let command = hinted(Cli::command());
        let hint = |name: &str, flag: &str| {
            let command = command.find_subcommand(name).expect("a command");
            let arg = command.get_arguments().find(|arg| arg.get_id() == flag).expect("a flag");
            (arg.get_value_hint(), arg.get::<ArgValueCompleter>().is_some())
        };
        assert_eq!(hint("export", "endpoint"), (ValueHint::Url, false));
        assert_eq!(hint("export", "undelivered"), (ValueHint::DirPath, false));
        assert_eq!(hint("export", "ca"), (ValueHint::AnyPath, false));
        assert_eq!(hint("show", "tasks"), (ValueHint::FilePath, true));
        assert!(hint("ls", "cluster_name").1 && hint("deploy", "service").1 && hint("worker", "cluster").1);
    }
}
