//! What is said of a text in which nothing could be read, or not all: what it is, where it breaks off, in which task. It reads nothing
//! itself. Main method: [`Search::nothing`].

use super::{Failure, Search, begins_as_json, beheaded, torn};
use crate::model::arn::last_part;
use crate::source::error::ReadError;
use crate::source::event;
use crate::source::text::foreign::{self, ASK};
use crate::source::text::scan::Odd;

impl Search<'_> {
    /// Nothing was found: what the text is.
    pub(super) fn nothing(&mut self) -> ReadError {
        let begins_as_json = begins_as_json(&self.text);
        if !begins_as_json && let Some(form) = foreign::by_sign(&self.text) {
            return self.foreign(form);
        }
        if self.left == 0 {
            return self.given_up();
        }
        let furthest = self.broken.iter().max_by_key(|failure| failure.broken.keys).cloned();
        // In JSON that was cut the signs of others may stand in its texts.
        let is_cut = furthest
            .as_ref()
            .is_some_and(|failure| matches!(failure.broken.odd, Odd::End | Odd::Ellipsis) && failure.broken.keys > 0);
        if !is_cut && let Some(form) = foreign::by_program(&self.text) {
            return self.foreign(form);
        }
        if !self.torn.is_empty() {
            return self.torn.remove(0);
        }
        let count = |bracket: char| self.around.matches(bracket).count();
        let is_python = furthest.as_ref().is_some_and(|failure| failure.broken.odd == Odd::Python);
        if !begins_as_json && !is_python && self.unknown.is_some() && count('}') > count('{') {
            return self.no_beginning(&self.text, "JSON", &beheaded::Found { at: 0, task: None });
        }
        match furthest {
            Some(failure) if failure.broken.keys > 0 || begins_as_json && failure.start == 0 => {
                self.broken_off(&failure)
            }
            furthest => match self.unknown.take() {
                Some(unknown) => unknown,
                None => self.foreign(foreign::by_print(&self.text, furthest.map(|failure| failure.broken.odd))),
            },
        }
    }

    pub(super) fn no_beginning(&self, text: &str, notation: &str, rest: &beheaded::Found) -> ReadError {
        let task = rest.task.as_ref().map_or(String::new(), |task| format!(", in task {task}"));
        let hint = "what has no beginning was copied or saved in part: save it again, whole";
        self.at(text, rest.at, format!("the {notation} has no beginning{task}"), hint)
    }

    /// What is wrong there.
    pub(super) fn at(&self, text: &str, at: usize, message: String, hint: impl Into<String>) -> ReadError {
        let until = text.get(..at).unwrap_or(text);
        let mut place = self.before;
        place.pass(until);
        let (line, column) = (place.lines + 1, place.columns + 1);
        ReadError::NotJson { origin: self.origin.to_owned(), line, column, message, hint: Some(hint.into()) }
    }

    pub(super) fn foreign(&self, form: foreign::Foreign) -> ReadError {
        ReadError::Foreign { origin: self.origin.to_owned(), what: form.what, hint: form.hint }
    }

    pub(super) fn given_up(&self) -> ReadError {
        self.foreign(foreign::Foreign {
            what: "text with more brackets than can be looked through: its rest is not read".to_owned(),
            hint: ASK.to_owned(),
        })
    }

    pub(super) fn broken_off(&self, failure: &Failure) -> ReadError {
        let is_torn = matches!(failure.broken.odd, Odd::Other | Odd::Bracket | Odd::BareKey) && failure.broken.keys > 0;
        let torn = is_torn.then(|| torn::torn(&self.text, failure.start, failure.broken.at)).flatten();
        let (message, hint) = match failure.broken.odd {
            _ if torn.is_some() => torn.map(|(message, hint)| (message, hint.to_owned())).unwrap_or_default(),
            // One word in braces stands in many a text.
            Odd::BareKey | Odd::Equals if failure.broken.keys < 2 && !begins_as_json(&self.text) => {
                return self.foreign(foreign::by_print(&self.text, None));
            }
            Odd::Python | Odd::BareKey | Odd::Equals => {
                return self.foreign(foreign::by_print(
                    self.text.get(failure.start..).unwrap_or_default(),
                    Some(failure.broken.odd),
                ));
            }
            Odd::End => (
                "the JSON ends in the middle",
                "what ends in the middle was copied or saved in part: save it again, whole".to_owned(),
            ),
            Odd::Ellipsis => ("the JSON was shortened by hand: `...` stands for what is missing", ASK.to_owned()),
            Odd::Undefined => (
                "`undefined` stands there, which JSON does not have",
                "a program put it together from pieces: JSON.stringify leaves such names out".to_owned(),
            ),
            Odd::Bracket => ("the JSON is broken: a bracket closes what is not open", ASK.to_owned()),
            Odd::Depth => ("the JSON goes deeper than anything of ECS does", ASK.to_owned()),
            Odd::Escaped | Odd::Other => {
                ("the JSON is broken: a comma, a quote or a bracket is missing or too many", ASK.to_owned())
            }
        };
        let broken = self.text.get(failure.start..failure.start + failure.broken.at).unwrap_or_default();
        let task = task_of(broken).map_or(String::new(), |task| format!(", in task {task}"));
        self.at(&self.text, failure.start + failure.broken.at, format!("{message}{task}"), hint)
    }
}

/// The id of the task in which a document breaks off, where its ARN was read before that: a task stands in a list of such, or is
/// all of the document.
fn task_of(broken: &str) -> Option<String> {
    let (mut open, mut is_text, mut is_escaped) = (vec![], false, false);
    for (at, c) in broken.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_text = !is_text,
            _ if is_text => {}
            '{' | '[' => open.push((at, c)),
            '}' | ']' => {
                open.pop();
            }
            _ => {}
        }
    }
    let begins_in_list = |pair: &[(usize, char)]| match pair {
        [(list, '['), (begin, '{')] => {
            let before = broken.get(..*list).unwrap_or_default().trim_end().trim_end_matches(':').trim_end();
            (before.is_empty() || before.to_ascii_lowercase().ends_with("\"tasks\"")).then_some(*begin)
        }
        _ => None,
    };
    let is_list = || broken.to_ascii_lowercase().contains("\"tasks\"");
    let begin = open.windows(2).find_map(begins_in_list).or_else(|| (!is_list()).then_some(0))?;
    let task = broken.get(begin..)?;
    // An ARN may be what was cut.
    let is_whole = task.split_once(":task/").is_some_and(|(_, rest)| rest.contains('"'));
    let arn = event::task_in(task).filter(|_| is_whole)?;
    Some(last_part(&arn).to_owned())
}
