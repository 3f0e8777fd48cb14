#!/usr/bin/env bash
# Tries an archive of this machine's as its user does: unpacked in an empty folder, the program draws the example that came with it.
#
#   release/try-archive.sh ecspan-0.1.0-x86_64-unknown-linux-musl.tar.gz
set -euo pipefail
try=$(cd "$(dirname "$0")" && pwd)/try.sh
archive=$(realpath "${1:?an archive}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
tar -xf "$archive"
cd ecspan-*
"$try" ./ecspan examples
