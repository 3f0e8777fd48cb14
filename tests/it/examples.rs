//! The inputs of `examples/`, as a user gives them.

use std::path::Path;

use ecspan::model::observation::Observation;
use ecspan::source::files::read_path;

/// What the files of an example say, in the order of their names.
pub(super) fn observations(name: &str) -> Vec<Observation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| read_path(path).unwrap().observations).collect()
}
