//! `ecspan show`: draws tasks.

use std::time::SystemTime;

use ecspan::model::{TaskLife, Time};
use ecspan::render::{Style, json, timeline, waterfall};
use ecspan::trace::ids;
use jiff::tz::TimeZone;

use super::args::{Format, Global, ShowArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::{tasks, terminal};

pub(super) async fn run(global: &Global, args: &ShowArgs) -> Result<Exit, Problem> {
    let style = style(global, args);
    let tasks = tasks::read_files(&args.tasks)?;
    if tasks.list.is_empty() {
        return Ok(tasks::none(&tasks));
    }
    let exit = tasks.exit();
    for (at, task) in tasks.list.into_iter().enumerate() {
        let life = TaskLife::new(task, style.now, 128);
        let trace_id = ids::trace_id(&life.task.id).to_string();
        let drawn = match args.format {
            Format::Waterfall => waterfall::draw(&life, &trace_id, &style),
            Format::Timeline => timeline::draw(&life, &style),
            Format::Json => json::draw(&life, &trace_id, &style),
        };
        let between = if at > 0 && args.format != Format::Json { "\n" } else { "" };
        terminal::print(&format!("{between}{drawn}"))?;
    }
    Ok(exit)
}

fn style(global: &Global, args: &ShowArgs) -> Style {
    Style {
        width: args.width.map_or_else(terminal::width, usize::from),
        unicode: !args.ascii && terminal::has_unicode(|name| std::env::var(name).ok()),
        color: terminal::has_color(),
        zone: if global.utc { TimeZone::UTC } else { TimeZone::system() },
        now: Time::from(SystemTime::now()),
        all_containers: args.tasks.all_containers,
        logs: !args.tasks.no_logs,
    }
}
