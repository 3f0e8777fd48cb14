"""README.md's picture of a page, docs/page.png: the top of the page of examples/oom in Chromium. It holds a hash of the page that it is of, which
test_page.py holds against the page that is drawn now: a browser's pixels differ from machine to machine. `python e2e/picture.py` makes it."""

import hashlib
import os
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

PROJECT = Path(__file__).parent.parent
BINARY = Path(os.environ.get("ECSPAN_BIN", PROJECT / "target/debug/ecspan"))
PICTURE = PROJECT / "docs/page.png"
COMMAND = ["show", "--utc", "--format", "html", *sorted((PROJECT / "examples/oom").glob("*.json"))]
SIZE = {"width": 1100, "height": 880}
#: The name of the text in the file that says which page it is of.
KEY = b"page-sha256"


def chunks(png):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at:at + 4])
        yield png[at + 4:at + 8], png[at + 8:at + 8 + length]
        at += 12 + length


def page_of(png):
    """The hash of the page that a picture is of."""
    texts = [data.split(b"\0", 1) for kind, data in chunks(png) if kind == b"tEXt"]
    return next(value.decode() for key, value in texts if key == KEY)


def signed(png, page):
    made = png[:8]
    for kind, data in [*list(chunks(png))[:-1], (b"tEXt", KEY + b"\0" + hashlib.sha256(page).hexdigest().encode()), (b"IEND", b"")]:
        made += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return made


def main():
    from playwright.sync_api import sync_playwright

    page = subprocess.run([BINARY, *COMMAND], check=True, capture_output=True).stdout
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_bytes(page)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE)
        tab.goto(file.as_uri())
        PICTURE.write_bytes(signed(tab.screenshot(), page))
        browser.close()
    print(f"{PICTURE.relative_to(PROJECT)}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
