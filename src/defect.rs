//! A panic is a defect, and takes nothing with it that was in hand: what it says is told instead. Main functions: [`caught`] and
//! [`caught_in`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

/// What comes of this, or what a panic in it says.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What the work had in hand is not looked at again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| said(&*panic))
}

/// The same of a future.
pub(crate) async fn caught_in<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| said(&*panic))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it does not say which").to_owned()
}
