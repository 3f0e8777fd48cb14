//! Where reports go: to stdout and into files. Main function: [`print`].

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ecspan::render::report::{self, Report};

use crate::cli::args::{DeployArgs, Global, ReportFormat};
use crate::cli::destinations::target;
use crate::cli::problem::Problem;
use crate::cli::stdout;
use crate::cli::style::plain_style;

/// Columns of a report in a file.
const FILE_WIDTH: u16 = 100;

/// What is printed, and the files that are written.
pub(super) struct Outputs {
    printed: ReportFormat,
    files: Vec<(ReportFormat, PathBuf)>,
}

impl Outputs {
    /// Whether what a person reads on stdout ends with the trace's id.
    pub(super) fn names_trace(&self) -> bool {
        self.printed == ReportFormat::Text
    }
}

/// What `--report` and `--report-file` name.
pub(super) fn outputs(args: &DeployArgs) -> Result<Outputs, Problem> {
    let is_format = |given: &&String| ReportFormat::from_str(given, true).is_ok();
    let (formats, files): (Vec<&String>, Vec<&String>) = args.report.iter().partition(is_format);
    let printed = match formats.as_slice() {
        [] => ReportFormat::Text,
        [one] => ReportFormat::from_str(one, true).unwrap_or(ReportFormat::Text),
        [one, other, ..] => {
            return Err(Problem::usage(format!("--report {one} and --report {other}: one format is printed"))
                .hint(format!("--report {one} --report-file {other}:PATH")));
        }
    };
    if printed != ReportFormat::None {
        for to in &args.to {
            if matches!(target(to)?, ecspan::sink::Target::Stdout) {
                return Err(Problem::usage("--to file:- and the report would both be on stdout")
                    .hint("--report none, with --report-file FORMAT:PATH".to_owned()));
            }
        }
    }
    let files = files.into_iter().map(|given| file("--report", given));
    let files = files.chain(args.report_file.iter().map(|given| file("--report-file", given)));
    Ok(Outputs { printed, files: files.collect::<Result<_, _>>()? })
}

fn file(flag: &str, given: &str) -> Result<(ReportFormat, PathBuf), Problem> {
    let named =
        given.split_once(':').and_then(|(format, path)| Some((ReportFormat::from_str(format, true).ok()?, path)));
    let (format, path) = match named {
        Some((format, path)) => (Some(format), path),
        None => {
            let extension = Path::new(given).extension().and_then(|extension| extension.to_str());
            let format = match extension.map(str::to_ascii_lowercase).as_deref() {
                Some("html" | "htm") => Some(ReportFormat::Html),
                Some("json") => Some(ReportFormat::Json),
                Some("md" | "markdown") => Some(ReportFormat::Markdown),
                Some("txt") => Some(ReportFormat::Text),
                _ => None,
            };
            (format, given)
        }
    };
    let of_stdout =
        if flag == "--report" { "text, markdown, html, json or none is printed; into a file: " } else { "" };
    let hint = format!(
        "{of_stdout}FORMAT:PATH with text, markdown, html or json; or a PATH that ends in .txt, .md, .html or .json"
    );
    let format = format.filter(|format| *format != ReportFormat::None && !path.is_empty());
    let format = format.ok_or_else(|| Problem::usage(format!("{flag} {given}: of which format?")).hint(hint))?;
    if path == "-" {
        let printed = format.to_possible_value().map_or_else(String::new, |format| format.get_name().to_owned());
        return Err(Problem::usage(format!("{flag} {given}: a file is named, and - is stdout"))
            .hint(format!("--report {printed} prints it")));
    }
    let path = PathBuf::from(path);
    // A rollout may be waited for, for ten minutes, before anything is written.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        return Err(Problem::usage(format!("{flag} {given}: it is a folder, or there is none for it"))
            .hint("name a file in a folder that is there".to_owned()));
    }
    Ok((format, path))
}

/// Prints the report and writes its files, whatever becomes of either: nobody may read stdout any more. `is_told`: in the log that it
/// stands in.
pub(super) fn print(
    global: &Global,
    args: &DeployArgs,
    drawn: &Report<'_>,
    outputs: &Outputs,
    is_told: bool,
) -> Result<(), Problem> {
    let style = plain_style(global, args.width, args.ascii);
    let printed = stdout::print(&draw(outputs.printed, &Report { is_told, ..*drawn }, &style));
    let plain = ecspan::render::Style {
        color: false,
        ..plain_style(global, Some(args.width.unwrap_or(FILE_WIDTH)), args.ascii)
    };
    let mut problems = outputs.files.iter().filter_map(|(format, path)| {
        let error = std::fs::write(path, draw(*format, drawn, &plain)).err()?;
        Some(Problem::failed(format!("failed to write the report {}: {error}", path.display())))
    });
    if let Some(first) = problems.next() {
        problems.for_each(|problem| problem.print());
        return Err(first);
    }
    printed.map(drop)
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
