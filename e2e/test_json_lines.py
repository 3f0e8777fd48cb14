"""Readers of files that are still written."""

import json
import urllib.request

import batch
import json_lines
import pytest
from servers import Collector
from store import Store

SPAN = {"traceId": "0a" * 16, "spanId": "0b" * 8, "name": "half\u2028 and whole"}
REQUEST = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}, ensure_ascii=False).encode()


def collected(path):
    collector = Collector.__new__(Collector)
    collector.file = path
    return collector.spans(2, within=0)


@pytest.mark.parametrize("read", [json_lines.so_far, batch.spans_in, collected])
def test_only_what_a_newline_ends_is_a_line(tmp_path, read):
    path = tmp_path / "traces.jsonl"
    assert read(path) == []
    # Each place where a write can have come to: some end in }, one in the middle of a character.
    for end in range(len(REQUEST) + 1):
        path.write_bytes(REQUEST + b"\n" + REQUEST[:end])
        assert len(read(path)) == 1, REQUEST[:end]
    path.write_bytes((REQUEST + b"\n") * 2)
    assert len(read(path)) == 2


def test_a_finished_file_that_ends_in_the_middle_is_no_finished_file(tmp_path):
    path = tmp_path / "traces.jsonl"
    path.write_bytes(REQUEST)
    with pytest.raises(AssertionError, match="in the middle of a line"):
        json_lines.all_of(path)
    path.write_bytes(REQUEST + b"\n")
    assert json_lines.all_of(path) == [json.loads(REQUEST)]


def test_a_store_that_comes_back_writes_no_line_behind_a_half_one(tmp_path):
    path = tmp_path / "store.jsonl"
    for before, kept in ((b"", 0), (REQUEST[:-1], 0), (REQUEST + b"\n" + REQUEST[:-1], 1), (REQUEST + b"\n", 1)):
        path.write_bytes(before)
        store = Store(path)
        try:
            urllib.request.urlopen(store.url, REQUEST, timeout=60).close()
        finally:
            store.kill()
        assert path.read_bytes() == (REQUEST + b"\n") * (kept + 1), before
