//! Access to AWS: settings, clients by region, errors with what to do, a client-side limit of calls. Main types: [`Aws`],
//! [`AwsError`].

mod profile;
mod role;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_ecs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;
use aws_types::os_shim_internal::Env;
use tokio::time::Instant;

use self::profile::Profiles;
use self::wire::Wire;
use super::calls::Calls;
use super::error::ReadError;
use super::target::is_whole_id;
use crate::hint::Hint;
use crate::proxy::Proxies;
use crate::secrets::aws_said;

pub use self::role::Ask;
pub use self::wire::Tell;

/// Attempts at a call: with exponential pauses enough to outlast a throttled burst.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// With the pause between them, three connections and two answers are waited for within 15 s.
const CONNECT: Duration = Duration::from_millis(4_500);
const READ: Duration = Duration::from_secs(7);
/// Credentials are got within this, unless a person has to type.
const IDENTITY: Duration = Duration::from_secs(15);
const TYPING: Duration = Duration::from_secs(300);

/// What the command line says of AWS; all else is the SDK's own (environment, profile, instance role).
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// Profile name. It outranks credentials of the environment.
    pub profile: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// The environment, where it is not to be the process's own. A variable that is empty is not set.
    pub env: Option<Vec<(String, String)>>,
    /// Asks for the code of an MFA device; without it there is nobody to ask.
    pub ask: Option<Ask>,
    /// Told what is waited for, when it takes long.
    pub waiting: Option<Tell>,
}

impl fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, region, env: _, ask: _, waiting: _ } = self;
        f.debug_struct("AwsSettings").field("profile", profile).field("region", region).finish_non_exhaustive()
    }
}

impl AwsSettings {
    fn env(&self) -> Env {
        let Some(all) = &self.env else { return Env::real() };
        let set = all.iter().filter(|(_, value)| !value.is_empty());
        Env::from_slice(&set.map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
    }
}

/// Clients of the services that are asked, one a region.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    ca: Option<PathBuf>,
    /// What is wrong with the settings; nobody is asked then.
    problem: Option<AwsError>,
    calls: Calls,
    ecs: Mutex<HashMap<Region, aws_sdk_ecs::Client>>,
    logs: Mutex<HashMap<Region, aws_sdk_cloudwatchlogs::Client>>,
}

impl Clone for Aws {
    /// The same settings, and calls are counted together.
    fn clone(&self) -> Self {
        Self {
            calls: self.calls(),
            ca: self.ca.clone(),
            problem: self.problem.clone(),
            ..Self::new(self.config.clone())
        }
    }
}

impl Aws {
    /// Reads the SDK's configuration. What is wrong with it is said by whatever needs it.
    pub async fn load(settings: &AwsSettings) -> Self {
        match Self::read(settings).await {
            Ok(aws) => aws,
            Err(problem) => {
                let refused = SharedCredentialsProvider::new(Refused(problem.to_string()));
                let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest());
                let config = config.region(settings.region.clone().map(Region::new)).credentials_provider(refused);
                Self { problem: Some(problem), ..Self::new(config.build()) }
            }
        }
    }

    async fn read(settings: &AwsSettings) -> Result<Self, AwsError> {
        let filled = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let (env, typed) = (settings.env(), filled(&settings.profile));
        let profiles = Profiles::read(&env, typed.as_deref()).await?;
        let ca = profiles.ca_bundle();
        let bundle = ca.as_deref().map(|path| profiles.file("AWS_CA_BUNDLE or ca_bundle", path)).transpose()?;
        let is_bundle = |pem: &Vec<u8>| reqwest::Certificate::from_pem_bundle(pem).is_ok_and(|all| !all.is_empty());
        if let (Some(path), false) = (&ca, bundle.as_ref().is_none_or(is_bundle)) {
            return Err(AwsError::Settings { problem: format!("{} has no PEM certificate", path.display()) });
        }
        let proxies = Proxies::from_env(&|name| env.get(name).ok());
        let http = Wire::client(proxies, bundle.as_deref(), settings.waiting.clone());
        let http = http.map_err(|error| AwsError::Settings { problem: error.to_string() })?;
        let attempts = profiles.max_attempts()?.unwrap_or(ATTEMPTS);
        let wants_mfa = !profiles.has_keys() && profiles.wants_mfa(profiles.name());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .env(env)
            .http_client(http.clone())
            // Not the SDK's adaptive mode: measured, it took 54 s over five throttled calls that the standard mode
            // outlasts in 1 to 4 s. The rate is kept by our own `Limiter`s, before AWS has to say no.
            .retry_config(RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(FIRST_PAUSE))
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build())
            .identity_cache(IdentityCache::lazy().load_timeout(if wants_mfa { TYPING } else { IDENTITY }).build());
        if let Ok(name) = AppName::new("ecspan") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &typed {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = filled(&settings.region) {
            loader = loader.region(Region::new(region));
        }
        let config = loader.load().await;
        let base = ProviderConfig::without_region().with_region(config.region().cloned()).with_http_client(http);
        let provider = match (&typed, wants_mfa) {
            (_, true) => {
                let name = profiles.name();
                let ask = settings.ask.as_ref().ok_or_else(|| AwsError::NobodyToAsk { profile: name.to_owned() })?;
                Some(role::provider(&profiles, name, &config, &base, ask, &[])?)
            }
            (Some(name), false) => Some(of_profile(name, &base)),
            (None, false) => None,
        };
        let config = match provider {
            Some(provider) => config.into_builder().credentials_provider(provider).build(),
            None => config,
        };
        Ok(Self { ca, ..Self::new(config) })
    }

    /// With a configuration made elsewhere.
    pub fn new(config: SdkConfig) -> Self {
        Self { config, ca: None, problem: None, calls: Calls::default(), ecs: Mutex::default(), logs: Mutex::default() }
    }

    /// What is wrong with the settings.
    pub const fn problem(&self) -> Option<&AwsError> {
        self.problem.as_ref()
    }

    /// The file of authorities that AWS's settings name.
    pub const fn ca(&self) -> Option<&PathBuf> {
        self.ca.as_ref()
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
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
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

/// The credentials of a profile that was typed: what the environment has is another account's. A profile without any is that of a
/// task or an instance.
fn of_profile(name: &str, base: &ProviderConfig) -> SharedCredentialsProvider {
    let profile = ProfileFileCredentialsProvider::builder().configure(base).profile_name(name).build();
    let chain = CredentialsProviderChain::first_try("Profile", profile)
        .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(base).build())
        .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(base).build());
    SharedCredentialsProvider::new(chain)
}

/// Has no credentials, and says why.
#[derive(Debug)]
struct Refused(String);

impl ProvideCredentials for Refused {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::invalid_configuration(self.0.clone())))
    }
}

/// Why AWS did not give what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AwsError {
    /// Nobody says which region to ask.
    #[error("no AWS region is set")]
    NoRegion,
    /// No file has the profile.
    #[error("{setting} names the AWS profile {name}, which neither {} has", files.join(" nor "))]
    NoProfile {
        /// The profile.
        name: String,
        /// Who names it.
        setting: &'static str,
        /// Where it was looked for.
        files: Vec<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A setting or a file of AWS's cannot be used.
    #[error("{problem}")]
    Settings {
        /// What is wrong, and with what.
        problem: String,
    },
    /// A role wants the code of a device, and there is nobody to ask.
    #[error("AWS profile {profile} wants the code of an MFA device, and there is no terminal to ask on")]
    NobodyToAsk {
        /// The profile.
        profile: String,
    },
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
        if let (None, None, Some(answer)) = (meta.code(), meta.message(), error.raw_response()) {
            let cause = format!("HTTP {} came without an error of AWS's form", answer.status());
            return Self::Unanswered { attempt, cause };
        }
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
            Self::NoProfile { known, .. } if known.is_empty() => {
                "`aws configure` or `aws configure sso` makes profiles"
            }
            Self::NoProfile { known, .. } => return Some(format!("there are {}", known.join(", "))),
            Self::Settings { .. } => "`aws sts get-caller-identity` shows whether the AWS CLI takes it",
            Self::NobodyToAsk { profile } => {
                return Some(format!(
                    "type it elsewhere first: eval \"$(aws configure export-credentials --profile {profile} --format env)\""
                ));
            }
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
                    () if cause.contains("the proxy") => {
                        "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names it; NO_PROXY lists the hosts that are gone to without it \
                         (docs/proxies.md)"
                    }
                    () if cause.contains("not aws's") || cause.contains("nothing that aws sends") => {
                        "a proxy, a firewall or a login page answers in AWS's place: see docs/proxies.md, and check \
                         AWS_ENDPOINT_URL"
                    }
                    () if cause.contains("certificate") => {
                        "name the file of the authority that signs it in AWS_CA_BUNDLE, or ca_bundle of the profile"
                    }
                    () if cause.contains("login/cache") || cause.contains("cached login") => {
                        "log in: `aws login`, with --profile for another profile than the default one"
                    }
                    () if cause.contains("sso/cache") || cause.contains("cached sso") => {
                        "log in: `aws sso login`, with --profile for another profile than the default one"
                    }
                    () if cause.contains("credential") || cause.contains("sso") || cause.contains("token") => {
                        "ecspan uses the AWS SDK's credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws sso login`"
                    }
                    () if cause.contains("refused")
                        || cause.contains("dns")
                        || cause.contains("connect")
                        || cause.contains("in time") =>
                    {
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
    let mut last = first_line.trim_end_matches(" Attempted:").to_owned();
    // What the system said, of a file that only the layer above names.
    if let Some(above) = texts.last().filter(|above| last.contains("os error") && above.contains('`')) {
        last = format!("{above}: {last}");
    }
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
