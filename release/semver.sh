#!/usr/bin/env bash
# Does the library's API keep what the last release's tag promised? Before the first one there is nothing to keep.
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
cd "$root"
last=$(git tag --list 'v[0-9]*' --merged HEAD --sort=-version:refname | head -n 1)
if [ -z "$last" ]; then
    echo "no release is tagged: there is no API to keep"
    exit
fi
cargo semver-checks --baseline-rev "$last"
