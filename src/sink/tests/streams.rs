//! Many tasks, several destinations, files, dry runs and interruptions.

use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};

use super::*;
use crate::sink::deliver::report::{TASK_LINES, Verdict};
use crate::sink::deliver::undelivered::Undelivered;
use crate::sink::destination::{Settings, Target};
use crate::sink::file::FileTransport;
use crate::sink::otlp::pack::Limits;
use crate::sink::testing::{HttpReceiver, HttpStep, Scripted, Step, log_span, span_names, task, task_of, took};

fn over(transport: Scripted) -> Destination {
    Destination::over("scripted".to_owned(), Arc::new(transport))
}

fn oks(count: usize) -> Vec<Step> {
    (0..count).map(|_| Step::Say(took(0, ""))).collect()
}

#[tokio::test]
async fn tasks_share_a_request() {
    let transport = Scripted::new(oks(1));
    let script = Arc::clone(&transport.0);
    let report = deliver(vec![over(transport)], (0..100).map(|n| task(&n.to_string(), 3)).collect()).await;
    assert_eq!((report.verdict(), report.task_count, report.tasks.len()), (Verdict::All, 100, 100));
    assert_eq!((report.destinations[0].accepted, report.destinations[0].requests), (300, 1));
    assert_eq!(span_names(&script.played()[0]).len(), 300);
}

#[tokio::test]
async fn a_report_of_many_tasks_stays_small() {
    let count = TASK_LINES + 5;
    let report = deliver(vec![over(Scripted::new(oks(1)))], (0..count).map(|_| task("a", 1)).collect()).await;
    assert_eq!((report.task_count, report.tasks.len()), (count as u64, TASK_LINES));
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_wait_long_for_more_tasks() {
    let transport = Scripted::new(oks(2));
    let script = Arc::clone(&transport.0);
    let to = Destination { linger: Some(Duration::from_millis(200)), ..over(transport) };
    let tasks = stream::iter([task("a", 1), task("b", 1)]).chain(stream::once(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        task("c", 1)
    }));
    let report = Delivery::new(vec![to]).run(tasks).await;
    assert_adds_up(&report);
    let names: Vec<_> = script.played().iter().map(|body| span_names(body)).collect();
    assert_eq!(names, [vec!["root a", "root b"], vec!["root c"]]);
}

#[tokio::test]
async fn a_task_without_spans_sends_nothing_and_is_reported() {
    let mut pending = task_of("a", Vec::new());
    pending.pending = vec!["task web".to_owned()];
    let report = deliver(vec![over(Scripted::new([]))], vec![pending]).await;
    assert_eq!((report.verdict(), report.tasks[0].spans, report.destinations[0].requests), (Verdict::All, 0, 0));
    assert_eq!(report.tasks[0].pending, ["task web"]);
}

#[tokio::test]
async fn every_destination_gets_everything_whatever_becomes_of_the_others() {
    let receiver = HttpReceiver::start([HttpStep::answer(400, "", ""), HttpStep::ok()]).await;
    let mut refusing = destination(&receiver.url, "http/protobuf", |_| {})
        .with_limits(Limits { request_items: 4, ..Limits::default() });
    refusing.concurrency = 1;
    let accepting = over(Scripted::new(oks(1)));
    let report = deliver(vec![refusing, accepting], vec![task("a", 3), task("b", 4)]).await;
    let fates: Vec<_> = report.destinations.iter().map(|d| [d.accepted, d.rejected, d.undelivered]).collect();
    assert_eq!(fates, [[4, 0, 3], [7, 0, 0]]);
    assert_eq!(report.verdict(), Verdict::Some);
    assert_eq!(report.destinations[0].troubles[0].tasks.iter().map(|t| &**t).collect::<Vec<_>>(), ["a"]);
    receiver.script.played();
}

#[tokio::test]
async fn a_large_task_goes_in_order_with_its_root_last() {
    let transport = Scripted::new(oks(5));
    let script = Arc::clone(&transport.0);
    let limits = Limits { request_items: 2, ..Limits::default() };
    let to = Destination { concurrency: 4, ..over(transport) }.with_limits(limits);
    deliver_to(to, vec![task("a", 9)]).await;
    let names: Vec<String> = script.played().iter().flat_map(|body| span_names(body)).collect();
    assert_eq!((names.len(), names.last().map(String::as_str)), (9, Some("root a")));
}

#[tokio::test]
async fn log_events_that_do_not_fit_are_counted() {
    let limits = Limits { request_bytes: 4000, ..Limits::default() };
    let to = over(Scripted::new(oks(1))).with_limits(limits);
    let report = deliver_to(to, vec![task_of("a", vec![log_span(1000)])]).await;
    assert!((900..1000).contains(&report.dropped_events), "{}", report.dropped_events);
    assert!(report.bytes <= 4000);
}

#[tokio::test]
async fn a_file_has_one_request_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let to = Destination::open(
        &Target::File(path.clone()),
        Signal::Traces,
        &Settings::new(&Overrides::default(), &|_| None),
    )
    .unwrap();
    let to = to.with_limits(Limits { request_items: 3, ..Limits::default() });
    let report = deliver_to(to, vec![task("a", 3), task("b", 2)]).await;
    assert_eq!((report.accepted, report.requests), (5, 2));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.len() as u64, report.bytes + 2, "the newlines are not counted");
    for (line, label) in text.lines().zip(["a", "b"]) {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"];
        assert_eq!(name, &format!("root {label}"));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_put_in_place_was_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let file = FileTransport::create(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let to = Destination::over("file".to_owned(), Arc::new(file));
    let report = deliver(vec![to], vec![task("a", 3)]).await;
    assert_eq!((report.verdict(), report.destinations[0].undelivered), (Verdict::Nothing, 3));
    assert!(trouble(&report.destinations[0]).0.starts_with("failed to write "));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_reported() {
    let target = Target::File("/dev/full".into());
    let to = Destination::open(&target, Signal::Traces, &Settings::new(&Overrides::default(), &|_| None)).unwrap();
    let report = deliver_to(to, vec![task("a", 3)]).await;
    assert_eq!((report.undelivered, report.attempts), (3, 1));
    assert!(trouble(&report).0.starts_with("failed to write /dev/full: No space left"), "{report:?}");
}

#[tokio::test]
async fn a_dry_run_counts_what_would_be_sent() {
    let open = |protocol: &str, dry_run: bool| {
        let overrides = Overrides { protocol: Some(protocol.to_owned()), ..Overrides::default() };
        assert!(dry_run);
        Destination::dry_run(&Target::Otlp, Signal::Traces, &Settings::new(&overrides, &|_| None)).unwrap()
    };
    let tasks = || vec![task("a", 3), task("b", 2)];
    let grpc = deliver_to(open("grpc", true), tasks()).await;
    let json = deliver_to(open("http/json", true), tasks()).await;
    for report in [&grpc, &json] {
        assert!(report.dry_run);
        assert_eq!((report.made, report.accepted, report.requests), (5, 5, 1));
    }
    assert!(json.bytes > grpc.bytes && grpc.bytes > 100);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_repeats_and_says_what_was_sent() {
    let unavailable = || {
        Step::Say(crate::sink::request::transport::Answer::Retry {
            after: Some(Duration::from_secs(30)),
            reason: crate::sink::reason::Reason::NoAnswer { after: Duration::ZERO, proxy: None },
        })
    };
    let transport = Scripted::new([Step::Say(took(0, "")), unavailable()]);
    let to = over(transport).with_limits(Limits { request_items: 1, ..Limits::default() });
    let started = tokio::time::Instant::now();
    let stop = tokio::time::sleep(Duration::from_secs(2));
    let delivery = Delivery::new(vec![to]).until(stop);
    let report = delivery.run(stream::iter([task("a", 1), task("b", 1)])).await;
    assert_adds_up(&report);
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert_eq!((report.destinations[0].accepted, report.destinations[0].undelivered), (1, 1));
    assert!(trouble(&report.destinations[0]).0.starts_with("interrupted before another attempt: "));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_does_not_wait_for_a_receiver_that_hangs() {
    let transport = Scripted::new([Step::Hang]);
    let mut to = over(transport);
    to.policy.timeout = Duration::from_secs(3600);
    to.policy.deadline = Duration::from_secs(3600);
    let started = tokio::time::Instant::now();
    let delivery = Delivery::new(vec![to]).until(tokio::time::sleep(Duration::from_secs(2)));
    let report = delivery.run(stream::iter([task("a", 1)])).await;
    assert_eq!(started.elapsed(), Duration::from_secs(6));
    assert_eq!((report.destinations[0].undelivered, report.destinations[0].unknown), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_hurry_waits_for_no_answer_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        protocol: Some("http/json".to_owned()),
        ..Overrides::default()
    };
    let to = Destination::open(&Target::Otlp, Signal::Traces, &Settings::new(&overrides, &|_| None)).unwrap();
    let mut to = to.keeping(&Undelivered::at(folder.path().to_owned()));
    to.transport = Arc::new(Scripted::new([Step::Hang]));
    to.concurrency = 1;
    to.policy.timeout = Duration::from_secs(3600);
    to.policy.deadline = Duration::from_secs(3600);
    let to = to.with_limits(Limits { request_items: 1, ..Limits::default() });
    let started = tokio::time::Instant::now();
    let (stop, hurry) = (Duration::from_secs(2), Duration::from_secs(3));
    let delivery = Delivery::new(vec![to]).until(tokio::time::sleep(stop)).hurried(tokio::time::sleep(hurry));
    let report = delivery.run(stream::iter([task("a", 1), task("b", 1), task("c", 1)])).await;
    assert_adds_up(&report);
    assert_eq!(started.elapsed(), hurry);
    let to = &report.destinations[0];
    assert_eq!((to.undelivered, to.unknown, to.saved), (3, 1, 3));
    let reasons: Vec<String> = to.troubles.iter().map(|trouble| trouble.reason.to_string()).collect();
    assert_eq!(reasons, ["interrupted before an answer came", "interrupted before it was sent"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_written_however_much_of_a_hurry_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.jsonl");
    let overrides = Overrides::default();
    let settings = Settings::new(&overrides, &|_| None);
    let to = Destination::open(&Target::File(path.clone()), Signal::Traces, &settings).unwrap();
    let delivery = Delivery::new(vec![to]).hurried(std::future::ready(()));
    let report = delivery.run(stream::iter([task("a", 1), task("b", 1)])).await;
    assert_eq!(report.destinations[0].accepted, 2);
    assert!(path.is_file());
}

#[tokio::test(start_paused = true)]
async fn repeats_are_told_with_the_name_of_the_destination() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let retry = Step::Say(crate::sink::request::transport::Answer::retry(crate::sink::reason::Reason::NoAnswer {
        after: Duration::from_secs(1),
        proxy: None,
    }));
    let to = over(Scripted::new([retry, Step::Say(took(0, ""))]));
    let telling = Arc::clone(&told);
    let delivery = Delivery::new(vec![to])
        .on_retry(move |name, reason, _| telling.lock().unwrap().push(format!("{name}: {reason}")));
    delivery.run(stream::iter([task("a", 1)])).await;
    assert_eq!(*told.lock().unwrap(), ["scripted: no answer within 1 s"]);
}
