//! AWS X-Ray's OTLP endpoint: where it is, what it takes, where its console shows a trace. What is sent and received is
//! [`http`](super::http)'s, and who signs is whoever knows AWS: nothing here does. Main types: [`XrayConfig`], [`XrayAccess`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::HeaderMap;
use opentelemetry::trace::TraceId;

use crate::proxy::is_of_proxies;
use crate::sink::config::{OtlpConfig, Overrides, Protocol};
use crate::sink::open_error::OpenError;
use crate::sink::otlp::pack::{Limits, StartLimits};
use crate::sink::reason::Reason;
use crate::sink::signal::Signal;

const DAY: u64 = 86_400;

/// What the endpoint takes, as AWS documents it (`docs/backends.md` says where). KB and MB are read as powers of ten, and a
/// few minutes are kept free, since a request may be sent again for a while.
pub(crate) const LIMITS: Limits = Limits {
    request_bytes: 5_000_000,
    full_at_bytes: 512 * 1024,
    request_items: 10_000,
    item_bytes: 200_000,
    resource_bytes: 16_000,
    starts: Some(StartLimits {
        past: Duration::from_secs(14 * DAY - 300),
        future: Duration::from_secs(2 * 3_600 - 300),
        spread: Duration::from_secs(DAY),
    }),
};

/// The suffixes of AWS's partitions, by how their regions begin. The first that fits counts.
const PARTITIONS: [(&str, &str); 8] = [
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("us-gov-", "amazonaws.com"),
    ("", "amazonaws.com"),
];

/// Signs requests to AWS, each attempt afresh: a signature is good for five minutes.
pub trait SignRequest: fmt::Debug + Send + Sync {
    /// The headers that sign a POST of this body, as it is sent, for X-Ray in a region.
    fn sign<'a>(
        &'a self,
        region: &'a str,
        url: &'a str,
        headers: &'a HeaderMap,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<HeaderMap, Reason>>;
}

/// What AWS's configuration says, as far as X-Ray needs it.
#[derive(Clone, Debug, Default)]
pub struct XrayAccess {
    /// The region, where `--to` does not name one.
    pub region: Option<String>,
    /// The endpoint of all of AWS, where it is not AWS's own.
    pub endpoint_url: Option<String>,
    /// Whoever has credentials.
    pub signer: Option<Arc<dyn SignRequest>>,
    /// The authorities that AWS's settings name, instead of the system's.
    pub ca: Option<PathBuf>,
}

/// Everything about one X-Ray destination.
#[derive(Clone, Debug)]
pub struct XrayConfig {
    pub(crate) otlp: OtlpConfig,
    pub(crate) region: String,
    pub(crate) signer: Signer,
}

impl XrayConfig {
    /// Resolves the region (named, else AWS's configuration's) and the endpoint (`--endpoint`, else the SDK's own variables, else AWS's).
    /// Of the OTLP settings only the flags count: the variables speak of another receiver.
    pub(crate) fn resolve(
        region: Option<&str>,
        aws: &XrayAccess,
        overrides: &Overrides,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, OpenError> {
        let region = region.map(str::to_owned).or_else(|| aws.region.clone()).ok_or(OpenError::NoRegion)?;
        let by = aws.signer.clone().ok_or(OpenError::NoCredentials)?;
        let elsewhere = overrides.endpoint.clone().or_else(|| env("AWS_ENDPOINT_URL_XRAY"));
        let elsewhere = elsewhere.or_else(|| aws.endpoint_url.clone());
        let overrides = Overrides {
            endpoint: Some(elsewhere.unwrap_or_else(|| endpoint(&region))),
            // Neither gRPC nor JSON is taken.
            protocol: Some(Protocol::HttpProtobuf.name().to_owned()),
            compression: overrides.compression.clone().or_else(|| Some("gzip".to_owned())),
            ca: overrides.ca.clone().or_else(|| aws.ca.clone()),
            ..overrides.clone()
        };
        let proxies = |name: &str| is_of_proxies(name).then(|| env(name)).flatten();
        let otlp = OtlpConfig::resolve(Signal::Traces, &overrides, &proxies)?;
        let signer = Signer { region: region.clone(), by };
        Ok(Self { otlp, region, signer })
    }
}

/// Signs for one region.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    region: String,
    by: Arc<dyn SignRequest>,
}

impl Signer {
    /// The headers that sign a POST of this body, as it is sent.
    pub(crate) async fn headers(&self, url: &str, headers: &HeaderMap, body: &[u8]) -> Result<HeaderMap, Reason> {
        self.by.sign(&self.region, url, headers, body).await
    }
}

fn suffix(region: &str) -> &'static str {
    PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("amazonaws.com", |(_, suffix)| suffix)
}

fn endpoint(region: &str) -> String {
    format!("https://xray.{region}.{}", suffix(region))
}

/// A trace id as X-Ray writes it: `1-8 hex digits-24 hex digits`.
pub fn xray_trace_id(trace_id: TraceId) -> String {
    let hex = trace_id.to_string();
    let (time, rest) = hex.split_at(8);
    format!("1-{time}-{rest}")
}

/// Where the CloudWatch console shows a trace.
pub fn console_url(region: &str, trace_id: TraceId) -> String {
    let domain = match region {
        china if china.starts_with("cn-") => "console.amazonaws.cn",
        gov if gov.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!("https://{region}.{domain}/cloudwatch/home?region={region}#xray:traces/{}", xray_trace_id(trace_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_those_of_their_partition() {
        assert_eq!(endpoint("eu-west-1"), "https://xray.eu-west-1.amazonaws.com");
        assert_eq!(endpoint("cn-north-1"), "https://xray.cn-north-1.amazonaws.com.cn");
        assert_eq!(endpoint("us-gov-west-1"), "https://xray.us-gov-west-1.amazonaws.com");
        assert_eq!(endpoint("us-isob-east-1"), "https://xray.us-isob-east-1.sc2s.sgov.gov");
    }

    #[test]
    fn a_trace_id_in_the_form_of_x_ray() {
        let id = TraceId::from(0x84b5_9915_2850_4856_a2f0_03b7_da9b_2b82);
        assert_eq!(xray_trace_id(id), "1-84b59915-28504856a2f003b7da9b2b82");
        let expected = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#xray:traces/1-84b59915-28504856a2f003b7da9b2b82";
        assert_eq!(console_url("eu-west-1", id), expected);
    }
}
