"""The schemas in docs/json: whatever JSON the program prints in a test is held against them (conftest.py), keys that they do not have included."""

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(__file__).parent.parent / "docs/json"
#: The key that says the version of a document, and its schema.
KINDS = {"ecspan_task": "task", "ecspan_report": "deploy", "ecspan_stats": "stats", "ecspan_ls": "ls", "ecspan_bundle": "bundle"}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value):
    if not isinstance(value, str):
        return True
    # RFC 3339 is narrower than what Python reads.
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)", value):
        raise ValueError(value)
    return bool(datetime.fromisoformat(value))


def closed(schema):
    """The schema without room for keys that it does not have: programs should pass them by, and ecspan should not print them."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    return {**schema, "additionalProperties": False} if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" else schema


@cache
def validator(name):
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(closed(schema), format_checker=FORMATS)


def kind(document):
    """Which of the documents that have a schema it is."""
    one = document[0] if isinstance(document, list) and document else document
    return next((name for key, name in KINDS.items() if isinstance(one, dict) and key in one), None)


def documents(text):
    """The JSON documents of a text, of which there may be several, one after another."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:at + 1] in ("{", "["):
        document, at = decoder.raw_decode(text, at)
        yield document
        while text[at:at + 1].isspace():
            at += 1


def check(text):
    """Fails where a document is not as its schema says; how many there were."""
    count = 0
    if not text.startswith(("{", "[")):
        return count
    try:
        found = list(documents(text))
    except ValueError:
        # No JSON, or cut off: the test that asked for it looks at that.
        return count
    for document in found:
        if name := kind(document):
            errors = [f"{error.json_path}: {error.message[:300]}" for error in validator(name).iter_errors(document)]
            assert not errors, (name, errors[:10])
            count += 1
    return count
