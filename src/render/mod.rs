//! What is drawn: the waterfall, the timeline, JSON, tables. Text out, nothing else: no terminal, no clock, no file.
//!
//! Names, reasons and log lines are untrusted; every one passes through [`escape`].

mod axis;
mod bar;
pub mod compare;
pub mod document;
pub mod escape;
#[cfg(feature = "html")]
pub mod html;
pub mod json;
pub mod list;
pub mod markdown;
mod markup;
pub mod moment;
mod names;
pub mod notification;
pub mod perfetto;
pub mod report;
mod rows;
pub mod stats;
mod style;
pub mod svg;
pub mod table;
pub mod timeline;
pub mod waterfall;
mod wrap;

pub use style::Style;
pub use wrap::{beside, folded};
