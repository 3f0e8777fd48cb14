//! A progress line on stderr, when that is a terminal and work takes over a second.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const WORTH_SHOWING: Duration = Duration::from_secs(1);

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
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {pos} ({elapsed})") {
                later.set_style(style);
            }
            later.set_message(what);
            later.enable_steady_tick(Duration::from_millis(200));
        });
        Self { bar, show }
    }

    /// One more is done.
    pub(super) fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show.abort();
        self.bar.finish_and_clear();
    }
}
