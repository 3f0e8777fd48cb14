//! The span that called for a task: read from `TRACEPARENT` or `_X_AMZN_TRACE_ID`. Main function: [`from_env`].

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::model::observation::{TaskRecord, TracedEnv};

/// The caller that a task's overrides name: the first valid one by container name.
pub fn of_task(task: &TaskRecord) -> Option<SpanContext> {
    task.overrides.values().find_map(from_env)
}

/// The caller that an environment names: `TRACEPARENT` (with `TRACESTATE`), else `_X_AMZN_TRACE_ID`.
pub fn from_env(env: &TracedEnv) -> Option<SpanContext> {
    let w3c = env.traceparent.as_deref().and_then(|parent| from_w3c(parent, env.tracestate.as_deref()));
    w3c.or_else(|| from_xray(env.xray.as_deref()?))
}

/// The span that a W3C `traceparent` names; `None` when it is not valid.
pub fn from_w3c(traceparent: &str, tracestate: Option<&str>) -> Option<SpanContext> {
    let mut carrier = HashMap::from([("traceparent".to_owned(), traceparent.trim().to_owned())]);
    carrier.extend(tracestate.map(|state| ("tracestate".to_owned(), state.to_owned())));
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// The span that an X-Ray trace header names: `Root=1-8hex-24hex;Parent=16hex;Sampled=1`, in any order.
pub(crate) fn from_xray(header: &str) -> Option<SpanContext> {
    let field = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let mut root = field("Root")?.split('-');
    let (version, epoch, unique) = (root.next()?, root.next()?, root.next()?);
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parent = field("Parent").filter(|parent| hex(parent, 16))?;
    if version != "1" || !hex(epoch, 8) || !hex(unique, 24) || root.next().is_some() {
        return None;
    }
    let trace_id = TraceId::from_hex(&format!("{epoch}{unique}")).ok()?;
    let flags = TraceFlags::default().with_sampled(field("Sampled") == Some("1"));
    let span = SpanContext::new(trace_id, SpanId::from_hex(parent).ok()?, flags, true, TraceState::default());
    span.is_valid().then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_names_a_remote_sampled_span() {
        let span = from_w3c(W3C, Some("vendor=x")).expect("valid");
        assert_eq!(span.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span.span_id().to_string(), "00f067aa0ba902b7");
        assert!(span.is_remote() && span.is_sampled());
        assert_eq!(span.trace_state().header(), "vendor=x");
    }

    #[test]
    fn a_malformed_traceparent_names_nothing() {
        for bad in
            ["", "00-0-0-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &W3C.replace("4b", "zz")]
        {
            assert_eq!(from_w3c(bad, None), None, "{bad}");
        }
        assert_eq!(from_w3c("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None), None);
    }

    #[test]
    fn an_xray_header_names_a_span_in_any_order_of_its_fields() {
        let header = "Self=1-1-1;Parent=53995c3f42cd8ad8;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        let span = from_xray(header).expect("valid");
        assert_eq!(span.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
        assert!(span.is_sampled());
        assert!(!from_xray(&header.replace("Sampled=1", "Sampled=0")).expect("valid").is_sampled());
    }

    #[test]
    fn a_malformed_xray_header_names_nothing() {
        for bad in [
            "Root=1-64",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a9942727;Parent=53995c3f42cd8ad8",
        ] {
            assert_eq!(from_xray(bad), None, "{bad}");
        }
    }
}
