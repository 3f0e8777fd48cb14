#!/usr/bin/env bash
# Makes the zip of the Lambda function: the binary, as `bootstrap`, at its root.
#
#   examples/deploy/lambda-zip.sh                       builds the binary with build-static.sh
#   examples/deploy/lambda-zip.sh BINARY [ZIP]          takes this one; ZIP is ecspan-lambda.zip otherwise
#
# The same binary makes the same bytes, so that a deploy of nothing new changes nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ $# -gt 2 ]; then
    echo "usage: lambda-zip.sh [BINARY [ZIP]]" >&2
    exit 2
fi
binary=${1:-$("$here/build-static.sh")}
zip=${2:-ecspan-lambda.zip}
if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then
    echo "$binary is not an executable file" >&2
    exit 1
fi

# Python rather than zip: it is installed in more places, and writes only what it is told to.
python3 - "$binary" "$zip" <<'PYTHON'
import os
import sys
import zipfile

binary, path = sys.argv[1:]
with open(binary, "rb") as file:
    content = file.read()
# Lambda's provided runtimes have another libc than most machines, and an old one: a binary that asks for its loader (the ELF program
# header PT_INTERP) ends there with "GLIBC_… not found", in the log of the first invocation.
def asks_for_a_loader(content):
    if content[:4] != b"\x7fELF":
        return False
    word, order = (8 if content[4] == 2 else 4), ("little" if content[5] == 1 else "big")
    number = lambda at, size: int.from_bytes(content[at : at + size], order)
    table = number(32 if word == 8 else 28, word)
    size, count = (number(54, 2), number(56, 2)) if word == 8 else (number(42, 2), number(44, 2))
    return any(number(table + at * size, 4) == 3 for at in range(count))


if asks_for_a_loader(content):
    sys.exit(f"{binary} is linked dynamically and would not start in Lambda: build it with build-static.sh")
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.create_system = 3  # Unix: the mode below counts
entry.external_attr = 0o100755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
# Written under another name first: a half-written zip is never deployed.
part = f"{path}.part"
with zipfile.ZipFile(part, "w") as archive:
    archive.writestr(entry, content, compresslevel=9)
os.replace(part, path)
print(f"{path}: bootstrap, {len(content):,} bytes, {os.path.getsize(path):,} zipped", file=sys.stderr)
PYTHON
