//! The command line: what was typed, what it resolves to, one file a command, errors and exit codes.
//!
//! Everything that prints lives here: data goes to stdout, all else to stderr.

mod agent;
mod args;
mod closing;
mod completions;
mod deploy;
mod destinations;
mod doctor;
mod env;
mod exit;
mod export;
mod lambda;
mod log;
mod ls;
mod meters;
mod pieces;
mod problem;
mod progress;
mod record;
mod resend;
mod retries;
mod show;
mod sidecar;
mod signals;
mod tasks;
mod terminal;
mod watch;
mod worker;

pub(crate) use args::Cli;
use args::Command;
use clap::Parser;
pub(crate) use exit::Exit;

/// Reads the command line; what makes no sense ends the program. The bootstrap of a Lambda function is started without
/// arguments.
pub(crate) fn parse() -> Cli {
    if std::env::args_os().len() > 1 || env::get(args::LAMBDA_RUNTIME_API).is_none() {
        return Cli::parse();
    }
    Cli::try_parse_from(["ecspan", "lambda"]).unwrap_or_else(|error| {
        let _ = error.print();
        terminal::tell("hint", "a function is set by variables: --logs is ECSPAN_LOGS, --to is ECSPAN_TO, and so on");
        std::process::exit(error.exit_code())
    })
}

/// Runs the command and returns how it ended; every problem has been told on stderr by then.
pub(crate) fn run(cli: Cli) -> Exit {
    terminal::choose_color(&cli.global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(&cli)),
        Err(error) => Err(problem::Problem::failed(format!("failed to start: {error}"))),
    };
    result.unwrap_or_else(|problem| {
        problem.print();
        problem.exit()
    })
}

async fn dispatch(cli: &Cli) -> Result<Exit, problem::Problem> {
    match &cli.command {
        Command::Show(args) => show::run(&cli.global, args).await,
        Command::Export(args) => export::run(&cli.global, args).await,
        Command::Deploy(args) => deploy::run(&cli.global, args).await,
        Command::Resend(args) => resend::run(&cli.global, args).await,
        Command::Doctor(args) => doctor::run(&cli.global, args).await,
        Command::Agent(args) => agent::run(&cli.global, args).await,
        Command::Sidecar(args) => sidecar::run(&cli.global, args).await,
        Command::Worker(args) => worker::run(&cli.global, args).await,
        Command::Lambda(args) => lambda::run(&cli.global, args).await,
        Command::Ls(args) => ls::run(&cli.global, args).await,
        Command::Record(args) => record::run(&cli.global, args).await,
        Command::Completions(args) => completions::run(args),
    }
}
