//! Why spans were not delivered, and what to do about it. Main type: [`Reason`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use crate::hint::Hint;
use crate::layers::innermost;
use crate::model::duration::seconds;
use crate::secrets::Secrets;
use crate::sink::config::Protocol;
use crate::sink::config::endpoint::Endpoint;

/// Why a request was not accepted. Holds no header, no body and no unmasked URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The connection was refused.
    #[error("connection to {endpoint} refused")]
    ConnectionRefused {
        /// Where.
        endpoint: Endpoint,
    },
    /// Another failure to connect.
    #[error("failed to connect to {endpoint}: {detail}")]
    Connect {
        /// Where to.
        endpoint: Endpoint,
        /// What the system said.
        detail: String,
    },
    /// A connection was made, and ended before it could carry a request.
    #[error("{endpoint} ended the connection before anything was sent: {detail}")]
    HungUp {
        /// Who.
        endpoint: Endpoint,
        /// What the system said.
        detail: String,
    },
    /// The handshake failed.
    #[error("tls handshake with {endpoint} failed: {detail}")]
    Tls {
        /// With whom.
        endpoint: Endpoint,
        /// What the TLS library said.
        detail: String,
    },
    /// The connection ended before the answer.
    #[error("connection to {endpoint} broke before it answered: {detail}")]
    Broken {
        /// With whom.
        endpoint: Endpoint,
        /// What the system said.
        detail: String,
    },
    /// It says that it has not looked at the request.
    #[error("{endpoint} did not look at the request: {detail}")]
    NotLookedAt {
        /// Who.
        endpoint: Endpoint,
        /// What it says.
        detail: String,
    },
    /// The answer is not of the protocol that was spoken.
    #[error("{endpoint} does not speak {}: {detail}", spoken(endpoint))]
    OtherProtocol {
        /// Who.
        endpoint: Endpoint,
        /// What could not be understood.
        detail: String,
    },
    /// A proxy on the way let nothing through, or answered itself.
    #[error("the proxy {proxy} {said}")]
    Proxy {
        /// Which, without its credentials.
        proxy: String,
        /// What it did.
        said: String,
        /// Whether it wants to know who asks.
        wants_credentials: bool,
    },
    /// No answer in the time of one attempt.
    #[error("no answer within {}{}", seconds(*after), proxy.as_ref().map_or(String::new(), |proxy| format!(", through the proxy {proxy}")))]
    NoAnswer {
        /// That time.
        after: Duration,
        /// The proxy on the way, without its credentials.
        proxy: Option<String>,
    },
    /// An HTTP answer that is no success.
    #[error("the receiver answered {status}{}", Said(message))]
    Http {
        /// The status.
        status: StatusCode,
        /// What it says.
        message: String,
    },
    /// An answer of X-Ray that is no success.
    #[error("X-Ray answered {status}{}", Said(message))]
    Xray {
        /// The status.
        status: StatusCode,
        /// What it says.
        message: String,
    },
    /// It knows of no log records, whatever else it takes.
    #[error("the receiver takes no log records: it answered {said}")]
    NoLogs {
        /// What it answered.
        said: String,
    },
    /// A gRPC status that is not OK.
    #[error("the receiver answered {code}{}", Said(message))]
    Grpc {
        /// The status code's name.
        code: &'static str,
        /// What it says.
        message: String,
    },
    /// An answer of HTTP, and no success, where gRPC was spoken.
    #[error("the receiver answered {status} without gRPC{}", Said(message))]
    NotGrpc {
        /// The status.
        status: StatusCode,
        /// What it says.
        message: String,
    },
    /// The receiver sends to another place.
    #[error("the receiver answered {status}: to {location}, which is not followed")]
    Redirect {
        /// The status.
        status: StatusCode,
        /// The other place, without its query.
        location: String,
    },
    /// An answer of success that no OTLP receiver gives, and that may speak of an error.
    #[error("the receiver answered with {found}, which is not OTLP")]
    NotOtlp {
        /// What it is instead.
        found: String,
    },
    /// A file could not be written.
    #[error("failed to write {}: {detail}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// It took the request, but not these spans.
    #[error("{}", if message.is_empty() { "the receiver does not say why" } else { message })]
    Rejected {
        /// What it says.
        message: String,
    },
    /// It does not even take this one span alone.
    #[error("span {span:?} is too large even alone: {last}")]
    SpanTooLarge {
        /// The span's name.
        span: String,
        /// What it says.
        last: Box<Reason>,
    },
    /// The receiver states a limit that the span breaks, whatever is left out of it.
    #[error("span {span:?} has {bytes} bytes, and the receiver takes {limit}")]
    SpanOverLimit {
        /// The span's name.
        span: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The receiver states a limit that the resource breaks; it would refuse the whole request.
    #[error("the resource attributes have {bytes} bytes, and the receiver takes {limit}")]
    ResourceTooLarge {
        /// Their size, with the scope's.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The receiver takes no spans that started so long ago.
    #[error("{spans} started more than {} days ago, and the receiver takes none older", limit.as_secs().div_ceil(86_400))]
    TooOld {
        /// The spans' names.
        spans: String,
        /// How long ago is long enough.
        limit: Duration,
    },
    /// The receiver takes no spans that start so far in the future.
    #[error("{spans} start more than {} hours in the future, and the receiver takes none later", limit.as_secs().div_ceil(3_600))]
    InTheFuture {
        /// The spans' names.
        spans: String,
        /// How far is too far.
        limit: Duration,
    },
    /// No credentials to sign with.
    #[error("no AWS credentials to sign with: {detail}")]
    Credentials {
        /// What the SDK said.
        detail: String,
    },
    /// All attempts failed.
    #[error("gave up within {}: {last}", seconds(*deadline))]
    GaveUp {
        /// The time for all attempts.
        deadline: Duration,
        /// What the last attempt met.
        last: Box<Reason>,
    },
    /// The receiver asks for more patience than there is.
    #[error("{last}; asked to wait {}, longer than what is left of the {} for all attempts", seconds(*wait), seconds(*deadline))]
    WaitTooLong {
        /// The time for all attempts.
        deadline: Duration,
        /// What the receiver asks for.
        wait: Duration,
        /// What the last attempt met.
        last: Box<Reason>,
    },
    /// The run was to end before the next attempt.
    #[error("interrupted before another attempt: {last}")]
    Interrupted {
        /// What the last attempt met.
        last: Box<Reason>,
    },
    /// The run was to end before it was sent at all.
    #[error("interrupted before it was sent")]
    NotSent,
    /// Whoever ran it did not want to wait for an answer.
    #[error("interrupted before an answer came")]
    CutShort,
    /// It failed once, and the requests before it had failed for all the time that there is.
    #[error("tried once, for a request before had failed throughout its {}: {last}", seconds(*deadline))]
    StillDown {
        /// The time for all attempts.
        deadline: Duration,
        /// What the attempt met.
        last: Box<Reason>,
    },
    /// A defect on our side or in a library.
    #[error("sending failed by a defect: {detail}")]
    Defect {
        /// What is known.
        detail: String,
    },
}

impl Reason {
    /// There are no AWS credentials to sign with: the last of the errors says why, secrets masked.
    pub fn no_credentials(error: &(dyn std::error::Error + 'static)) -> Self {
        let detail = Secrets::default().clean(&innermost(error));
        Self::Credentials { detail: detail.trim_end_matches(" Attempted:").to_owned() }
    }

    /// Whether another protocol may have been what the receiver wanted.
    pub(crate) fn puts_protocol_in_doubt(&self) -> bool {
        match self.met() {
            Self::OtherProtocol { .. } | Self::Broken { .. } | Self::HungUp { .. } | Self::NotOtlp { .. } => true,
            Self::Http { status, .. } => matches!(status.as_u16(), 404 | 405 | 406 | 415 | 426 | 505),
            Self::Grpc { code, .. } => *code == "UNIMPLEMENTED",
            Self::NotGrpc { status, .. } => !matches!(status.as_u16(), 401 | 403 | 413 | 429 | 500..600),
            _ => false,
        }
    }

    /// What the last attempt met, without why there was no other.
    pub(crate) fn met(&self) -> &Self {
        match self {
            Self::GaveUp { last, .. }
            | Self::WaitTooLong { last, .. }
            | Self::Interrupted { last }
            | Self::StillDown { last, .. } => last.met(),
            other => other,
        }
    }

    /// Whether the receiver objects to these spans themselves, so that no later attempt and no other setting would help. A
    /// wrong key or path can be mended.
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Http { status, .. } => matches!(status.as_u16(), 400 | 422),
            Self::Grpc { code, .. } => *code == "INVALID_ARGUMENT",
            _ => false,
        }
    }
}

impl Hint for Reason {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ConnectionRefused { endpoint } => {
                return Some(format!(
                    "nothing listens at {endpoint}: start a receiver (docker compose up -d), or set --endpoint or \
                     OTEL_EXPORTER_OTLP_ENDPOINT"
                ));
            }
            Self::Connect { .. } => "is the host of OTEL_EXPORTER_OTLP_ENDPOINT or --endpoint right?",
            Self::Tls { detail, .. } => return Some(tls_hint(detail).to_owned()),
            Self::Broken { endpoint, .. } | Self::HungUp { endpoint, .. } => return mix_up(endpoint, false),
            Self::OtherProtocol { endpoint, .. } => return mix_up(endpoint, true),
            Self::Http { status, .. } => http_hint(*status)?,
            Self::NoLogs { .. } => {
                "name one that does in OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, its path included (--endpoint outranks it), or leave \
                 --logs-as at events"
            }
            Self::Xray { status, message } => xray_hint(*status, message)?,
            Self::Grpc { code, .. } => grpc_hint(code)?,
            Self::NotGrpc { status, .. } => not_grpc_hint(*status)?,
            Self::Redirect { .. } => {
                "set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT to where it leads, if that is to be trusted"
            }
            Self::NotOtlp { found } if speaks_of_credentials(found) => CREDENTIALS,
            Self::NotOtlp { .. } => {
                "something else may answer there, a web page or a proxy: check the port and the path of the endpoint; if the \
                 receiver took them all the same, sending them again does no harm"
            }
            Self::Proxy { wants_credentials: true, .. } => {
                "name them in the proxy's URL, http://USER:PASSWORD@HOST:PORT, percent-encoded (docs/proxies.md)"
            }
            Self::Proxy { .. } => {
                "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names it; NO_PROXY lists the hosts that are gone to without it \
                 (docs/proxies.md)"
            }
            Self::NoAnswer { proxy: Some(_), .. } => {
                "it or the proxy may be slow: --timeout gives them longer, NO_PROXY lists the hosts that are gone to without \
                 the proxy (docs/proxies.md)"
            }
            Self::NoAnswer { proxy: None, .. } => {
                "a slow receiver may need a longer --timeout or OTEL_EXPORTER_OTLP_TIMEOUT"
            }
            Self::WaitTooLong { .. } => "a longer --deadline waits as long as the receiver asks",
            Self::ResourceTooLarge { .. } => "give fewer or shorter --attr, or less in OTEL_RESOURCE_ATTRIBUTES",
            Self::TooOld { .. } => {
                "export it again with --rebase now, which sends a copy that ends now; another receiver takes it as it is"
            }
            Self::InTheFuture { .. } => "is the clock of this machine right?",
            Self::Credentials { .. } => {
                "ecspan uses the AWS SDK's credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws sso login`"
            }
            Self::GaveUp { last, .. } | Self::Interrupted { last } | Self::StillDown { last, .. } => {
                return last.hint();
            }
            Self::Rejected { .. }
            | Self::SpanTooLarge { .. }
            | Self::SpanOverLimit { .. }
            | Self::Write { .. }
            | Self::NotSent
            | Self::CutShort
            | Self::NotLookedAt { .. }
            | Self::Defect { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

const CREDENTIALS: &str = "the receiver wants credentials: OTEL_EXPORTER_OTLP_HEADERS or --header";

fn http_hint(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        401 | 403 => Some(CREDENTIALS),
        404 | 405 => Some(
            "is the path right? receivers listen at /v1/traces, which is added to OTEL_EXPORTER_OTLP_ENDPOINT and \
             --endpoint but not to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
        415 => Some("the receiver does not take this encoding: try another --protocol"),
        _ => None,
    }
}

/// What mends X-Ray's refusals: the commands that set an account up for its OTLP endpoint.
fn xray_hint(status: StatusCode, message: &str) -> Option<&'static str> {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if says(&["trace segment destination", "updatetracesegmentdestination", "transaction search"]) {
        return Some(
            "turn Transaction Search on: aws xray update-trace-segment-destination --destination CloudWatchLogs \
             (docs/backends.md has the resource policy that it needs first)",
        );
    }
    if says(&["kms"]) {
        return Some("let CloudWatch Logs use the key of the group aws/spans: its key policy");
    }
    if says(&["resource policy", "putlogevents", "log group"]) {
        return Some(
            "let X-Ray write to CloudWatch Logs: aws logs put-resource-policy, with the policy of docs/backends.md",
        );
    }
    if says(&["scoped to a valid region", "scoped to correct service", "credential should be scoped"]) {
        return Some(
            "the endpoint is another region's than the one that the request is signed for: --to xray:REGION names it",
        );
    }
    if says(&["too old", "14 days", "in the past", "in the future", "2 hours", "time range", "timestamp"]) {
        return Some(
            "X-Ray takes spans that began at most 14 days ago and 2 hours ahead (docs/backends.md): is the clock of this machine right? \
             --rebase now sends a copy that ends now",
        );
    }
    match status.as_u16() {
        401 | 403
            if says(&["authentication token", "signature", "security token", "expired", "invalidclienttokenid"]) =>
        {
            Some(
                "AWS does not accept these credentials: check AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the clock",
            )
        }
        401 | 403 => Some("allow xray:PutTraceSegments in the IAM policy of these credentials"),
        400 | 413 if says(&["size", "large", "exceed", "too many", "limit"]) => {
            Some("docs/backends.md has X-Ray's limits: fewer --attr and --log-lines make spans smaller")
        }
        404 => Some("has this region an X-Ray OTLP endpoint? --to xray:REGION names another"),
        _ => None,
    }
}

fn speaks_of_credentials(found: &str) -> bool {
    let found = found.to_lowercase();
    ["key", "unauth", "not authorized", "forbidden", "credential", "token", "denied"]
        .iter()
        .any(|word| found.contains(word))
}

fn grpc_hint(code: &str) -> Option<&'static str> {
    match code {
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => Some(CREDENTIALS),
        "UNIMPLEMENTED" => Some("no trace service is there: is the port right, and does the receiver take traces?"),
        _ => None,
    }
}

fn not_grpc_hint(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        401 | 403 => Some(CREDENTIALS),
        413 => None,
        429 | 500..600 => {
            Some("a proxy or load balancer answers there: is the receiver behind it up, and is gRPC passed on to it?")
        }
        _ => Some("no gRPC is spoken there: an HTTP receiver, usually at port 4318, wants --protocol http/protobuf"),
    }
}

fn tls_hint(detail: &str) -> &'static str {
    if detail.contains("UnknownIssuer") {
        "its authority is not known: name its PEM file (a proxy that opens TLS has one of its own) with \
         OTEL_EXPORTER_OTLP_CERTIFICATE or --ca"
    } else if detail.contains("InvalidContentType") {
        "it does not speak tls on this port: does the endpoint begin with http://?"
    } else if detail.contains("CertificateRequired") || detail.contains("HandshakeFailure") {
        "it may want a client certificate: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
    } else {
        "does the endpoint's host name match the certificate, and is that still valid?"
    }
}

pub(crate) const fn spoken(endpoint: &Endpoint) -> &'static str {
    match endpoint.protocol() {
        Protocol::Grpc => "gRPC",
        Protocol::HttpProtobuf | Protocol::HttpJson => "HTTP/1.1",
    }
}

/// What to say when the two ports of a receiver may have been mixed up.
fn mix_up(endpoint: &Endpoint, is_sure: bool) -> Option<String> {
    let (usual_port, other) = match endpoint.protocol() {
        Protocol::Grpc => (4317, "http/protobuf"),
        Protocol::HttpProtobuf | Protocol::HttpJson => (4318, "grpc"),
    };
    // A server that is spoken to in the wrong protocol may hang up before its answer is read.
    let perhaps = if is_sure { "" } else { "perhaps another protocol is spoken there: " };
    (is_sure || endpoint.port() != Some(usual_port)).then(|| {
        format!(
            "{perhaps}grpc is usually at port 4317 and http at 4318: use port {usual_port}, or --protocol {other} for \
             this one"
        )
    })
}

/// What somebody says, if anything.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}
