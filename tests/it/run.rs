//! Engines under paused time, against an AWS and a receiver that are in this process: what a signal, a receiver that comes back
//! and a wait that is too long do.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use bytes::Bytes;
use ecspan::model::Time;
use ecspan::model::deployment::{State, Wanted};
use ecspan::run::deploy::{self, DeployConfig, DeployFrom, Deployed, Ended, Wait};
use ecspan::run::events::EventConfig;
use ecspan::run::events::queue::{self, Drained, QueueConfig};
use ecspan::run::meters::Meters;
use ecspan::run::{Fate, Notice, Stop, Teller};
use ecspan::sink::{Answer, Destination, Format, Reason, Transport, Verdict};
use ecspan::source::aws::Aws;
use ecspan::source::ecs::{EcsSource, ObserveOptions};
use ecspan::source::sqs::Queue;
use ecspan::trace::TraceOptions;
use futures::FutureExt;
use futures::future::BoxFuture;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// 2026-11-23T12:00:00Z.
const NOW: Time = Time::from_unix_nanos(1_795_435_200_000_000_000);

/// What AWS answers to an operation; `None`: nobody scripted it.
type Script = Arc<dyn Fn(&str, Value) -> BoxFuture<'static, Option<Value>> + Send + Sync>;

/// AWS, in this process.
#[derive(Clone)]
struct Fake(Script);

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap().to_owned();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = (self.0)(&operation, body);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.unwrap_or_else(|| panic!("{operation} was not scripted"));
            Ok(HttpResponse::new(200.try_into().unwrap(), answer.to_string().into()))
        })
    }
}

async fn aws(script: Script) -> Aws {
    let connector = SharedHttpConnector::new(Fake(script));
    let client = http_client_fn(move |_, _| connector.clone());
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(client)
        .region("eu-west-1")
        .credentials_provider(aws_credential_types::Credentials::new("AKID", "secret", None, None, "test"));
    Aws::new(config.load().await)
}

/// A receiver that answers after a while, and not at all before it is there.
struct Receiver {
    back_at: Instant,
    takes: Duration,
    requests: AtomicUsize,
}

impl Transport for Receiver {
    fn format(&self) -> Format {
        Format::Json
    }

    fn send(&self, _: Bytes) -> BoxFuture<'_, Answer> {
        async {
            self.requests.fetch_add(1, Ordering::Relaxed);
            if Instant::now() < self.back_at {
                return Answer::Retry {
                    after: None,
                    reason: Reason::NoAnswer { after: Duration::from_secs(1), proxy: None },
                };
            }
            sleep(self.takes).await;
            Answer::Accepted { rejected: 0, message: String::new() }
        }
        .boxed()
    }
}

/// A queue with one message, and what was done with it.
#[derive(Default)]
struct Messages {
    received: AtomicUsize,
    deleted: AtomicUsize,
    /// Seconds that it was hidden for, each time.
    hidden: Mutex<Vec<u64>>,
}

impl Messages {
    fn script(self: &Arc<Self>) -> Script {
        let messages = self.clone();
        Arc::new(move |operation, body| {
            let messages = messages.clone();
            let operation = operation.to_owned();
            async move {
                Some(match operation.as_str() {
                    "ReceiveMessage" if messages.received.fetch_add(1, Ordering::Relaxed) == 0 => {
                        let attributes = json!({ "ApproximateReceiveCount": "1" });
                        json!({ "Messages": [{ "MessageId": "m", "ReceiptHandle": "r", "Body": event().to_string(), "Attributes": attributes }] })
                    }
                    // Nothing more comes within a long poll.
                    "ReceiveMessage" => {
                        sleep(Duration::from_secs(20)).await;
                        json!({})
                    }
                    "DeleteMessageBatch" => {
                        messages.deleted.fetch_add(1, Ordering::Relaxed);
                        json!({ "Successful": [{ "Id": body["Entries"][0]["Id"] }], "Failed": [] })
                    }
                    "ChangeMessageVisibility" => {
                        messages.hidden.lock().unwrap().push(body["VisibilityTimeout"].as_u64().unwrap());
                        json!({})
                    }
                    _ => return None,
                })
            }
            .boxed()
        })
    }
}

fn event() -> Value {
    json!({
        "detail-type": "ECS Task State Change", "source": "aws.ecs", "time": "2026-11-20T11:00:21Z",
        "detail": {
            "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef",
            "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "lastStatus": "STOPPED", "version": 7,
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
            "createdAt": "2026-11-20T10:00:00.100Z", "startedAt": "2026-11-20T10:00:11.500Z",
            "executionStoppedAt": "2026-11-20T11:00:10.650Z", "stoppedAt": "2026-11-20T11:00:20.700Z",
            "containers": [{ "name": "app", "exitCode": 0 }],
        },
    })
}

/// What was told.
fn hearing() -> (Teller, Arc<Mutex<Vec<Notice>>>) {
    let heard: Arc<Mutex<Vec<Notice>>> = Arc::default();
    let hear = heard.clone();
    (Arc::new(move |notice: &Notice| hear.lock().unwrap().push(notice.clone())), heard)
}

/// A worker that is told to stop after so long, before a receiver that is back at a time and takes another.
async fn worked(stop_after: Duration, back_after: Duration, takes: Duration) -> (Drained, Arc<Messages>, Vec<Notice>) {
    worked_by(|| NOW, stop_after, back_after, takes).await
}

async fn worked_by(
    clock: fn() -> Time,
    stop_after: Duration,
    back_after: Duration,
    takes: Duration,
) -> (Drained, Arc<Messages>, Vec<Notice>) {
    let (messages, stop) = (Arc::new(Messages::default()), Stop::new());
    let aws = aws(messages.script()).await;
    let receiver = Receiver { back_at: Instant::now() + back_after, takes, requests: AtomicUsize::new(0) };
    let config = QueueConfig {
        queue: Queue::open(&aws, "https://sqs.eu-west-1.amazonaws.com/123456789012/tasks").unwrap(),
        concurrency: 1,
        visibility_timeout: Duration::from_secs(30),
        events: EventConfig::new(
            vec![Destination::over("receiver".to_owned(), Arc::new(receiver))],
            Meters::new(SdkMeterProvider::default(), aws.calls()),
            clock,
        ),
    };
    let (notices, heard) = hearing();
    let ask = stop.clone();
    tokio::spawn(async move {
        sleep(stop_after).await;
        ask.request();
    });
    let drained = queue::run(config, stop, notices).await;
    let heard = heard.lock().unwrap().clone();
    (drained, messages, heard)
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_a_worker_finishes_what_is_in_hand() {
    let (drained, messages, heard) = worked(Duration::from_secs(1), Duration::ZERO, Duration::from_secs(4)).await;
    assert_eq!((drained.messages, drained.exported.tasks, drained.given_back), (1, 1, 0));
    assert_eq!(drained.exported.report.verdict(), Verdict::All);
    assert_eq!(messages.deleted.load(Ordering::Relaxed), 1);
    assert!(
        heard.iter().any(|notice| matches!(notice, Notice::Exported { fate: Fate::Accepted, spans: 6, .. })),
        "{heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_is_held_until_the_receiver_is_back_and_deleted_once() {
    let (drained, messages, heard) = worked(Duration::from_secs(600), Duration::from_secs(150), Duration::ZERO).await;
    assert_eq!((drained.messages, drained.exported.tasks, drained.given_back), (1, 1, 0));
    assert_eq!(messages.deleted.load(Ordering::Relaxed), 1);
    // Again and again hidden for the whole time, never given back.
    let hidden = messages.hidden.lock().unwrap().iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(hidden, BTreeSet::from([30]));
    assert!(heard.iter().any(|notice| matches!(notice, Notice::NotTaken { .. })), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_while_the_receiver_is_away_a_worker_gives_the_message_back() {
    let begin = Instant::now();
    let (drained, messages, _) = worked(Duration::from_secs(100), Duration::from_secs(10_000), Duration::ZERO).await;
    assert_eq!((drained.messages, drained.exported.tasks, drained.given_back), (1, 0, 1));
    assert_eq!(messages.deleted.load(Ordering::Relaxed), 0);
    assert_eq!(messages.hidden.lock().unwrap().last(), Some(&0));
    // ECS kills 30 s after SIGTERM.
    assert!(begin.elapsed() < Duration::from_secs(130), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_meets_a_defect_is_left_to_the_queue_and_told() {
    let broken: fn() -> Time = || panic!("no clock");
    let (drained, messages, heard) = worked_by(broken, Duration::from_secs(1), Duration::ZERO, Duration::ZERO).await;
    assert_eq!((drained.messages, drained.exported.tasks, drained.exported.poison), (1, 0, 1));
    assert_eq!(messages.deleted.load(Ordering::Relaxed), 0);
    let is_told = |notice: &Notice| matches!(notice, Notice::Unreadable { error, .. } if error.contains("no clock"));
    assert!(heard.iter().any(is_told), "{heard:?}");
}

/// A DescribeServices answer: a deployment of so many tasks that stands so.
fn service_of(tasks: usize, state: &str) -> Value {
    json!({ "failures": [], "services": [{
        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/prod/web", "serviceName": "web",
        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "status": "ACTIVE",
        "desiredCount": tasks, "runningCount": 0, "pendingCount": tasks, "events": [],
        "deployments": [{
            "id": "ecs-svc/1", "status": "PRIMARY", "desiredCount": tasks, "runningCount": 0, "pendingCount": tasks,
            "failedTasks": 0, "createdAt": 1_795_435_100.0, "updatedAt": 1_795_435_190.0, "rolloutState": state,
            "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        }],
    }] })
}

/// A deployment whose rollout is over at a time, waited for at most so long; for how long it was.
async fn waited(over_after: Duration, timeout: Duration) -> (Deployed, Duration, Vec<Notice>) {
    let begin = Instant::now();
    let script: Script = Arc::new(move |operation, _| {
        let state = if begin.elapsed() < over_after { "IN_PROGRESS" } else { "COMPLETED" };
        let answer = match operation {
            "DescribeServices" => Some(service_of(1, state)),
            "ListServiceDeployments" => Some(json!({ "serviceDeployments": [] })),
            "FilterLogEvents" => Some(json!({ "events": [] })),
            "ListTasks" => Some(json!({ "taskArns": [] })),
            _ => None,
        };
        futures::future::ready(answer).boxed()
    });
    waited_by(script, timeout).await
}

/// The latest deployment of a scripted AWS, waited for at most so long; for how long it was.
async fn waited_by(script: Script, timeout: Duration) -> (Deployed, Duration, Vec<Notice>) {
    let begin = Instant::now();
    let config = DeployConfig {
        from: DeployFrom::Aws {
            source: Arc::new(EcsSource::new(aws(script).await, ObserveOptions::default())),
            service: "web".to_owned(),
            cluster: Some("prod".to_owned()),
            region: None,
        },
        wanted: Wanted::Latest,
        wait: Wait { is_wanted: true, timeout: Some(timeout), ..Wait::default() },
        log_lines: 0,
        options: TraceOptions::default(),
        own_options: TraceOptions::default(),
        destinations: vec![],
        clock: || Time::from(SystemTime::now()),
    };
    let (notices, heard) = hearing();
    let ended = deploy::run(config, Stop::new(), notices).await.unwrap();
    let Ended::Whole(deployed) = ended else { panic!("nobody told it to stop") };
    let heard = heard.lock().unwrap().clone();
    (*deployed, begin.elapsed(), heard)
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_waited_for_as_long_as_was_said_and_no_longer() {
    let timeout = Duration::from_secs(60);
    let (deployed, took, heard) = waited(Duration::from_secs(3_600), timeout).await;
    assert!(deployed.timed_out && deployed.life.deployment.outcome.state == State::InProgress);
    assert!(took <= timeout, "{took:?}");
    // A pipeline's log says what goes on once, not every few seconds.
    let told = heard.iter().filter(|notice| matches!(notice, Notice::Waiting { .. })).count();
    assert_eq!(told, 1, "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_over_is_waited_for_no_longer() {
    let over = Duration::from_secs(30);
    let (deployed, took, _) = waited(over, Duration::from_secs(600)).await;
    assert!(!deployed.timed_out && deployed.life.deployment.outcome.state == State::Held);
    assert!(took >= over && took < over * 2, "{took:?}");
}

/// Five thousand tasks that are rolled out while they are watched: how often AWS is asked.
#[tokio::test(start_paused = true)]
async fn five_thousand_tasks_are_watched_within_a_budget_of_calls() {
    const TASKS: usize = 5_000;
    let calls = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let (begin, counted) = (Instant::now(), calls.clone());
    let script: Script = Arc::new(move |operation, body| {
        *counted.lock().unwrap().entry(operation.to_owned()).or_default() += 1;
        // Twenty start each second.
        let started = |number: usize| begin.elapsed().as_secs() as usize * 20 > number;
        let task = |arn: &str| {
            let number: usize = arn.rsplit('/').next().unwrap().trim_start_matches('0').parse().unwrap_or_default();
            let started = started(number).then_some(1_795_435_200.0);
            json!({ "taskArn": arn, "lastStatus": "PENDING", "desiredStatus": "RUNNING", "startedBy": "ecs-svc/1",
                    "group": "service:web", "createdAt": 1_795_435_100.5, "startedAt": started, "containers": [] })
        };
        let answer = match operation {
            "DescribeServices" => service_of(TASKS, "IN_PROGRESS"),
            "ListServiceDeployments" => json!({ "serviceDeployments": [] }),
            "FilterLogEvents" => json!({ "events": [] }),
            "ListTasks" if body["desiredStatus"] == "STOPPED" => json!({ "taskArns": [] }),
            "ListTasks" => {
                let from: usize = body["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
                let arns = (from..from + 100).map(|n| format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{n:032}"));
                let next = (from + 100 < TASKS).then(|| (from + 100).to_string());
                json!({ "taskArns": arns.collect::<Vec<_>>(), "nextToken": next })
            }
            "DescribeTasks" => {
                let arns = body["tasks"].as_array().unwrap().iter().map(|arn| task(arn.as_str().unwrap()));
                json!({ "failures": [], "tasks": arns.collect::<Vec<_>>() })
            }
            _ => panic!("{operation}"),
        };
        futures::future::ready(Some(answer)).boxed()
    });
    let minutes = 5;
    let timeout = Duration::from_secs(minutes * 60);
    let (deployed, _, heard) = waited_by(script, timeout).await;
    assert!(deployed.timed_out && deployed.life.launches.len() == TASKS);
    let looked = heard.iter().filter_map(|notice| match notice {
        Notice::Watched(life) => Some(life.started()),
        _ => None,
    });
    let looked: Vec<usize> = looked.collect();
    assert!(looked.is_sorted() && looked.last() == Some(&TASKS), "{looked:?}");
    let calls = calls.lock().unwrap().clone();
    // The last reading for the report is apart: every page and every task once more.
    let all: usize = calls.values().sum::<usize>() - 102;
    assert!(all <= 150 * minutes as usize, "{calls:?}");
}
