//! Which proxy stands between here and a host, as the environment says: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or
//! the same in small letters. Connects to nobody. Main types: [`Proxies`], [`Proxy`].
//!
//! One answer for all that is asked and sent to, since libraries differ: whether `NO_PROXY=*` is also of addresses, and what a port
//! in it means.

use std::fmt;
use std::io;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::hint::Hint;

/// What the environment says of proxies. `Debug` leaves it out: a proxy's URL can hold a password.
#[derive(Clone, Default)]
pub struct Proxies {
    /// The variable that counts for `http://`, and its value.
    http: Option<(String, String)>,
    https: Option<(String, String)>,
    no: Vec<String>,
}

/// A proxy. `Display` and `Debug` leave its credentials out.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    uri: Uri,
    auth: Option<HeaderValue>,
}

/// A variable that names no proxy that can be used. Its value is not quoted: it can hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} names no proxy that ecspan can use: {why}")]
pub struct ProxyError {
    variable: String,
    why: String,
}

impl Hint for ProxyError {
    fn hint(&self) -> Option<String> {
        Some("write http://HOST:PORT; a host in NO_PROXY is gone to without a proxy (docs/proxies.md)".to_owned())
    }
}

impl Proxies {
    /// From the environment. An empty variable is an unset one.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            let value = |name: &str| Some((name.to_owned(), env(name).filter(|value| !value.trim().is_empty())?));
            names.iter().find_map(|name| value(name))
        };
        // In a CGI program `HTTP_PROXY` is a header of whoever asks.
        let http: &[&str] =
            if env("REQUEST_METHOD").is_some() { &["http_proxy"] } else { &["HTTP_PROXY", "http_proxy"] };
        let all = first(&["ALL_PROXY", "all_proxy"]);
        let no = first(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default();
        Self {
            http: first(http).or_else(|| all.clone()),
            https: first(&["HTTPS_PROXY", "https_proxy"]).or(all),
            no: no.split([',', ' ']).filter(|entry| !entry.is_empty()).map(str::to_owned).collect(),
        }
    }

    /// What stands in `NO_PROXY` and can be no host: whoever wrote it thinks that it counts.
    pub fn not_hosts(&self) -> Vec<&str> {
        if self.http.is_none() && self.https.is_none() {
            return vec![];
        }
        // Who writes a whole URL may have written a password into it.
        let bare = |entry: &'_ str| entry.rfind('@').map_or(0, |at| at + 1);
        self.no.iter().filter(|entry| !is_host(entry)).filter_map(|entry| entry.get(bare(entry)..)).collect()
    }

    /// The proxy on the way to a URL, if there is one.
    pub fn to(&self, url: &Uri) -> Result<Option<Proxy>, ProxyError> {
        let is_tls = url.scheme_str() == Some("https");
        let Some((variable, value)) = (if is_tls { &self.https } else { &self.http }) else { return Ok(None) };
        let Some(host) = url.host().filter(|host| !is_link_local(host)) else { return Ok(None) };
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let mut around = vec![];
        for entry in &self.no {
            let (name, at) = split_port(entry);
            match name {
                _ if at.is_some_and(|at| at != port) => {}
                "*" => return Ok(None),
                // `*.example.com` is how many write `.example.com`.
                name => around.push(name.strip_prefix('*').unwrap_or(name)),
            }
        }
        // Other schemes than these two would not be told from a host that needs no proxy.
        let whole = Uri::builder().scheme("http").authority(host).path_and_query("/").build();
        let Ok(whole) = whole else { return Ok(None) };
        let wrong = |why: &str| ProxyError { variable: variable.clone(), why: why.to_owned() };
        let found = Matcher::builder().all("http://proxy").no(around.join(",")).build().intercept(&whole);
        if found.is_none() {
            return Ok(None);
        }
        let scheme = value.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            None | Some("http" | "https") => {}
            Some(socks) if socks.starts_with("socks") => return Err(wrong("SOCKS is not spoken")),
            Some(_) => return Err(wrong("its URL begins with neither http:// nor https://")),
        }
        if let Some(why) = unusable(value.trim()) {
            return Err(wrong(why));
        }
        let proxy = Matcher::builder().all(value.trim()).build().intercept(&whole);
        proxy.map(|proxy| Some(Proxy::from(&proxy))).ok_or_else(|| wrong("it holds no URL"))
    }
}

/// Whether an entry of `NO_PROXY` may be of a host: a name, an address, a network.
fn is_host(entry: &str) -> bool {
    let (name, _) = split_port(entry);
    let name = name.strip_prefix('*').unwrap_or(name);
    if let Some((address, bits)) = name.split_once('/') {
        return address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok();
    }
    let is_number = name.contains(':') || name.contains('.') && name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_number {
        return name.parse::<IpAddr>().is_ok();
    }
    name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// `host:80`, `[::1]:80`, `[::1]`: what stands for the port is whatever is behind the colon.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Why a value cannot be used, which libraries read each in their own way: part of a password may become a host.
fn unusable(value: &str) -> Option<&'static str> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if behind.contains('@') || authority.matches('@').count() > 1 {
        return Some(
            "what stands before its @ has a character that must be encoded there: / is %2F, ? %3F, # %23, @ %40",
        );
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host_and_port(host) {
        ("", _) => Some("there is no host in it"),
        (_, Some(port)) if !port.parse::<u16>().is_ok_and(|port| port > 0) => Some("its port is none"),
        _ => None,
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("no", &self.no).finish_non_exhaustive()
    }
}

/// Whether a variable is one of those that this module reads.
pub(crate) fn is_of_proxies(name: &str) -> bool {
    name == "REQUEST_METHOD" || name.to_ascii_lowercase().ends_with("_proxy")
}

/// Where AWS tells a machine and a task of themselves: nobody else answers there.
pub(crate) fn is_link_local(host: &str) -> bool {
    let v4: Option<std::net::Ipv4Addr> = host.parse().ok();
    v4.is_some_and(|address| address.is_link_local()) || host.trim_matches(['[', ']']) == "fd00:ec2::254"
}

/// `host:80`, `10.0.0.1:80`, `[::1]:80`, and each without a port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let whole = (entry.trim_start_matches('[').trim_end_matches(']'), None);
    let Some((name, port)) = entry.rsplit_once(':') else { return whole };
    let is_bracketed = name.starts_with('[') && name.ends_with(']');
    match port.parse() {
        Ok(port) if is_bracketed || !name.contains(':') => {
            (name.trim_start_matches('[').trim_end_matches(']'), Some(port))
        }
        _ => whole,
    }
}

impl From<&Intercept> for Proxy {
    fn from(found: &Intercept) -> Self {
        Self { uri: found.uri().clone(), auth: found.basic_auth().cloned() }
    }
}

impl Proxy {
    /// Its URL without credentials.
    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) const fn auth(&self) -> Option<&HeaderValue> {
        self.auth.as_ref()
    }

    /// The same, where it is spoken to without TLS.
    pub(crate) fn for_tunnels(self) -> Result<Self, ProxyError> {
        if self.uri.scheme_str() == Some("https") {
            let why = format!("gRPC goes through proxies at http:// only, and {self} is none");
            return Err(ProxyError { variable: "the environment".to_owned(), why });
        }
        Ok(self)
    }

    /// User name and password.
    pub(crate) fn user(&self) -> Option<(String, String)> {
        let encoded = self.auth.as_ref()?.to_str().ok()?.strip_prefix("Basic ")?;
        let plain = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
        plain.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// What must not be shown should a proxy repeat it.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let encoded = self.auth.as_ref().and_then(|auth| Some(auth.to_str().ok()?.strip_prefix("Basic ")?.to_owned()));
        encoded.into_iter().chain(self.user().map(|(_, password)| password)).collect()
    }
}

/// A connection that a proxy did not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What it did: `refuses connections`.
    pub(crate) said: String,
    /// Then the same again would fare no better.
    pub(crate) wants_credentials: bool,
}

impl Proxy {
    /// What a failure to connect through it means, in the words of hyper-util's tunnel.
    pub(crate) fn failure(&self, to: &dyn fmt::Display, kind: Option<io::ErrorKind>, detail: &str) -> Failure {
        let wants_credentials = detail.contains("proxy authorization required");
        let said = match detail.strip_prefix("tunnel error: ") {
            _ if wants_credentials => WANTS_CREDENTIALS.to_owned(),
            _ if kind == Some(io::ErrorKind::ConnectionRefused) => "refuses connections".to_owned(),
            Some("unsuccessful") => format!("refuses to connect to {to}"),
            Some(detail) => format!("did not connect to {to}: {detail}"),
            None if detail.contains("timed out") => format!("gave no connection to {to} in time"),
            // Then there was a connection.
            None if detail.contains("tls") => {
                format!("let a connection to {to} through, which came to nothing: {detail}")
            }
            None if matches!(kind, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) => {
                format!("ended the connection on the way to {to}: {detail}")
            }
            None => format!("cannot be connected to, on the way to {to}: {detail}"),
        };
        Failure { said, wants_credentials }
    }
}

/// What a proxy says with 407.
pub(crate) const WANTS_CREDENTIALS: &str =
    "wants other credentials than it is given (407 Proxy Authentication Required)";

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
