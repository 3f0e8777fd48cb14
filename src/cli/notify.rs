//! Who is told of what failed: from `--notify` to the [`Notifier`]. Main function: [`open`].

use std::collections::BTreeSet;

use ecspan::run::notify::{Channel, Notifier};
use ecspan::run::{Teller, UiUrl};
use ecspan::sink::{Webhook, WebhookError};
use ecspan::source::aws::Aws;
use ecspan::source::sns::Topic;
use ecspan::{Hint, Proxies};

use super::args::NotifyArgs;
use super::problem::Problem;
use super::{env, tasks};

/// Whoever is named; `None`: nobody is. What is typed is not quoted: a webhook's URL is a secret.
pub(super) fn open(
    args: &NotifyArgs,
    aws: Option<&Aws>,
    ui_url: Option<&UiUrl>,
    notices: Teller,
) -> Result<Option<Notifier>, Problem> {
    let proxies = Proxies::from_env(&env::get);
    // Whoever is named twice is told once.
    let mut known = BTreeSet::new();
    let named = args.notify.iter().map(|named| named.trim());
    let named = named.filter(|named| !named.is_empty() && known.insert(*named));
    let channel = |named: &str| match (named.strip_prefix("sns:").unwrap_or(named), aws) {
        (arn, Some(aws)) if is_topic(arn) => {
            Topic::open(aws, arn).map(Channel::Topic).map_err(|error| tasks::aws_problem(&error))
        }
        (url, _) if url.contains("://") => Webhook::open(url, &proxies).map(Channel::Webhook).map_err(problem),
        _ => Err(problem(WebhookError::NoUrl)),
    };
    let channels: Vec<Channel> = named.map(channel).collect::<Result<_, _>>()?;
    let (rate, slow) = (usize::from(args.notify_rate), args.notify_slower_than);
    Ok((!channels.is_empty()).then(|| Notifier::new(channels, rate, slow, ui_url.cloned(), notices)))
}

/// Whether somebody who is named is asked for with AWS's credentials.
pub(super) fn needs_aws(args: &NotifyArgs) -> bool {
    args.notify.iter().any(|named| is_topic(named.trim().strip_prefix("sns:").unwrap_or(named.trim())))
}

fn is_topic(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(2) == Some("sns") && arn.split(':').count() == 6
}

fn problem(error: WebhookError) -> Problem {
    Problem::usage(format!("--notify: {error}")).hint(error.hint())
}
