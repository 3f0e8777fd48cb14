//! The wish that an engine ends. Main type: [`Stop`].

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
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks, once and for all.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Whether somebody has asked.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until somebody asks, or has asked.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + use<> + 'static {
        self.0.clone().cancelled_owned()
    }
}
