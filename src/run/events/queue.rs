//! EventBridge events from an SQS queue, for ever: received, held, deleted or given back. Any number of workers share a queue;
//! none keeps a state. What is done with an event is the parent module's part. Main function: [`run`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{join, join_all};
use futures::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::coalesce::Coalesce;
use super::{Done, EventConfig, Exported, Exporter, Incoming, Settling};
use crate::hint::Hint;
use crate::run::meters::MessageFate;
use crate::run::notice::{Notice, Stopping, Teller};
use crate::run::stop::Stop;
use crate::source::aws::AwsError;
use crate::source::sqs::{self, Message, Queue, Receipt};

/// A message that is being worked on is hidden again so often in the time that it is hidden for.
const HOLDS: u32 = 3;
/// So long a call for messages waits for more room than for one: ten cost as much as one.
const LINGER: Duration = Duration::from_millis(10);
/// Calls that delete, at once.
const DELETES: usize = 4;
/// The pause after SQS did not answer, and the longest one, however often it did not.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// And the last metrics so long.
const LAST_EXPORT: Duration = Duration::from_secs(5);
/// Told to stop: work in hand has so long. ECS kills after 30 s.
const DRAIN: Duration = Duration::from_secs(20);
/// In a hurry, what is in hand is given back within this.
const HURRY: Duration = Duration::from_secs(1);

/// What a worker works with.
#[derive(Debug)]
pub struct QueueConfig {
    /// Where messages come from.
    pub queue: Queue,
    /// So many messages are worked on at once.
    pub concurrency: usize,
    /// So long is a message hidden from other workers; a killed worker's messages come back after it.
    pub visibility_timeout: Duration,
    /// What is done with events.
    pub events: EventConfig,
}

/// What a worker did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Drained {
    /// Messages that were received.
    pub messages: u64,
    /// Messages that were given back undone.
    pub given_back: u64,
    /// The queue has answered, be it without a message.
    pub queue_answered: bool,
    /// What became of their tasks.
    pub exported: Exported,
}

/// Works on what the queue holds until told to stop, and then finishes what is in hand.
pub async fn run(config: QueueConfig, stop: Stop, notices: Teller) -> Drained {
    let QueueConfig { queue, concurrency, visibility_timeout, events } = config;
    let (url, only) = (queue.url().to_owned(), events.filter.to_string());
    notices.tell(&Notice::Receiving { queue: url, concurrency, only });
    let worker = Arc::new(Worker {
        queue,
        exporter: Exporter::new(events, Settling::Later, stop.clone(), notices.clone()),
        stop,
        notices,
        room: Arc::new(Semaphore::new(concurrency)),
        concurrency,
        hidden: visibility_timeout,
        calls: RwLock::new(()),
        deletes: Coalesce::new(DELETES, sqs::MOST),
        counts: Counts::default(),
    });
    worker.receive().await;
    let drained = worker.drained();
    worker.notices.tell(&Notice::Drained {
        messages: drained.messages,
        tasks: drained.exported.tasks,
        deployments: drained.exported.deployments,
        passed_by: drained.exported.passed_by,
        poison: drained.exported.poison,
        given_back: drained.given_back,
    });
    if !drained.queue_answered {
        worker.notices.tell(&Notice::QueueNeverAnswered);
    }
    worker.exporter.finish(LAST_EXPORT).await;
    drained
}

struct Worker {
    queue: Queue,
    exporter: Exporter,
    stop: Stop,
    notices: Teller,
    /// For messages that are worked on or asked for.
    room: Arc<Semaphore>,
    concurrency: usize,
    /// So long is a message hidden from other workers; a killed worker's messages come back after it.
    hidden: Duration,
    deletes: Coalesce<Receipt, Result<(), AwsError>>,
    /// Read by each call for messages while it is under way.
    calls: RwLock<()>,
    counts: Counts,
}

/// What became of messages so far.
#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    /// Calls for messages that were answered.
    answers: AtomicU64,
    /// Being worked on.
    in_hand: AtomicU64,
    /// Given back undone.
    given_back: AtomicU64,
}

impl Worker {
    /// Receives until told to stop, and then finishes what is in hand.
    async fn receive(self: &Arc<Self>) {
        // As many calls as it takes to fill all the room.
        let calls = self.concurrency.div_ceil(sqs::MOST);
        // On the runtime's own threads, as all that they spawn: waking another one costs more than what most wakes are for.
        let mut loops = JoinSet::new();
        for _ in 0..calls {
            let worker = self.clone();
            loops.spawn(async move { worker.receive_and_work().await });
        }
        let work = loops.join_all();
        let tell = async {
            self.stop.wait().await;
            let in_hand = self.counts.in_hand.load(Ordering::Relaxed);
            self.notices.tell(&Notice::Stopping(Stopping::FinishesMessages(in_hand)));
        };
        let hurried = self.stop.hurried();
        let too_late = async {
            self.stop.wait().await;
            tokio::select! {
                () = sleep(DRAIN) => {}
                () = hurried => sleep(HURRY).await,
            }
        };
        tokio::select! {
            _ = join(work, tell) => {}
            // What is not done by then is still hidden, and comes back by itself.
            () = too_late => {}
        }
    }

    /// One call for messages after the other.
    async fn receive_and_work(self: &Arc<Self>) {
        let mut running = JoinSet::new();
        let mut pause = PAUSE;
        let stop = self.stop.wait();
        tokio::pin!(stop);
        loop {
            // No message is hidden from others before there is room to work on it.
            let mut places = tokio::select! {
                Some(places) = self.room_for_some() => places,
                () = &mut stop => break,
            };
            let under_way = self.calls.read().await;
            let call = self.queue.receive(places.num_permits(), self.hidden);
            tokio::pin!(call);
            let received = tokio::select! {
                received = &mut call => received,
                () = &mut stop => {
                    // Cut off, the call would still be given messages, and nobody would see them before their time is up.
                    let brought = call.await;
                    drop(under_way);
                    if let Ok(messages) = brought {
                        self.counts.answers.fetch_add(1, Ordering::Relaxed);
                        join_all(messages.iter().map(|message| self.give_back(message))).await;
                    }
                    break;
                }
            };
            drop(under_way);
            match received {
                Ok(messages) => {
                    self.counts.answers.fetch_add(1, Ordering::Relaxed);
                    pause = PAUSE;
                    let one = |message| {
                        let (worker, place) = (self.clone(), places.split(1));
                        self.counts.in_hand.fetch_add(1, Ordering::Relaxed);
                        async move {
                            worker.handle(message).await;
                            worker.counts.in_hand.fetch_sub(1, Ordering::Relaxed);
                            drop(place);
                        }
                    };
                    // In one task: what one call brought is ready at the same time, to be sent, and deleted, together.
                    let all: FuturesUnordered<_> = messages.into_iter().map(one).collect();
                    running.spawn(all.collect::<()>());
                }
                Err(error) => {
                    self.notices.tell(&Notice::QueueFailed { error: error.to_string(), hint: error.hint() });
                    tokio::select! {
                        () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                        () = &mut stop => break,
                    }
                }
            }
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    /// Waits for room for a message, and a moment for room for as many as a call can bring.
    async fn room_for_some(&self) -> Option<OwnedSemaphorePermit> {
        let mut places = self.room.clone().acquire_owned().await.ok()?;
        let more = u32::try_from(sqs::MOST.min(self.concurrency) - 1).unwrap_or(0);
        if let Ok(more) = timeout(LINGER, self.room.clone().acquire_many_owned(more)).await {
            places.merge(more.ok()?);
        } else {
            let free = u32::try_from(self.room.available_permits()).unwrap_or(more).min(more);
            if let Ok(free) = self.room.clone().try_acquire_many_owned(free) {
                places.merge(free);
            }
        }
        Some(places)
    }

    /// Works on a message, which stays hidden meanwhile.
    async fn handle(&self, message: Message) {
        self.counts.received.fetch_add(1, Ordering::Relaxed);
        self.exporter.config.meters.received(1);
        let hold = async {
            loop {
                sleep(self.hidden / HOLDS).await;
                self.hide(&message, self.hidden).await;
            }
        };
        let Message { id, received, body, .. } = &message;
        let incoming = Incoming { id, received: *received, body, returns: true };
        let done = tokio::select! {
            done = self.exporter.export(&incoming) => done,
            () = hold => Done::Leave,
        };
        match done {
            Done::Delete => {
                let deleted = self.deletes.join(message.receipt, |receipts| self.queue.delete(receipts)).await;
                if let Some(Err(error)) = deleted {
                    // It comes back, and is sent again: the same bytes.
                    self.tell_failed(&message.id, &error);
                }
            }
            Done::GiveBack => self.give_back(&message).await,
            // A second more than is left: one that came back too early would be put back again.
            Done::Later(left) => self.hide(&message, left + Duration::from_secs(1)).await,
            Done::Leave => {}
        }
    }

    /// Other workers may have the message at once – and not a call of ours that is still under way.
    async fn give_back(&self, message: &Message) {
        let _none = self.calls.write().await;
        self.counts.given_back.fetch_add(1, Ordering::Relaxed);
        self.exporter.config.meters.settled(MessageFate::GivenBack);
        self.hide(message, Duration::ZERO).await;
    }

    async fn hide(&self, message: &Message, time: Duration) {
        if let Err(error) = self.queue.hide(&message.receipt, time).await {
            self.tell_failed(&message.id, &error);
        }
    }

    fn tell_failed(&self, message: &str, error: &AwsError) {
        self.notices.tell(&Notice::MessageFailed { message: message.to_owned(), error: error.to_string() });
    }

    fn drained(&self) -> Drained {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Drained {
            messages: count(&self.counts.received),
            given_back: count(&self.counts.given_back),
            queue_answered: count(&self.counts.answers) > 0,
            exported: self.exporter.exported(),
        }
    }
}
