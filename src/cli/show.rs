//! `ecspan show`: draws tasks.

use std::time::SystemTime;

use ecspan::model::Time;
use ecspan::render::{Style, json, timeline, waterfall};
use ecspan::trace::ids;
use futures::StreamExt;
use jiff::tz::TimeZone;

use super::args::{Format, Global, ShowArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::tasks::{Needs, Source};
use super::{signals, terminal};

pub(super) async fn run(global: &Global, args: &ShowArgs) -> Result<Exit, Problem> {
    let needs = Needs { service_events: true, ..Needs::default() };
    let mut source = Source::open(global, &args.tasks, needs).await?;
    let mut lives = source.lives();
    let mut drawn = 0;
    while let Some(life) = lives.next().await {
        let style = style(global, args);
        let trace_id = ids::trace_id(&life.task.id).to_string();
        let text = match args.format {
            Format::Waterfall => waterfall::draw(&life, &trace_id, &style),
            Format::Timeline => timeline::draw(&life, &style),
            Format::Json => json::draw(&life, &trace_id, &style),
        };
        let between = if drawn > 0 && args.format != Format::Json { "\n" } else { "" };
        terminal::print(&format!("{between}{text}"))?;
        drawn += 1;
    }
    if signals::received().is_some() {
        terminal::tell("note", &format!("interrupted: {drawn} drawn"));
    } else if drawn == 0 && source.course.lost() == 0 {
        terminal::tell("note", "no task is selected");
    }
    Ok(source.course.exit(drawn))
}

fn style(global: &Global, args: &ShowArgs) -> Style {
    Style {
        color: terminal::has_color(),
        all_containers: args.tasks.all_containers,
        logs: !args.tasks.no_logs,
        ..plain_style(global, args.width, args.ascii)
    }
}

/// How to draw on this terminal.
pub(super) fn plain_style(global: &Global, width: Option<u16>, ascii: bool) -> Style {
    Style {
        width: width.map_or_else(terminal::width, usize::from),
        unicode: !ascii && terminal::has_unicode(super::env::get),
        color: terminal::has_color(),
        zone: if global.utc { TimeZone::UTC } else { TimeZone::system() },
        now: Time::from(SystemTime::now()),
        all_containers: false,
        logs: true,
    }
}
