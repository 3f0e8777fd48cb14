//! What commands take that tell people. Main type: [`NotifyArgs`].

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Notifications")]
pub(crate) struct NotifyArgs {
    /// Tell people of what failed: sns:TOPIC-ARN, or the URL of a webhook that takes what Slack's take. May be repeated. A webhook's URL is a
    /// secret: a variable hides it from whoever lists processes
    #[arg(long, value_name = "sns:ARN|URL", env = "ECSPAN_NOTIFY", hide_env_values = true, value_delimiter = ',')]
    pub(crate) notify: Vec<String>,
    /// Also of launches that took at least this long
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "ECSPAN_NOTIFY_SLOWER_THAN")]
    pub(crate) notify_slower_than: Option<Duration>,
    /// At most so many a minute; the rest is counted in one more
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000), env = "ECSPAN_NOTIFY_RATE")]
    pub(crate) notify_rate: u16,
}
