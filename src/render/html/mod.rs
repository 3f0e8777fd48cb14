//! Tasks as one HTML page: a file that opens in any browser, for ever, and makes no request. Main function: [`draw`].
//!
//! What is read at once is written here, so that a page says all of it without a script and on paper, too; `page.js` makes the
//! picture and the log move. Whatever is untrusted goes through `text::shown` into a template (maud, which escapes what
//! it is given) or into the data block (`data::block`), from where the script takes it as text and never as markup.

mod beside;
pub(super) mod data;
pub(super) mod frame;
pub(super) mod picture;
mod scale;
mod task;
pub(super) mod text;

use super::compare::Compared;
use super::style::Style;
use crate::model::TaskLife;

/// A task of a page.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The task.
    pub life: &'a TaskLife,
    /// Where its trace is found.
    pub trace_id: &'a str,
    /// Its address in somebody's UI.
    pub trace_url: Option<&'a str>,
}

/// The page of these tasks, in their order.
pub fn draw(tasks: &[Shown<'_>], style: &Style) -> String {
    // The characters of a page are always Unicode.
    let style = Style { unicode: true, color: false, ..style.clone() };
    frame::page(&title(tasks), task::navigation(tasks), |page| {
        tasks.iter().enumerate().for_each(|(at, shown)| page.push_str(&task::article(at, shown, &style).into_string()));
    })
}

/// The page of two tasks beside one another.
pub fn draw_compared(compared: &Compared<'_>, tasks: &[Shown<'_>; 2], style: &Style) -> String {
    let style = Style { unicode: true, color: false, ..style.clone() };
    let title = format!("{} beside {}", text::shown(tasks[0].life.family()), text::shown(tasks[1].life.family()));
    frame::page(&title, task::navigation(tasks), |page| {
        page.push_str(&beside::section(compared).into_string());
        tasks.iter().enumerate().for_each(|(at, shown)| page.push_str(&task::article(at, shown, &style).into_string()));
    })
}

fn title(tasks: &[Shown<'_>]) -> String {
    match tasks {
        [one] => {
            let outcome = task::Outcome::of(one.life).word;
            format!("{} {outcome} – {}", text::shown(one.life.family()), text::shown(&one.life.task.id))
        }
        _ => format!("{} tasks", tasks.len()),
    }
}
