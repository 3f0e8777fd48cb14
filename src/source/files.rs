//! Saved files and stdin: any JSON that people have of tasks. Main functions: [`read_path`], [`read_stdin`],
//! [`read_bytes`].

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::answer::{self, MissingTask};
use super::bundle;
use super::docker;
use super::error::ReadError;
use super::event::{self, Event};
use super::json::At;
use super::metadata;
use super::rollout;
use super::shape::{self, Shape};
use crate::model::observation::Observation;

/// What was found in an input.
#[derive(Debug, Default)]
pub struct Contents {
    /// What it says.
    pub observations: Vec<Observation>,
    /// What in it could not be read. One bad task never hides the others.
    pub errors: Vec<ReadError>,
    /// Tasks that the answer says do not exist.
    pub missing: Vec<MissingTask>,
    /// What is not about a task: the types of events, and containers that ECS did not start.
    pub passed_by: Vec<String>,
}

impl Contents {
    /// How much was found, of any kind.
    fn count(&self) -> usize {
        self.observations.len() + self.errors.len() + self.missing.len() + self.passed_by.len()
    }
}

/// What stdin is called.
const STDIN: &str = "stdin";

/// Reads a file.
pub fn read_path(path: &Path) -> Result<Contents, ReadError> {
    read_bytes(&path.display().to_string(), &path_bytes(path)?)
}

/// Reads all of stdin.
pub fn read_stdin() -> Result<Contents, ReadError> {
    read_bytes(STDIN, &stdin_bytes()?)
}

/// The JSON documents of a file as they are.
pub fn documents(path: &Path) -> Result<Vec<Value>, ReadError> {
    parse(&path.display().to_string(), &path_bytes(path)?)
}

/// The JSON documents on stdin as they are.
pub fn stdin_documents() -> Result<Vec<Value>, ReadError> {
    parse(STDIN, &stdin_bytes()?)
}

fn path_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let origin = path.display().to_string();
    if path.is_dir() {
        return Err(ReadError::Directory { origin });
    }
    std::fs::read(path).map_err(|source| ReadError::Io { origin, source })
}

fn stdin_bytes() -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|source| ReadError::Io { origin: STDIN.to_owned(), source })?;
    Ok(bytes)
}

pub(super) fn parse(origin: &str, bytes: &[u8]) -> Result<Vec<Value>, ReadError> {
    let text = &*text(origin, bytes)?;
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    documents.map(|document| document.map_err(|error| not_json(origin, text, &error))).collect()
}

/// The text of a file: UTF-8, or UTF-16 with the mark that Windows PowerShell's `>` writes.
fn text<'a>(origin: &str, bytes: &'a [u8]) -> Result<Cow<'a, str>, ReadError> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest)),
        _ => Cow::Borrowed(
            std::str::from_utf8(bytes)
                .map_err(|error| ReadError::NotUtf8 { origin: origin.to_owned(), offset: error.valid_up_to() })?
                .trim_start_matches('\u{feff}'),
        ),
    };
    if text.trim().is_empty() {
        return Err(ReadError::Empty { origin: origin.to_owned() });
    }
    Ok(text)
}

/// What is no UTF-16 becomes U+FFFD, and then no JSON.
fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or_default()]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Reads JSON: one document, or several one after the other (JSON lines). `origin` is what to call it in errors.
pub fn read_bytes(origin: &str, bytes: &[u8]) -> Result<Contents, ReadError> {
    let text = &*text(origin, bytes)?;
    let mut contents = Contents::default();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut count = 0_usize;
    while let Some(document) = documents.next() {
        match document {
            Ok(value) => {
                let at = At::root(&numbered(origin, count, text, documents.byte_offset()), &value);
                read_document(&at, &mut contents);
                count += 1;
            }
            Err(error) => {
                let error = not_json(origin, text, &error);
                if count == 0 {
                    return Err(error);
                }
                contents.errors.push(error);
                break;
            }
        }
    }
    let nothing = contents.observations.is_empty() && contents.missing.is_empty() && contents.passed_by.is_empty();
    if nothing && contents.errors.len() == 1 {
        return Err(contents.errors.remove(0));
    }
    Ok(contents)
}

/// A file of one document needs no number.
fn numbered(origin: &str, count: usize, text: &str, end: usize) -> String {
    let is_only_one = count == 0 && text.get(end..).is_none_or(|rest| rest.trim().is_empty());
    if is_only_one { origin.to_owned() } else { format!("{origin}: document {}", count + 1) }
}

fn read_document(at: &At<'_>, contents: &mut Contents) {
    let before = contents.count();
    let found = shape::of(at).and_then(|shape| read_shape(at, shape, contents));
    match found {
        Err(error) => contents.errors.push(error),
        Ok(()) => {
            // An answer without tasks is a clear answer; a document in which nothing was found is not.
            if before == contents.count() {
                contents.errors.push(shape::unknown(at));
            }
        }
    }
}

pub(super) fn read_shape(at: &At<'_>, shape: Shape, contents: &mut Contents) -> Result<(), ReadError> {
    match shape {
        Shape::Answer => {
            let answer::Tasks { records, errors, missing } = answer::tasks(at);
            contents.observations.extend(records.into_iter().map(|record| Observation::Task(Box::new(record))));
            contents.errors.extend(errors);
            contents.missing.extend(missing);
        }
        Shape::Task => contents.observations.push(Observation::Task(Box::new(answer::task(at)?))),
        Shape::Definition => contents.observations.push(Observation::Definition(Box::new(answer::definition(at)))),
        Shape::LogPage => contents.observations.extend(answer::log_lines(at)?.into_iter().map(Observation::Log)),
        Shape::Services => {
            contents.observations.extend(answer::service_events(at)?.into_iter().map(Observation::ServiceEvent));
            let services = rollout::services(at)?.into_iter();
            contents.observations.extend(services.map(|record| Observation::Service(Box::new(record))));
        }
        Shape::ServiceDeployments => {
            let records = rollout::service_deployments(at)?.into_iter();
            contents.observations.extend(records.map(|record| Observation::ServiceDeployment(Box::new(record))));
        }
        Shape::ServiceRevisions => {
            let records = rollout::service_revisions(at).into_iter();
            contents.observations.extend(records.map(|record| Observation::ServiceRevision(Box::new(record))));
        }
        Shape::Bundle => bundle::read(at, contents)?,
        Shape::Metadata => {
            let (record, gaps) = metadata::task(at)?;
            let task_id = Some(record.id.clone());
            contents.observations.push(Observation::Task(Box::new(record)));
            contents
                .observations
                .extend(gaps.into_iter().map(|gap| Observation::Gap { task_id: task_id.clone(), gap }));
        }
        Shape::MetadataContainer => {
            contents.observations.push(Observation::Task(Box::new(metadata::container_only(at)?)))
        }
        Shape::AgentTask => contents.observations.push(Observation::Task(Box::new(metadata::agent_task(at)?))),
        Shape::AgentTasks => {
            for at in at.list("Tasks") {
                match metadata::agent_task(&at) {
                    Ok(record) => contents.observations.push(Observation::Task(Box::new(record))),
                    Err(error) => contents.errors.push(error),
                }
            }
        }
        Shape::DockerContainer if docker::is_foreign(at) => contents.passed_by.push(docker::FOREIGN.to_owned()),
        Shape::DockerContainer => contents.observations.push(Observation::Task(Box::new(docker::task(at)?))),
        Shape::Event => match event::read(at)? {
            Event::Task(record) => contents.observations.push(Observation::Task(record)),
            Event::Other(kind) => contents.passed_by.push(kind),
        },
        Shape::Envelope => read_envelope(at, contents),
        Shape::Nested => read_nested(at, contents),
    }
    Ok(())
}

/// The documents that messages carry as text. One bad message never hides the others.
fn read_envelope(at: &At<'_>, contents: &mut Contents) {
    for (place, text) in event::messages(at).unwrap_or_default() {
        let parsed =
            text.and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| not_json(&place, &text, &error)));
        match parsed {
            Ok(value) => read_document(&At::root(&place, &value), contents),
            Err(error) => contents.errors.push(error),
        }
    }
}

/// What is inside: each element of an array, each field of a document that holds something known. In an array every
/// element counts; in a document (a state machine's output, say) what is not known is somebody else's.
fn read_nested(at: &At<'_>, contents: &mut Contents) {
    if at.value.is_array() {
        for element in at.elements() {
            read_document(&element, contents);
        }
        return;
    }
    for key in at.value.as_object().into_iter().flat_map(|object| object.keys()) {
        let Some(inner) = at.get(key).filter(|inner| inner.value.is_object() || inner.value.is_array()) else {
            continue;
        };
        let mut found = Contents::default();
        read_document(&inner, &mut found);
        let knows = |error: &ReadError| !matches!(error, ReadError::UnknownShape { .. } | ReadError::Projection { .. });
        contents.observations.append(&mut found.observations);
        contents.missing.append(&mut found.missing);
        contents.passed_by.append(&mut found.passed_by);
        contents.errors.extend(found.errors.into_iter().filter(knows));
    }
}

fn not_json(origin: &str, text: &str, error: &serde_json::Error) -> ReadError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let hint = if error.is_eof() {
        Some("the file ends in the middle: save it again, whole".to_owned())
    } else {
        json_begins_later(text)
            .map(|line| format!("the JSON seems to begin in line {line}: remove what stands before it"))
    };
    let (line, column) = (error.line(), error.column());
    ReadError::NotJson { origin: origin.to_owned(), line, column, message, hint }
}

/// The first line that begins a JSON object or array, when something else stands before it (curl's progress meter).
fn json_begins_later(text: &str) -> Option<usize> {
    let begins = |line: &str| line.starts_with(['{', '[']);
    let first = text.lines().position(begins)?;
    (first > 0 && text.lines().take(first).any(|line| !line.trim().is_empty())).then_some(first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        r#"{"tasks":[{"taskArn":"arn:aws:ecs:eu-west-1:123456789012:task/prod/a1","lastStatus":"PENDING"}]}"#;

    fn tasks(bytes: &[u8]) -> usize {
        read_bytes("f", bytes).map_or(0, |contents| contents.observations.len())
    }

    #[test]
    fn text_is_read_in_the_encodings_that_shells_write() {
        let utf16: Vec<u8> = [0xfeff].into_iter().chain(ONE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(tasks(ONE.as_bytes()), 1);
        assert_eq!(tasks(format!("\u{feff}{ONE}").as_bytes()), 1);
        assert_eq!(tasks(&utf16), 1);
    }

    #[test]
    fn documents_may_follow_one_another_and_a_bad_one_does_not_hide_the_good_ones() {
        assert_eq!(tasks(format!("{ONE}\n{ONE}").as_bytes()), 2);
        let contents = read_bytes("f", format!("{ONE}\n{{\"a\":1}}\n{ONE}").as_bytes()).unwrap_or_default();
        assert_eq!((contents.observations.len(), contents.errors.len()), (2, 1));
        assert!(contents.errors[0].to_string().starts_with("f: document 2: $ is nothing that ecspan knows"));
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_an_error_with_a_place() {
        for end in 1..ONE.len() {
            let error = read_bytes("f", &ONE.as_bytes()[..end]).expect_err("cut").to_string();
            assert!(error.starts_with("f: line 1, column "), "{end}: {error}");
        }
    }

    #[test]
    fn a_task_whose_time_is_none_is_named_and_the_others_are_read() {
        let two =
            r#"[{"taskArn":"t/a1","lastStatus":"X","createdAt":"yesterday"},{"taskArn":"t/a2","lastStatus":"X"}]"#;
        let contents = read_bytes("f", two.as_bytes()).unwrap_or_default();
        assert_eq!(contents.observations.len(), 1);
        assert_eq!(contents.errors[0].to_string(), "f: $[0].createdAt: \"yesterday\" is no time");
    }
}
