//! The layers of an error: libraries wrap what happened, and say at each layer that something did. Main functions: [`layers`] and
//! [`innermost`]. What a layer says may name a secret: whoever shows it masks it.

use std::error::Error;
use std::io;

/// An error and what lies below it.
pub(crate) fn layers<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What lies at the bottom: `Connection refused`, where the top says that a request failed.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    layers(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The kind of the system's error below it, the lowest where there are several.
pub(crate) fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    layers(error).filter_map(|layer| layer.downcast_ref::<io::Error>()).last().map(io::Error::kind)
}
