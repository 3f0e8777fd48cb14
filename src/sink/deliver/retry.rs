//! The one retry loop: attempts at a request until it is accepted, refused or out of time, and its halves when it was
//! too large. Main function: [`deliver`].

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, pending};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fate::{Delivered, Fate};
use crate::defect::caught;
use crate::model::duration::tenths;
use crate::sink::otlp::encode::Request;
use crate::sink::reason::Reason;
use crate::sink::request::outgoing::HasLeft;
use crate::sink::request::transport::{self, Answer, TooLarge, Transport};

/// Told of each attempt that failed and will be repeated: why, and after which pause.
pub(crate) type OnRetry = Arc<dyn Fn(&Reason, Duration) + Send + Sync>;

/// Ready when the run is to end: since when.
pub(crate) type StoppedSince = Shared<BoxFuture<'static, Instant>>;

/// Ready when nothing is to be sent any more: what is in hand is saved.
pub(crate) type Hurried = Shared<BoxFuture<'static, ()>>;

/// Time to send what is in hand when the run is to end. Within five seconds it must also be saved.
pub(crate) const GRACE: Duration = Duration::from_secs(4);

/// How long and how often a request is tried.
#[derive(Clone)]
pub(crate) struct Policy {
    /// Time for one attempt.
    pub(crate) timeout: Duration,
    /// Time for all attempts at one request.
    pub(crate) deadline: Duration,
    /// The pause after the first attempt; it doubles with each.
    pub(crate) first_pause: Duration,
    /// The longest pause.
    pub(crate) longest_pause: Duration,
    pub(crate) on_retry: Option<OnRetry>,
    /// The same again does no harm, so that it is sent when nobody knows whether it has arrived.
    pub(crate) is_idempotent: bool,
    /// Once it is ready nothing is repeated, and what is under way has [`GRACE`].
    pub(crate) stop: StoppedSince,
    /// Once it is ready nothing is sent.
    pub(crate) hurried: Hurried,
    /// Set while the receiver is down: a request has failed for its whole deadline, and none succeeded since. The next ones
    /// are tried once, or a long export to a dead receiver would wait as long for each.
    pub(crate) is_down: Arc<AtomicBool>,
}

impl Policy {
    pub(crate) fn new(timeout: Duration, deadline: Duration) -> Self {
        let (first_pause, longest_pause) = (Duration::from_millis(500), Duration::from_secs(10));
        let (stop, hurried, is_down) = (pending().boxed().shared(), pending().boxed().shared(), Arc::default());
        Self {
            timeout,
            deadline,
            first_pause,
            longest_pause,
            on_retry: None,
            is_idempotent: true,
            stop,
            hurried,
            is_down,
        }
    }

    /// Since when the run is to end, if it is.
    fn stopped(&self) -> Option<Instant> {
        // Its `peek` would know only what somebody has waited for.
        self.stop.clone().now_or_never()
    }

    /// Whether there is no time left to send anything.
    fn is_over(&self) -> bool {
        self.hurried.clone().now_or_never().is_some() || self.stopped().is_some_and(|since| since.elapsed() >= GRACE)
    }
}

/// Below this, a refusal that only perhaps means the size means something else: every receiver takes such a request.
const SURELY_SMALL: usize = 64 * 1024;

/// Sends a request until its fate is known.
pub(crate) async fn deliver(transport: &dyn Transport, policy: &Policy, request: Request) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    let mut waiting = VecDeque::from([request]);
    while let Some(mut request) = waiting.pop_front() {
        let body = match caught(|| request.encode(transport.format())) {
            Ok(body) => body,
            Err(detail) => {
                let fate = Fate::Undelivered { reason: Reason::Defect { detail } };
                delivered.push(Delivered { request, attempts: 0, bytes: 0, fate });
                continue;
            }
        };
        let (size, items) = (body.len(), request.items());
        let (attempts, answer) = last_answer(transport, policy, body).await;
        let fate = match answer {
            Answer::Accepted { rejected, message } => Fate::Accepted { rejected: rejected.min(items), message },
            Answer::Doubtful { reason } | Answer::Unknown { reason } => Fate::Unknown { reason },
            Answer::Retry { reason, .. } | Answer::Refused { reason, too_large: TooLarge::No } => {
                Fate::Undelivered { reason }
            }
            Answer::Refused { reason, too_large: TooLarge::Perhaps } if size < SURELY_SMALL => {
                // Not the size, so the other halves fare no better: a receiver out of quota is left alone.
                for request in waiting.drain(..) {
                    let fate = Fate::Undelivered { reason: reason.clone() };
                    delivered.push(Delivered { request, attempts: 0, bytes: 0, fate });
                }
                Fate::Undelivered { reason }
            }
            Answer::Refused { reason, too_large: TooLarge::Perhaps | TooLarge::Yes } => {
                match request.only_item().map(str::to_owned) {
                    Some(span) => {
                        let reason = Reason::SpanTooLarge { span, last: Box::new(reason) };
                        Fate::Unacceptable { reason }
                    }
                    None => match request.clone().halves() {
                        Some((first, second)) => {
                            waiting.push_front(second);
                            waiting.push_front(first);
                            request = Request::default();
                            Fate::Split
                        }
                        None => Fate::Undelivered { reason },
                    },
                }
            }
        };
        delivered.push(Delivered { request, attempts, bytes: size as u64, fate });
    }
    delivered
}

/// Attempts at one body, until there is an answer that counts, or time is up. How many there were, and the last answer, whose reason
/// says why there were no more.
pub(super) async fn last_answer(transport: &dyn Transport, policy: &Policy, body: Bytes) -> (u64, Answer) {
    if policy.is_over() {
        return (0, Answer::refused(Reason::NotSent));
    }
    // What a receiver asks for may be any number: times are compared by what is left, and never added up.
    let begin = Instant::now();
    let left = || policy.deadline.saturating_sub(begin.elapsed());
    let was_down = policy.is_down.load(Ordering::Relaxed);
    let mut may_have_arrived = false;
    let mut attempts = 0;
    let mut before: Option<Reason> = None;
    loop {
        let answer = once(transport, policy, body.clone(), left()).await;
        let might_have_arrived = may_have_arrived;
        attempts += 1;
        let (after, last) = match answer {
            Answer::Retry { reason: Reason::CutShort, .. } if !may_have_arrived => {
                return (attempts, Answer::retry(Reason::CutShort));
            }
            Answer::Retry { reason: Reason::CutShort, .. } | Answer::Unknown { reason: Reason::CutShort } => {
                return (attempts, Answer::Unknown { reason: Reason::CutShort });
            }
            Answer::Retry { after, reason } => (after, reason),
            Answer::Unknown { reason } if policy.is_idempotent => {
                may_have_arrived = true;
                (None, reason)
            }
            answer => {
                if matches!(answer, Answer::Accepted { .. }) {
                    policy.is_down.store(false, Ordering::Relaxed);
                }
                return (attempts, answer);
            }
        };
        // What was cut short by the end of all attempts says less than what was met before; that another protocol may be spoken
        // is not to depend on chance.
        let last = match (last, before.take()) {
            (Reason::NoAnswer { after, .. }, Some(before))
                if after < policy.timeout
                    && (might_have_arrived == may_have_arrived || before.puts_protocol_in_doubt()) =>
            {
                before
            }
            (last, _) => last,
        };
        before = Some(last.clone());
        // "At once" from everybody's mouth would be a storm.
        let asked = after.filter(|after| !after.is_zero());
        let pause = asked.unwrap_or_else(|| backoff(policy, attempts, random()));
        let (deadline, last) = (policy.deadline, Box::new(last));
        let reason = if was_down && policy.is_down.load(Ordering::Relaxed) {
            Reason::StillDown { deadline, last }
        } else if pause < left() {
            if let (Some(on_retry), None) = (&policy.on_retry, policy.stopped()) {
                on_retry(&last, pause);
            }
            tokio::select! {
                biased;
                _ = policy.stop.clone() => Reason::Interrupted { last },
                () = policy.hurried.clone() => Reason::Interrupted { last },
                () = sleep(pause) => continue,
            }
        } else if let Some(wait) = asked {
            Reason::WaitTooLong { deadline, wait, last }
        } else {
            policy.is_down.store(true, Ordering::Relaxed);
            Reason::GaveUp { deadline, last }
        };
        return (attempts, if may_have_arrived { Answer::Unknown { reason } } else { Answer::retry(reason) });
    }
}

/// One attempt, in the time that it has.
async fn once(transport: &dyn Transport, policy: &Policy, body: Bytes, left: Duration) -> Answer {
    let time = policy.timeout.min(left);
    let stopped = async {
        let since = policy.stop.clone().await;
        sleep_until(since + GRACE).await;
    };
    let has_left = HasLeft::default();
    let reason = tokio::select! {
        answer = timeout(time, transport::attempt(transport, body, has_left.clone())) => match answer {
            Ok(answer) => return answer,
            // The same reason is told once, for all requests that met it.
            Err(_) => Reason::NoAnswer { after: if time < policy.timeout { tenths(time) } else { time }, proxy: transport.proxy() },
        },
        () = stopped => Reason::NoAnswer { after: GRACE, proxy: transport.proxy() },
        () = policy.hurried.clone() => Reason::CutShort,
    };
    if has_left.get() { Answer::Unknown { reason } } else { Answer::retry(reason) }
}

/// The pause after so many attempts: doubling, up to the longest, and between half and all of that.
fn backoff(policy: &Policy, attempts: u64, random: f64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    let pause = policy.first_pause.saturating_mul(1 << doublings).min(policy.longest_pause);
    pause.mul_f64(0.5 + random / 2.0)
}

/// A number from 0 to 1: the standard library's hash seeds are random enough to keep workers from marching in step.
fn random() -> f64 {
    let bits = RandomState::new().hash_one(0);
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
