//! How every engine that delivers does it: something feeds pieces, a delivery takes them, failed attempts are told. Main function:
//! [`run`].

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join;
use futures::stream;
use tokio::sync::mpsc::{self, Sender};

use super::notice::{Notice, Teller};
use super::stop::Stop;
use crate::defect::caught_in;
use crate::hint::Hint;
use crate::sink::{Delivery, DeliveryReport, Piece, Reason};

/// Delivers what `feed` sends until it is through; so many pieces wait in between. In a hurry it is saved instead.
pub(super) async fn run<P: Into<Piece>, T>(
    delivery: Delivery,
    stop: &Stop,
    notices: &Teller,
    waiting: usize,
    feed: impl AsyncFnOnce(Sender<P>) -> T,
) -> (T, DeliveryReport) {
    let (pieces, delivered) = mpsc::channel(waiting);
    let delivered = stream::unfold(delivered, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    let delivery = delivery.on_retry(retries(notices)).hurried(stop.hurried());
    let (fed, report) = join(caught_in(feed(pieces)), delivery.run(delivered)).await;
    match fed {
        Ok(fed) => (fed, report),
        // What came before the defect is sent and saved by now; nobody is there to close the report.
        Err(defect) => {
            for one in &report.destinations {
                let said =
                    format!("{} of {} {}s accepted, {} saved", one.accepted, one.made, one.signal.noun(), one.saved);
                let hint = Some("please report it; what was not read yet was not sent: run it again".to_owned());
                notices
                    .tell(&Notice::Lost { error: format!("a defect of ecspan: {defect}; {}: {said}", one.name), hint });
            }
            std::panic::resume_unwind(Box::new(defect))
        }
    }
}

/// Tells of attempts that failed. What to do about it is told at once, and once: that is no reason not to go on trying.
pub(super) fn retries(notices: &Teller) -> impl Fn(&str, &Reason, Duration) + Send + Sync + use<> {
    let (notices, told) = (notices.clone(), Mutex::new(HashSet::new()));
    move |to: &str, reason: &Reason, pause: Duration| {
        let is_new =
            |hint: &String| told.lock().unwrap_or_else(PoisonError::into_inner).insert((to.to_owned(), hint.clone()));
        let hint = reason.hint().filter(is_new);
        notices.tell(&Notice::Retry { to: to.to_owned(), reason: reason.to_string(), pause, hint });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;
    use crate::model::{TaskLife, Time, merge};
    use crate::run::notice::Notices;
    use crate::sink::{Answer, Destination, Format, Transport};
    use crate::source::files;
    use crate::trace::{TaskTrace, TraceOptions};

    #[derive(Default)]
    struct Takes(Mutex<usize>);

    impl Transport for Takes {
        fn format(&self) -> Format {
            Format::Protobuf
        }

        fn send(&self, _: Bytes) -> BoxFuture<'_, Answer> {
            *self.0.lock().unwrap() += 1;
            async { Answer::Accepted { rejected: 0, message: String::new() } }.boxed()
        }
    }

    #[tokio::test]
    async fn what_was_fed_before_a_defect_is_delivered_and_told() {
        let answer = br#"{"tasks":[{"taskArn":"arn:aws:ecs:eu-west-1:1:task/prod/84b5991528504856a2f003b7da9b2b82",
            "lastStatus":"STOPPED","createdAt":1795435200,"startedAt":1795435212,"stoppedAt":1795435300}]}"#;
        let (mut tasks, _) = merge::by_task(files::read_bytes("a", answer).unwrap().observations);
        let life = TaskLife::new(tasks.remove(0), Time::from_unix_nanos(0), 0);
        let trace = TaskTrace::new(&life, &TraceOptions::default());
        let (takes, told) = (Arc::new(Takes::default()), Arc::new(Mutex::new(vec![])));
        let tell = told.clone();
        let notices: Teller =
            Arc::new(move |notice: &Notice| tell.lock().unwrap().push(notice.to_string())) as Arc<dyn Notices>;
        let delivery = Delivery::new(vec![Destination::over("there".to_owned(), takes.clone())]);
        let feed = async |pieces: Sender<Piece>| {
            pieces.send(trace.into()).await.unwrap();
            panic!("of somebody")
        };
        let ended = caught_in(run(delivery, &Stop::new(), &notices, 2, feed)).await.map(|((), _)| ());
        assert_eq!((ended, *takes.0.lock().unwrap()), (Err("of somebody".to_owned()), 1));
        let told = told.lock().unwrap().join("\n");
        assert!(told.contains("a defect of ecspan: of somebody; there: 3 of 3 spans accepted"), "{told}");
    }
}
