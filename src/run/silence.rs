//! An outage of AWS while something is waited for: told once, however long it lasts, and that it is over. Main type: [`Silence`].

use super::notice::{Notice, Teller};
use crate::hint::Hint;
use crate::source::aws::AwsError;

/// What AWS answers in the place of what it is asked for.
#[derive(Default)]
pub(super) struct Silence(Option<String>);

impl Silence {
    /// It did not answer, once more.
    pub(super) fn goes_on(&mut self, error: &AwsError, notices: &Teller) {
        let text = error.to_string();
        if self.is_news(&text) {
            notices.tell(&Notice::NoAnswer { hint: error.hint(), error: text });
        }
    }

    /// Whether it is not what was answered last.
    pub(super) fn is_news(&mut self, error: &str) -> bool {
        let why = Some(apart_from_request(error).to_owned());
        let is_news = self.0 != why;
        self.0 = why;
        is_news
    }

    /// It did.
    pub(super) fn ends(&mut self, notices: &Teller) {
        if self.0.take().is_some() {
            notices.tell(&Notice::AwsAnswers);
        }
    }
}

/// An error of AWS without the id of its request: the same of another request is the same.
pub(super) fn apart_from_request(error: &str) -> &str {
    error.split(" (request ").next().unwrap_or(error)
}
