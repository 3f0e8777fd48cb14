//! `ecspan man`: the manual pages, made of the definition of the arguments.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Cli, ManArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::stdout;

pub(super) fn run(args: &ManArgs) -> Result<Exit, Problem> {
    let mut ecspan = Cli::command().disable_help_subcommand(true);
    // Names the pages of commands: ecspan-show.
    ecspan.build();
    if let Some(dir) = &args.dir {
        let failed = |error| Problem::failed(format!("failed to write the pages to {}: {error}", dir.display()));
        return write_all(&ecspan, dir).map(|()| Exit::Success).map_err(failed);
    }
    let command = match &args.name {
        None => &ecspan,
        Some(name) => ecspan.find_subcommand(name).ok_or_else(|| {
            let names: Vec<&str> = ecspan.get_subcommands().map(Command::get_name).collect();
            Problem::usage(format!("there is no command {name}")).hint(format!("one of {}", names.join(", ")))
        })?,
    };
    let text = page(command).map_err(|error| Problem::failed(format!("failed to make the page: {error}")))?;
    stdout::print(&text)
}

/// What stands below the options has sections as manuals have them; clap_mangen calls all of it EXTRA.
const SECTIONS: [(&str, &str); 3] = [
    ("\n.SH EXTRA\n", "\n.SH TASKS\n"),
    ("\nExamples:\n", "\n.SH EXAMPLES\n"),
    ("\nExit codes: ", "\n.SH \"EXIT STATUS\"\n"),
];

fn man(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("ecspan ", env!("CARGO_PKG_VERSION")))
}

fn page(command: &Command) -> io::Result<String> {
    let mut text = Vec::new();
    man(command).render(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(SECTIONS.iter().fold(text, |text, (made, named)| text.replace(made, named)))
}

fn write_all(ecspan: &Command, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    std::iter::once(ecspan)
        .chain(ecspan.get_subcommands())
        .try_for_each(|command| std::fs::write(dir.join(man(command).get_filename()), page(command)?))
}
