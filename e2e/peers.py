"""The programs that ecspan is measured beside: those of `benches/peers.sh`, else those of the PATH."""

import os
import re
import shutil
import subprocess

import rows
from servers import CACHE

#: How each says its version.
VERSIONS = {"awslogs": ["--version"], "aws": ["--version"], "saw": ["version"], "ecsta": ["version"]}


def find(name):
    """Where it is; a peer that is not here is told as missing."""
    path = shutil.which(name, path=os.pathsep.join([str(CACHE / "peers/bin"), os.environ["PATH"]]))
    if path is None:
        rows.missing(f"beside {name}", "it is not on this machine (`benches/peers.sh`)")
        return None
    installed = CACHE / f"peers/{name}.version"
    said = subprocess.run([path, *VERSIONS[name]], capture_output=True, text=True)
    told = re.search(r"\d+\.\d+[.\d]*", said.stdout + said.stderr)
    rows.version(name, installed.read_text().strip() if installed.exists() else told[0] if told else "of no version")
    return path
