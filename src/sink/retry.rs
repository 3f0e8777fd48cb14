//! The one retry loop. What may be tried again was decided before, by the transport's classification.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::deliver::{Control, GRACE};
use super::transport::{Answer, Reason, Transport};

/// The first pause; each following one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Sends until there is an answer that is final, or until `deadline` has passed. Returns the last answer and how many
/// attempts it took.
pub(super) async fn send(transport: &Transport, body: Bytes, deadline: Duration, control: &Control) -> (Answer, u64) {
    let give_up = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let answer = tokio::select! {
            answer = transport.send(body.clone()) => answer,
            () = async { control.stop.clone().await; tokio::time::sleep(GRACE).await; } => {
                return (Answer::Unknown { reason: Reason::new("interrupted before an answer came") }, attempts);
            }
        };
        let (after, reason) = match &answer {
            Answer::Accepted { .. } | Answer::Refused { .. } => return (answer, attempts),
            Answer::Retry { after, reason } => (*after, reason),
            Answer::Unknown { reason } => (None, reason),
        };
        // What the receiver asks for is a minimum, not a time to be shortened.
        let wait = after.map_or_else(|| jittered(pause), |after| after.max(Duration::from_millis(1)));
        if Instant::now() + wait >= give_up {
            return (answer, attempts);
        }
        (control.observer)(&format!("{}; trying again for up to {:?}", reason.message, deadline));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = control.stop.clone() => return (answer, attempts),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Between half of `pause` and all of it, so that many senders do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1_000;
    pause / 2 + pause * u32::try_from(random).unwrap_or(0) / 2_000
}
