"""Files of JSON lines. Only what a newline ends is a line: what follows the last one is being written."""

import json


def so_far(path):
    """What the lines hold that are whole by now; nothing when the file is not there yet."""
    # Bytes: the last character may be a half one, and in a string U+2028 ends no line.
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def all_of(path):
    """What the lines of a finished file hold. It is there, and nothing follows its last newline."""
    whole = path.read_bytes()
    assert not whole or whole.endswith(b"\n"), f"{path} ends in the middle of a line"
    return so_far(path)
