//! What is not accepted is saved, and sent again.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::sink::deliver::fate::Lost;
use crate::sink::deliver::resend::{Resender, Then};
use crate::sink::deliver::undelivered::{Undelivered, Waiting, read_waiting};
use crate::sink::otlp::encode::Format;
use crate::sink::reason::Reason;
use crate::sink::request::transport::{Answer, TooLarge};
use crate::sink::testing::{HttpReceiver, HttpStep, Scripted, Step, full_span, task, task_of, took};

fn folder() -> (tempfile::TempDir, Undelivered) {
    let place = tempfile::tempdir().unwrap();
    let folder = Undelivered::at(place.path().join("state/undelivered"));
    (place, folder)
}

fn only_file(folder: &Undelivered) -> PathBuf {
    let files = folder.files().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

fn only(path: &std::path::Path) -> Waiting {
    read_waiting(path).unwrap().last().unwrap().unwrap()
}

#[tokio::test]
async fn what_is_refused_is_saved_with_its_bytes_and_why() {
    let (_place, folder) = folder();
    let receiver = HttpReceiver::start([HttpStep::answer(400, "", "no thanks")]).await;
    let to = destination(&receiver.url, "http/protobuf", |_| {}).keeping(&folder);
    let report = deliver_to(to, vec![task_of("a", vec![full_span()])]).await;
    assert_eq!((report.undelivered, report.saved, report.set_aside), (1, 1, 0));
    let sent = receiver.script.played().remove(0).body;
    let saved = only(&only_file(&folder));
    assert_eq!(saved.request.encode(Format::Protobuf), sent, "what is read is what was sent");
    let note = saved.note.unwrap();
    assert_eq!((note.outcome, note.items, note.meant_for.to.as_str()), (Lost::Undelivered, 1, "otlp"));
    assert!(note.reason.contains("400 Bad Request: no thanks"), "{}", note.reason);
    assert_eq!(note.tasks.iter().map(|label| &**label).collect::<Vec<_>>(), ["a"]);
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_place, folder) = folder();
    let receiver = HttpReceiver::start([HttpStep::answer(400, "", "")]).await;
    deliver_to(destination(&receiver.url, "http/json", |_| {}).keeping(&folder), vec![task("a", 1)]).await;
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_partial_success_is_set_aside_and_an_unknown_outcome_is_not() {
    let (_place, folder) = folder();
    let partial = r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"old"}}"#;
    let receiver =
        HttpReceiver::start([HttpStep::answer(200, "content-type: application/json", partial), HttpStep::Close]).await;
    let to = || {
        let mut to = destination(&receiver.url, "http/protobuf", |_| {}).keeping(&folder);
        (to.policy.first_pause, to.policy.deadline) = (Duration::from_secs(60), Duration::from_secs(4));
        to
    };
    let report = deliver_to(to(), vec![task("a", 3)]).await;
    assert_eq!((report.accepted, report.rejected, report.saved, report.set_aside), (2, 1, 0, 1));
    let note = only(&only_file(&folder)).note.unwrap();
    assert_eq!((note.outcome, note.items, note.rejected, note.reason.as_str()), (Lost::Partial, 3, 1, "old"));
    let report = deliver_to(to(), vec![task("b", 3)]).await;
    assert_eq!((report.unknown, report.saved), (3, 3));
    let outcomes: Vec<_> = folder.files().unwrap().iter().map(|path| only(path).note.unwrap().outcome).collect();
    assert_eq!(outcomes, [Lost::Partial, Lost::Unknown]);
}

#[tokio::test]
async fn a_partial_success_without_a_reason_is_saved_as_such() {
    let (_place, folder) = folder();
    let partial = r#"{"partialSuccess":{"rejectedSpans":"1"}}"#;
    let receiver = HttpReceiver::start([HttpStep::answer(200, "content-type: application/json", partial)]).await;
    deliver_to(destination(&receiver.url, "http/json", |_| {}).keeping(&folder), vec![task("a", 2)]).await;
    let note = only(&only_file(&folder)).note.unwrap();
    assert_eq!((note.outcome, note.reason.as_str()), (Lost::Partial, "the receiver does not say why"));
}

#[tokio::test]
async fn what_cannot_be_saved_is_told() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "").unwrap();
    let folder = Undelivered::at(place.path().join("file/undelivered"));
    let receiver = HttpReceiver::start([HttpStep::answer(400, "", "")]).await;
    let to = destination(&receiver.url, "http/json", |_| {}).keeping(&folder);
    let report = deliver_to(to, vec![task("a", 2)]).await;
    assert_eq!((report.undelivered, report.saved), (2, 0));
    assert!(report.unsaved[0].starts_with("failed to save what was not delivered in "), "{:?}", report.unsaved);
}

/// Plays answers to a saved request of three spans, sent again.
async fn resend(folder: &Undelivered, steps: Vec<Step>) -> (Then, DestinationReport) {
    let mut to = Destination::over("scripted".to_owned(), Arc::new(Scripted::new(steps)));
    to.meant_for = only(&only_file(folder)).note.map(|note| note.meant_for);
    let resender = Resender::new(to.keeping(folder));
    let then = resender.send(only(&only_file(folder))).await;
    let report = resender.report();
    assert_eq!(report.accepted + report.rejected + report.undelivered, report.made, "{report:?}");
    (then, report)
}

#[tokio::test]
async fn a_resend_is_done_when_all_is_accepted_and_saves_what_is_not() {
    let refused = |too_large| Step::Say(Answer::Refused { reason: Reason::NotSent, too_large });
    let (_place, folder) = folder();
    let receiver = HttpReceiver::start([HttpStep::answer(400, "", "")]).await;
    deliver_to(destination(&receiver.url, "http/json", |_| {}).keeping(&folder), vec![task("a", 3)]).await;

    let (then, report) = resend(&folder, vec![refused(TooLarge::No)]).await;
    assert_eq!((then, report.undelivered, report.saved), (Then::Waits, 3, 3), "it fared as before");
    assert_eq!(folder.files().unwrap().len(), 1);

    let (then, report) = resend(&folder, vec![Step::Say(took(0, ""))]).await;
    assert_eq!((then, report.accepted), (Then::Done, 3));
    assert_eq!(folder.files().unwrap().len(), 1, "whoever asked removes it");

    // Split: the first half is accepted, the second is not and is saved anew.
    let steps = vec![refused(TooLarge::Yes), Step::Say(took(0, "")), refused(TooLarge::No)];
    let (then, report) = resend(&folder, steps).await;
    assert_eq!((then, report.accepted, report.undelivered, report.saved), (Then::Done, 1, 2, 2));
    let newest = folder.files().unwrap().pop().unwrap();
    assert_eq!(only(&newest).request.items(), 2);
}

#[test]
fn lines_that_are_no_requests_are_named() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("x.jsonl");
    fs::write(&path, "{\"resourceSpans\":[]}\n\n{\"resourceMetrics\":[]}\n{\"resourceSpans\":[{\"sc").unwrap();
    let told: Vec<String> =
        read_waiting(&path).unwrap().map(|line| line.map_or_else(|e| e.to_string(), |_| "ok".to_owned())).collect();
    assert_eq!(told[0], "ok");
    assert!(
        told[1].ends_with("x.jsonl: line 3: neither resourceSpans nor resourceLogs: not OTLP JSON of traces or logs")
    );
    assert!(told[2].contains("x.jsonl: line 4: not OTLP JSON: EOF"), "{}", told[2]);
}

#[test]
fn unfinished_files_are_not_seen() {
    let place = tempfile::tempdir().unwrap();
    for name in [".1-2-3.jsonl.9-0.tmp", "2.jsonl", "1.jsonl", "note.txt"] {
        fs::write(place.path().join(name), "").unwrap();
    }
    let folder = Undelivered::at(place.path().to_owned());
    let names: Vec<_> = folder.files().unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["1.jsonl", "2.jsonl"]);
}
