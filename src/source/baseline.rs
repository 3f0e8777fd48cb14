//! Reports of earlier deployments, to compare with. Main function: [`read`].

use std::path::Path;
use std::time::Duration;

use super::error::ReadError;
use super::files;
use super::json::At;
use crate::model::deployment::{Baseline, REPORT_VERSION, Spread};

/// Reads what `ecspan deploy --report json` wrote.
pub fn read(path: &Path) -> Result<Baseline, ReadError> {
    let origin = path.display().to_string();
    let documents = match files::documents(path) {
        Ok(documents) => documents,
        Err(error @ (ReadError::Io { .. } | ReadError::Directory { .. })) => return Err(error),
        // What else it may be is not what was asked for.
        Err(_) => return Err(ReadError::NotAReport { origin }),
    };
    let is_report = |value: &&serde_json::Value| value.get("ecspan_report").is_some();
    let Some(document) = documents.iter().find(is_report) else {
        return Err(ReadError::NotAReport { origin });
    };
    let at = At::root(&origin, document);
    let version = at.integer("ecspan_report").unwrap_or_default();
    if version != REPORT_VERSION {
        return Err(ReadError::ReportVersion { origin, version, supported: REPORT_VERSION });
    }
    let failed = at.get("tasks").and_then(|tasks| tasks.integer("failed"));
    Ok(Baseline {
        service: at.text("service"),
        deployment: at.text("deployment"),
        outcome: at.text("outcome"),
        failed: failed.and_then(|failed| usize::try_from(failed).ok()),
        phases: at.list("phases").iter().map(phase).collect::<Result<_, _>>()?,
        origin,
    })
}

fn phase(at: &At<'_>) -> Result<(String, Spread), ReadError> {
    let length = |key: &str| {
        let millis = at.get(key).and_then(|at| at.value.as_f64()).filter(|millis| (0.0..1e15).contains(millis));
        let expected = "a length in milliseconds";
        millis
            .map(|millis| Duration::from_micros((millis * 1e3).round() as u64))
            .ok_or_else(|| ReadError::Expected { place: at.place.key(key), expected })
    };
    let count = at.integer("tasks").and_then(|count| usize::try_from(count).ok());
    let spread = Spread {
        count: count
            .ok_or_else(|| ReadError::Expected { place: at.place.key("tasks"), expected: "a number of tasks" })?,
        q1: length("q1_ms")?,
        p50: length("p50_ms")?,
        q3: length("q3_ms")?,
        p95: length("p95_ms")?,
        max: length("max_ms")?,
    };
    let name = at.text("name");
    Ok((name.ok_or_else(|| ReadError::Expected { place: at.place.key("name"), expected: "a phase's name" })?, spread))
}
