//! Roles behind an MFA device, which the SDK does not take on: it would ask for the role without the device's code. Main type: [`Role`].

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

use super::error::{AwsError, cause_of};
use super::profile::Profiles;
use crate::secrets::aws_said;

/// Asks a person for the code of a device; `None` where none is given.
pub type Ask = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Before they expire by so much, credentials are got anew.
const EARLY: Duration = Duration::from_secs(60);

/// A role that is taken on.
struct Role {
    source: SharedCredentialsProvider,
    config: SdkConfig,
    arn: String,
    session: String,
    external_id: Option<String>,
    seconds: Option<i32>,
    /// The device whose code it wants.
    serial: Option<String>,
    ask: Ask,
    /// Whoever signs asks for credentials each time, and a person shall be asked once.
    last: Mutex<Option<Credentials>>,
}

/// The credentials of a profile whose roles may want an MFA device.
pub(super) fn provider(
    profiles: &Profiles,
    name: &str,
    config: &SdkConfig,
    base: &ProviderConfig,
    ask: &Ask,
    seen: &[&str],
) -> Result<SharedCredentialsProvider, AwsError> {
    let wrong = |problem: String| AwsError::Settings { problem };
    let profile = profiles.named(name).ok_or_else(|| {
        wrong(format!("profile {} names the source profile {name}, which does not exist", seen.last().unwrap_or(&"?")))
    })?;
    let text = |key: &str| profile.get(key).map(str::to_owned);
    let plain = || {
        let provider = ProfileFileCredentialsProvider::builder().configure(base).profile_name(name).build();
        SharedCredentialsProvider::new(provider)
    };
    let (Some(arn), true) = (text("role_arn"), profiles.wants_mfa(name)) else { return Ok(plain()) };
    let own = || Some((text("aws_access_key_id")?, text("aws_secret_access_key")?));
    let source = match profile.get("source_profile") {
        Some(source) if source == name || seen.contains(&source) => match own() {
            Some((id, secret)) => {
                let keys = Credentials::new(id, secret, text("aws_session_token"), None, "profile");
                SharedCredentialsProvider::new(keys)
            }
            None => return Err(wrong(format!("profile {name} is its own source profile, and has no keys"))),
        },
        Some(source) => provider(profiles, source, config, base, ask, &[seen, &[name]].concat())?,
        None => return Err(wrong(format!("profile {name} has mfa_serial and no source_profile"))),
    };
    Ok(SharedCredentialsProvider::new(Role {
        source,
        config: config.clone(),
        arn,
        session: text("role_session_name").unwrap_or_else(|| "ecspan".to_owned()),
        external_id: text("external_id"),
        seconds: text("duration_seconds").and_then(|seconds| seconds.parse().ok()),
        serial: text("mfa_serial"),
        ask: ask.clone(),
        last: Mutex::new(None),
    }))
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Role").field("arn", &self.arn).finish_non_exhaustive()
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

impl Role {
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut last = self.last.lock().await;
        let is_fresh = |one: &Credentials| one.expiry().is_none_or(|expiry| expiry > SystemTime::now() + EARLY);
        if let Some(credentials) = last.as_ref().filter(|one| is_fresh(one)) {
            return Ok(credentials.clone());
        }
        let code = match self.serial.clone() {
            None => None,
            Some(serial) => {
                let ask = self.ask.clone();
                let asked = tokio::task::spawn_blocking(move || ask(&serial)).await.ok().flatten();
                let none = || CredentialsError::provider_error(format!("no MFA code was given for {}", self.arn));
                Some(asked.ok_or_else(none)?)
            }
        };
        let config = aws_sdk_sts::config::Builder::from(&self.config).credentials_provider(self.source.clone());
        let request = aws_sdk_sts::Client::from_conf(config.build())
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(&self.session)
            .set_external_id(self.external_id.clone())
            .set_duration_seconds(self.seconds)
            .set_serial_number(self.serial.clone())
            .set_token_code(code);
        let answer = request.send().await.map_err(|error| {
            CredentialsError::provider_error(format!(
                "failed to take on the role {}: {}",
                self.arn,
                aws_said(&said(&error))
            ))
        })?;
        let got = answer.credentials.ok_or_else(|| CredentialsError::provider_error("AWS gave no credentials"))?;
        let expiry = SystemTime::try_from(got.expiration).ok();
        let credentials =
            Credentials::new(got.access_key_id, got.secret_access_key, Some(got.session_token), expiry, "mfa");
        *last = Some(credentials.clone());
        Ok(credentials)
    }
}

fn said(error: &aws_sdk_sts::error::SdkError<aws_sdk_sts::operation::assume_role::AssumeRoleError>) -> String {
    use aws_sdk_sts::error::ProvideErrorMetadata;
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => cause_of(error),
    }
}
