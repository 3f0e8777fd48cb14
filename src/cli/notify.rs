//! Who is told of what failed: from `--notify` to the [`Notifier`]. Main function: [`open`].

use std::collections::BTreeSet;

use ecspan::run::notify::{Channel, Notifier};
use ecspan::run::{Notice, Teller, UiUrl};
use ecspan::sink::{Webhook, WebhookError};
use ecspan::source::aws::Aws;
use ecspan::source::sns::Topic;
use ecspan::{Hint, Proxies};

use super::args::NotifyArgs;
use super::problem::Problem;
use super::{env, tasks};

const VARIABLE: &str = "ECSPAN_NOTIFY";

/// Whoever is named; `None`: nobody is. What is typed is not quoted: a webhook's URL is a secret.
pub(super) fn open(
    args: &NotifyArgs,
    aws: Option<&Aws>,
    ui_url: Option<&UiUrl>,
    notices: Teller,
) -> Result<Option<Notifier>, Problem> {
    let (proxies, count) = (Proxies::from_env(&env::get), args.notify.len());
    let is_variable = env::get(VARIABLE).is_some_and(|value| value.split(',').eq(&args.notify));
    let source = if is_variable { VARIABLE } else { "--notify" };
    let (mut known, mut channels) = (BTreeSet::new(), vec![]);
    for (index, named) in args.notify.iter().map(|named| named.trim()).enumerate() {
        // Whoever is named twice is told once.
        if named.is_empty() || !known.insert(named) {
            continue;
        }
        let which = if count > 1 { format!("{source}, number {} of {count}", index + 1) } else { source.to_owned() };
        let problem = |error: WebhookError| Problem::usage(format!("{which}: {error}")).hint(error.hint());
        channels.push(match (named.strip_prefix("sns:").unwrap_or(named), aws) {
            (arn, Some(aws)) if is_topic(arn) => {
                Topic::open(aws, arn).map(Channel::Topic).map_err(|error| tasks::aws_problem(&error))?
            }
            (url, _) => {
                let webhook = Webhook::open(url, &proxies).map_err(problem)?;
                if webhook.is_in_the_clear() {
                    let what = format!(
                        "{which}: the {webhook} is reached by http://: its URL, a secret, can be read on the way"
                    );
                    notices.tell(&Notice::NotifyDoubt { what, hint: "https://".to_owned() });
                }
                Channel::Webhook(webhook)
            }
        });
    }
    if channels.is_empty() && count > 0 {
        let hint = format!("a secret that is not set? {VARIABLE} may be empty");
        notices.tell(&Notice::NotifyDoubt { what: format!("{source} is empty: nobody is told"), hint });
    }
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
