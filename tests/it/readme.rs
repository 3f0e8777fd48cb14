//! The README tells the truth: its command gives its output.

use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The first block of this kind.
fn block<'a>(text: &'a str, kind: &str) -> &'a str {
    let start = text.split_once(&format!("```{kind}\n")).unwrap().1;
    start.split_once("```").unwrap().0
}

/// What the program draws of files of the repository.
fn drawn(arguments: &[&str], files: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_ecspan"))
        .args(arguments)
        .args(files)
        .current_dir(ROOT)
        .env("LANG", "C.UTF-8")
        .env_remove("LC_ALL")
        .output()
        .unwrap();
    assert!(run.status.success());
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn the_first_command_draws_what_the_readme_shows() {
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let command = block(&readme, "sh").trim();
    assert_eq!(command, "cargo run -q -- show --utc examples/nginx/*.json");
    let files = ["examples/nginx/logs.json", "examples/nginx/task-definition.json", "examples/nginx/task.json"];
    assert_eq!(drawn(&["show", "--utc"], &files), block(&readme, "text"));
}

#[test]
fn the_deployment_of_the_examples_is_reported_as_its_page_shows() {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/deployments.md")).unwrap();
    assert!(page.contains("\ncargo run -q -- deploy --utc --from examples/rollout/*.json\n"));
    let files = ["examples/rollout/services.json", "examples/rollout/tasks.json"];
    assert_eq!(drawn(&["deploy", "--utc", "--from"], &files), block(&page, "text"));
}
