//! A progress line on stderr, when that is a terminal and work takes over a second. Main type: [`Progress`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const WORTH_SHOWING: Duration = Duration::from_secs(1);

/// The line that is being drawn, which everything else that is printed must make way for.
static CURRENT: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints while the progress line is out of the way.
pub(super) fn aside<T>(print: impl FnOnce() -> T) -> T {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    match current.as_ref() {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Lines at the foot of the terminal that are drawn anew, and for which all else that is printed makes way.
pub(super) struct Block(ProgressBar);

impl Block {
    /// Nothing is drawn yet.
    pub(super) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self(bar)
    }

    /// Draws these lines in the place of those before.
    pub(super) fn draw(&self, lines: String) {
        self.0.set_message(lines);
        self.0.tick();
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        CURRENT.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.0.finish_and_clear();
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
            *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(later);
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
        CURRENT.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.bar.finish_and_clear();
    }
}
