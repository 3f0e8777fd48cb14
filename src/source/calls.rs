//! How often AWS was called, by operation: each attempt counts, since AWS counts them too. And what it was sent of keys, since its
//! errors may repeat it. Main type: [`Calls`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use crate::secrets;

/// Counts the calls of all clients that it is given to.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<BTreeMap<Operation, u64>>>);

/// An operation of AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// As the SDK names it: `ECS`, `CloudWatch Logs`, `SQS`.
    pub service: String,
    /// `DescribeTasks`.
    pub name: String,
}

impl Calls {
    /// The calls so far.
    pub fn counts(&self) -> BTreeMap<Operation, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "ecspan calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let header = |name| context.request().headers().get(name);
        // Of the signature, the name of the key: the rest is another with each request.
        let key = header("authorization").and_then(|value| value.split("Credential=").nth(1)?.split('/').next());
        secrets::remember(key.into_iter().chain(header("x-amz-security-token")).map(str::to_owned));
        if let Some(metadata) = config.load::<Metadata>() {
            let operation = Operation { service: metadata.service().to_owned(), name: metadata.name().to_owned() };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
        }
        Ok(())
    }
}
