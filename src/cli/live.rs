//! What goes on, drawn at the foot of the terminal while it goes on. Main type: [`Live`].
//!
//! Everything that is printed makes way for it (`progress::aside`), and what scrolls by above stays in the terminal's own scrollback.
//! `ratatui`'s inline viewport would be a second owner of the terminal, with raw mode and its own handling of Ctrl-C, and some
//! twenty crates; `indicatif` erases what it did not draw when a window gets another width.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::env;
use super::progress::{self, Block};

/// What is drawn to the clock grows this often.
const TICK: Duration = Duration::from_millis(500);
/// Lower ones have no room for anything beside.
const LEAST_HEIGHT: usize = 10;
/// What is drawn for as many columns is cut in a narrower one.
const LEAST_WIDTH: usize = 40;

/// Draws what it is given for so many columns and lines.
type Draw = Box<dyn Fn(usize, usize) -> String + Send>;

/// Lines that are drawn anew twice a second, until this is dropped.
pub(super) struct Live {
    state: Arc<Mutex<State>>,
    ticks: tokio::task::JoinHandle<()>,
}

struct State {
    /// Gone once nothing is to be drawn any more.
    block: Option<Block>,
    draw: Option<Draw>,
}

impl State {
    fn draw(&self) {
        // The size is asked each time: a window may be given another.
        if let (Some(block), Some(draw), Some((width, height))) = (&self.block, &self.draw, progress::size()) {
            block.draw(draw(width.max(LEAST_WIDTH), height.saturating_sub(2)).trim_end().to_owned());
        }
    }
}

impl Live {
    /// Draws once there is something; `None` where stderr is no terminal, or one that cannot.
    pub(super) fn start() -> Option<Self> {
        let is_able = std::io::stderr().is_terminal() && env::get("TERM").as_deref() != Some("dumb");
        if !is_able || progress::size().is_none_or(|(_, height)| height < LEAST_HEIGHT) {
            return None;
        }
        let state = Arc::new(Mutex::new(State { block: Some(Block::start()), draw: None }));
        let drawn = state.clone();
        let ticks = tokio::spawn(async move {
            loop {
                drawn.lock().unwrap_or_else(PoisonError::into_inner).draw();
                tokio::time::sleep(TICK).await;
            }
        });
        Some(Self { state, ticks })
    }

    /// Draws so from now on.
    pub(super) fn set(&self, draw: impl Fn(usize, usize) -> String + Send + 'static) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.draw = Some(Box::new(draw));
        state.draw();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.ticks.abort();
        // Here and now: what is printed next stands where the lines were.
        self.state.lock().unwrap_or_else(PoisonError::into_inner).block = None;
    }
}
