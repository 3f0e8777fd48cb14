//! The wish that an engine ends, and that it hurries. Main type: [`Stop`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Asks an engine to end, in its own time: what was done is told. Copies are of one wish.
///
/// ```
/// use ecspan::run::Stop;
///
/// let stop = Stop::new();
/// let engines = stop.clone();
/// assert!(!engines.is_requested());
/// stop.request();
/// assert!(engines.is_requested());
/// // Nobody sends anything that could be saved instead.
/// assert!(!stop.hurry());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: CancellationToken,
    hurry: Arc<Hurry>,
}

#[derive(Debug, Default)]
struct Hurry {
    is_asked: watch::Sender<bool>,
    /// Somebody has delivered, be it that it is done.
    is_heard: AtomicBool,
}

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks, once and for all.
    pub fn request(&self) {
        self.asked.cancel();
    }

    /// Whether somebody has asked.
    pub fn is_requested(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until somebody asks, or has asked.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + use<> + 'static {
        self.asked.clone().cancelled_owned()
    }

    /// Asks whoever delivers to send nothing more: what is in hand is saved instead. Whether anybody delivers, or has: then what became
    /// of it is still to be told.
    pub fn hurry(&self) -> bool {
        self.hurry.is_asked.send_replace(true);
        self.hurry.is_heard.load(Ordering::Relaxed)
    }

    /// Whether anybody delivers, who could be asked to hurry.
    pub fn is_delivering(&self) -> bool {
        self.hurry.is_asked.receiver_count() > 0
    }

    /// Waits until somebody is in a hurry. For as long as this is kept, somebody delivers.
    pub fn hurried(&self) -> impl Future<Output = ()> + Send + use<> + 'static {
        self.hurry.is_heard.store(true, Ordering::Relaxed);
        let mut hurry = self.hurry.is_asked.subscribe();
        async move {
            if hurry.wait_for(|hurry| *hurry).await.is_err() {
                // Nobody is left to ask.
                std::future::pending().await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_has_delivered_is_heard_out() {
        let stop = Stop::new();
        let hurried = stop.hurried();
        assert!(stop.is_delivering() && stop.hurry());
        hurried.await;
        assert!(!stop.is_delivering() && stop.hurry(), "it ended at once, and has yet to be told of");
    }
}
