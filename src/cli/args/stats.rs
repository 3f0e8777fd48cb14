//! What `ecspan stats` takes. Main type: [`StatsArgs`].

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ecspan::model::stats::By;

use super::{HistoryArgs, SelectArgs};

#[derive(Args, Debug)]
pub(crate) struct StatsArgs {
    /// Files of tasks, - for stdin, or tasks by name; without any, all that ECS still knows of --cluster, with --since 7d also those that
    /// it has forgotten
    #[arg(value_name = "TASK|FILE")]
    pub(crate) tasks: Vec<String>,
    /// Read this file of tasks; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Vec<PathBuf>,
    /// Also each of these by itself
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) by: Option<StatsBy>,
    /// How it is printed
    #[arg(long, alias = "output", short_alias = 'o', value_enum, value_name = "FORMAT", default_value_t = StatsFormat::Text)]
    pub(crate) format: StatsFormat,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Width in columns (default: the terminal's width, 100 in a pipe)
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=1_000))]
    pub(crate) width: Option<u16>,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) history: HistoryArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsBy {
    /// The service, else the family
    Service,
    /// The task definition's revision
    Revision,
    /// The availability zone
    Zone,
    /// The day on which they were created
    Day,
}

impl From<StatsBy> for By {
    fn from(by: StatsBy) -> Self {
        match by {
            StatsBy::Service => Self::Service,
            StatsBy::Revision => Self::Revision,
            StatsBy::Zone => Self::Zone,
            StatsBy::Day => Self::Day,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsFormat {
    /// For people
    Text,
    /// For the summary of a CI job
    Markdown,
    /// For scripts
    Json,
}
