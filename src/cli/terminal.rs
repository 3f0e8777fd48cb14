//! The terminal that the program runs in: where text goes, its width, its characters, its colours.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use ecspan::render::escape;
use ecspan::source::aws::Ask;

use super::args::{Color, Global};
use super::progress;

/// A pipe gets as many columns.
const PIPE_WIDTH: usize = 100;

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
    say(&format!("{style}{label}:{style:#} {}", escape::text(text)));
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
    own_width().unwrap_or(PIPE_WIDTH)
}

/// How many columns the terminal has; a pipe has none.
pub(crate) fn own_width() -> Option<usize> {
    let size = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0).max(40))
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
