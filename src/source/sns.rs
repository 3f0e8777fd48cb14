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

    /// Publishes a message. The subject is that of mails.
    pub async fn publish(&self, subject: &str, message: &str) -> Result<(), AwsError> {
        let request = self.client.publish().topic_arn(&self.arn).subject(as_subject(subject)).message(message);
        let told = |error| AwsError::from_sdk("sns:Publish", format!("publish to topic {}", self.arn), &error);
        request.send().await.map(|_| ()).map_err(told)
    }
}

/// What SNS takes as one: a hundred characters of ASCII. It is cut between words.
fn as_subject(text: &str) -> String {
    const MOST: usize = 100;
    const CUT: &str = " ...";
    let text: String = text.trim().chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if text.len() <= MOST {
        return text;
    }
    let most = MOST - CUT.len();
    // A name of any length is cut where it has to be.
    let end = text[..=most].rfind(' ').filter(|end| *end > most / 2).unwrap_or(most);
    format!("{}{CUT}", text[..end].trim_end_matches([' ', ':', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_cut_between_words() {
        assert_eq!(as_subject(" a – b\n"), "a ? b");
        let long = format!("task prod/web: {} the end", "word ".repeat(16));
        assert_eq!(as_subject(&long), format!("task prod/web:{} ...", " word".repeat(16)));
        assert_eq!(as_subject(&long[..99]), long[..99]);
        let name = as_subject(&format!("task {}", "x".repeat(200)));
        assert_eq!((name.len(), name.ends_with("x ...")), (100, true));
    }
}
