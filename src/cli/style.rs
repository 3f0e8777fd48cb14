//! How to draw on the terminal that there is, as its flags say. Main functions: [`style`] of a task, [`plain_style`] of all else.

use std::sync::OnceLock;

use ecspan::render::Style;
use jiff::tz::TimeZone;

use super::args::{Global, ShowArgs};
use super::{env, terminal};

static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Makes `--utc` count for everything that is printed from here on.
pub(super) fn choose_zone(global: &Global) {
    let _ = ZONE.set(zone_of(global));
}

fn zone_of(global: &Global) -> TimeZone {
    if global.utc { TimeZone::UTC } else { TimeZone::system() }
}

/// The zone in which times are told.
pub(super) fn zone() -> TimeZone {
    ZONE.get_or_init(TimeZone::system).clone()
}

/// How to draw tasks.
pub(super) fn style(global: &Global, args: &ShowArgs) -> Style {
    Style {
        all_containers: args.tasks.all_containers,
        logs: !args.tasks.no_logs,
        ..plain_style(global, args.width, args.ascii)
    }
}

/// How to draw on this terminal.
pub(super) fn plain_style(global: &Global, width: Option<u16>, ascii: bool) -> Style {
    Style {
        width: width.map_or_else(terminal::width, usize::from),
        unicode: !ascii && terminal::has_unicode(env::get),
        color: terminal::has_color(),
        zone: zone_of(global),
        now: super::now(),
        all_containers: false,
        logs: true,
    }
}
