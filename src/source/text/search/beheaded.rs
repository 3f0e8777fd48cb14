//! What is left of a document whose beginning is missing, beside others that are whole. Main type: [`Rest`].

use crate::model::arn::last_part;
use crate::source::answer::LISTS;

/// Looks for such among what is no document: a name of an object that nothing opens, and then the bracket that closes
/// it.
#[derive(Debug, Default)]
pub(super) struct Rest {
    depth: usize,
    /// Where the line begins in which the first such name stands.
    name: Option<usize>,
    found: Option<Found>,
}

/// Where it begins, and of which task it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) task: Option<String>,
}

impl Rest {
    /// Looks at what stands there between two documents.
    pub(super) fn look(&mut self, text: &str, from: usize, to: usize) {
        if self.found.is_some() {
            return;
        }
        let mut begin = from;
        for line in text.get(from..to).unwrap_or_default().split_inclusive('\n') {
            if self.closes(line, begin) {
                let at = self.name.unwrap_or(begin);
                // What of it stood before this document may be all.
                let task = text.get(at..to).and_then(task_in);
                self.found = Some(Found { at, task });
                return;
            }
            begin += line.len();
        }
    }

    /// Whether in this line something is closed that has names, and that nothing opened.
    fn closes(&mut self, line: &str, begin: usize) -> bool {
        let (mut text_from, mut is_escaped) = (None, false);
        for (at, c) in line.char_indices() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => match text_from.take() {
                    None => text_from = Some(at + 1),
                    Some(from) => {
                        let is_name = || {
                            line.get(at + 1..).is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(':'))
                        };
                        let is_of_answer = || line.get(from..at).is_some_and(|name| LISTS.contains(&name));
                        if self.depth == 0 && self.name.is_none() && is_name() && !is_of_answer() {
                            self.name = Some(begin);
                        }
                    }
                },
                _ if text_from.is_some() => {}
                '{' | '[' => self.depth += 1,
                '}' | ']' if self.depth > 0 => self.depth -= 1,
                // A list that goes on after it says that it is no stray one.
                '}' | ']' if self.name.is_some() || matches!(line.trim(), "}," | "],") => return true,
                _ => {}
            }
        }
        false
    }

    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }
}

/// The id of the task that is named first in the rest of a task, of JSON or YAML.
pub(super) fn task_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("askArn")?;
    let arn = rest.lines().next()?.trim_start_matches(['"', '\'', ':', ' ']).split(['"', '\'', ' ', ',']).next()?;
    (arn.contains(":task/")).then(|| last_part(arn).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_and_was_never_opened_has_no_beginning() {
        let found = |texts: &[&str]| {
            let (text, mut rest, mut at) = (texts.concat(), Rest::default(), 0);
            for part in texts {
                rest.look(&text, at, at + part.len());
                at += part.len();
            }
            rest.found().cloned()
        };
        let arn = "\"taskArn\": \"arn:aws:ecs:x:1:task/c/a1\"";
        let cut = format!("$ tail\n\"cpu\": \"1\", {arn} }},");
        assert_eq!(found(&[&cut, "]}"]), Some(Found { at: 7, task: Some("a1".to_owned()) }));
        assert_eq!(found(&["\"name\": \"}\"\n", "] }"]).map(|found| found.at), Some(0));
        assert_eq!(found(&["{\"a\": 1}\n  ]\n},\n", "]}"]).map(|found| found.at), Some(13));
        for whole in ["{\"a\": [1]}", "\"tasks\": [ ] }", "[x] } ]", "\"a\" } : ]", "say \"a\": {b}", "\"}\": {"] {
            assert_eq!(found(&[whole]), None, "{whole}");
        }
    }
}
