//! A progress line on stderr, when that is a terminal and work takes over a second. Main type: [`Progress`].

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const WORTH_SHOWING: Duration = Duration::from_secs(1);

/// From the line of the cursor on, all is erased. (Its own line apart from those below: tmux scrolls what an erased whole screen
/// held into its history.)
const ERASE: &str = "\r\x1b7\x1b[2K\x1b[1B\x1b[J\x1b8";

/// What is being drawn, which everything else that is printed must make way for.
static CURRENT: Mutex<Option<Drawn>> = Mutex::new(None);

enum Drawn {
    Line(ProgressBar),
    Block(String),
}

fn current() -> MutexGuard<'static, Option<Drawn>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints while what is drawn is out of the way.
pub(super) fn aside<T>(print: impl FnOnce() -> T) -> T {
    match current().as_ref() {
        Some(Drawn::Line(bar)) => bar.suspend(print),
        Some(Drawn::Block(lines)) if !lines.is_empty() => {
            paint("");
            let printed = print();
            paint(lines);
            printed
        }
        _ => print(),
    }
}

/// Leaves nothing drawn.
pub(super) fn end() {
    match current().take() {
        Some(Drawn::Line(bar)) => bar.finish_and_clear(),
        Some(Drawn::Block(lines)) if !lines.is_empty() => paint(""),
        _ => {}
    }
}

/// Columns and lines of the terminal that stderr is.
pub(super) fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(std::io::stderr())?;
    Some((usize::from(width.0), usize::from(height.0)))
}

/// Puts these lines in the place of those before, and the cursor back to where they begin. A terminal whose size changes moves the
/// cursor with the text that it stands in, whether it wraps that text anew or not: so nothing above the cursor is ever touched, and
/// no lines are counted that may have become others. (`indicatif` leaves the cursor behind the last line, and counts.)
fn paint(lines: &str) {
    let height = size().map_or(0, |(_, height)| height);
    let lines: Vec<&str> = lines.lines().take(height.saturating_sub(1)).collect();
    let mut text = ERASE.to_owned();
    if !lines.is_empty() {
        // What is too wide is cut by the terminal: one line is one row.
        text += &format!("\x1b[?7l{}\x1b[?7h\r", lines.join("\r\n"));
    }
    if lines.len() > 1 {
        text += &format!("\x1b[{}A", lines.len() - 1);
    }
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Lines at the foot of the terminal that are drawn anew, and for which all else that is printed makes way.
pub(super) struct Block(());

impl Block {
    /// Nothing is drawn yet.
    pub(super) fn start() -> Self {
        *current() = Some(Drawn::Block(String::new()));
        Self(())
    }

    /// Draws these lines in the place of those before.
    pub(super) fn draw(&self, lines: String) {
        let mut current = current();
        paint(&lines);
        *current = Some(Drawn::Block(lines));
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        end();
    }
}

/// Counts what is done.
pub(super) struct Progress {
    bar: ProgressBar,
    show: tokio::task::JoinHandle<()>,
}

impl Progress {
    /// Starts to count.
    pub(super) fn start(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let later = bar.clone();
        let show = tokio::spawn(async move {
            tokio::time::sleep(WORTH_SHOWING).await;
            // Draws nothing when stderr is no terminal.
            later.set_draw_target(ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} ({elapsed}){prefix}") {
                later.set_style(style);
            }
            later.set_message(what);
            later.enable_steady_tick(Duration::from_millis(200));
            *current() = Some(Drawn::Line(later));
        });
        Self { bar, show }
    }

    /// What else is to be said of how far it is.
    pub(super) fn tell(&self, how_far: &str) {
        self.bar.set_prefix(format!(", {how_far}"));
    }

    /// One more is done.
    pub(super) fn advance(&self) {
        self.advance_by(1);
    }

    /// So many more are done.
    pub(super) fn advance_by(&self, more: usize) {
        self.bar.inc(more as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show.abort();
        current().take();
        self.bar.finish_and_clear();
    }
}
