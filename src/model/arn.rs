//! Amazon Resource Names, as far as ECS ones tell something. Main type: [`Arn`].

/// An ARN taken apart. Borrowed from the text it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: &'a str,
    /// `ecs`.
    pub service: &'a str,
    /// `eu-west-1`.
    pub region: &'a str,
    /// The account id. Documentation and redacted files have words here.
    pub account: &'a str,
    /// Everything after the account: `task/CLUSTER/ID`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes `text` apart; `None` when it is no ARN.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (!arn.partition.is_empty() && !arn.resource.is_empty()).then_some(arn)
    }

    /// The account id when it is one: twelve digits.
    pub(crate) fn account_id(&self) -> Option<&'a str> {
        (self.account.len() == 12 && self.account.bytes().all(|b| b.is_ascii_digit())).then_some(self.account)
    }

    /// The cluster's name in `task/CLUSTER/ID` and `container/CLUSTER/TASK/ID`; old ARNs have none.
    pub fn cluster(&self) -> Option<&'a str> {
        let parts: Vec<&str> = self.resource.split('/').collect();
        match parts.as_slice() {
            ["task", cluster, _] | ["container", cluster, _, _] | ["cluster", cluster] => Some(cluster),
            _ => None,
        }
    }
}

/// The last part of an ARN (or of `CLUSTER/ID`): the id.
pub(crate) fn last_part(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// Family and revision of a task definition ARN or of `FAMILY:REVISION`; the revision may be missing.
pub(crate) fn family_and_revision(text: &str) -> (&str, Option<u64>) {
    let name = last_part(text);
    match name.rsplit_once(':') {
        Some((family, revision)) if !text.starts_with("arn:") || text.contains('/') => match revision.parse() {
            Ok(revision) => (family, Some(revision)),
            Err(_) => (name, None),
        },
        _ => (name, None),
    }
}
