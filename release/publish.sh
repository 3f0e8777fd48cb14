#!/usr/bin/env bash
# Publishes the files of a release under its tag, then the crate. A release that is there already gets the files anew; a crate's version
# that is there already is left.
#
#   release/publish.sh v0.1.0 dist
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
tag=${1:?a tag} dist=${2:?the files}
cd "$root"

notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
release/check-tag.sh "$tag" >"$notes"
(cd "$dist" && sha256sum --check --quiet SHA256SUMS)
if ! gh release view "$tag" >/dev/null 2>&1; then
    gh release create "$tag" --verify-tag --draft --title "ecspan $version" --notes-file "$notes"
fi
gh release upload "$tag" "$dist"/* --clobber
gh release edit "$tag" --draft=false --latest

if cargo info "ecspan@$version" --registry crates-io >/dev/null 2>&1; then
    echo "ecspan $version is on crates.io already" >&2
else
    cargo publish --locked
fi
