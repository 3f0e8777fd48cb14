//! The command line: what was typed, what it resolves to, one file a command, errors and exit codes.
//!
//! What prints lives here: data goes to stdout, all else to stderr. (`--to file:-` is a destination, and writes its own lines.)

mod agent;
mod args;
mod closing;
mod compare;
mod completions;
mod deploy;
mod destinations;
mod doctor;
mod ending;
mod env;
mod exit;
mod export;
mod follow;
mod live;
mod log;
mod ls;
mod man;
mod meters;
mod notices;
mod notify;
mod options;
mod place;
mod problem;
mod progress;
mod record;
mod resend;
mod show;
mod sidecar;
mod signals;
mod stats;
mod stdout;
mod style;
mod tasks;
mod terminal;
mod worker;

use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

pub(crate) use args::Cli;
use args::Command;
use clap::error::{ContextKind, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use ecspan::model::Time;
pub(crate) use exit::Exit;
use problem::Problem;

/// What means something when it is empty: all history; a task, whose own error says what a task is; nobody, whom a pipeline without the
/// secret notifies.
const MAY_BE_EMPTY: [&str; 4] = ["history", "tasks", "compare", "notify"];

/// What time it is, for every engine.
fn now() -> Time {
    Time::from(SystemTime::now())
}

/// Reads the command line; what makes no sense ends the program. The bootstrap of a Lambda function is started without
/// arguments.
pub(crate) fn parse() -> Cli {
    completions::answer();
    let is_bootstrap = std::env::args_os().len() == 1 && env::get(args::LAMBDA_RUNTIME_API).is_some();
    let typed: Vec<OsString> =
        if is_bootstrap { vec!["ecspan".into(), "lambda".into()] } else { std::env::args_os().collect() };
    let mut command = without_empty_variables(Cli::command());
    let (variables, joined) = (variables(&command), joined(&command));
    let matches = command.try_get_matches_from_mut(&typed);
    if let Some(empty) = matches.as_ref().ok().and_then(|matches| empty(&command, matches)) {
        let problem = Problem::usage(format!("{empty} has an empty value: is a variable unset that stands there?"));
        refuse(&problem);
    }
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let mut cli = cli.unwrap_or_else(|error| {
        let _ = error.print();
        // Nobody typed a flag that a variable gives.
        let flag = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
        let named = variables.iter().find(|(long, _)| flag == *long || flag.starts_with(&format!("{long} ")));
        if let Some((flag, variable)) = named
            && !typed.iter().any(|typed| typed.to_string_lossy().starts_with(flag.as_str()))
        {
            let hint = match error.kind() {
                ErrorKind::MissingRequiredArgument => format!("{variable} gives {flag} as well"),
                _ => format!("{flag} is given by {variable}"),
            };
            terminal::tell("hint", &hint);
        }
        if error.kind() == ErrorKind::UnknownArgument
            && let Some((flag, value)) = unjoined(&joined, &typed, &flag)
        {
            terminal::tell("hint", &format!("if {value} is what {flag} shall be, write {flag}={value}"));
        }
        if error.kind() == ErrorKind::UnknownArgument
            && let Some(cluster) = cluster_apart(&typed, &flag)
        {
            terminal::tell(
                "hint",
                &format!("the service {flag} of the cluster {cluster}: ecspan deploy {cluster}/{flag}"),
            );
        }
        if error.kind() == ErrorKind::InvalidValue
            && flag.starts_with("--format ")
            && let Some(file) = error.get(ContextKind::InvalidValue).map(ToString::to_string)
            && file.contains('.')
        {
            terminal::tell("hint", &format!("what is drawn is written to stdout: --format FORMAT > {file}"));
        }
        if error.kind() == ErrorKind::InvalidSubcommand
            && let Some(word) = error.get(ContextKind::InvalidSubcommand).map(ToString::to_string)
            && is_like_a_task(&word)
        {
            terminal::tell("hint", &format!("a task or a file is drawn by a command: ecspan show {word}"));
        }
        std::process::exit(error.exit_code())
    });
    place::settle(&mut cli).unwrap_or_else(|problem| refuse(&problem));
    cli
}

/// What was typed makes no sense.
fn refuse(problem: &Problem) -> ! {
    problem.print();
    std::process::exit(problem.exit().code().into())
}

/// Whether somebody who typed this where a command is expected meant a task, an ARN, an address or a file.
fn is_like_a_task(word: &str) -> bool {
    let is_id = word.len() >= 6 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    is_id || word == "-" || word.contains(['/', '\\', '.', ':'])
}

/// A flag or an argument that was typed with nothing as its value, which selects all, or nothing, or the folder at hand: an unset
/// variable shall do none of these. Those that want a `=` say so themselves, and so does a TASK.
fn empty(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let (name, matches) = matches.subcommand()?;
    let args = command.find_subcommand(name)?.get_arguments();
    let mut typed = args.filter(|arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine));
    let empty = typed.find(|arg| {
        let has_word_for_it = arg.is_require_equals_set() || MAY_BE_EMPTY.contains(&arg.get_id().as_str());
        let mut values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
        !has_word_for_it && values.any(OsStr::is_empty)
    })?;
    let word = || empty.get_value_names().and_then(|names| names.first()).map_or_else(String::new, ToString::to_string);
    Some(empty.get_long().map_or_else(word, |long| format!("--{long}")))
}

/// Flags whose value is written behind a `=`, since they have none as well.
fn joined(command: &clap::Command) -> Vec<String> {
    let of = |arg: &clap::Arg| arg.is_require_equals_set().then(|| arg.get_long().map(|long| format!("--{long}")));
    let own = command.get_arguments().filter_map(of).flatten();
    own.chain(command.get_subcommands().flat_map(joined)).collect()
}

/// `deploy prod web`: the cluster that was typed before this service, as a word of its own.
fn cluster_apart(typed: &[OsString], service: &str) -> Option<String> {
    let is_name = |word: &str| !word.is_empty() && !word.starts_with('-') && !word.contains(['/', ':']);
    let words: Vec<_> = typed.iter().map(|word| word.to_string_lossy()).collect();
    let at = words.iter().position(|word| word == "deploy")?;
    let (cluster, next) = (words.get(at + 1)?, words.get(at + 2)?);
    (next == service && is_name(service) && is_name(cluster)).then(|| cluster.to_string())
}

/// Such a flag, and the word behind it that was taken for something else: the unexpected one, else the first.
fn unjoined<'a>(joined: &'a [String], typed: &[OsString], unexpected: &str) -> Option<(&'a str, String)> {
    let words: Vec<_> = typed.iter().map(|word| word.to_string_lossy()).collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let [flag, value] = pair else { return None };
        let flag = joined.iter().find(|known| *known == flag)?;
        (!value.starts_with('-')).then(|| (flag.as_str(), value.to_string()))
    });
    let pairs: Vec<_> = pairs.collect();
    pairs.iter().find(|(_, value)| value == unexpected).or(pairs.first()).cloned()
}

/// An empty variable is an unset one, as OpenTelemetry has it: templates often leave parameters empty.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let unset = |arg: clap::Arg| {
        let is_unset = arg.get_env().is_some_and(is_empty);
        if is_unset { arg.env(clap::builder::Resettable::Reset) } else { arg }
    };
    command.mut_args(unset).mut_subcommands(without_empty_variables)
}

/// Flags that a variable can give, and that variable.
fn variables(command: &clap::Command) -> Vec<(String, String)> {
    let of = |arg: &clap::Arg| Some((format!("--{}", arg.get_long()?), arg.get_env()?.to_string_lossy().into_owned()));
    let own = command.get_arguments().filter_map(of);
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

/// Runs the command and returns how it ended; every problem has been told on stderr by then.
pub(crate) fn run(cli: Cli) -> Exit {
    terminal::choose_color(&cli.global);
    style::choose_zone(&cli.global);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // This thread and one more: one reads and makes while the other asks and sends. More would wake one another for less than that costs,
    // and each keep memory of its own, of a log of a million lines some MiB.
    runtime.worker_threads(1);
    let result = match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            let result = dispatch(&cli).await;
            ecspan::source::aws::farewell().await;
            result
        }),
        Err(error) => Err(Problem::failed(format!("failed to start: {error}"))),
    };
    result.unwrap_or_else(|problem| {
        problem.print();
        problem.exit()
    })
}

async fn dispatch(cli: &Cli) -> Result<Exit, Problem> {
    signals::outlive_full_disks();
    match &cli.command {
        Command::Show(args) => show::run(&cli.global, args).await,
        Command::Export(args) => export::run(&cli.global, args).await,
        Command::Deploy(args) => deploy::run(&cli.global, args).await,
        Command::Stats(args) => stats::run(&cli.global, args).await,
        Command::Resend(args) => resend::run(&cli.global, args).await,
        Command::Doctor(args) => doctor::run(&cli.global, args).await,
        Command::Agent(args) => agent::run(&cli.global, args).await,
        Command::Sidecar(args) => sidecar::run(&cli.global, args).await,
        Command::Worker(args) => worker::run(&cli.global, args).await,
        Command::Lambda(args) => worker::lambda(&cli.global, args).await,
        Command::Ls(args) => ls::run(&cli.global, args).await,
        Command::Record(args) => record::run(&cli.global, args).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_wants_a_sign_before_it_is_told() {
        let joined = joined(&Cli::command());
        let of = |line: &str, unexpected| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            unjoined(&joined, &typed, unexpected).map(|(flag, value)| format!("{flag}={value}"))
        };
        assert_eq!(of("ecspan deploy web --wait --fail-fast 3", "3").as_deref(), Some("--fail-fast=3"));
        assert_eq!(
            of("ecspan deploy --wait started web", "web").as_deref(),
            Some("--wait=started"),
            "taken for the service"
        );
        assert_eq!(of("ecspan deploy web --wait --cluster prod more", "more"), None);
    }

    #[test]
    fn an_empty_value_is_no_value() {
        let of = |line: &str| {
            let typed = line.split(' ').map(|word| word.trim_matches('\''));
            let mut command = Cli::command();
            let matches = command.try_get_matches_from_mut(typed).unwrap_or_else(|error| panic!("{line}: {error}"));
            empty(&command, &matches)
        };
        for (line, named) in [
            ("ecspan export --cluster prod --service ''", Some("--service")),
            ("ecspan export a.json --attr a=b --undelivered ''", Some("--undelivered")),
            ("ecspan --region '' ls", Some("--region")),
            ("ecspan ls --profile=''", Some("--profile")),
            ("ecspan deploy '' --cluster prod", Some("SERVICE")),
            ("ecspan export a.json --attr a=", None),
            ("ecspan show a.json '' --history ''", None),
            ("ecspan deploy web --wait=''", None),
            ("ecspan ls prod --service web", None),
        ] {
            assert_eq!(of(line).as_deref(), named, "{line}");
        }
    }

    #[test]
    fn a_cluster_and_a_service_apart_are_told_how_they_are_written() {
        let of = |line: &str, word| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            cluster_apart(&typed, word)
        };
        assert_eq!(of("ecspan deploy prod web --wait", "web").as_deref(), Some("prod"));
        for line in ["ecspan deploy web --cluster prod more", "ecspan show prod web", "ecspan deploy prod/api web"] {
            assert_eq!(of(line, line.rsplit(' ').next().unwrap_or_default()), None, "{line}");
        }
    }
}
