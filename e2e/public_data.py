"""Public ECS data, where $ECSPAN_CORPUS names a folder of it: answers and events (`CORPUS`), and beside that folder files that people
posted (`FIELD`) and the answers that the project started from (`SEEDS`)."""

import os
from pathlib import Path

import pytest

CORPUS = Path(os.environ["ECSPAN_CORPUS"]) if "ECSPAN_CORPUS" in os.environ else None
FIELD, SEEDS = (CORPUS and CORPUS.parent / name for name in ("field", "seeds"))


def needs(folder):
    """Marks tests that are skipped where a folder of it is not there."""
    return pytest.mark.skipif(folder is None or not folder.is_dir(), reason="the public ECS data is not here: ECSPAN_CORPUS names none")


def posted(number):
    """The one file that was posted whose name begins so."""
    (path,) = FIELD.glob(f"{number}-*")
    return path
