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
    assert_eq!(rows.len(), 13, "{rows:?}");
    for (path, id) in rows {
        assert_eq!(ids::span_id(task, path).to_string(), id, "{path}");
    }
}
