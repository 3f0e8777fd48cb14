//! The wish that an engine ends, and that it hurries. Main type: [`Stop`].

use std::sync::Arc;

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
/// // Nothing is being sent that could be saved instead.
/// assert!(!stop.hurry());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: CancellationToken,
    hurry: Arc<watch::Sender<bool>>,
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

    /// Asks whoever delivers to send nothing more: what is in hand is saved instead. Whether anybody delivers.
    pub fn hurry(&self) -> bool {
        self.hurry.send_replace(true);
        self.is_delivering()
    }

    /// Whether anybody delivers, who could be asked to hurry.
    pub fn is_delivering(&self) -> bool {
        self.hurry.receiver_count() > 0
    }

    /// Waits until somebody is in a hurry. For as long as this is kept, somebody delivers.
    pub fn hurried(&self) -> impl Future<Output = ()> + Send + use<> + 'static {
        let mut hurry = self.hurry.subscribe();
        async move {
            if hurry.wait_for(|hurry| *hurry).await.is_err() {
                // Nobody is left to ask.
                std::future::pending().await
            }
        }
    }
}
