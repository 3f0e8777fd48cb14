//! The terminal that the program runs in: where text goes, its width, its characters, its colours.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use ecspan::render::{escape, folded};
use ecspan::source::aws::Ask;

use super::args::{Color, Global};
use super::{env, progress};

/// A pipe gets as many columns, unless `COLUMNS` says how many.
const PIPE_WIDTH: usize = 100;
/// Nothing is drawn in fewer.
const LEAST_WIDTH: usize = 40;

/// Makes `--color` count for everything that is printed from here on.
pub(crate) fn choose_color(global: &Global) {
    match global.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// Tells something on stderr: `label: text`. Text may quote anything, so it is escaped.
pub(crate) fn tell(label: &str, text: &str) {
    let color = match label {
        "error" | "failed" => Some(AnsiColor::Red),
        "warning" | "gap" => Some(AnsiColor::Yellow),
        "hint" => Some(AnsiColor::Cyan),
        _ => None,
    };
    let style = Style::new().bold().fg_color(color.map(Into::into));
    say(&format!("{style}{label}:{style:#} {}", in_words(&escape::text(text), label.len() + 2)));
}

/// Tells a line on stderr that people read. It was escaped before.
pub(crate) fn tell_line(line: &str) {
    say(&in_words(line, 2));
}

/// Text broken between words for the terminal that stderr is, behind a mark of so many columns; one line in a pipe.
fn in_words(text: &str, mark: usize) -> String {
    progress::size().map_or_else(|| text.to_owned(), |(width, _)| broken(text, mark, width))
}

/// Text broken between words for so many columns, of which its lines leave some to a mark before the first one.
pub(crate) fn broken(text: &str, mark: usize, width: usize) -> String {
    folded(text, width.max(LEAST_WIDTH) - mark).join(&format!("\n{}", " ".repeat(mark)))
}

/// Writes a line to stderr, which may be closed: then there is nobody to tell.
pub(crate) fn say(line: &str) {
    // At once: pieces could stand among those of another process that writes there.
    let line = format!("{line}\n");
    let _ = progress::aside(|| anstream::stderr().lock().write_all(line.as_bytes()));
}

/// Asks for a code, where there is a person to ask.
pub(crate) fn asks() -> Option<Ask> {
    let has_person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    has_person.then(|| Arc::new(|device: &str| ask(device)) as Ask)
}

fn ask(device: &str) -> Option<String> {
    progress::aside(|| {
        let mut err = anstream::stderr().lock();
        write!(err, "code of the MFA device {}: ", escape::text(device)).and_then(|()| err.flush()).ok()?;
        let mut code = String::new();
        std::io::stdin().read_line(&mut code).ok()?;
        Some(code.trim().to_owned()).filter(|code| !code.is_empty())
    })
}

/// How many columns there are to draw in.
pub(crate) fn width() -> usize {
    let given = || env::get("COLUMNS")?.parse::<usize>().ok().filter(|width| (LEAST_WIDTH..=1_000).contains(width));
    own_width().or_else(given).unwrap_or(PIPE_WIDTH)
}

/// Whether what goes to stdout and to stderr stands in one log, of which nobody sees anything yet: in one file or pipe, or in that of a CI
/// job, which reads a pipe for each.
pub(crate) fn is_one_log() -> bool {
    let (out, err) = (std::io::stdout(), std::io::stderr());
    if out.is_terminal() || err.is_terminal() {
        return false;
    }
    let is_job = env::get("CI").is_some_and(|ci| ci != "false");
    is_same(&out, &err, is_job)
}

#[cfg(unix)]
fn is_same(out: &impl std::os::fd::AsFd, err: &impl std::os::fd::AsFd, is_job: bool) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let of = |stream: std::os::fd::BorrowedFd<'_>| -> std::io::Result<std::fs::Metadata> {
        std::fs::File::from(stream.try_clone_to_owned()?).metadata()
    };
    let (Ok(out), Ok(err)) = (of(out.as_fd()), of(err.as_fd())) else { return false };
    let are_pipes = out.file_type().is_fifo() && err.file_type().is_fifo();
    (out.dev(), out.ino()) == (err.dev(), err.ino()) || (is_job && are_pipes)
}

#[cfg(not(unix))]
const fn is_same<T, U>(_: &T, _: &U, is_job: bool) -> bool {
    is_job
}

/// How many columns the terminal has; a pipe has none.
pub(crate) fn own_width() -> Option<usize> {
    let size = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0).max(LEAST_WIDTH))
}

/// Whether colours are shown on stdout.
pub(crate) fn has_color() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Whether they are on stderr.
pub(crate) fn has_color_on_stderr() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Whether the locale's characters are Unicode; without any locale they are, as everywhere today.
pub(crate) fn has_unicode(env: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env(name).filter(|value| !value.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_is_set_decides_on_unicode() {
        let with = |pairs: &'static [(&str, &str)]| {
            has_unicode(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[]));
        assert!(with(&[("LANG", "de_DE.UTF-8")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
    }
}
