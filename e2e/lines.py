"""Files of JSON lines that somebody may be writing."""

import json


def whole(path):
    """The documents in the file so far. Only what a newline ends is a line: what is half written may look whole. (Not
    `splitlines`, which also cuts at characters that a string may hold.)"""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]
