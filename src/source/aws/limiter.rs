//! How often AWS may be asked, before it has to say no. Main type: [`Limiter`].

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: at most so many calls a second, with a burst.
#[derive(Debug)]
pub(in crate::source) struct Limiter {
    rate: f64,
    burst: f64,
    state: tokio::sync::Mutex<(f64, Instant)>,
}

impl Limiter {
    pub(in crate::source) fn new(rate: u32, burst: u32) -> Self {
        let (rate, burst) = (f64::from(rate), f64::from(burst));
        Self { rate, burst, state: tokio::sync::Mutex::new((burst, Instant::now())) }
    }

    /// Waits until a call may be made. Those who wait do so in order.
    pub(in crate::source) async fn take(&self) {
        let mut state = self.state.lock().await;
        let (tokens, at) = *state;
        let tokens = (tokens + at.elapsed().as_secs_f64() * self.rate).min(self.burst);
        if tokens < 1.0 {
            tokio::time::sleep(Duration::from_secs_f64((1.0 - tokens) / self.rate)).await;
            *state = (0.0, Instant::now());
        } else {
            *state = (tokens - 1.0, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_the_rate_holds() {
        let limiter = Limiter::new(20, 100);
        let start = Instant::now();
        for _ in 0..100 {
            limiter.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..40 {
            limiter.take().await;
        }
        assert_eq!(start.elapsed().as_millis().div_ceil(100), 20);
    }
}
