//! The bootstrap of an AWS Lambda function that is invoked with EventBridge events, or with batches of SQS messages that hold
//! them. What is done with an event is the parent module's part; here it is answered for. Main function: [`run`].

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use lambda_runtime::tower::util::MapFutureLayer;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::{Done, EventConfig, Exported, Exporter, Incoming, Settling};
use crate::run::meters::MessageFate;
use crate::run::notice::{Notice, Stopping, Teller};
use crate::run::stop::Stop;

/// So long before the function's time is up it answers: what is not done by then fails, and comes back.
const TO_ANSWER: Duration = Duration::from_secs(2);
/// A function runs no longer: Lambda's own limit.
const LONGEST: Duration = Duration::from_secs(900);

/// Why an invocation failed: Lambda gives the event to another one, and after the last to the function's failure destination.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("the event cannot be read")]
    Poison,
    #[error("the event was not delivered in time")]
    OutOfTime,
}

impl From<NotDone> for Diagnostic {
    fn from(error: NotDone) -> Self {
        Self { error_type: "ecspan.NotDone".to_owned(), error_message: error.to_string() }
    }
}

/// The runtime ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("failed to serve invocations: {0}")]
pub struct RuntimeEnded(String);

/// Answers invocations until told to stop, and then the one that is in hand.
pub async fn run(config: EventConfig, stop: Stop, notices: Teller) -> Result<Exported, RuntimeEnded> {
    notices.tell(&Notice::WaitingForInvocations { only: config.filter.to_string() });
    let exporter = Arc::new(Exporter::new(config, Settling::Here, stop.clone(), notices.clone()));
    let handler = service_fn(|event: LambdaEvent<Value>| {
        let exporter = exporter.clone();
        async move { invoked(&exporter, event).await }
    });
    // Held from an invocation's arrival until its answer is out.
    let in_hand = Arc::new(Mutex::new(()));
    let holding = in_hand.clone();
    let hold = MapFutureLayer::new(move |answered| {
        let holding = holding.clone();
        async move {
            let _held = holding.lock().await;
            answered.await
        }
    });
    tokio::select! {
        ended = Runtime::new(handler).layer(hold).run() => {
            return Err(RuntimeEnded(ended.err().map_or_else(|| "the runtime has ended".to_owned(), |error| error.to_string())));
        }
        () = async {
            stop.wait().await;
            notices.tell(&Notice::Stopping(Stopping::AnswersInvocation));
            let _answered = in_hand.lock().await;
        } => {}
    }
    exporter.finish(TO_ANSWER).await;
    Ok(exporter.exported())
}

async fn invoked(exporter: &Exporter, event: LambdaEvent<Value>) -> Result<Value, NotDone> {
    let LambdaEvent { payload, context } = event;
    // cargo-lambda's emulator gives a deadline of 1970.
    let time = context.deadline().duration_since((exporter.config.clock)().into()).unwrap_or(LONGEST);
    let until = Instant::now() + time.saturating_sub(TO_ANSWER);
    let answer = match batch(&payload) {
        Some(records) => {
            exporter.config.meters.received(records.len() as u64);
            let all = records.iter().map(|record| within(exporter, until, record));
            let failed = join_all(all).await.into_iter().zip(&records).filter(|(done, _)| *done != Done::Delete);
            let failures: Vec<Value> = failed.map(|(_, record)| json!({ "itemIdentifier": record.id })).collect();
            Ok(json!({ "batchItemFailures": failures }))
        }
        None => {
            exporter.config.meters.received(1);
            let record = Record { id: context.request_id, received: 1, body: payload.to_string(), returns: false };
            match within(exporter, until, &record).await {
                Done::Delete => Ok(Value::Null),
                Done::Leave => Err(NotDone::Poison),
                Done::GiveBack | Done::Later(_) => Err(NotDone::OutOfTime),
            }
        }
    };
    // Lambda freezes the process once it has answered.
    exporter.flush(TO_ANSWER / 2).await;
    answer
}

/// A record of a batch, or the event itself.
struct Record {
    id: String,
    received: u32,
    body: String,
    /// The queue has it once more, when its time is up; Lambda repeats an event of its own at once.
    returns: bool,
}

/// The records of an SQS batch; `None` for any other event.
fn batch(payload: &Value) -> Option<Vec<Record>> {
    let records = payload.get("Records")?.as_array()?;
    let read = |record: &Value| {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        (text("eventSource") == Some("aws:sqs")).then_some(())?;
        let count = record.pointer("/attributes/ApproximateReceiveCount").and_then(Value::as_str);
        Some(Record {
            id: text("messageId")?.to_owned(),
            received: count.and_then(|count| count.parse().ok()).unwrap_or(1),
            body: text("body")?.to_owned(),
            returns: true,
        })
    };
    records.iter().map(read).collect()
}

/// Exports while there is time.
async fn within(exporter: &Exporter, until: Instant, record: &Record) -> Done {
    let Record { id, received, body, returns } = record;
    let incoming = Incoming { id, received: *received, body, returns: *returns };
    let exported = timeout_at(until, exporter.export(&incoming)).await;
    let done = exported.unwrap_or(Done::GiveBack);
    if done == Done::GiveBack {
        exporter.notices.tell(&Notice::NotInTime { message: record.id.clone() });
        exporter.config.meters.settled(MessageFate::GivenBack);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_messages_is_told_from_an_event() {
        let message = |source: &str| json!({ "eventSource": source, "messageId": "m", "body": "{}", "attributes": { "ApproximateReceiveCount": "3" } });
        let found = batch(&json!({ "Records": [message("aws:sqs")] })).unwrap_or_default();
        assert_eq!(found.iter().map(|m| (m.id.as_str(), m.received)).collect::<Vec<_>>(), [("m", 3)]);
        assert!(batch(&json!({ "Records": [message("aws:sns")] })).is_none());
        assert!(batch(&json!({ "detail-type": "ECS Task State Change", "detail": {} })).is_none());
    }
}
