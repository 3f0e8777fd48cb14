//! An SQS queue that EventBridge fills: received, held, deleted or given back. Main type: [`Queue`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::Region;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName};

use super::aws::wire::LONGEST_WAIT_SECONDS;
use super::aws::{Aws, AwsError};
use crate::secrets::aws_said;

/// The most messages of a call.
pub const MOST: usize = 10;

/// A queue.
#[derive(Debug)]
pub struct Queue {
    /// Asks for what is answered at once.
    client: aws_sdk_sqs::Client,
    /// Asks for messages, and waits for them.
    waiting: aws_sdk_sqs::Client,
    /// The last call for messages was answered. Until then none waits: that nobody answers is known in seconds.
    has_answered: AtomicBool,
    url: String,
}

/// A message that is hidden from others for a while.
#[derive(Clone, Debug)]
pub struct Message {
    /// SQS's id of it.
    pub id: String,
    /// What it holds.
    pub body: String,
    /// How often it was received, this time included.
    pub received: u32,
    /// What it is held and deleted by.
    pub receipt: Receipt,
}

/// Stands for one receipt of a message.
#[derive(Clone, Debug)]
pub struct Receipt(String);

impl Queue {
    /// The queue at this URL, in the region that the URL names, else the SDK's. Asks nobody yet.
    pub fn open(aws: &Aws, url: &str) -> Result<Self, AwsError> {
        let region = match region_of(url) {
            Some(region) => Region::new(region.to_owned()),
            None => aws.region(None)?,
        };
        let config = aws_sdk_sqs::config::Builder::from(aws.config()).region(region).interceptor(aws.calls());
        // A call waits for messages, and its answer comes later.
        let waits = Duration::from_secs(u64::from(LONGEST_WAIT_SECONDS.unsigned_abs())) + Duration::from_secs(20);
        let timeouts =
            aws.config().timeout_config().map(aws_config::timeout::TimeoutConfig::to_builder).unwrap_or_default();
        // Bodies are small, and answers are read with a time limit of our own.
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let patient = config.clone().timeout_config(timeouts.read_timeout(waits).build());
        Ok(Self {
            client: aws_sdk_sqs::Client::from_conf(config.build()),
            waiting: aws_sdk_sqs::Client::from_conf(patient.build()),
            has_answered: AtomicBool::new(false),
            url: url.to_owned(),
        })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for messages, at most so many; nobody else gets them while they are hidden.
    pub async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<Message>, AwsError> {
        let most = i32::try_from(most.clamp(1, MOST)).unwrap_or(1);
        let (client, wait) = match self.has_answered.load(Ordering::Relaxed) {
            true => (&self.waiting, LONGEST_WAIT_SECONDS),
            false => (&self.client, 0),
        };
        let request = client.receive_message().queue_url(&self.url).max_number_of_messages(most);
        let request = request.wait_time_seconds(wait).visibility_timeout(seconds(hidden));
        let request = request.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let answer = request.send().await;
        self.has_answered.store(answer.is_ok(), Ordering::Relaxed);
        let answer =
            answer.map_err(|error| AwsError::from_sdk("sqs:ReceiveMessage", self.attempt("receive from"), &error))?;
        let message = |message: aws_sdk_sqs::types::Message| {
            let count = message
                .attributes
                .as_ref()
                .and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
            Some(Message {
                id: message.message_id.unwrap_or_default(),
                body: message.body.unwrap_or_default(),
                received: count.and_then(|count| count.parse().ok()).unwrap_or(1),
                receipt: Receipt(message.receipt_handle?),
            })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    /// These messages, at most [`MOST`], are done with; what became of each, in their order.
    pub async fn delete(&self, receipts: Vec<Receipt>) -> Vec<Result<(), AwsError>> {
        const ACTION: &str = "sqs:DeleteMessage";
        let attempt = || self.attempt("delete a message of");
        let count = receipts.len();
        let entry = |(index, Receipt(handle)): (usize, Receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(handle).build()
        };
        let entries: Result<Vec<_>, _> = receipts.into_iter().enumerate().map(entry).collect();
        let answer = match entries {
            Ok(entries) => {
                let request = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
                request.send().await.map_err(|error| AwsError::from_sdk(ACTION, attempt(), &error))
            }
            Err(error) => Err(AwsError::Unanswered { attempt: attempt(), cause: error.to_string() }),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return vec![Err(error); count],
        };
        // Only what it says was deleted was deleted.
        let mut all: Vec<Result<(), AwsError>> =
            vec![Err(AwsError::Unanswered { attempt: attempt(), cause: "it does not say".to_owned() }); count];
        let mut settle = |id: &str, result| {
            if let Some(one) = id.parse().ok().and_then(|index: usize| all.get_mut(index)) {
                *one = result;
            }
        };
        for one in answer.successful {
            settle(&one.id, Ok(()));
        }
        for one in answer.failed {
            let (code, message) = (one.code, aws_said(one.message.as_deref().unwrap_or("without a message")));
            settle(
                &one.id,
                Err(AwsError::Service { attempt: attempt(), action: ACTION, code, message, request_id: None }),
            );
        }
        all
    }

    /// Hides the message for so long from now on; not at all: others may have it at once.
    pub async fn hide(&self, Receipt(handle): &Receipt, time: Duration) -> Result<(), AwsError> {
        let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(handle);
        let answer = request.visibility_timeout(seconds(time)).send().await;
        let attempt = || self.attempt("hold a message of");
        answer.map_err(|error| AwsError::from_sdk("sqs:ChangeMessageVisibility", attempt(), &error))?;
        Ok(())
    }

    fn attempt(&self, what: &str) -> String {
        format!("{what} queue {}", self.url.rsplit('/').next().unwrap_or(&self.url))
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

/// `https://sqs.REGION.amazonaws.com/…`.
fn region_of(url: &str) -> Option<&str> {
    let host = url.split_once("://")?.1.split('/').next()?;
    let (service, rest) = host.split_once('.')?;
    let (region, domain) = rest.split_once('.')?;
    (service == "sqs" && domain.starts_with("amazonaws.")).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_asked_in_its_own_region() {
        assert_eq!(region_of("https://sqs.eu-west-1.amazonaws.com/123456789012/ecs"), Some("eu-west-1"));
        assert_eq!(region_of("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/ecs"), Some("cn-north-1"));
        assert_eq!(region_of("http://127.0.0.1:4566/123456789012/ecs"), None);
    }
}
