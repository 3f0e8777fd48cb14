//! Saved files and stdin: whatever people have of tasks. Main functions: [`read_path`], [`read_stdin`],
//! [`read_bytes`].

use std::io::{BufRead, Read};
use std::path::Path;

use serde_json::Value;

use super::answer::MissingTask;
use super::document;
use super::error::{Place, ReadError};
#[cfg(feature = "aws")]
pub(crate) use super::event::is_of_ecs;
use super::json::At;
use super::packed::{self, Packing, Unpacked};
use super::spread;
use super::text::{self, Taken, Trust};
use crate::model::action::ActionRecord;
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
    /// Of those what is about a service or its deployments, each with its type: for whoever asks about these.
    pub actions: Vec<(String, ActionRecord)>,
    /// How it was read, where it is not JSON alone.
    pub notes: Vec<String>,
    /// The documents that said it, out of whatever they stood in; only where somebody wants them.
    pub(crate) kept: Vec<Value>,
    pub(crate) inside: Inside,
}

/// How far inside an input something is: nothing real goes deep, and nothing may be unpacked for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inside {
    pub(super) depth: usize,
    pub(super) unpacked: usize,
    /// Whether documents are kept.
    pub(super) keeps: bool,
}

impl Contents {
    /// How much was found, of any kind.
    pub(super) fn count(&self) -> usize {
        self.observations.len() + self.errors.len() + self.missing.len() + self.passed_by.len()
    }

    /// Notes how something was read, once however often it was.
    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|own| own == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Takes what was found inside; its errors are the caller's.
    pub(super) fn absorb(&mut self, mut found: Self) {
        self.observations.append(&mut found.observations);
        self.missing.append(&mut found.missing);
        self.passed_by.append(&mut found.passed_by);
        self.actions.append(&mut found.actions);
        self.notes.append(&mut found.notes);
        self.kept.append(&mut found.kept);
    }

    /// Whether anything is known, or would be, were it not wrong somewhere.
    fn is_known(&self) -> bool {
        self.count() > self.errors.len() || !self.errors.iter().all(ReadError::is_of_nothing)
    }

    /// Whether what was found says what it is of.
    fn names_itself(&self) -> bool {
        let names = |observation: &Observation| match observation {
            Observation::Service(record) => !record.name.is_empty(),
            Observation::Log(log) => log.stream.is_some(),
            _ => true,
        };
        !self.observations.is_empty() && self.observations.iter().all(names)
    }
}

/// What stdin is called.
pub(super) const STDIN: &str = "stdin";

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
    all(&path.display().to_string(), &path_bytes(path)?)
}

fn path_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let origin = path.display().to_string();
    if path.is_dir() {
        return Err(ReadError::Directory { origin });
    }
    std::fs::read(path).map_err(|source| ReadError::Io { origin, source })
}

/// Stdin, as it comes.
pub(super) fn stdin() -> impl BufRead {
    std::io::stdin().lock()
}

fn stdin_bytes() -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = stdin().read_to_end(&mut bytes);
    read.map_err(|source| ReadError::Io { origin: STDIN.to_owned(), source })?;
    Ok(bytes)
}

/// What can be given away of a file; `-` is stdin.
pub fn to_record(path: &Path) -> Result<ToRecord, ReadError> {
    if path == Path::new("-") {
        return bytes_to_record(STDIN, &stdin_bytes()?);
    }
    bytes_to_record(&path.display().to_string(), &path_bytes(path)?)
}

/// What a bundle can be made of.
#[derive(Debug)]
pub struct ToRecord {
    /// What was found.
    pub contents: Contents,
    /// The documents of a file that has nothing else, as they are.
    pub whole: Vec<Value>,
    /// What says something, out of whatever it stood in: messages, archives, rows of a query.
    pub parts: Vec<Value>,
}

/// As [`to_record`], of bytes.
pub fn bytes_to_record(origin: &str, bytes: &[u8]) -> Result<ToRecord, ReadError> {
    let mut contents = Contents::default();
    contents.inside.keeps = true;
    let mut contents = read_into(origin, bytes, contents)?;
    let parts = std::mem::take(&mut contents.kept);
    Ok(ToRecord { contents, whole: all(origin, bytes).unwrap_or_default(), parts })
}

/// The JSON documents of an answer, which holds nothing else.
#[cfg(feature = "deliver")]
pub(super) fn parse(origin: &str, bytes: &[u8]) -> Result<Vec<Value>, ReadError> {
    let text = &*text::decode(origin, bytes)?.0;
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    documents.map(|document| document.map_err(|error| text::not_json(origin, text, &error))).collect()
}

/// The documents of a text, whatever they are.
fn all(origin: &str, bytes: &[u8]) -> Result<Vec<Value>, ReadError> {
    let (text, _) = text::decode(origin, bytes)?;
    let mut found = vec![];
    let mut remarks = text::documents(origin, &text, &mut |_, value, trust| {
        if trust == Trust::Salvaged || !(value.is_object() || value.is_array()) {
            return Taken::Unknown(None);
        }
        found.push(value);
        Taken::Known
    });
    if remarks.errors.is_empty() { Ok(found) } else { Err(remarks.errors.remove(0)) }
}

/// Reads documents: one, or several one after the other, of JSON or YAML, also out of other text. `origin` is what to call them in
/// errors.
pub fn read_bytes(origin: &str, bytes: &[u8]) -> Result<Contents, ReadError> {
    read_into(origin, bytes, Contents::default())
}

fn read_into(origin: &str, bytes: &[u8], mut contents: Contents) -> Result<Contents, ReadError> {
    if let Some(packing) = Packing::of(bytes) {
        match packing.unpack(bytes, document::UNPACKED) {
            Unpacked::Text(text) => read_text(origin, &text, &mut contents),
            Unpacked::TooMuch => contents.errors.push(ReadError::TooDeep { place: Place::root(origin) }),
            Unpacked::Wrong => {
                contents.errors.push(ReadError::Damaged { origin: origin.to_owned(), packing: packing.name() });
            }
        }
        contents.notes.push(packing.note());
    } else {
        read_unpacked(origin, bytes, &mut contents)?;
    }
    let nothing = contents.observations.is_empty() && contents.missing.is_empty() && contents.passed_by.is_empty();
    if nothing && contents.errors.len() == 1 {
        return Err(contents.errors.remove(0));
    }
    Ok(contents)
}

/// Reads text, whatever its encoding.
pub(super) fn read_unpacked(origin: &str, bytes: &[u8], contents: &mut Contents) -> Result<(), ReadError> {
    let (text, note) = text::decode(origin, bytes)?;
    read_text(origin, &text, contents);
    contents.notes.extend(note.map(str::to_owned));
    Ok(())
}

/// Reads the documents of a text, which may stand in another.
pub(super) fn read_text(origin: &str, text: &str, contents: &mut Contents) {
    contents.inside.unpacked = contents.inside.unpacked.saturating_add(text.len());
    if text.trim().is_empty() {
        contents.errors.push(ReadError::Empty { origin: origin.to_owned() });
        return;
    }
    let is_first = contents.inside.depth == 0;
    if !is_first && contents.inside.unpacked > document::UNPACKED {
        contents.errors.push(ReadError::TooDeep { place: Place::root(origin) });
        return;
    }
    if let Some(unpacked) = packed::in_base64(text, document::UNPACKED) {
        contents.inside.depth += 10;
        read_text(origin, &unpacked, contents);
        contents.inside.depth -= 10;
        contents.notes.push("unpacked from base64".to_owned());
        return;
    }
    let records = spread::records(text).filter(|records| records.len() > 1);
    let lines = records.and_then(|records| spread::text_of(&records.iter().collect::<Vec<_>>()));
    if lines.is_some_and(|lines| read_lines(origin, &lines, contents)) {
        return;
    }
    let remarks = text::documents(origin, text, &mut |place, value, trust| take(place, &value, trust, contents));
    contents.notes.extend(remarks.notes);
    contents.errors.extend(remarks.errors);
}

/// Reads a text that was put together of records, if anything in it is known.
pub(super) fn read_lines(origin: &str, text: &str, contents: &mut Contents) -> bool {
    let mut found = Contents { inside: contents.inside, ..Contents::default() };
    found.inside.depth += 1;
    read_text(origin, text, &mut found);
    contents.inside.unpacked = found.inside.unpacked;
    let is_known = found.is_known();
    if is_known {
        contents.errors.append(&mut found.errors);
        contents.absorb(found);
        contents.note(spread::NOTE);
    }
    is_known
}

/// Reads what is behind so many documents of a text.
#[cfg(feature = "aws")]
pub(super) fn read_rest(origin: &str, text: &str, before: text::Before, count: usize, contents: &mut Contents) {
    let mut take = |place: &str, value: Value, trust| take(place, &value, trust, contents);
    let remarks = text::further(origin, text, before, count, &mut take);
    contents.notes.extend(remarks.notes);
    contents.errors.extend(remarks.errors);
}

/// Reads a document of a text.
fn take(place: &str, value: &Value, trust: Trust, contents: &mut Contents) -> Taken {
    let at = At::root(place, value);
    if trust == Trust::Whole {
        document::read(&at, contents);
        return Taken::Known;
    }
    let mut found = Contents { inside: contents.inside, ..Contents::default() };
    document::read(&at, &mut found);
    contents.inside.unpacked = found.inside.unpacked;
    let is_known = found.is_known() && (trust == Trust::Found || found.names_itself());
    if is_known {
        contents.errors.append(&mut found.errors);
        contents.absorb(found);
        return Taken::Known;
    }
    Taken::Unknown(found.errors.into_iter().next())
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
    fn what_mail_programs_consoles_and_wikis_make_of_a_document_is_read_and_said() {
        let mail = |text: &str| {
            let broken: String = text
                .replace('=', "=3D")
                .chars()
                .collect::<Vec<_>>()
                .chunks(75)
                .map(|line| line.iter().collect::<String>() + "=\n")
                .collect();
            format!("{broken}\n")
        };
        let with = |text: &str| ONE.replacen('}', &format!(",\"stoppedReason\":{}}}", serde_json::json!(text)), 1);
        let attached = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, with("é=").as_bytes());
        let attached: Vec<&str> =
            attached.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let dumped = with("é=");
        for (text, note) in [
            (mail(&with("é=")).into_bytes(), "quoted-printable is read as what it stands for"),
            (
                format!("Subject: x\nContent-Transfer-Encoding: base64\n\n{}\n", attached.join("\n")).into_bytes(),
                "unpacked from base64",
            ),
            (
                dumped.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect(),
                "bytes that are no UTF-8 are read as Windows-1252",
            ),
            (format!("{{code:json}}\n{dumped}\n{{code}}\n").into_bytes(), "the JSON stands in other text"),
            (
                format!("╭───╮\n│ {} │\n╰───╯\n", dumped.replace(',', ", │\n│ ")).into_bytes(),
                "what frames it, or stands beside it, is taken off",
            ),
            (dumped.replace("[{", "[{\n--More--(9%)").into_bytes(), "the marks of a pager are taken out"),
        ] {
            let contents = read_bytes("f", &text).unwrap_or_default();
            let said = match contents.observations.first() {
                Some(Observation::Task(task)) => (task.id.as_str(), task.stopped_reason.as_deref()),
                _ => ("", None),
            };
            assert_eq!(said, ("a1", Some("é=")), "{note}: {}", String::from_utf8_lossy(&text));
            assert!(contents.notes.iter().any(|own| own.contains(note)), "{:?}", contents.notes);
            assert!(contents.errors.is_empty(), "{:?}", contents.errors);
        }
        let half = read_bytes("f", with("x").replace("\"x\"", "\"x\\ud83d\"").as_bytes()).unwrap_or_default();
        assert_eq!((half.observations.len(), half.notes), (1, vec!["halves of characters are read as �".to_owned()]));
        assert_eq!(tasks(format!("[[\"1795168800000000000\",{}]]", serde_json::json!(dumped)).as_bytes()), 1);
    }

    #[test]
    fn rows_of_an_application_are_its_lines() {
        let rows = "@timestamp,@logStream,@message\n2026-11-20 10:00:00.5,ecs/app/a1,\"hello, you\"\n2026-11-20 10:00:01.5,ecs/app/a1,bye\n";
        let saved = r#"[{"@timestamp":"2026-11-20 10:00:00.5","@logStream":"ecs/app/a1","@message":"hello, you"},
            {"@timestamp":"2026-11-20 10:00:01.5","@logStream":"ecs/app/a1","@message":"bye"}]"#;
        for text in [rows, saved] {
            let contents = read_bytes("f", text.as_bytes()).unwrap_or_default();
            let lines: Vec<&str> = match contents.observations.as_slice() {
                [Observation::Log(log)] => log.head.iter().map(|line| line.message.as_str()).collect(),
                _ => vec![],
            };
            assert_eq!(lines, ["hello, you", "bye"], "{text}");
        }
        assert_eq!(
            tasks(b"taskArn,lastStatus,createdAt\narn:aws:ecs:eu-west-1:1:task/prod/a1,PENDING,2026-11-20T10:00:00Z\n"),
            1
        );
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
            let read = read_bytes("f", &ONE.as_bytes()[..end]);
            // The task itself may be whole.
            let is_there = end >= ONE.len() - 2;
            let error = match read {
                Err(error) if !is_there => error,
                Ok(mut contents) if is_there && contents.observations.len() == 1 => contents.errors.remove(0),
                other => panic!("{end}: {other:?}"),
            };
            let error = error.to_string();
            let (place, task) = error.split_once("the JSON ends in the middle").unwrap_or_default();
            // Its id is told once it is whole, and while the task is not.
            let is_told = matches!(task, "" | ", in task a1") && (task.is_empty() || !is_there);
            assert!(place.starts_with("f: line 1, column ") && is_told, "{end}: {error}");
        }
    }

    #[test]
    fn a_task_whose_time_is_none_is_named_and_the_others_are_read() {
        let two =
            r#"[{"taskArn":"t/a1","lastStatus":"X","createdAt":"yesterday"},{"taskArn":"t/a2","lastStatus":"X"}]"#;
        let contents = read_bytes("f", two.as_bytes()).unwrap_or_default();
        assert_eq!(contents.observations.len(), 1);
        assert_eq!(contents.errors[0].to_string(), "f: $[0].createdAt: \"yesterday\" is no time (task a1 is left out)");
    }
}
