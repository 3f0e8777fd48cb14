//! Access to AWS: clients by region, errors with what to do, a client-side limit of calls. Main types: [`Aws`],
//! [`AwsError`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use aws_config::Region;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_ecs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;
use tokio::time::Instant;

use super::calls::Calls;
use super::error::ReadError;
use super::target::is_whole_id;
use crate::hint::Hint;
use crate::secrets::aws_said;

/// Attempts at a call: with exponential pauses enough to outlast a throttled burst.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What the command line says of AWS; all else is the SDK's own (environment, profile, instance role).
#[derive(Clone, Debug, Default)]
pub struct AwsSettings {
    /// Profile name.
    pub profile: Option<String>,
    /// Region.
    pub region: Option<String>,
}

/// Clients of the services that are asked, one a region.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    calls: Calls,
    ecs: Mutex<HashMap<Region, aws_sdk_ecs::Client>>,
    logs: Mutex<HashMap<Region, aws_sdk_cloudwatchlogs::Client>>,
}

impl Clone for Aws {
    /// The same settings, and calls are counted together.
    fn clone(&self) -> Self {
        Self { calls: self.calls(), ..Self::new(self.config.clone()) }
    }
}

impl Aws {
    /// Reads the SDK's configuration. Asks nobody yet.
    pub async fn load(settings: &AwsSettings) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            // Not the SDK's adaptive mode: measured, it took 54 s over five throttled calls that the standard mode
            // outlasts in 1 to 4 s. The rate is kept by our own `Limiter`s, before AWS has to say no.
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .read_timeout(Duration::from_secs(30))
                    .build(),
            );
        if let Ok(name) = AppName::new("ecspan") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        Self::new(loader.load().await)
    }

    /// With a configuration made elsewhere.
    pub fn new(config: SdkConfig) -> Self {
        Self { config, calls: Calls::default(), ecs: Mutex::default(), logs: Mutex::default() }
    }

    /// How often AWS was called.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The SDK's configuration.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The region that is asked where a task does not say its own.
    pub fn region(&self, own: Option<&str>) -> Result<Region, AwsError> {
        own.map(|region| Region::new(region.to_owned()))
            .or_else(|| self.config.region().cloned())
            .ok_or(AwsError::NoRegion)
    }

    /// ECS in a region.
    pub(super) fn ecs(&self, region: &Region) -> aws_sdk_ecs::Client {
        let mut clients = self.ecs.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let config = aws_sdk_ecs::config::Builder::from(&self.config).region(region.clone());
            aws_sdk_ecs::Client::from_conf(config.interceptor(self.calls()).build())
        };
        clients.entry(region.clone()).or_insert_with(make).clone()
    }

    /// CloudWatch Logs in a region: a log group can lie in another one than its task.
    pub(super) fn logs(&self, region: &Region) -> aws_sdk_cloudwatchlogs::Client {
        let mut clients = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.config).region(region.clone());
            aws_sdk_cloudwatchlogs::Client::from_conf(config.interceptor(self.calls()).build())
        };
        clients.entry(region.clone()).or_insert_with(make).clone()
    }
}

/// Why AWS did not give what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AwsError {
    /// Nobody says which region to ask.
    #[error("no AWS region is set")]
    NoRegion,
    /// AWS answered with an error.
    #[error("failed to {attempt}: {code}: {message}{}", request_id.as_ref().map_or(String::new(), |id| format!(" (request {id})")))]
    Service {
        /// What was attempted, on what: `describe tasks of cluster prod`.
        attempt: String,
        /// The operation: `ecs:DescribeTasks`.
        action: &'static str,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
        /// AWS's id of the request.
        request_id: Option<String>,
    },
    /// No answer came, or it made no sense.
    #[error("failed to {attempt}: {cause}")]
    Unanswered {
        /// What was attempted.
        attempt: String,
        /// Why.
        cause: String,
    },
    /// An answer could not be read.
    #[error("{0}")]
    Unreadable(Arc<ReadError>),
    /// ECS does not know the task.
    #[error("{task}: ECS has no such task{}", place.as_ref().map_or(String::new(), |place| format!(" in {place}")))]
    NoSuchTask {
        /// The task.
        task: String,
        /// Where it was looked for.
        place: Option<String>,
    },
    /// Several tasks have an id that begins so.
    #[error("{begin}: {} tasks have an id that begins so: {}", tasks.len(), some(tasks))]
    ManyTasks {
        /// What was given of the id.
        begin: String,
        /// The tasks, each `CLUSTER/ID`.
        tasks: Vec<String>,
    },
    /// ECS does not know the service.
    #[error("{place} has no service {service}")]
    NoSuchService {
        /// The service.
        service: String,
        /// Where it was looked for.
        place: String,
    },
    /// Several clusters have a service of this name.
    #[error("several clusters have a service {service}: {}", clusters.join(", "))]
    ManyServices {
        /// The service.
        service: String,
        /// The clusters.
        clusters: Vec<String>,
    },
    /// Waiting took too long.
    #[error("{task}: still {status} after {}", told(*waited))]
    WaitedTooLong {
        /// The task.
        task: String,
        /// Its status.
        status: String,
        /// How long.
        waited: Duration,
    },
}

/// The first few of many.
fn some(names: &[String]) -> String {
    const NAMED: usize = 5;
    let more = names.len().saturating_sub(NAMED);
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// As `--wait-timeout` is typed: `1h 30m`.
fn told(time: Duration) -> String {
    jiff::SignedDuration::try_from(time).map_or_else(|_| format!("{time:?}"), |time| format!("{time:#}"))
}

impl AwsError {
    /// From what an operation of the SDK gave.
    pub(super) fn from_sdk<E>(action: &'static str, attempt: String, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let Some(service) = error.as_service_error() else {
            return Self::Unanswered { attempt, cause: aws_said(&innermost(error)) };
        };
        let meta = service.meta();
        Self::Service {
            attempt,
            action,
            code: meta.code().unwrap_or("an error without a code").to_owned(),
            message: aws_said(meta.message().unwrap_or("without a message").trim()),
            request_id: meta.request_id().map(str::to_owned),
        }
    }

    /// AWS's error code.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether AWS would not even look, or could not be asked: any other error is an answer.
    pub(super) fn is_refusal(&self) -> bool {
        const CODES: [&str; 12] = [
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "Throttling",
            "ThrottlingException",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ];
        self.code().is_none_or(|code| CODES.contains(&code))
    }

    /// Whether asking again may help: no answer came, or one that says so.
    pub fn is_passing(&self) -> bool {
        const CODES: [&str; 6] = [
            "InternalFailure",
            "RequestLimitExceeded",
            "ServerException",
            "ServiceUnavailable",
            "Throttling",
            "ThrottlingException",
        ];
        match self {
            Self::Unanswered { .. } => true,
            Self::Service { code, .. } => CODES.contains(&code.as_str()),
            _ => false,
        }
    }
}

impl Hint for AwsError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRegion => "set --region or AWS_REGION, or a region in the profile",
            Self::ManyTasks { .. } => "give more of the id",
            Self::NoSuchTask { task, .. } if !is_whole_id(task.rsplit('/').next().unwrap_or(task)) => {
                return Some(format!(
                    "no id begins so: ECS forgets a stopped task after about an hour; tasks of a service are \
                     --cluster CLUSTER --service {task}"
                ));
            }
            Self::NoSuchTask { .. } => {
                "ECS forgets a stopped task after about an hour; `ecspan ls CLUSTER --status all` lists those it knows, \
                 and --region asks another region"
            }
            Self::NoSuchService { .. } => {
                "check the service's name, --cluster and --region; `ecspan ls CLUSTER` lists the services that run tasks"
            }
            Self::ManyServices { .. } => "name the cluster: --cluster NAME",
            Self::WaitedTooLong { .. } => "give --wait-timeout more time",
            Self::Unreadable(error) => return error.hint(),
            Self::Unanswered { cause, .. } => {
                let cause = cause.to_ascii_lowercase();
                match () {
                    () if cause.contains("credential") || cause.contains("sso") || cause.contains("token") => {
                        "ecspan uses the AWS SDK's credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws sso login`"
                    }
                    () if cause.contains("refused") || cause.contains("dns") || cause.contains("connect") => {
                        "check the network, --region and AWS_ENDPOINT_URL"
                    }
                    () => return None,
                }
            }
            Self::Service { code, action, .. } => match code.as_str() {
                "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => {
                    return Some(format!("allow {action} in the IAM policy of these credentials"));
                }
                "ExpiredTokenException" | "ExpiredToken" => {
                    "the credentials have expired: log in again (`aws sso login`)"
                }
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch" => {
                    "AWS does not accept these credentials: check AWS_PROFILE, AWS_ACCESS_KEY_ID and the clock"
                }
                "ClusterNotFoundException" => {
                    "`ecspan ls` lists the clusters of this region; --region asks another one"
                }
                "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" => {
                    "check --queue: `aws sqs list-queues` lists the queues of a region"
                }
                "ServiceNotFoundException" => "check the service's name and --cluster",
                "ThrottlingException" | "Throttling" | "RequestLimitExceeded" => {
                    "the account's rate of calls is used up: try again later, or ask for fewer tasks"
                }
                _ => return None,
            },
        };
        Some(hint.to_owned())
    }
}

/// The causes of an error without the layers that only say that there is one; never a request with its headers.
fn innermost(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut texts = vec![];
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        texts.push(current.to_string());
        cause = current.source();
    }
    let last = texts.pop().unwrap_or_default();
    // The SDK lists every provider that it tried, a line each; the hint says what to do instead.
    let first_line = last.lines().next().unwrap_or_default();
    let last = first_line.trim_end_matches(" Attempted:").to_owned();
    match texts.iter().find(|text| text.contains("credential")) {
        Some(about) if !last.contains("credential") => format!("{about}: {last}"),
        None if last.is_empty() => DisplayErrorContext(error).to_string().chars().take(200).collect(),
        _ => last,
    }
}

/// A token bucket: at most so many calls a second, with a burst.
#[derive(Debug)]
pub(super) struct Limiter {
    rate: f64,
    burst: f64,
    state: tokio::sync::Mutex<(f64, Instant)>,
}

impl Limiter {
    pub(super) fn new(rate: u32, burst: u32) -> Self {
        let (rate, burst) = (f64::from(rate), f64::from(burst));
        Self { rate, burst, state: tokio::sync::Mutex::new((burst, Instant::now())) }
    }

    /// Waits until a call may be made. Those who wait do so in order.
    pub(super) async fn take(&self) {
        let mut state = self.state.lock().await;
        let (tokens, at) = *state;
        let tokens = (tokens + at.elapsed().as_secs_f64() * self.rate).min(self.burst);
        if tokens < 1.0 {
            tokio::time::sleep(Duration::from_secs_f64((1.0 - tokens) / self.rate)).await;
            *state = (0.0, Instant::now());
        } else {
            *state = (tokens - 1.0, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_the_rate_holds() {
        let limiter = Limiter::new(20, 100);
        let start = Instant::now();
        for _ in 0..100 {
            limiter.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..40 {
            limiter.take().await;
        }
        assert_eq!(start.elapsed().as_millis().div_ceil(100), 20);
    }
}
