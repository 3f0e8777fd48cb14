//! Tests of the retry loop, in paused time: what is waited for passes at once.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::sink::otlp::encode::EncodedTask;
use crate::sink::testing::{Scripted, Step, span_names, task, took};

fn policy() -> Policy {
    Policy::new(Duration::from_secs(10), Duration::from_secs(60))
}

fn reason(status: u16) -> Reason {
    Reason::Http { status: http::StatusCode::from_u16(status).unwrap(), message: String::new() }
}

fn retry(after: Option<u64>) -> Step {
    Step::Say(Answer::Retry { after: after.map(Duration::from_secs), reason: reason(503) })
}

fn refused(too_large: TooLarge) -> Step {
    Step::Say(Answer::Refused { reason: reason(400), too_large })
}

fn accepted() -> Step {
    Step::Say(took(0, ""))
}

fn request(label: &str, spans: usize) -> Request {
    Request::of_one(EncodedTask::spans(task(label, spans)))
}

/// Plays a script: what became of the request, the bodies that came, and the time that it took.
async fn play(request: Request, steps: Vec<Step>) -> (Vec<Delivered>, Vec<Vec<String>>, Duration) {
    let transport = Scripted::new(steps);
    let started = Instant::now();
    let delivered = deliver(&transport, &policy(), request).await;
    let bodies = transport.0.played().iter().map(|body| span_names(body)).collect();
    (delivered, bodies, started.elapsed())
}

fn fates(delivered: &[Delivered]) -> Vec<(u64, Fate)> {
    delivered.iter().map(|one| (one.request.items(), one.fate.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn success_after_two_failures() {
    let size = request("a", 2).encoded_len() as u64;
    let (delivered, bodies, _) = play(request("a", 2), vec![retry(None), retry(None), accepted()]).await;
    assert_eq!(fates(&delivered), [(2, Fate::Accepted { rejected: 0, message: String::new() })]);
    assert_eq!((delivered[0].attempts, delivered[0].bytes), (3, size));
    assert!(bodies.iter().all(|body| *body == bodies[0]), "a repeat must be identical");
}

#[tokio::test(start_paused = true)]
async fn while_a_receiver_is_down_the_next_requests_are_tried_once() {
    let policy = policy();
    let down: Vec<Step> = (0..50).map(|_| retry(None)).collect();
    let dead = Scripted::new(down);
    let first = deliver(&dead, &policy, request("a", 1)).await;
    assert!(first[0].attempts > 5, "{first:?}");
    let started = Instant::now();
    let second = deliver(&dead, &policy, request("b", 1)).await;
    assert_eq!((second[0].attempts, started.elapsed()), (1, Duration::ZERO));
    let Fate::Undelivered { reason: Reason::StillDown { .. } } = &second[0].fate else { panic!("{second:?}") };
    // It is back, so patience is too.
    let alive = Scripted::new([accepted(), retry(None), accepted()]);
    deliver(&alive, &policy, request("c", 1)).await;
    assert_eq!(deliver(&alive, &policy, request("d", 1)).await[0].attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_begun_in_time_after_an_interruption_is_not_sent() {
    let mut policy = policy();
    policy.stop = futures::future::ready(Instant::now()).boxed().shared();
    tokio::time::advance(GRACE).await;
    let transport = Scripted::new([]);
    let delivered = deliver(&transport, &policy, request("a", 1)).await;
    assert_eq!((delivered[0].attempts, &delivered[0].fate), (0, &Fate::Undelivered { reason: Reason::NotSent }));
    transport.0.played();
}

#[tokio::test(start_paused = true)]
async fn more_rejections_than_spans_are_not_believed() {
    let (delivered, ..) = play(request("a", 2), vec![Step::Say(took(9, "no"))]).await;
    assert_eq!(fates(&delivered), [(2, Fate::Accepted { rejected: 2, message: "no".to_owned() })]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_is_waited_for_as_long_as_it_asks() {
    let (_, _, took) = play(request("a", 1), vec![retry(Some(7)), retry(Some(30)), accepted()]).await;
    assert_eq!(took, Duration::from_secs(37));
}

#[tokio::test(start_paused = true)]
async fn of_a_silent_receiver_the_time_of_a_whole_attempt_is_told() {
    let policy = Policy::new(Duration::from_secs(1), Duration::from_millis(1_500));
    let silent = Scripted::new([Step::Hang, Step::Hang]);
    let delivered = deliver(&silent, &policy, request("a", 1)).await;
    let Fate::Unknown { reason } = &delivered[0].fate else { panic!("{delivered:?}") };
    assert_eq!(reason.to_string(), "gave up within 1.5 s: no answer within 1 s");
    let impatient = Policy::new(Duration::from_millis(10), Duration::from_millis(10));
    let delivered = deliver(&Scripted::new([Step::Hang]), &impatient, request("a", 1)).await;
    let Fate::Unknown { reason } = &delivered[0].fate else { panic!("{delivered:?}") };
    assert_eq!(reason.to_string(), "gave up within 0.01 s: no answer within 0.01 s");
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_is_told_without_a_false_number() {
    let (delivered, ..) = play(request("a", 1), vec![retry(Some(u64::MAX))]).await;
    let Fate::Undelivered { reason } = &delivered[0].fate else { panic!("{delivered:?}") };
    assert!(reason.to_string().contains("asked to wait more than 18446744073709551614 s, longer than"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_zero_is_no_storm() {
    let (_, _, took) = play(request("a", 1), vec![retry(Some(0)), accepted()]).await;
    assert!(took >= Duration::from_millis(250), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let (delivered, _, took) = play(request("a", 1), vec![retry(Some(61))]).await;
    let Fate::Undelivered { reason } = &delivered[0].fate else { panic!("{delivered:?}") };
    assert_eq!(
        reason.to_string(),
        "the receiver answered 503 Service Unavailable; asked to wait 61 s, longer than what is left of the 60 s for all attempts"
    );
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_stays_down_ends_with_the_deadline() {
    let transport = Scripted::new((0..1000).map(|_| retry(None)));
    let started = Instant::now();
    let delivered = deliver(&transport, &policy(), request("a", 1)).await;
    let Fate::Undelivered { reason } = &delivered[0].fate else { panic!("{delivered:?}") };
    assert_eq!(reason.to_string(), "gave up within 60 s: the receiver answered 503 Service Unavailable");
    assert!(started.elapsed() <= Duration::from_secs(60));
    assert!((7..25).contains(&delivered[0].attempts), "{}", delivered[0].attempts);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_leaves_the_outcome_unknown() {
    let (delivered, _, took) = play(request("a", 1), vec![Step::Hang, retry(Some(60))]).await;
    assert!(matches!(&delivered[0].fate, Fate::Unknown { reason: Reason::WaitTooLong { .. } }), "{delivered:?}");
    assert!(took >= Duration::from_secs(10));
    let (delivered, ..) = play(request("a", 1), vec![Step::Hang, accepted()]).await;
    assert!(matches!(delivered[0].fate, Fate::Accepted { .. }));
    let (delivered, ..) = play(request("a", 1), vec![Step::Hang, refused(TooLarge::No)]).await;
    assert!(matches!(delivered[0].fate, Fate::Undelivered { .. }), "it was refused for good: {delivered:?}");
}

#[tokio::test(start_paused = true)]
async fn each_repeat_is_told() {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let on_retry: OnRetry = {
        let told = Arc::clone(&told);
        Arc::new(move |reason, pause| told.lock().unwrap().push((reason.to_string(), pause.as_secs())))
    };
    let policy = Policy { on_retry: Some(on_retry), ..policy() };
    deliver(&Scripted::new([retry(Some(3)), accepted()]), &policy, request("a", 1)).await;
    assert_eq!(*told.lock().unwrap(), [("the receiver answered 503 Service Unavailable".to_owned(), 3)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_split_until_the_culprit_is_alone() {
    use TooLarge::Yes;
    // 4 spans: refused; first half accepted; second half refused; the child accepted; the root refused.
    let steps = vec![refused(Yes), accepted(), refused(Yes), accepted(), refused(Yes)];
    let (delivered, bodies, _) = play(request("a", 4), steps).await;
    assert_eq!(bodies[1], ["child 1 a", "child 2 a"]);
    assert_eq!(bodies[2], ["child 3 a", "root a"]);
    let ok = || Fate::Accepted { rejected: 0, message: String::new() };
    let culprit =
        Fate::Unacceptable { reason: Reason::SpanTooLarge { span: "root a".to_owned(), last: Box::new(reason(400)) } };
    assert_eq!(fates(&delivered), [(0, Fate::Split), (2, ok()), (0, Fate::Split), (1, ok()), (1, culprit)]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_out_of_quota_is_not_flooded_with_halves() {
    let (delivered, bodies, _) = play(request("a", 8), vec![refused(TooLarge::Perhaps)]).await;
    assert_eq!((delivered.len(), bodies.len()), (1, 1), "so small a request is not refused for its size");

    // 200 KiB: halved twice, then small enough to be sure; what waits is not sent.
    let large = request(&"x".repeat(1024), 200);
    let (delivered, bodies, _) = play(large, (0..3).map(|_| refused(TooLarge::Perhaps)).collect()).await;
    assert_eq!(bodies.len(), 3);
    assert_eq!(delivered.iter().map(|one| one.request.items()).sum::<u64>(), 200);
    assert_eq!(delivered.iter().map(|one| one.attempts).sum::<u64>(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_the_deadline_cuts_off_does_not_hide_that_another_protocol_may_be_spoken() {
    let policy = Policy { deadline: Duration::from_secs(5), ..policy() };
    let mixed_up = Scripted::new([Step::Say(Answer::retry(reason(404))), Step::Hang]);
    let delivered = deliver(&mixed_up, &policy, request("a", 1)).await;
    let Fate::Unknown { reason } = &delivered[0].fate else { panic!("{delivered:?}") };
    assert!(delivered[0].attempts == 2 && reason.puts_protocol_in_doubt(), "{delivered:?}");
}

#[test]
fn pauses_double_up_to_the_longest() {
    let policy = policy();
    let longest: Vec<u128> = [1, 2, 3, 4, 5, 6, 99].map(|n| backoff(&policy, n, 1.0).as_millis()).to_vec();
    assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    assert_eq!(backoff(&policy, 1, 0.0), Duration::from_millis(250));
    assert!((0..100).map(|_| random()).all(|random| (0.0..=1.0).contains(&random)));
}

#[tokio::test(start_paused = true)]
async fn any_wait_that_is_asked_for_can_be_asked_for() {
    for seconds in [u64::MAX, i64::MAX.unsigned_abs(), u64::MAX / 1_000] {
        let (delivered, ..) = play(request("a", 2), vec![retry(Some(seconds))]).await;
        let is_told = matches!(&delivered[0].fate, Fate::Undelivered { reason: Reason::WaitTooLong { .. } });
        assert!(is_told, "{delivered:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_under_way_leaves_the_outcome_unknown_and_the_spans_in_hand() {
    struct Panics;
    impl Transport for Panics {
        fn format(&self) -> crate::sink::otlp::encode::Format {
            crate::sink::otlp::encode::Format::Protobuf
        }
        fn send(&self, _: Bytes) -> BoxFuture<'_, Answer> {
            panic!("of a library")
        }
    }
    let delivered = deliver(&Panics, &policy(), request("a", 2)).await;
    let reason = Reason::Defect { detail: "of a library".to_owned() };
    assert_eq!(fates(&delivered), [(2, Fate::Unknown { reason })]);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_left_when_its_time_is_up_is_surely_not_delivered() {
    struct NeverConnects;
    impl Transport for NeverConnects {
        fn format(&self) -> crate::sink::otlp::encode::Format {
            crate::sink::otlp::encode::Format::Protobuf
        }
        fn send(&self, _: Bytes) -> BoxFuture<'_, Answer> {
            pending().boxed()
        }
        fn send_out(&self, body: Bytes, _: HasLeft) -> BoxFuture<'_, Answer> {
            self.send(body)
        }
    }
    let delivered = deliver(&NeverConnects, &policy(), request("a", 2)).await;
    assert!(matches!(delivered[0].fate, Fate::Undelivered { reason: Reason::GaveUp { .. } }), "{delivered:?}");
    assert!(delivered[0].attempts > 1);
}
