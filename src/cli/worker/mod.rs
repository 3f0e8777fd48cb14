//! `ecspan worker`: EventBridge events from an SQS queue, for ever: received, held, deleted or given back. Any number of
//! workers share a queue; none keeps a state. What is done with an event is [`events`]' part.

pub(super) mod events;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ecspan::source::sqs::{Message, Queue};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::events::{Done, Exporter};
use super::args::{Global, WorkerArgs};
use super::exit::Exit;
use super::log::say;
use super::meters::MessageFate;
use super::problem::Problem;
use super::{signals, tasks};

/// So long is a message hidden from other workers; a killed worker's messages come back after it.
const HIDDEN: Duration = Duration::from_secs(60);
/// It is hidden again so often while it is being worked on.
const HIDE_AGAIN: Duration = Duration::from_secs(20);
/// The pause after SQS did not answer.
const PAUSE: Duration = Duration::from_secs(5);
/// And the last metrics so long.
const LAST_EXPORT: Duration = Duration::from_secs(5);
/// Told to stop: work in hand has so long. ECS kills after 30 s.
const DRAIN: Duration = Duration::from_secs(20);

pub(super) async fn run(global: &Global, args: &WorkerArgs) -> Result<Exit, Problem> {
    let aws = tasks::aws(global).await;
    let exporter = Exporter::open(global, &args.events, &aws).await?;
    let queue = Queue::open(&aws, &args.queue).map_err(|error| tasks::aws_problem(&error))?;
    let worker = Arc::new(Worker { queue, exporter, concurrency: args.concurrency, counts: Counts::default() });
    say("info", "receiving", &[("queue", &args.queue), ("concurrency", &args.concurrency.to_string())]);
    worker.clone().receive().await;
    let exit = worker.close();
    worker.exporter.meters.flush(LAST_EXPORT).await;
    Ok(exit)
}

struct Worker {
    queue: Queue,
    exporter: Exporter,
    concurrency: usize,
    counts: Counts,
}

/// What became of messages so far.
#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    /// Given back undone.
    given_back: AtomicU64,
}

impl Worker {
    /// Receives until told to stop, and then finishes what is in hand.
    async fn receive(self: Arc<Self>) {
        let room = Arc::new(Semaphore::new(self.concurrency));
        let mut running = JoinSet::new();
        let stop = signals::wait();
        tokio::pin!(stop);
        loop {
            // No message is hidden from others before there is room to work on it.
            let free = tokio::select! {
                _ = room.acquire() => room.available_permits().max(1),
                () = &mut stop => break,
            };
            let received = tokio::select! {
                received = self.queue.receive(free, HIDDEN) => received,
                () = &mut stop => break,
            };
            match received {
                Ok(messages) => {
                    for message in messages {
                        let Ok(place) = room.clone().acquire_owned().await else { return };
                        let worker = self.clone();
                        running.spawn(async move {
                            worker.handle(message).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    say("error", &error.to_string(), &[("hint", &error.hint().unwrap_or_default())]);
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = &mut stop => break,
                    }
                }
            }
            while running.try_join_next().is_some() {}
        }
        say("info", "told to stop: finishing what is in hand", &[("messages", &running.len().to_string())]);
        // What is not done by then is still hidden, and comes back by itself.
        let _ = timeout(DRAIN, async { while running.join_next().await.is_some() {} }).await;
    }

    /// Works on a message, which stays hidden meanwhile.
    async fn handle(&self, message: Message) {
        self.counts.received.fetch_add(1, Ordering::Relaxed);
        self.exporter.meters.received(1);
        let hold = async {
            loop {
                sleep(HIDE_AGAIN).await;
                if let Err(error) = self.queue.hide(&message, HIDDEN).await {
                    say("warning", &error.to_string(), &[("message", &message.id)]);
                }
            }
        };
        let done = tokio::select! {
            done = self.exporter.export(&message.id, message.received, &message.body) => done,
            () = hold => Done::Leave,
        };
        let result = match done {
            Done::Delete => self.queue.delete(&message).await,
            Done::GiveBack => {
                self.counts.given_back.fetch_add(1, Ordering::Relaxed);
                self.exporter.meters.settled(MessageFate::GivenBack);
                self.queue.hide(&message, Duration::ZERO).await
            }
            Done::Leave => Ok(()),
        };
        if let Err(error) = result {
            // It comes back, and is sent again: the same bytes.
            say("warning", &error.to_string(), &[("message", &message.id)]);
        }
    }

    fn close(&self) -> Exit {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed).to_string();
        let exported = &self.exporter.counts;
        say(
            "info",
            "drained",
            &[
                ("messages", &count(&self.counts.received)),
                ("tasks", &count(&exported.tasks)),
                ("passed_by", &count(&exported.passed_by)),
                ("poison", &count(&exported.poison)),
                ("given_back", &count(&self.counts.given_back)),
            ],
        );
        self.exporter.close()
    }
}
