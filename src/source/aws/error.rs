//! What AWS answers when it does not give what was asked, and what to do then. Never quotes a request: its headers sign it. Main
//! type: [`AwsError`].

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;

use crate::hint::Hint;
use crate::layers::layers;
use crate::model::arn::last_part;
use crate::secrets::aws_said;
use crate::source::error::ReadError;
use crate::source::history::none::NoHistory;
use crate::source::target::is_whole_id;

/// Why AWS did not give what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AwsError {
    /// Nobody says which region to ask.
    #[error("no AWS region is set")]
    NoRegion,
    /// No file has the profile.
    #[error("{setting} names the AWS profile {}, which neither {} has", shown(name), files.join(" nor "))]
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
    /// A setting cannot be meant.
    #[error("{setting} is {value:?}, and {why}")]
    Setting {
        /// The flag, the variable, or the key of a file of AWS's.
        setting: String,
        /// Its value, unless that may be secret.
        value: String,
        /// What is wrong with it.
        why: &'static str,
        /// What to write.
        hint: String,
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
    /// ECS does not know the task, and neither does what keeps its events.
    #[error("{task}: ECS has no such task{}, and {why}", place.as_ref().map_or(String::new(), |place| format!(" in {place}")))]
    Forgotten {
        /// The task.
        task: String,
        /// Where it was looked for.
        place: Option<String>,
        /// What history says.
        why: Box<NoHistory>,
    },
    /// ECS does not have the cluster, or no longer.
    #[error("{}ECS has no cluster {cluster} in {region} ({code}){}", task.as_ref().map_or(String::new(), |task| format!("{task}: ")),
        why.as_ref().map_or(String::new(), |why| format!(", and {why}")))]
    NoCluster {
        /// The cluster.
        cluster: String,
        /// Where it was looked for.
        region: String,
        /// AWS's code.
        code: String,
        /// The task of it that was asked for.
        task: Option<String>,
        /// What history says, where that was asked.
        why: Option<Box<NoHistory>>,
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

/// A name, in quotes where it has something that is not seen.
fn shown(name: &str) -> String {
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) { format!("{name:?}") } else { name.to_owned() }
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
    /// What came has nothing of what was asked for, which AWS says even when it is empty: something else answers in its place.
    pub(in crate::source) fn not_of_aws(attempt: String) -> Self {
        let cause = "the answer is not AWS's: it says nothing of what was asked for".to_owned();
        Self::Unanswered { attempt, cause }
    }

    /// The next page, unless it is the one that was just read: such pages have no end.
    pub(in crate::source) fn next_page(
        next: Option<String>,
        read: Option<&String>,
        attempt: &str,
    ) -> Result<Option<String>, Self> {
        if next.is_some() && next.as_ref() == read {
            let cause = "the answer is not AWS's: each page is said to be followed by itself".to_owned();
            return Err(Self::Unanswered { attempt: attempt.to_owned(), cause });
        }
        Ok(next)
    }

    /// From what an operation of the SDK gave.
    pub(in crate::source) fn from_sdk<E>(action: &'static str, attempt: String, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
        // AWS's errors have a code. What refuses in its place may say something, but not that.
        if let Some(answer) = error.raw_response().filter(|answer| answer.status().as_u16() >= 400)
            && meta.is_none_or(|meta| meta.code().is_none())
        {
            let said =
                meta.and_then(|meta| meta.message()).map_or(String::new(), |said| format!(": {}", aws_said(said)));
            let cause = format!("the answer is not AWS's: HTTP {} without an error of its form{said}", answer.status());
            return Self::Unanswered { attempt, cause };
        }
        let Some(meta) = meta else {
            return Self::Unanswered { attempt, cause: aws_said(&cause_of(error)) };
        };
        Self::Service {
            attempt,
            action,
            code: meta.code().unwrap_or("an error without a code").to_owned(),
            message: aws_said(meta.message().unwrap_or("without a message").trim()),
            request_id: meta.request_id().map(str::to_owned),
        }
    }

    /// The same of a call about a cluster: that this is not there is said in one way, whatever was called.
    pub(in crate::source) fn about_cluster(self, name: &str, in_region: &impl ToString) -> Self {
        match self {
            Self::Service { code, message, .. } if is_of_no_cluster(&code, &message) => {
                let (cluster, region) = (last_part(name).to_owned(), in_region.to_string());
                Self::NoCluster { cluster, region, code, task: None, why: None }
            }
            other => other,
        }
    }

    /// The same, where it was asked for a task.
    pub(in crate::source) fn about_task(self, id: &str) -> Self {
        match self {
            Self::NoCluster { cluster, region, code, why, .. } => {
                Self::NoCluster { cluster, region, code, task: Some(id.to_owned()), why }
            }
            other => other,
        }
    }

    /// The same, where history was asked in vain.
    pub(crate) fn and_no_history(self, no: NoHistory) -> Self {
        match self {
            Self::NoSuchTask { task, place } => Self::Forgotten { task, place, why: Box::new(no) },
            Self::NoCluster { cluster, region, code, task, .. } => {
                Self::NoCluster { cluster, region, code, task, why: Some(Box::new(no)) }
            }
            other => other,
        }
    }

    /// AWS's error code.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service { code, .. } | Self::NoCluster { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether it says that a service is not there any more.
    pub(crate) fn is_about_gone_service(&self) -> bool {
        let is_gone = |code| ["ServiceNotFoundException", "ServiceNotActiveException"].contains(&code);
        matches!(self, Self::NoSuchService { .. }) || self.code().is_some_and(is_gone)
    }

    /// Whether AWS would not even look, or could not be asked: any other error is an answer.
    pub(in crate::source) fn is_refusal(&self) -> bool {
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
            Self::NoProfile { name, known, .. } => {
                let bare = |name: &str| {
                    let name = name.trim_matches(|around: char| !around.is_alphanumeric()).to_lowercase();
                    name.strip_prefix("profile ").map_or(name.clone(), |rest| rest.trim().to_owned())
                };
                let meant = known.iter().find(|one| bare(one) == bare(name));
                let meant = meant.map_or_else(String::new, |meant| format!("write {meant}; "));
                return Some(format!("{meant}there are {}", known.join(", ")));
            }
            Self::Settings { .. } => "`aws sts get-caller-identity` shows whether the AWS CLI takes it",
            Self::Setting { hint, .. } => return Some(hint.clone()),
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
            Self::Forgotten { why, .. } => return why.hint(),
            Self::NoCluster { why, cluster, .. } => {
                const LIST: &str = "`ecspan ls` lists the clusters of this region; --region asks another one";
                return Some(match why.as_deref() {
                    None => format!(
                        "{LIST}; of one that was deleted its log group may still tell: ecspan ls {cluster} --since 7d"
                    ),
                    // Nobody can capture the events of a cluster that is not there.
                    Some(NoHistory::NoGroup { is_named: false, .. }) => {
                        format!(
                            "{LIST}; of one that was deleted another log group may have the events: --history GROUP"
                        )
                    }
                    Some(why) => format!("{LIST}{}", why.hint().map_or(String::new(), |hint| format!("; {hint}"))),
                });
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
                    () if cause.contains("identity resolver timed out") => {
                        "the credentials did not come: what does credential_process of the profile, or whoever else gives \
                         them, wait for?"
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
                "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "AuthorizationError" => {
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
                "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" => {
                    "check --queue: `aws sqs list-queues` lists the queues of a region"
                }
                "NotFound" | "NotFoundException" if *action == "sns:Publish" => {
                    "check the topic's ARN: `aws sns list-topics` lists those of a region"
                }
                "ServiceNotFoundException" => "check the service's name and --cluster",
                "LimitExceededException" if *action == "logs:StartQuery" => {
                    "the account runs as many queries as it may (30 at once): try again when they have ended, or stop some of them"
                }
                "ThrottlingException" | "Throttling" | "RequestLimitExceeded" => {
                    "the account's rate of calls is used up: try again later, or ask for fewer tasks"
                }
                _ => return None,
            },
        };
        Some(hint.to_owned())
    }
}

/// Whether ECS says that it does not have a cluster: one that was deleted is INACTIVE for a while, and gone then.
fn is_of_no_cluster(code: &str, message: &str) -> bool {
    let says = |word| message.to_ascii_lowercase().contains(word);
    code == "ClusterNotFoundException" || (says("cluster") && says("inactive"))
}

/// The causes of an error without the layers that only say that there is one; never a request with its headers.
pub(super) fn cause_of(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut texts: Vec<String> = layers(error).map(ToString::to_string).collect();
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
