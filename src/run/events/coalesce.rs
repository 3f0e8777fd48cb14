//! Calls that take many things at once, for those who have one each. Main type: [`Coalesce`].
//!
//! Nobody waits for company that is not there: while fewer calls are under way than may be, a thing goes at once, with those that
//! had nothing else to wait for either (the messages that one call brought come one right after the other); else it waits, and the
//! next call takes all that wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, oneshot};
use tokio::task::yield_now;

/// Things that wait for a call, and calls that are under way.
#[derive(Debug)]
pub(super) struct Coalesce<T, R> {
    waiting: Mutex<Vec<Waiting<T, R>>>,
    numbers: AtomicU64,
    /// Calls that may be under way besides those that are.
    free: Semaphore,
    most: usize,
}

#[derive(Debug)]
struct Waiting<T, R> {
    number: u64,
    one: T,
    tell: oneshot::Sender<R>,
}

impl<T, R> Coalesce<T, R> {
    /// So many calls at once, of so many things at most.
    pub(super) fn new(calls: usize, most: usize) -> Self {
        Self { waiting: Mutex::default(), numbers: AtomicU64::default(), free: Semaphore::new(calls), most }
    }

    /// Sends one thing in a call with others that wait; `call` gives a result for each, in their order. `None`: whoever made
    /// the call was cut off.
    pub(super) async fn join<F>(&self, one: T, call: impl Fn(Vec<T>) -> F) -> Option<R>
    where
        F: Future<Output = Vec<R>>,
    {
        let (tell, mut told) = oneshot::channel();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { number, one, tell });
        // Those that are about to come, come.
        yield_now().await;
        loop {
            let place = tokio::select! {
                biased;
                result = &mut told => return result.ok(),
                place = self.free.acquire() => place.ok()?,
            };
            let group: Vec<_> = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let is_ours_there = waiting.iter().any(|other| other.number == number);
                let most = if is_ours_there { self.most.min(waiting.len()) } else { 0 };
                waiting.drain(..most).map(|waiting| (waiting.one, waiting.tell)).collect()
            };
            if group.is_empty() {
                // Ours is on its way; the others make their own calls.
                drop(place);
                return told.await.ok();
            }
            let (things, tells): (Vec<T>, Vec<_>) = group.into_iter().unzip();
            let results = call(things).await;
            drop(place);
            for (tell, result) in tells.into_iter().zip(results) {
                // Whoever does not wait any more does not want to know.
                let _ = tell.send(result);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_are_ready_go_together_at_once_each_with_its_own_result() {
        let coalesce = Coalesce::new(1, 10);
        let calls = Mutex::new(vec![]);
        let call = async |group: Vec<u32>| {
            calls.lock().unwrap().push(group.clone());
            group.into_iter().map(|one| one * 10).collect::<Vec<_>>()
        };
        let results = join_all((0..8).map(|one| coalesce.join(one, &call))).await;
        assert_eq!(results, (0..8).map(|one| Some(one * 10)).collect::<Vec<_>>());
        assert_eq!(*calls.lock().unwrap(), [(0..8).collect::<Vec<_>>()]);
    }

    #[tokio::test]
    async fn one_alone_waits_for_nobody_and_those_who_come_meanwhile_go_together() {
        let coalesce = Coalesce::new(1, 3);
        let (calls, open) = (Mutex::new(vec![]), Notify::new());
        let call = async |group: Vec<u32>| {
            calls.lock().unwrap().push(group.clone());
            if group == [0] {
                open.notified().await;
            }
            group.into_iter().map(|one| one * 10).collect::<Vec<_>>()
        };
        let mut first = Box::pin(coalesce.join(0, &call));
        while calls.lock().unwrap().is_empty() {
            assert!(futures::poll!(&mut first).is_pending());
            yield_now().await;
        }
        let others = join_all((1..8).map(|one| coalesce.join(one, &call)));
        let (first, others, ()) = futures::join!(first, others, async { open.notify_one() });
        assert_eq!(first, Some(0));
        assert_eq!(others, (1..8).map(|one| Some(one * 10)).collect::<Vec<_>>());
        assert_eq!(*calls.lock().unwrap(), [vec![0], vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    }

    #[tokio::test]
    async fn those_whose_call_was_cut_off_are_told_and_its_place_is_free() {
        let coalesce = Coalesce::new(1, 3);
        let place = coalesce.free.acquire().await.unwrap();
        let mut first = Box::pin(coalesce.join(0, |_| std::future::pending::<Vec<u32>>()));
        let mut second = Box::pin(coalesce.join(1, |_| std::future::pending()));
        for _ in 0..2 {
            assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
            yield_now().await;
        }
        drop(place);
        assert!(futures::poll!(&mut first).is_pending() && coalesce.waiting.lock().unwrap().is_empty());
        drop(first);
        assert_eq!(second.await, None);
        assert_eq!(coalesce.join(2, async |group| group).await, Some(2));
    }
}
