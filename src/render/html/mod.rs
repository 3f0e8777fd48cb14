//! Tasks as one HTML page: a file that opens in any browser, for ever, and makes no request. Main function: [`draw`].
//!
//! What is read at once is written here, so that a page says all of it without a script and on paper, too; `page.js` makes the
//! picture and the log move. Whatever is untrusted goes through `text::shown` into a template (maud, which escapes what
//! it is given) or into the data block (`data::block`), from where the script takes it as text and never as markup.

mod beside;
pub(super) mod data;
pub(super) mod frame;
pub(super) mod log;
pub(super) mod picture;
mod scale;
mod task;
pub(super) mod text;

use super::compare::Compared;
use super::style::Style;
use crate::model::TaskLife;
use task::Entry;

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
    let mut page = Page::default();
    tasks.iter().for_each(|shown| page.push(shown, style));
    page.finish().concat()
}

/// A page in the making: of each task what is drawn of it, and no more.
#[derive(Debug, Default)]
pub struct Page {
    articles: String,
    entries: Vec<Entry>,
}

impl Page {
    /// Adds a task.
    pub fn push(&mut self, shown: &Shown<'_>, style: &Style) {
        self.articles.push_str(&task::article(self.entries.len(), shown, None, &of_a_page(style)).into_string());
        self.entries.push(Entry::of(shown, None, style));
    }

    /// About how large it is.
    pub const fn bytes(&self) -> usize {
        self.articles.len()
    }

    /// Its parts, one after another.
    pub fn finish(self) -> [String; 3] {
        let title = match self.entries.as_slice() {
            [] => "No task".to_owned(),
            [one] => one.title(),
            all => format!("{} tasks", all.len()),
        };
        let [head, tail] = frame::around(&title, task::navigation(&self.entries));
        let articles = match self.entries.as_slice() {
            [] => "<h1>No task</h1><p>Nothing that was read is about a task that was asked for.</p>".to_owned(),
            _ => self.articles,
        };
        [head, articles, tail]
    }
}

/// The page of two tasks beside one another.
pub fn draw_compared(compared: &Compared<'_>, tasks: &[Shown<'_>; 2], style: &Style) -> String {
    let entries = [0, 1].map(|at| Entry::of(&tasks[at], Some(beside::SIDES[at]), style));
    let title = format!("{} beside {}", entries[0].family, entries[1].family);
    let [mut page, tail] = frame::around(&title, task::navigation(&entries));
    page.push_str(&beside::section(compared).into_string());
    for (at, (shown, entry)) in tasks.iter().zip(&entries).enumerate() {
        page.push_str(&task::article(at, shown, entry.label, &of_a_page(style)).into_string());
    }
    page + &tail
}

/// The characters of a page are always Unicode.
fn of_a_page(style: &Style) -> Style {
    Style { unicode: true, color: false, ..style.clone() }
}
