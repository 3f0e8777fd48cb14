//! Signs requests to AWS X-Ray with the AWS SDK's credentials. Main function: [`access`].

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::secrets::aws_said;
use crate::sink::{Reason, SignRequest, XrayAccess};
use crate::source::aws::Aws;

/// The service in a signature's scope.
const SERVICE: &str = "xray";

/// What the SDK's configuration says to whoever sends to X-Ray.
pub fn access(aws: &Aws) -> XrayAccess {
    let config = aws.config();
    let signer = |credentials| Arc::new(Signer { credentials }) as Arc<dyn SignRequest>;
    XrayAccess {
        region: config.region().map(ToString::to_string),
        endpoint_url: config.endpoint_url().map(str::to_owned),
        signer: config.credentials_provider().map(signer),
    }
}

#[derive(Debug)]
struct Signer {
    credentials: SharedCredentialsProvider,
}

impl SignRequest for Signer {
    fn sign<'a>(
        &'a self,
        region: &'a str,
        url: &'a str,
        headers: &'a HeaderMap,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<HeaderMap, Reason>> {
        async move {
            let credentials = self.credentials.provide_credentials().await;
            let credentials = credentials.map_err(|error| match Reason::no_credentials(&error) {
                Reason::Credentials { detail } => Reason::Credentials { detail: aws_said(&detail) },
                other => other,
            })?;
            let defect = |detail: String| Reason::Defect { detail: format!("signing: {detail}") };
            let identity = credentials.into();
            let mut settings = SigningSettings::default();
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            let params = v4::SigningParams::builder()
                .identity(&identity)
                .region(region)
                .name(SERVICE)
                .time(SystemTime::now())
                .settings(settings)
                .build()
                .map_err(|error| defect(error.to_string()))?
                .into();
            let signed = [CONTENT_TYPE, CONTENT_ENCODING];
            let signed = signed.iter().filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)));
            let request = SignableRequest::new("POST", url, signed, SignableBody::Bytes(body));
            let request = request.map_err(|error| defect(error.to_string()))?;
            let (instructions, _) = sign(request, &params).map_err(|error| defect(error.to_string()))?.into_parts();
            let mut made = HeaderMap::new();
            for header in instructions.into_parts().0 {
                let name = HeaderName::from_static(header.name());
                let mut value = HeaderValue::from_str(header.value()).map_err(|error| defect(error.to_string()))?;
                value.set_sensitive(header.sensitive());
                made.insert(name, value);
            }
            Ok(made)
        }
        .boxed()
    }
}
