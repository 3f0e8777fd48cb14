//! `docs/mapping.md` tells the truth: its ids are those that the code computes.

use ecspan::trace::ids;

#[test]
fn the_span_ids_of_the_mapping_page_are_those_that_are_sent() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mapping.md")).unwrap();
    let task = "84b5991528504856a2f003b7da9b2b82";
    let rows: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `"))
        .filter(|(_, id)| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        .collect();
    assert_eq!(rows.len(), 14, "{rows:?}");
    for (path, id) in rows {
        // A bar in a table is escaped.
        let path = path.replace('\\', "");
        assert_eq!(ids::span_id(task, &path).to_string(), id, "{path}");
    }
}

#[test]
fn the_ids_of_the_deployments_page_are_those_that_are_sent() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deployments.md")).unwrap();
    let identity = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod|web|ecs-svc/9223370555039069146";
    let command = page.lines().find(|line| line.starts_with("printf")).unwrap();
    assert!(command.contains(identity) && command.ends_with(&ids::deployment_trace_id(identity).to_string()));
    let rows: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `"))
        .filter(|(_, id)| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        .collect();
    assert_eq!(rows.len(), 7, "{rows:?}");
    for (path, id) in rows {
        assert_eq!(ids::deployment_span_id(identity, path).to_string(), id, "{path}");
    }
}
