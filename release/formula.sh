#!/usr/bin/env bash
# Fills the Homebrew formula with the sums of the archives that lie in DIST, and puts it there.
#
#   release/formula.sh DIST
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
dist=${1:?the folder of the archives}

filled=$(<"$root/release/ecspan.rb.in")
filled=${filled//@VERSION@/$version}
filled=${filled//@REPOSITORY@/$repository}
for target in "${targets[@]}"; do
    filled=${filled//@URL $target@/$repository/releases/download/v$version/$(archive "$target")}
    sum=$(sha256sum "$dist/$(archive "$target")")
    filled=${filled//@SHA256 $target@/${sum%% *}}
done
printf '%s\n' "$filled" >"$dist/ecspan.rb"
