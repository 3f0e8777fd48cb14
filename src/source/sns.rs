//! An SNS topic that is published to. Main type: [`Topic`].

use aws_config::Region;

use super::aws::{Aws, AwsError};
use crate::model::arn::Arn;

/// A topic.
#[derive(Debug)]
pub struct Topic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl Topic {
    /// The topic of this ARN, in its region. Asks nobody yet.
    pub fn open(aws: &Aws, arn: &str) -> Result<Self, AwsError> {
        let region = match Arn::parse(arn).map(|arn| arn.region).filter(|region| !region.is_empty()) {
            Some(region) => Region::new(region.to_owned()),
            None => aws.region(None)?,
        };
        let config = aws_sdk_sns::config::Builder::from(aws.config()).region(region).interceptor(aws.calls()).build();
        Ok(Self { client: aws_sdk_sns::Client::from_conf(config), arn: arn.to_owned() })
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Publishes a message. The subject is that of mails: SNS takes a hundred characters of ASCII.
    pub async fn publish(&self, subject: &str, message: &str) -> Result<(), AwsError> {
        let subject: String =
            subject.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(100).collect();
        let request = self.client.publish().topic_arn(&self.arn).subject(subject.trim()).message(message);
        let told = |error| AwsError::from_sdk("sns:Publish", format!("publish to topic {}", self.arn), &error);
        request.send().await.map(|_| ()).map_err(told)
    }
}
