"""`ecspan completions` and `ecspan man`: what a shell offers when Tab is pressed, from the loopback AWS."""

import shutil
import subprocess

import pytest
from conftest import BINARY, TIMEOUT

BASH = shutil.which("bash")


@pytest.fixture
def tab(ecspan, tmp_path):
    """Types a line into bash, presses Tab, and gives what is offered. Nothing may be said on stderr."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ecspan").symlink_to(BINARY)
    script = ecspan("completions", "bash", "--dynamic")
    assert script.code == 0, script

    def press(line, **variables):
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        typed = (
            f"{script.out}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_TYPE=9\n"
            f"_clap_complete_ecspan ecspan '{words[-1]}' '{words[-2]}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        environment = {**ecspan.environment, "PATH": f"{tools}:{ecspan.environment['PATH']}", **variables}
        run = subprocess.run([BASH, "--norc", "-c", typed], env=environment, cwd=ecspan.home, capture_output=True, text=True, timeout=TIMEOUT)
        assert run.stderr == "", run
        # clap offers flags where a word may begin, too.
        return [word for word in run.stdout.splitlines() if word and (words[-1].startswith("-") or not word.startswith("-"))]

    return press


def test_clusters_services_and_tasks_are_offered(tab, aws):
    aws.seed.cluster("staging")
    aws.rollouts.rolling(2)
    assert tab("ecspan ls ") == ["prod", "staging"]
    assert tab("ecspan show --cluster st") == ["staging"]
    assert tab("ecspan deploy --cluster prod w") == ["web"]
    assert tab("ecspan deploy ") == ["prod/", "staging/"]
    assert tab("ecspan deploy prod/") == ["prod/web"]
    tasks = tab("ecspan show prod/")
    assert tasks and all(task.startswith("prod/") and len(task) == len("prod/") + 32 for task in tasks)
    assert tab(f"ecspan show {tasks[0][:-20]}") == [tasks[0]]
    assert sorted(tab("ecspan export --cluster=prod ")) == sorted(task.removeprefix("prod/") for task in tasks)


def test_flags_values_and_files_are_offered(tab, ecspan):
    (ecspan.home / "task.json").write_text("{}")
    assert tab("ecspan sh") == ["show"]
    assert tab("ecspan show --form") == ["--format"]
    assert {"waterfall", "timeline", "json"} <= set(tab("ecspan show --format "))
    assert tab("ecspan export --ca ta") == ["task.json"]
    assert tab("ecspan show ./ta") == ["./task.json"]


def test_without_aws_nothing_is_offered_and_nothing_is_said(tab):
    assert tab("ecspan ls ", AWS_ENDPOINT_URL="http://127.0.0.1:9") == []
    assert tab("ecspan ls --profile nobodys ") == []


@pytest.mark.parametrize("shell", ["bash", "elvish", "fish", "powershell", "zsh"])
def test_each_shell_has_a_script_of_either_kind(ecspan, shell):
    plain, dynamic = ecspan("completions", shell), ecspan("completions", shell, "--dynamic")
    assert plain.code == dynamic.code == 0, (plain, dynamic)
    # The plain one knows the words by itself, the other asks.
    assert "only-failed" in plain.out and "ECSPAN_COMPLETE" not in plain.out
    assert "ECSPAN_COMPLETE" in dynamic.out and "only-failed" not in dynamic.out


def test_the_manual_has_a_page_for_each_command(ecspan):
    assert ecspan("man", "--dir", "pages").code == 0
    pages = {path.name for path in (ecspan.home / "pages").iterdir()}
    commands = {line.split()[0] for line in ecspan("--help").out.split("Commands:\n")[1].split("\n\n")[0].splitlines() if line[2] != " "}
    assert pages == {"ecspan.1"} | {f"ecspan-{name}.1" for name in commands - {"help"}}
    assert ecspan("man", "show").out == (ecspan.home / "pages/ecspan-show.1").read_text()
    sections = [line.removeprefix(".SH ").strip('"') for line in ecspan("man").out.splitlines() if line.startswith(".SH ")]
    assert sections[-4:-1] == ["TASKS", "EXAMPLES", "EXIT STATUS"] and "EXTRA" not in sections
    nobody = ecspan("man", "nobody")
    assert nobody.code == 2 and "hint: one of ls, show, export" in nobody.err, nobody
    refused = ecspan("man", "--dir", "pages/ecspan.1")
    assert refused.code == 1 and "failed to write the pages to pages/ecspan.1" in refused.err, refused
