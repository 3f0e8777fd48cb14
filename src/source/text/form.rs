//! What a text is that is no answer, and what to do instead. Main type: [`Foreign`].

/// How the AWS CLI gives what ecspan reads.
pub(super) const ASK: &str = "save the answer of `aws ecs describe-tasks --cluster CLUSTER --tasks ID --output json`";

/// What a text is, and what to do instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) what: String,
    pub(super) hint: String,
}

pub(super) fn foreign(what: impl Into<String>, hint: impl Into<String>) -> Foreign {
    Foreign { what: what.into(), hint: hint.into() }
}
