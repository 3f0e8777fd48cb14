//! Access to AWS: settings, and clients by region. Main type: [`Aws`]; its errors are [`AwsError`]s.

mod checked;
pub(super) mod error;
mod farewell;
mod limiter;
mod profile;
mod role;
pub(super) mod wire;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
use aws_types::os_shim_internal::Env;

use self::profile::Profiles;
use self::wire::Wire;
use super::calls::Calls;
use crate::proxy::Proxies;

pub use self::error::AwsError;
pub(super) use self::farewell::Unless;
pub use self::farewell::farewell;
pub(super) use self::limiter::Limiter;
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
        if typed.is_none() {
            checked::keys(&env)?;
        }
        let (ca_setting, ca) = profiles.ca_bundle().unzip();
        let bundle = ca_setting.as_ref().zip(ca.as_deref());
        let bundle = bundle.map(|(setting, path)| profiles.file(setting, path)).transpose()?;
        let is_bundle = |pem: &Vec<u8>| reqwest::Certificate::from_pem_bundle(pem).is_ok_and(|all| !all.is_empty());
        if let (Some((setting, path)), false) = (ca_setting.zip(ca.as_ref()), bundle.as_ref().is_none_or(is_bundle)) {
            let problem = format!("{setting} names {}, which has no PEM certificate", path.display());
            return Err(AwsError::Settings { problem });
        }
        let proxies = Proxies::from_env(&|name| env.get(name).ok());
        let addresses = Arc::<OnceLock<_>>::default();
        let http = Wire::client(proxies, bundle.as_deref(), settings.waiting.clone(), addresses.clone());
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
        let named = profiles.endpoints(&config);
        named.iter().try_for_each(|(setting, url)| checked::endpoint(setting, url))?;
        let typed_region = filled(&settings.region).map(|region| ("--region".to_owned(), region));
        if let Some((setting, region)) = typed_region.or_else(|| profiles.region()) {
            checked::region(&setting, &region, !named.is_empty())?;
        }
        let _ = addresses.set(named);
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

    /// Whether a region that was typed can be meant; at an address of its own X-Ray's stand-in may have others.
    pub fn check_region(setting: &str, region: &str) -> Result<(), AwsError> {
        checked::region(setting, region, true)
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
