//! What is to be said to AWS should nobody wait for its answer any more: that a query need not go on. Main type: [`Unless`]; main
//! function: [`farewell`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join, join_all};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// So long whoever ends waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

static STATE: Mutex<State> = Mutex::new(State { next: 0, open: BTreeMap::new(), begun: Vec::new() });

struct State {
    next: u64,
    /// What is to be said of what still goes on.
    open: BTreeMap<u64, BoxFuture<'static, ()>>,
    begun: Vec<JoinHandle<()>>,
}

fn with<T>(what: impl FnOnce(&mut State) -> T) -> T {
    what(&mut STATE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Something goes on at AWS, and is told to end when this is dropped, or the run is over, unless it is [over](Unless::over).
pub(in crate::source) struct Unless(u64);

impl Unless {
    pub(in crate::source) fn ended(tell: impl Future<Output = ()> + Send + 'static) -> Self {
        with(|state| {
            state.next += 1;
            state.open.insert(state.next, tell.boxed());
            Self(state.next)
        })
    }

    /// It has ended: nothing is to be said.
    pub(in crate::source) fn over(self) {
        with(|state| state.open.remove(&self.0));
    }
}

impl Drop for Unless {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        with(|state| {
            let Some(tell) = state.open.remove(&self.0) else { return };
            state.begun.retain(|one| !one.is_finished());
            state.begun.push(runtime.spawn(tell));
        });
    }
}

/// Says what is left to say, for a moment: called once, by whoever ends the runtime.
pub async fn farewell() {
    let (open, begun) = with(|state| (std::mem::take(&mut state.open), std::mem::take(&mut state.begun)));
    // Late is as good as never: a query ends by itself.
    let _ = timeout(PATIENCE, join(join_all(open.into_values()), join_all(begun))).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_left_or_still_goes_on_is_told_once_and_what_is_over_is_not() {
        let told = Arc::new(AtomicUsize::new(0));
        let tell = |number: usize| {
            let told = told.clone();
            async move {
                told.fetch_add(number, Ordering::Relaxed);
            }
        };
        Unless::ended(tell(100)).over();
        drop(Unless::ended(tell(10)));
        let goes_on = Unless::ended(tell(1));
        farewell().await;
        drop(goes_on);
        farewell().await;
        assert_eq!(told.load(Ordering::Relaxed), 11);
    }
}
