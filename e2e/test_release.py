"""What a release is made of, as far as it can be made here: the scripts of release/ run as the workflow runs them, with this build of the
program in the place of every target's, and every name that stands in two places is held equal."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile

import pytest
import yaml
from conftest import BINARY, PROJECT
from servers import CACHE

RELEASE = PROJECT / "release"
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
CARGO = tomllib.loads((PROJECT / "Cargo.toml").read_text())["package"]
VERSION, REPOSITORY = CARGO["version"], CARGO["repository"]
PAGE = (PROJECT / "docs/releasing.md").read_text()
LINUX = "x86_64-unknown-linux-musl"


def sh(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)


def about(expression):
    """What release/about.sh says."""
    run = sh("bash", "-euc", f". {RELEASE}/about.sh; {expression}")
    assert run.returncode == 0, run
    return run.stdout.split()


TARGETS = about('printf "%s\\n" "${targets[@]}"')


def workflow(name):
    # YAML reads `on` as true.
    return yaml.safe_load((PROJECT / ".github/workflows" / name).read_text())


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The files of a release. Each target's program is a script that starts this build; the zips of Lambda would refuse a build that
    is linked dynamically."""
    work = tmp_path_factory.mktemp("release")
    for target in TARGETS:
        program = work / "binaries" / target / about(f"program {target}")[0]
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {BINARY.resolve()} "$@" # {target}\n')
    (work / "THIRD-PARTY.md").write_text("# The licences\n")
    environment = {**os.environ, "PATH": f"{CACHE}/cargo-deb/bin:{os.environ['PATH']}", "HOST_PROGRAM": str(work / "binaries" / LINUX / "ecspan")}
    run = sh(RELEASE / "pack.sh", work / "binaries", work / "THIRD-PARTY.md", work / "dist", env=environment)
    assert run.returncode == 0, run
    return work / "dist"


def test_every_file_is_there_with_its_sum(dist):
    archives = {name for target in TARGETS for name in about(f"archive {target}")}
    assert {path.name for path in dist.iterdir()} == archives | {
        f"ecspan-{VERSION}-lambda-arm64.zip", f"ecspan-{VERSION}-lambda-x86_64.zip", f"ecspan_{VERSION}-1_amd64.deb",
        f"ecspan_{VERSION}-1_arm64.deb", "ecspan.rb", "THIRD-PARTY.md", "SHA256SUMS",
    }
    assert sh("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=dist).returncode == 0
    assert len((dist / "SHA256SUMS").read_text().splitlines()) == len(list(dist.iterdir())) - 1


def test_an_archive_in_an_empty_folder_draws_the_example(dist):
    run = sh(RELEASE / "try-archive.sh", dist / about(f"archive {LINUX}")[0])
    assert run.returncode == 0 and run.stdout.splitlines() == [f"ecspan {VERSION}", "trace id 84b5991528504856a2f003b7da9b2b82"], run


def test_archives_hold_the_program_its_manual_completions_and_licences(dist):
    for target in TARGETS:
        name = about(f"archive {target}")[0]
        if name.endswith(".zip"):
            with zipfile.ZipFile(dist / name) as archive:
                modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist() if not entry.is_dir()}
        else:
            with tarfile.open(dist / name) as archive:
                modes = {entry.name: entry.mode for entry in archive.getmembers() if entry.isfile()}
                assert {entry.uid for entry in archive.getmembers()} == {0}
        top = f"ecspan-{VERSION}-{target}/"
        assert all(path.startswith(top) for path in modes)
        papers = {"LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.md", "README.md", "CHANGELOG.md", "man/ecspan.1", "man/ecspan-show.1"}
        completions = {f"completions/{file}" for file in ("ecspan.bash", "_ecspan", "ecspan.fish", "_ecspan.ps1", "ecspan.elv")}
        program = about(f"program {target}")[0]
        assert {top + path for path in papers | completions | {program, "examples/nginx/task.json"}} <= modes.keys()
        assert modes[top + program] & 0o777 == 0o755
        # binstall looks for the program there.
        bin_dir = CARGO["metadata"]["binstall"]["bin-dir"]
        assert expanded(bin_dir, target, bin="ecspan", **{"binary-ext": program.removeprefix("ecspan")}) == top + program


def test_the_same_files_make_the_same_archive(dist, tmp_path):
    papers, program = tmp_path / "papers", tmp_path / "ecspan"
    program.write_text("#!/bin/sh\n")
    assert sh(RELEASE / "papers.sh", BINARY.resolve(), dist / "THIRD-PARTY.md", papers).returncode == 0
    for target in (LINUX, "x86_64-pc-windows-msvc"):
        made = []
        for folder in ("one", "two"):
            os.utime(program)
            assert sh(RELEASE / "archive.sh", target, program, papers, tmp_path / folder).returncode == 0
            made.append((tmp_path / folder / about(f"archive {target}")[0]).read_bytes())
        assert made[0] == made[1]


def expanded(template, target, **more):
    """A template of binstall's."""
    values = {"repo": REPOSITORY, "name": CARGO["name"], "version": VERSION, "target": target, **more}
    return re.sub(r"\{ ?([\w-]+) ?\}", lambda found: values[found[1]], template)


def test_binstall_and_the_formula_ask_for_files_that_are_there(dist):
    binstall, formula = CARGO["metadata"]["binstall"], (dist / "ecspan.rb").read_text()
    sums = dict(reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines())
    for target in TARGETS:
        name = about(f"archive {target}")[0]
        url = f"{REPOSITORY}/releases/download/v{VERSION}/{name}"
        own = {**binstall, **binstall["overrides"].get(target, {})}
        assert expanded(own["pkg-url"], target) == url and own["pkg-fmt"] == {"gz": "tgz", "zip": "zip"}[name.rsplit(".")[-1]]
        if "windows" not in target:
            assert f'url "{url}"\n      sha256 "{sums[name]}"' in formula
    assert set(binstall["overrides"]) <= set(TARGETS) and "@" not in formula.replace("@_", "")
    if shutil.which("ruby"):
        assert sh("ruby", "-c", dist / "ecspan.rb").returncode == 0


def test_what_the_readme_has_for_a_minute_without_aws_works_in_an_unpacked_archive(dist, tmp_path):
    table = (PROJECT / "README.md").read_text().split("## In a minute")[1].split("\n## ")[0]
    commands = re.findall(r"`ecspan ([^`]*examples/[^`]*)`", table)
    assert len(commands) == 3
    with tarfile.open(dist / about(f"archive {LINUX}")[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    for command in commands:
        # Neither credentials nor a home that has some; nobody listens where AWS would be asked.
        run = sh("bash", "-c", f"./ecspan {command}", cwd=folder, env={"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
        assert run.returncode == 0 and run.stdout, run


def test_the_readme_names_files_and_versions_of_this_release(dist):
    readme = (PROJECT / "README.md").read_text()
    named = set(re.findall(r"\becspan[-_]\d[\w.-]*?\.(?:deb|zip|tar\.gz)\b", readme))
    assert len(named) >= 2 and named <= {path.name for path in dist.iterdir()}
    assert set(re.findall(r"/ecspan:([\w.]+)", readme)) == {VERSION}


def test_the_debian_package_is_installed_and_draws_the_example(dist, tmp_path):
    if not shutil.which("dpkg"):
        pytest.skip("there is no dpkg")
    root, package = tmp_path / "root", dist / f"ecspan_{VERSION}-1_amd64.deb"
    (root / "var/lib/dpkg/updates").mkdir(parents=True)
    (root / "var/lib/dpkg/info").mkdir()
    (root / "var/lib/dpkg/status").touch()
    install = sh("dpkg", f"--root={root}", "--force-not-root", "--force-architecture", "--log=/dev/null", "--install", package)
    assert install.returncode == 0, install
    said = sh("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--showformat=${Status} ${Version} [${Depends}]", "--show", "ecspan")
    assert said.stdout == f"install ok installed {VERSION}-1 []"
    run = sh(RELEASE / "try.sh", root / "usr/bin/ecspan", root / "usr/share/doc/ecspan/examples")
    assert run.returncode == 0, run
    share = root / "usr/share"
    (page,) = share.glob("man/man1/ecspan-show.1*")
    text = gzip.decompress(page.read_bytes()) if page.suffix == ".gz" else page.read_bytes()
    assert b"ecspan\\-show \\- Draw tasks in the terminal" in text
    assert (share / "bash-completion/completions/ecspan").exists() and (share / "doc/ecspan/THIRD-PARTY.md").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")
def test_the_root_folder_of_the_image_runs_as_nobody(tmp_path):
    """What the image is made of, with this build and the libraries that it is linked with (a release's needs none)."""
    root = tmp_path / "rootfs"
    run = sh("sh", RELEASE / "rootfs.sh", BINARY.resolve(), root)
    assert run.returncode == 0, run
    assert sorted(path.name for path in root.iterdir()) == ["ecspan", "etc", "licenses", "tmp"]
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (root / "etc/ssl/certs/ca-certificates.crt").read_bytes().count(b"BEGIN CERTIFICATE") > 50
    for library in re.findall(r"(/\S+) \(", sh("ldd", BINARY.resolve()).stdout):
        to = root / library.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, to)
    shutil.copytree(PROJECT / "examples/nginx", root / "nginx")
    for path in (root, *root.rglob("*")):
        if path != root / "tmp":
            path.chmod(0o755)
    files = [f"/nginx/{path.name}" for path in sorted((root / "nginx").iterdir())]
    user = re.search(r"^USER (\S+)$", (PROJECT / "Dockerfile").read_text(), re.M)[1]
    inside = (shutil.which("chroot"), f"--userspec={user}", root, "/ecspan")
    run = sh(*inside, "show", "--utc", "--ascii", *files, env={"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"})
    assert run.returncode == 0 and run.stdout.endswith("trace id 84b5991528504856a2f003b7da9b2b82\n"), run
    written = sh(*inside, "export", *files, "--to", "file:/tmp/trace.jsonl", "--undelivered", "none", env={})
    assert written.returncode == 0 and (root / "tmp/trace.jsonl").stat().st_uid == int(user.split(":")[0]), written


def test_a_tag_is_released_only_when_everything_agrees(tmp_path):
    shutil.copytree(RELEASE, tmp_path / "release")
    manifest = (PROJECT / "Cargo.toml").read_text()

    def check(tag, manifest, changelog):
        (tmp_path / "Cargo.toml").write_text(manifest)
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        return sh(tmp_path / "release/check-tag.sh", tag)

    owned = re.sub(r"(?<=github.com/)[\w-]+(?=/ecspan)", "somebody", manifest).replace(f'version = "{VERSION}"', 'version = "1.2.3"', 1)
    log = "# Changelog\n\n## Unreleased\n\n- next\n\n## 1.2.3 - 2026-12-01\n\n### Added\n\n- this\n\n## 1.2.2 - 2026-11-01\n\n- before\n"
    fine = check("v1.2.3", owned, log)
    assert (fine.returncode, fine.stdout.strip()) == (0, "### Added\n\n- this"), fine
    assert "the version in Cargo.toml 1.2.3" in check("v1.2.4", owned, log).stderr
    assert "is a placeholder" in check("v1.2.3", owned.replace("somebody", "OWNER"), log).stderr
    for undated in (log.replace(" - 2026-12-01", ""), log.replace("1.2.3", "1.2.30"), log.replace("2026-12-01", "soon")):
        refused = check("v1.2.3", owned, undated)
        assert refused.returncode == 1 and "no section '## 1.2.3 - YYYY-MM-DD'" in refused.stderr, refused


def test_the_owner_fills_what_the_page_names_and_nothing_else():
    listed = sh("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=PROJECT).stdout.split()
    texts = {name: (PROJECT / name).read_bytes() for name in listed if (PROJECT / name).is_file()}
    # Of the address, not of other words in capitals; this file, the page and the check of a tag speak of it.
    speak = {"docs/releasing.md", "release/check-tag.sh", "e2e/test_release.py", ".github/workflows/release.yml", "release/image.sh"}
    holding = {name for name, text in texts.items() if re.search(rb"\bOWNER\b", text)} - speak
    section = PAGE.split("## What the owner fills")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `([^`]+)` \|", section, re.M))
    # Filled in, it is nowhere; half filled in is nothing.
    assert holding in (named, set()) and ("/OWNER/" in REPOSITORY) == bool(holding)
    # And so does the command.
    filled = sh("bash", "-c", re.search(r"```sh\n(.+?)\n```", section, re.S)[1].replace("xargs sed -i", "xargs echo"), cwd=PROJECT).stdout.split()
    assert set(filled[1:]) == holding


def test_the_matrix_builds_what_is_packed():
    (build,) = [job for name, job in workflow("release.yml")["jobs"].items() if name == "build"]
    assert [one["target"] for one in build["strategy"]["matrix"]["include"]] == TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_well_formed_pinned_and_allowed_little(path):
    lint = sh(CACHE / "actionlint", "-shellcheck=", "-pyflakes=", path, cwd=PROJECT)
    assert (lint.returncode, lint.stdout) == (0, ""), lint
    text, made = path.read_text(), workflow(path.name)
    assert made["permissions"] == {} and all("permissions" in job and "timeout-minutes" in job for job in made["jobs"].values())
    # A tag of an action can be moved, a commit cannot; the comment says which one it is.
    uses = re.findall(r"uses: (.+)", text)
    assert uses and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in uses), uses
    assert len({one.split("@")[0] for one in uses}) == len(set(uses)), "one version of an action"
    for job in made["jobs"].values():
        for step in job["steps"]:
            # Whoever may write a ref or a title must not write shell.
            assert re.findall(r"\$\{\{(.+?)\}\}", step.get("run", "")) in ([], [" matrix.target "]), step
            script = step.get("run", "").split(" ")[0]
            assert not script.startswith(("release/", ".ci/")) or os.access(PROJECT / script, os.X_OK), script


def test_only_the_jobs_that_publish_may_write():
    may = {
        name: {what for what, how in job["permissions"].items() if how == "write"}
        for name, job in workflow("release.yml")["jobs"].items()
    }
    assert {name for name, what in may.items() if what} == {"image", "publish"}
    for name, job in workflow("release.yml")["jobs"].items():
        if may[name]:
            assert job["if"] == "github.event_name == 'push'" and "check" in job["needs"] and job["environment"] == "release"
    assert all(not any(how == "write" for how in job["permissions"].values()) for job in workflow("ci.yml")["jobs"].values())


def test_the_crate_holds_what_its_tests_need_and_no_more():
    run = sh("cargo", "package", "--list", "--allow-dirty", "--offline", cwd=PROJECT)
    assert run.returncode == 0, run
    assert "warning" not in run.stderr, run
    files = set(run.stdout.split())
    tops = {name.split("/")[0] for name in files}
    assert {"src", "tests", "examples", "docs", "benches"} <= tops
    assert not tops & {"e2e", ".ci", ".github", "release", "Dockerfile", "deny.toml", "target"}
    # What tests read of the repository.
    read = {
        place.removeprefix("/")
        for path in [*(PROJECT / "src").rglob("*.rs"), *(PROJECT / "tests").rglob("*.rs")]
        for place in re.findall(r'(?:CARGO_MANIFEST_DIR"\), |\{ROOT\})"?(/[\w./-]+)"', path.read_text())
    }
    assert {"README.md", "docs/environment.md", "docs/findings.md"} <= read
    assert [place for place in read if (PROJECT / place).is_file() and place not in files] == []


def test_links_of_the_readme_lead_somewhere():
    """crates.io reads them from the repository's address, as GitHub does."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (PROJECT / "README.md").read_text())
    local = [target for target in targets if "://" not in target]
    assert len(local) > 20
    assert [target for target in local if not target.startswith("../../") and not (PROJECT / target).exists()] == []
    # A page of the repository's own on GitHub: it is where the README is, wherever that is.
    assert {target for target in local if target.startswith("../../")} <= {"../../releases", "../../releases/latest"}


def test_deny_and_about_accept_the_same_licences():
    deny = tomllib.loads((PROJECT / "deny.toml").read_text())
    accepted = tomllib.loads((RELEASE / "about.toml").read_text())
    assert sorted(deny["licenses"]["allow"]) == sorted(accepted["accepted"])
    assert sorted(accepted["targets"]) == sorted(TARGETS) and set(TARGETS) <= set(deny["graph"]["targets"])
    banned = {one["crate"].split(":")[0] for one in deny["bans"]["deny"]}
    assert {"ring", "native-tls", "openssl", "openssl-sys", "rustls"} == banned


def test_the_sum_of_a_bill_of_materials_is_in_the_release():
    """pack.sh takes what lies in its folder already into the sums."""
    steps = [step.get("run", "") for step in workflow("release.yml")["jobs"]["pack"]["steps"]]
    sbom, pack = (next(at for at, run in enumerate(steps) if script in run) for script in ("release/sbom.sh", "release/pack.sh"))
    assert sbom < pack
    publish = json.dumps(workflow("release.yml")["jobs"]["publish"])
    assert "dist/ecspan.cdx.json" in publish and "dist/ecspan.cdx.json" in steps[sbom]


def test_who_reports_a_bug_is_asked_for_a_recording(ecspan):
    forms = {path.name: yaml.safe_load(path.read_text()) for path in (PROJECT / ".github/ISSUE_TEMPLATE").glob("*.yml")}
    kinds = {"markdown", "textarea", "input", "dropdown", "checkboxes"}
    for name in ("bug.yml", "idea.yml"):
        form = forms[name]
        assert form["name"] and form["description"] and all(one["type"] in kinds for one in form["body"])
        assert len({one["id"] for one in form["body"] if "id" in one}) == len([one for one in form["body"] if one["type"] != "markdown"])
    asked = json.dumps(forms["bug.yml"])
    assert "`ecspan record CLUSTER/ID -o task.json`" in asked
    told = ecspan("record", "--help").out
    assert all(flag in told for flag in ("--output", "-o", "--no-logs")), told
