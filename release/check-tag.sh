#!/usr/bin/env bash
# May this tag be released? Prints its section of CHANGELOG.md, the release's notes.
#
#   release/check-tag.sh v0.1.0
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
tag=${1:?a tag}

fail() {
    echo "$*" >&2
    exit 1
}
[ "$tag" = "v$version" ] || fail "the tag is $tag, and the version in Cargo.toml $version"
case $repository in
*/OWNER/*) fail "the repository in Cargo.toml is a placeholder: docs/releasing.md says where the owner's name goes" ;;
esac
notes=$(awk -v version="$version" '
    /^## / { inside = ($2 == version && $4 ~ /^20[0-9][0-9]-[01][0-9]-[0-3][0-9]$/); next }
    inside' "$root/CHANGELOG.md")
[ -n "$notes" ] || fail "CHANGELOG.md has no section '## $version - YYYY-MM-DD'"
printf '%s\n' "$notes"
