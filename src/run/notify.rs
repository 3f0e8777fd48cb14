//! People are told of what failed, or was slow: at once, at most so many a minute, and of the rest how many there were. Nothing waits
//! for it, and nothing fails by it. Main types: [`Notifier`], [`Channel`].

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::notice::{Notice, Teller};
use super::ui::UiUrl;
use crate::hint::Hint;
use crate::render::notification::Notification;
use crate::secrets::told_to_people;
use crate::sink::Webhook;
use crate::source::sns::Topic;

/// Of so long at most so many are told one by one.
const WINDOW: Duration = Duration::from_secs(60);
/// What was told is known for so many others: events come twice.
const REMEMBERED: usize = 1_000;
/// So many kinds of the rest are told by name.
const KINDS: usize = 20;
/// A webhook that says that it has too much to do is asked once more, after so long.
const AGAIN: Duration = Duration::from_secs(2);

/// Who is told.
#[derive(Debug)]
pub enum Channel {
    /// Whoever has subscribed to a topic.
    Topic(Topic),
    /// Whoever reads where a webhook writes.
    Webhook(Webhook),
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(topic) => write!(f, "sns:{}", topic.arn()),
            Self::Webhook(webhook) => webhook.fmt(f),
        }
    }
}

impl Channel {
    /// Why it was not taken, and what to do.
    async fn send(&self, notification: &Notification) -> Result<(), (String, Option<String>)> {
        match self {
            Self::Topic(topic) => {
                let subject = told_to_people(&notification.title);
                let sent = topic.publish(&subject, &notification.plain(&told_to_people)).await;
                sent.map_err(|error| (error.to_string(), error.hint()))
            }
            Self::Webhook(webhook) => {
                let text = notification.slack(&told_to_people);
                let mut sent = webhook.send(&text).await;
                if sent.as_ref().is_err_and(|error| error.is_passing()) {
                    tokio::time::sleep(AGAIN).await;
                    sent = webhook.send(&text).await;
                }
                sent.map_err(|error| (error.to_string(), error.hint()))
            }
        }
    }
}

/// What became of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notified {
    /// Taken.
    pub sent: u64,
    /// Not taken; each was told.
    pub failed: u64,
    /// Told as a number only.
    pub counted: u64,
}

/// Tells people. Cheap to clone.
#[derive(Clone)]
pub struct Notifier(Arc<Inner>);

struct Inner {
    channels: Vec<Channel>,
    a_minute: usize,
    /// So slow a launch is worth telling.
    slower_than: Option<Duration>,
    /// Where traces are shown.
    ui_url: Option<UiUrl>,
    notices: Teller,
    state: Mutex<State>,
    sent: AtomicU64,
    failed: AtomicU64,
    counted: AtomicU64,
}

#[derive(Default)]
struct State {
    /// When this minute is over, and how many were told in it.
    window: Option<(Instant, usize)>,
    /// What is not told one by one, by kind.
    rest: BTreeMap<String, usize>,
    told: VecDeque<String>,
    /// Tells the rest when the minute is over.
    later: Option<JoinHandle<()>>,
    /// What is on its way, and to which channel.
    tasks: Vec<(usize, JoinHandle<()>)>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("channels", &self.0.channels).finish_non_exhaustive()
    }
}

impl Notifier {
    /// Tells these, at most so many times a minute; what fails is told as a notice.
    pub fn new(
        channels: Vec<Channel>,
        a_minute: usize,
        slower_than: Option<Duration>,
        ui_url: Option<UiUrl>,
        notices: Teller,
    ) -> Self {
        let state = Mutex::default();
        let [sent, failed, counted] = [0; 3].map(AtomicU64::new);
        Self(Arc::new(Inner { channels, a_minute, slower_than, ui_url, notices, state, sent, failed, counted }))
    }

    /// Whether a launch that took so long is worth telling.
    pub fn is_slow(&self, launch: Option<Duration>) -> bool {
        self.0.slower_than.is_some_and(|limit| launch >= Some(limit))
    }

    /// Where a trace is, as far as somebody said.
    pub fn link(&self, trace_id: &str) -> Option<String> {
        self.0.ui_url.as_ref()?.trace(trace_id)
    }

    /// Tells, or counts. Does not wait.
    pub fn tell(&self, notification: Notification) {
        let mut state = self.state();
        if state.told.contains(&notification.id) {
            return;
        }
        state.told.push_back(notification.id.clone());
        if state.told.len() > REMEMBERED {
            state.told.pop_front();
        }
        let now = Instant::now();
        let (end, told) = state.window.filter(|(end, _)| now < *end).unwrap_or((now + WINDOW, 0));
        if told < self.0.a_minute {
            state.window = Some((end, told + 1));
            self.spawn(&mut state, notification);
            return;
        }
        self.0.counted.fetch_add(1, Ordering::Relaxed);
        if state.rest.is_empty() {
            let this = self.clone();
            let later = async move {
                sleep_until(end).await;
                this.tell_rest();
            };
            state.later = Some(tokio::spawn(later));
        }
        *state.rest.entry(notification.kind).or_default() += 1;
    }

    /// Tells the rest, and waits until all is told, at most so long. What is on its way then still is.
    pub async fn flush(&self, within: Duration) -> Notified {
        self.tell_rest();
        let mut tasks = {
            let mut state = self.state();
            state.later.take().iter().for_each(JoinHandle::abort);
            std::mem::take(&mut state.tasks)
        };
        let _ = timeout(within, join_all(tasks.iter_mut().map(|(_, task)| task))).await;
        self.state().tasks.extend(tasks.into_iter().filter(|(_, task)| !task.is_finished()));
        self.notified()
    }

    /// The same in the end: what is not taken by then never is, and that is told.
    pub async fn finish(&self, within: Duration) -> Notified {
        self.flush(within).await;
        let left = std::mem::take(&mut self.state().tasks);
        for (channel, task) in left {
            task.abort();
            let why = format!("no answer within {} s", within.as_secs());
            self.0.not_taken(&self.0.channels[channel], why, None);
        }
        self.notified()
    }

    fn notified(&self) -> Notified {
        let [sent, failed, counted] =
            [&self.0.sent, &self.0.failed, &self.0.counted].map(|n| n.load(Ordering::Relaxed));
        Notified { sent, failed, counted }
    }

    fn tell_rest(&self) {
        let mut state = self.state();
        let rest = std::mem::take(&mut state.rest);
        if rest.is_empty() {
            return;
        }
        let mut rest: Vec<(&str, usize)> = rest.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        rest.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others: usize = rest.iter().skip(KINDS).map(|(_, count)| count).sum();
        rest.truncate(KINDS);
        rest.extend((others > 0).then_some(("of other kinds", others)));
        let more = Notification::of_more(rest);
        self.spawn(&mut state, more);
    }

    fn spawn(&self, state: &mut State, notification: Notification) {
        let notification = Arc::new(notification);
        state.tasks.retain(|(_, task)| !task.is_finished());
        state.tasks.extend((0..self.0.channels.len()).map(|channel| {
            let (inner, notification) = (self.0.clone(), notification.clone());
            (channel, tokio::spawn(async move { inner.send(&inner.channels[channel], &notification).await }))
        }));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    async fn send(&self, channel: &Channel, notification: &Notification) {
        match channel.send(notification).await {
            Ok(()) => _ = self.sent.fetch_add(1, Ordering::Relaxed),
            Err((why, hint)) => self.not_taken(channel, why, hint),
        }
    }

    fn not_taken(&self, channel: &Channel, why: String, hint: Option<String>) {
        self.notices.tell(&Notice::NotNotified { to: channel.to_string(), why, hint });
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}
