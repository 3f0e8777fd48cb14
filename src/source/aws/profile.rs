//! What AWS's own files and variables say, as far as the SDK is silent of it: a profile that is not there, a file that cannot be
//! read, and settings that it does not know. Asks nobody. Main type: [`Profiles`].

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use aws_config::profile::{Profile, ProfileFileLoadError, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::ServiceConfigKey;

use super::AwsError;
use crate::layers::layers;

/// The profiles of AWS's files, and which of them counts.
#[derive(Debug)]
pub(super) struct Profiles {
    env: Env,
    set: ProfileSet,
    /// Whether it was typed: then it outranks credentials of the environment.
    is_typed: bool,
}

impl Profiles {
    /// Reads AWS's files.
    pub(super) async fn read(env: &Env, typed: Option<&str>) -> Result<Self, AwsError> {
        let asked = typed.map(str::to_owned).or_else(|| env.get("AWS_PROFILE").ok());
        check_files(env)?;
        #[expect(deprecated, reason = "its new name is in a crate that nothing else here needs")]
        let files = aws_config::profile::profile_file::ProfileFiles::default();
        let set = aws_config::profile::load(&Fs::real(), env, &files, asked.clone().map(Into::into)).await;
        let set = set.map_err(|error| unreadable(&error))?;
        let profiles = Self { env: env.clone(), set, is_typed: typed.is_some() };
        match asked {
            Some(name) if profiles.set.get_profile(&name).is_none() && !profiles.has_keys() => {
                Err(AwsError::NoProfile {
                    name,
                    setting: if typed.is_some() { "--profile" } else { "AWS_PROFILE" },
                    files: profiles.files().map(|path| path.display().to_string()).to_vec(),
                    known: {
                        let mut known: Vec<String> = profiles.set.profiles().map(str::to_owned).collect();
                        known.sort();
                        known
                    },
                })
            }
            _ => {
                profiles.check_sources()?;
                profiles.check_token_file()?;
                Ok(profiles)
            }
        }
    }

    /// Whether the environment has credentials, and nothing that was typed outranks them.
    pub(super) fn has_keys(&self) -> bool {
        !self.is_typed && self.env.get("AWS_ACCESS_KEY_ID").is_ok() && self.env.get("AWS_SECRET_ACCESS_KEY").is_ok()
    }

    /// The name of the profile that counts.
    pub(super) fn name(&self) -> &str {
        self.set.selected_profile()
    }

    /// A profile of the files.
    pub(super) fn named(&self, name: &str) -> Option<&Profile> {
        self.set.get_profile(name)
    }

    /// A variable, else a setting of the profile, with the name of what set it.
    pub(super) fn setting(&self, variable: &'static str, key: &str) -> Option<(String, String)> {
        let of_profile = || {
            let value = self.set.get(key)?;
            Some((self.in_file(&format!("{key} of profile {}", self.name()), value), value.to_owned()))
        };
        self.env.get(variable).ok().map(|value| (variable.to_owned(), value)).or_else(of_profile)
    }

    /// A setting with the file that has its value.
    fn in_file(&self, setting: &str, value: &str) -> String {
        let has_it = |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains(value));
        let file = self.files().into_iter().find(has_it);
        file.map_or_else(|| setting.to_owned(), |file| format!("{setting} in {}", file.display()))
    }

    /// The region, where nobody typed one.
    pub(super) fn region(&self) -> Option<(String, String)> {
        let of_env = self.env.get("AWS_REGION").is_ok();
        self.setting(if of_env { "AWS_REGION" } else { "AWS_DEFAULT_REGION" }, "region")
    }

    /// The addresses that are asked instead of AWS's own, and what sets them.
    pub(super) fn endpoints(&self, config: &SdkConfig) -> Vec<(String, String)> {
        /// As the SDK calls them, and their variables.
        const SERVICES: [(&str, &str); 4] = [
            ("ECS", "AWS_ENDPOINT_URL_ECS"),
            ("CloudWatch Logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"),
            ("SQS", "AWS_ENDPOINT_URL_SQS"),
            ("STS", "AWS_ENDPOINT_URL_STS"),
        ];
        let ignored = self.setting("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
        if ignored.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
            return vec![];
        }
        let mut found: Vec<(String, String)> = vec![];
        for (service, variable) in SERVICES {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
            let counts = || config.service_config()?.load_config(key.build().ok()?);
            let Some(url) = counts().or_else(|| config.endpoint_url().map(str::to_owned)) else { continue };
            let of_all = || self.setting("AWS_ENDPOINT_URL", "endpoint_url").filter(|(_, of_all)| *of_all == url);
            let setting = match self.env.get(variable) {
                Ok(_) => variable.to_owned(),
                Err(_) => {
                    of_all().map_or_else(|| self.in_file(&format!("endpoint_url of {service}"), &url), |all| all.0)
                }
            };
            found.push((setting, url));
        }
        found.sort();
        found.dedup();
        found
    }

    /// The file of authorities to trust instead of the system's, and what names it.
    pub(super) fn ca_bundle(&self) -> Option<(String, PathBuf)> {
        let (setting, path) = self.setting("AWS_CA_BUNDLE", "ca_bundle")?;
        let path = self.at_home(&path);
        Some((setting, path))
    }

    /// How often a call is tried, where somebody says so.
    pub(super) fn max_attempts(&self) -> Result<Option<u32>, AwsError> {
        let Some((setting, value)) = self.setting("AWS_MAX_ATTEMPTS", "max_attempts") else { return Ok(None) };
        match value.trim().parse() {
            Ok(attempts) if attempts > 0 => Ok(Some(attempts)),
            _ => Err(AwsError::Settings { problem: format!("{setting} is {value:?}, and not a number above zero") }),
        }
    }

    /// Whether a role on the way to a profile's credentials wants the code of an MFA device.
    pub(super) fn wants_mfa(&self, name: &str) -> bool {
        let (mut name, mut seen) = (name, vec![]);
        while let Some(profile) = self.named(name).filter(|_| !seen.contains(&name)) {
            if profile.get("mfa_serial").is_some() && profile.get("role_arn").is_some() {
                return true;
            }
            seen.push(name);
            let Some(next) = profile.get("source_profile") else { return false };
            name = next;
        }
        false
    }

    /// A source profile that is named and not there: the SDK would say only that there are no credentials.
    fn check_sources(&self) -> Result<(), AwsError> {
        let (mut name, mut seen) = (self.name(), vec![]);
        while let Some(profile) = self.named(name).filter(|_| !seen.contains(&name) && !self.has_keys()) {
            let Some(next) = profile.get("source_profile").filter(|_| profile.get("role_arn").is_some()) else { break };
            if self.named(next).is_none() {
                let problem = format!("AWS profile {name} names the source profile {next}, which does not exist");
                return Err(AwsError::Settings { problem });
            }
            seen.push(name);
            name = next;
        }
        Ok(())
    }

    /// A token file that is named and not there: the SDK would say only that some file is not.
    fn check_token_file(&self) -> Result<(), AwsError> {
        const KEYS: [&str; 7] = [
            "aws_access_key_id",
            "role_arn",
            "sso_session",
            "sso_start_url",
            "credential_process",
            "login_session",
            "web_identity_token_file",
        ];
        let of_profile = self
            .set
            .get("web_identity_token_file")
            .map(|path| (format!("web_identity_token_file of profile {}", self.name()), path.to_owned()));
        let says_more = KEYS.iter().any(|key| self.set.get(key).is_some());
        let variables = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
        let of_env = variables.iter().find_map(|name| Some(((*name).to_owned(), self.env.get(name).ok()?)));
        let found = of_profile.or_else(|| of_env.filter(|_| !says_more && !self.is_typed));
        match found.filter(|_| !self.has_keys()) {
            Some((setting, path)) => self.file(&setting, Path::new(&path)).map(drop),
            None => Ok(()),
        }
    }

    /// The content of a file that a setting names.
    pub(super) fn file(&self, setting: &str, path: &Path) -> Result<Vec<u8>, AwsError> {
        std::fs::read(path).map_err(|error| AwsError::Settings {
            problem: format!("{setting} names {}, which cannot be read: {error}", path.display()),
        })
    }

    fn files(&self) -> [PathBuf; 2] {
        files(&self.env).map(|(_, path)| path)
    }

    fn at_home(&self, path: &str) -> PathBuf {
        at_home(&self.env, path)
    }
}

/// AWS's files, each with the variable that may name another.
fn files(env: &Env) -> [(&'static str, PathBuf); 2] {
    let path = |variable, default| {
        (variable, at_home(env, &env.get(variable).unwrap_or_else(|_| format!("~/.aws/{default}"))))
    };
    [path("AWS_CONFIG_FILE", "config"), path("AWS_SHARED_CREDENTIALS_FILE", "credentials")]
}

fn at_home(env: &Env, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), env.get("HOME")) {
        (Some(rest), Ok(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// A file that is there and cannot be read: the SDK takes it for one that is not there.
fn check_files(env: &Env) -> Result<(), AwsError> {
    for (variable, path) in files(env) {
        let read = std::fs::File::open(&path).and_then(|mut file| file.read(&mut [0]));
        let Err(error) = read else { continue };
        let is_named = env.get(variable).is_ok();
        // Into the home of another user, where HOME of a container often points, nobody may look.
        if path.exists() || is_named && error.kind() != ErrorKind::NotFound {
            let named = if is_named { format!("{variable} names ") } else { "AWS's settings: ".to_owned() };
            let problem = format!("{named}{}, which cannot be read: {error}", path.display());
            return Err(AwsError::Settings { problem });
        }
    }
    Ok(())
}

/// A file of AWS's that cannot be read: the file and the line, in one line.
fn unreadable(error: &ProfileFileLoadError) -> AwsError {
    let words: Vec<String> =
        layers(error).map(|layer| layer.to_string().split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let problem = match words.as_slice() {
        // The first says only that there is a second.
        [_, parsing] if parsing.starts_with("error parsing ") => format!("AWS's settings: {parsing}"),
        words => format!("AWS's settings: {}", words.join(": ")),
    };
    AwsError::Settings { problem }
}
