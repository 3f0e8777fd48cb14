//! What several commands take alike: `--service-name`, `--attr`.

use ecspan::trace::ServiceName;

use super::problem::Problem;

/// `--service-name`, of whoever has no task definition to read `otel` from.
pub(super) fn named_service(given: Option<&str>) -> Result<ServiceName, Problem> {
    match ServiceName::from(given) {
        ServiceName::Otel => {
            let error = "--service-name otel: here nobody says what the task's containers have in OTEL_SERVICE_NAME";
            Err(Problem::usage(error).hint("name it: --service-name NAME; export and worker know otel".to_owned()))
        }
        name => Ok(name),
    }
}

/// The pairs of `--attr`.
pub(super) fn attributes(given: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let pair = |text: &String| {
        let pair = text.split_once('=').filter(|(key, _)| !key.trim().is_empty());
        let pair = pair.map(|(key, value)| (key.trim().to_owned(), value.to_owned()));
        pair.ok_or_else(|| Problem::usage("--attr is KEY=VALUE"))
    };
    given.iter().map(pair).collect()
}
