//! Where reports go: to stdout and into files. Main function: [`print`].

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ecspan::render::report::{self, Report};

use crate::cli::args::{DeployArgs, Global, ReportFormat};
use crate::cli::destinations::target;
use crate::cli::problem::Problem;
use crate::cli::show::plain_style;
use crate::cli::terminal;

/// Columns of a report in a file.
const FILE_WIDTH: u16 = 100;

/// The files that `--report-file` names, each with its format.
pub(super) fn files(args: &DeployArgs) -> Result<Vec<(ReportFormat, PathBuf)>, Problem> {
    if args.report != ReportFormat::None {
        for to in &args.to {
            if matches!(target(to)?, ecspan::sink::Target::Stdout) {
                return Err(Problem::usage("--to file:- and the report would both be on stdout")
                    .hint("--report none, with --report-file FORMAT:PATH".to_owned()));
            }
        }
    }
    args.report_file.iter().map(|given| file(given)).collect()
}

fn file(given: &str) -> Result<(ReportFormat, PathBuf), Problem> {
    let named =
        given.split_once(':').and_then(|(format, path)| Some((ReportFormat::from_str(format, true).ok()?, path)));
    let (format, path) = match named {
        Some((format, path)) => (Some(format), path),
        None => {
            let format = match Path::new(given).extension().and_then(|extension| extension.to_str()) {
                Some("html" | "htm") => Some(ReportFormat::Html),
                Some("json") => Some(ReportFormat::Json),
                Some("md" | "markdown") => Some(ReportFormat::Markdown),
                Some("txt") => Some(ReportFormat::Text),
                _ => None,
            };
            (format, given)
        }
    };
    let hint =
        "FORMAT:PATH with text, markdown, html or json; or a PATH that ends in .txt, .md, .html or .json".to_owned();
    let format = format.filter(|format| *format != ReportFormat::None && !path.is_empty());
    let format = format.ok_or_else(|| Problem::usage(format!("--report-file {given}: of which format?")).hint(hint))?;
    let path = PathBuf::from(path);
    // A rollout may be waited for, for ten minutes, before anything is written.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        return Err(Problem::usage(format!("--report-file {given}: it is a folder, or there is none for it"))
            .hint("name a file in a folder that is there".to_owned()));
    }
    Ok((format, path))
}

/// Prints the report and writes its files.
pub(super) fn print(
    global: &Global,
    args: &DeployArgs,
    drawn: &Report<'_>,
    files: &[(ReportFormat, PathBuf)],
) -> Result<(), Problem> {
    let style = plain_style(global, args.width, args.ascii);
    terminal::print(&draw(args.report, drawn, &style))?;
    let plain = ecspan::render::Style {
        color: false,
        ..plain_style(global, Some(args.width.unwrap_or(FILE_WIDTH)), args.ascii)
    };
    for (format, path) in files {
        std::fs::write(path, draw(*format, drawn, &plain))
            .map_err(|error| Problem::failed(format!("failed to write the report {}: {error}", path.display())))?;
    }
    Ok(())
}

fn draw(format: ReportFormat, drawn: &Report<'_>, style: &ecspan::render::Style) -> String {
    match format {
        ReportFormat::Text => report::text(drawn, style),
        ReportFormat::Markdown => report::markdown(drawn, style),
        ReportFormat::Html => report::html(drawn, style),
        ReportFormat::Json => report::json(drawn, style),
        ReportFormat::None => String::new(),
    }
}
