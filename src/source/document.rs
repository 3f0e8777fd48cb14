//! One document, read whole: whatever it holds of tasks, services, definitions, logs and messages, in any combination. Main function:
//! [`read`].
//!
//! What stands under a name that ECS uses must be what the name says, or is an error. What stands elsewhere (in a state machine's
//! output, say) and is not known is somebody else's.

use serde_json::Value;

use super::action;
use super::answer;
use super::bundle;
use super::contents::Contents;
use super::docker;
use super::error::{Place, ReadError};
use super::event::{self, Carried, Envelope, Event};
use super::execution;
use super::files::{self, read_text};
use super::json::{self, At};
use super::metadata;
use super::packed::{self, Unpacked};
use super::pasted;
use super::rollout;
use super::rows;
use super::shape::{self, Shape};
use super::spread;
use super::trail;
use crate::model::observation::Observation;

/// Values within values, text within text: nothing real goes half as deep.
const DEEPEST: usize = 150;
/// So many bytes of text within text are unpacked of one input.
pub(super) const UNPACKED: usize = 256 * 1024 * 1024;

/// Reads a document; one that holds nothing known is an error.
pub(super) fn read(at: &At<'_>, contents: &mut Contents) {
    let before = contents.count();
    if contents.inside.depth >= DEEPEST {
        contents.errors.push(ReadError::TooDeep { place: at.place.clone() });
        return;
    }
    contents.inside.depth += 1;
    let repaired = pasted::repaired(at);
    if let Some((_, note)) = &repaired {
        contents.note(note);
    }
    let at = &At { value: repaired.as_ref().map_or(at.value, |(value, _)| value), place: at.place.clone() };
    let camel = shape::is_snake(at).then(|| shape::in_camel_case(at.value));
    let camel = camel.or_else(|| shape::is_in_small_letters(at).then(|| shape::in_letters_of_the_api(at.value)));
    let at = &At { value: camel.as_ref().unwrap_or(at.value), place: at.place.clone() };
    let found = shape::of(at).and_then(|shape| read_shape(at, shape, contents));
    contents.inside.depth -= 1;
    match found {
        Err(error) => contents.errors.push(error),
        Ok(()) if before == contents.count() => contents.errors.push(shape::nothing(at)),
        Ok(()) => {}
    }
}

/// Whether what has this shape says something by itself.
const fn speaks(shape: Shape) -> bool {
    use Shape::{
        ActionLine, AgentTask, Definition, Deployments, DockerContainer, Event, LogLines, Metadata, MetadataContainer,
        Service, ServiceDeployment, ServiceEvents, ServiceRevision, Task,
    };
    match shape {
        ActionLine | AgentTask | Definition | Deployments | DockerContainer | Event | LogLines | Metadata
        | MetadataContainer | Service | ServiceDeployment | ServiceEvents | ServiceRevision | Task => true,
        Shape::Bundle
        | Shape::Recorded
        | Shape::Records
        | Shape::Envelope
        | Shape::Control
        | Shape::QueryRows
        | Shape::List
        | Shape::Text
        | Shape::Parts => false,
    }
}

fn read_shape(at: &At<'_>, shape: Shape, contents: &mut Contents) -> Result<(), ReadError> {
    let before = (contents.observations.len() + contents.actions.len(), contents.kept.len());
    read_as(at, shape, contents)?;
    let says = contents.observations.len() + contents.actions.len() > before.0;
    // Of an event about something else, and of a log of events, what stands in it says all.
    let is_carrier = matches!(shape, Shape::Event | Shape::LogLines) && contents.kept.len() > before.1;
    if contents.inside.keeps && says && speaks(shape) && !is_carrier {
        contents.kept.truncate(before.1);
        contents.kept.push(at.value.clone());
    }
    Ok(())
}

fn read_as(at: &At<'_>, shape: Shape, contents: &mut Contents) -> Result<(), ReadError> {
    let mut own: &[&str] = &[];
    match shape {
        Shape::Bundle => return bundle::read(at, contents, read),
        Shape::List if at.elements().iter().all(|at| !at.value.is_object() && !at.value.is_array()) => {
            // Of texts and numbers, as Loki gives them, only what is a document counts.
            let is_document =
                |at: &&At<'_>| at.value.as_str().is_some_and(|text| text.starts_with('{') && is_json_text(text));
            let elements = at.elements();
            let mut documents = elements.iter().filter(is_document).peekable();
            if documents.peek().is_none() {
                return if read_spread(at, contents) { Ok(()) } else { Err(shape::nothing(at)) };
            }
            documents.for_each(|document| read(document, contents));
            return Ok(());
        }
        Shape::List => {
            let before = (contents.count(), contents.errors.len());
            at.elements().iter().for_each(|element| read(element, contents));
            let is_nothing = contents.count() - before.0 == contents.errors.len() - before.1;
            let mut errors = contents.errors.split_off(before.1);
            if !(is_nothing && errors.iter().all(ReadError::is_of_nothing) && read_spread(at, contents)) {
                contents.errors.append(&mut errors);
            }
            return Ok(());
        }
        Shape::LogLines => {
            let lines = at.elements();
            return match event::written(&lines) {
                Some(messages) => {
                    read_messages(messages, contents);
                    Ok(())
                }
                None => {
                    let (logs, errors) = answer::readable_lines(lines, at)?;
                    contents.observations.extend(logs.into_iter().map(Observation::Log));
                    contents.errors.extend(errors);
                    Ok(())
                }
            };
        }
        Shape::ServiceEvents => {
            let events = answer::service_events(&at.elements())?;
            contents.observations.extend(events.into_iter().map(Observation::ServiceEvent));
            return Ok(());
        }
        Shape::Deployments => {
            let service = rollout::service_of(at)?;
            contents.observations.push(Observation::Service(Box::new(service)));
            return Ok(());
        }
        Shape::Text => {
            let text = at.value.as_str().unwrap_or_default();
            read_text(&at.place.to_string(), text, contents);
            return Ok(());
        }
        Shape::Parts => {}
        Shape::Task => {
            let (record, nameless) = answer::task(at)?;
            contents.errors.extend(nameless);
            note_pasted(at.value, contents);
            contents.observations.push(Observation::Task(Box::new(record)));
        }
        Shape::Definition => contents.observations.push(Observation::Definition(Box::new(answer::definition(at)))),
        Shape::Service => {
            own = &["events"];
            let service = rollout::service(at)?;
            contents.observations.extend(service.events.iter().cloned().map(Observation::ServiceEvent));
            contents.observations.push(Observation::Service(Box::new(service)));
        }
        Shape::ServiceDeployment => {
            let record = rollout::service_deployment(at)?;
            contents.observations.push(Observation::ServiceDeployment(Box::new(record)));
        }
        Shape::ServiceRevision => {
            let records = rollout::service_revision(at).into_iter();
            contents.observations.extend(records.map(|record| Observation::ServiceRevision(Box::new(record))));
        }
        Shape::Metadata => {
            let (record, gaps) = metadata::task(at)?;
            let task_id = Some(record.id.clone());
            contents.observations.push(Observation::Task(Box::new(record)));
            contents
                .observations
                .extend(gaps.into_iter().map(|gap| Observation::Gap { task_id: task_id.clone(), gap }));
        }
        Shape::MetadataContainer => {
            contents.observations.push(Observation::Task(Box::new(metadata::container_only(at)?)));
        }
        Shape::AgentTask => contents.observations.push(Observation::Task(Box::new(metadata::agent_task(at)?))),
        Shape::DockerContainer if docker::is_foreign(at) => contents.passed_by.push(docker::FOREIGN.to_owned()),
        Shape::DockerContainer => contents.observations.push(Observation::Task(Box::new(docker::task(at)?))),
        Shape::Event => match event::read(at)? {
            Event::Task(record, nameless) => {
                contents.errors.extend(nameless);
                note_pasted(at.value, contents);
                contents.observations.push(Observation::Task(record));
            }
            Event::Other(kind) if execution::is_event(&kind) => read_execution(at, kind, contents),
            Event::Other(kind) => {
                let action = if action::KINDS.contains(&kind.as_str()) { action::of_event(at)? } else { None };
                contents.actions.extend(action.map(|action| (kind.clone(), action)));
                contents.passed_by.push(kind);
            }
        },
        Shape::Recorded => contents.passed_by.push(trail::read(at)?),
        Shape::Records => {
            at.list("records").iter().for_each(|record| read(record, contents));
            return Ok(());
        }
        Shape::ActionLine => {
            contents.actions.push((action::LINE.to_owned(), action::line(at)?));
            contents.passed_by.push(action::LINE.to_owned());
            return Ok(());
        }
        Shape::Envelope => {
            own = &["events"];
            read_messages(event::messages(at).unwrap_or_default(), contents);
        }
        Shape::QueryRows => {
            own = &["results"];
            contents.errors.extend(rows::unfinished(at));
            let logged = rows::logged(at);
            if logged.as_array().is_some_and(|rows| !rows.is_empty()) {
                let place = if at.value.is_array() { at.place.clone() } else { at.place.key("results") };
                read(&At { value: &logged, place }, contents);
            }
        }
        Shape::Control => contents.passed_by.push("CloudWatch Logs control message".to_owned()),
    }
    // What is somebody else's of a thing that is known was not looked for in it.
    let before = contents.count();
    let projection = read_parts(at, shape != Shape::Parts, own, contents, &mut read_elements);
    contents.errors.extend(projection.filter(|_| before == contents.count()));
    Ok(())
}

/// Reads the text whose lines are in a list's elements; whether anything in it is known.
fn read_spread(list: &At<'_>, contents: &mut Contents) -> bool {
    let elements = list.value.as_array().map(|items| items.iter().collect::<Vec<_>>()).unwrap_or_default();
    let text = spread::text_of(&elements);
    text.is_some_and(|text| files::read_lines(&list.place.to_string(), &text, contents))
}

/// What an event of Step Functions holds of tasks, as text; else it is passed by, and what the execution failed of is a note.
fn read_execution(at: &At<'_>, kind: String, contents: &mut Contents) {
    let Some(detail) = at.get("detail") else { return contents.passed_by.push(kind) };
    let mut found = Contents { inside: contents.inside, ..Contents::default() };
    let _ = read_parts(&detail, false, &[], &mut found, &mut read_elements);
    contents.inside.unpacked = found.inside.unpacked;
    if found.observations.is_empty() && found.errors.is_empty() {
        let failure = execution::failure(&detail);
        contents.notes.extend(failure.map(|failure| format!("the execution failed: {failure}")));
        contents.passed_by.push(kind);
    }
    contents.errors.append(&mut found.errors);
    contents.absorb(found);
}

/// What reads the list of things that stands under a name of ECS's.
type ReadList<'r> = &'r mut dyn FnMut(&At<'_>, &mut Contents);

pub(super) fn read_elements(list: &At<'_>, contents: &mut Contents) {
    list.elements().iter().for_each(|element| read(element, contents));
}

/// Whether an object is read part by part, and under these names are things.
#[cfg(feature = "aws")]
pub(super) fn is_in_parts(at: &At<'_>, names: &[&str]) -> bool {
    let holds = |name: &&str| at.get(name).is_some_and(|inner| shape::holds_things(&inner, &shape::camel(name)));
    !shape::is_snake(at) && shape::of(at).is_ok_and(|shape| shape == Shape::Parts) && names.iter().all(holds)
}

/// Reads such an object, less its lists of things: those `read_list` reads.
#[cfg(feature = "aws")]
pub(super) fn read_around(at: &At<'_>, contents: &mut Contents, read_list: ReadList<'_>) {
    contents.inside.depth += 1;
    // It holds things, so it is no projection.
    let _ = read_parts(at, false, &[], contents, read_list);
    contents.inside.depth -= 1;
}

/// The documents that messages carry as text. One bad message never hides the others.
fn read_messages(messages: Vec<Envelope<'_>>, contents: &mut Contents) {
    for Envelope { place, carried } in messages {
        match carried {
            Carried::Plain(text) => read_line(&place, text, contents),
            Carried::Other => contents.passed_by.push(event::NO_EVENT.to_owned()),
            Carried::Packed(text) => {
                let left = UNPACKED.saturating_sub(contents.inside.unpacked);
                match packed::of_base64(text, left) {
                    Unpacked::Text(text) => read_text(&place.to_string(), &text, contents),
                    Unpacked::TooMuch => {
                        // Nothing more is unpacked: each try would cost as much.
                        contents.inside.unpacked = UNPACKED;
                        contents.errors.push(ReadError::TooDeep { place });
                    }
                    Unpacked::Wrong => {
                        let expected = "text in base64, packed with gzip or not";
                        contents.errors.push(ReadError::Expected { place, expected });
                    }
                }
            }
            Carried::Missing => {
                contents.errors.push(ReadError::Expected { place, expected: "a message, as its neighbours are" });
            }
        }
    }
}

/// The documents of a text that is a message or a line of a log.
pub(super) fn read_line(place: &Place, text: &str, contents: &mut Contents) {
    let before = contents.errors.len();
    read_text(&place.to_string(), text, contents);
    if !event::is_event_text(text) {
        return;
    }
    for error in contents.errors.iter_mut().skip(before) {
        if matches!(error, ReadError::NotJson { .. }) {
            *error = ReadError::CutEvent { place: place.clone(), task: event::task_in(text) };
        }
    }
}

/// What the fields of an object hold: those that ECS names, and, unless `only_named`, whatever is known in the others. What is wrong
/// if that is nothing.
fn read_parts(
    at: &At<'_>,
    only_named: bool,
    own: &[&str],
    contents: &mut Contents,
    read_list: ReadList<'_>,
) -> Option<ReadError> {
    let mut projection = None;
    for key in at.value.as_object().into_iter().flat_map(|object| object.keys()) {
        // Most fields of a task are asked about here in vain.
        if only_named && !answer::has_parts(key) {
            continue;
        }
        let Some(inner) = at.get(key) else { continue };
        let name = shape::camel(key);
        if own.contains(&name.as_str()) {
            continue;
        }
        match name.as_str() {
            "tasks" | "task" | "services" | "service" | "serviceDeployments" | "serviceRevisions"
                if shape::holds_things(&inner, &name) =>
            {
                read_list(&inner, contents);
            }
            "failures" => contents.missing.extend(answer::missing(&inner)),
            "taskDefinition" | "taskDefinitions" if inner.value.is_object() || inner.value.is_array() => {
                read_quietly(&inner, contents, &mut projection);
            }
            "events" if matches!(shape::of(&inner), Ok(Shape::LogLines | Shape::ServiceEvents)) => {
                read(&inner, contents)
            }
            _ if only_named => {}
            _ => read_quietly(&inner, contents, &mut projection),
        }
    }
    projection
}

/// What is known in `inner`; what is not is nobody's loss.
fn read_quietly(inner: &At<'_>, contents: &mut Contents, projection: &mut Option<ReadError>) {
    match inner.value {
        Value::Object(_) | Value::Array(_) => {}
        Value::String(text) if is_json_text(text) => {}
        _ => return,
    }
    // Words that only speak of such things are nobody's loss either.
    let is_meant = inner.value.as_str().is_some_and(|text| text.trim_start().starts_with('{'));
    let mut found = Contents { inside: contents.inside, ..Contents::default() };
    read(inner, &mut found);
    contents.inside.unpacked = found.inside.unpacked;
    for error in found.errors.drain(..) {
        match error {
            ReadError::Projection { .. } => {
                projection.get_or_insert(error);
            }
            ReadError::UnknownShape { .. } | ReadError::NoneInIt { .. } | ReadError::NamesOnly { .. } => {}
            ReadError::Foreign { .. } | ReadError::NotJson { .. } if !is_meant => {}
            error => contents.errors.push(error),
        }
    }
    contents.absorb(found);
}

/// Whether a text is JSON, or a part of it that names a task.
fn is_json_text(text: &str) -> bool {
    let text = text.trim();
    if packed::looks_like_base64(text) {
        return true;
    }
    let is_whole = text.starts_with('{') && text.ends_with('}') || text.starts_with('[') && text.ends_with(']');
    // Of what was cut, or stands behind other words, the names tell.
    if text.contains('{') && (text.contains("askArn\"") || text.contains("\"detail-type\"")) {
        return true;
    }
    is_whole && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Says that characters of no width are taken out of what is said of a task.
fn note_pasted(task: &Value, contents: &mut Contents) {
    const NOTE: &str = "characters of no width are taken out of values";
    if json::is_pasted_into(task) {
        contents.note(NOTE);
    }
}
