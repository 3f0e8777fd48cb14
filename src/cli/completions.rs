//! `ecspan completions`.

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::terminal;

pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ecspan", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))
}
