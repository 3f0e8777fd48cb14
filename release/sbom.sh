#!/usr/bin/env bash
# Writes the bill of materials (CycloneDX) of the program. Needs cargo-cyclonedx.
#
#   release/sbom.sh ecspan.cdx.json
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
to=$(realpath "${1:?a file}")
cd "$root"
# It writes beside the manifest, under a name that it makes.
trap 'rm -f "$root/ecspan-sbom.json"' EXIT
cargo cyclonedx --quiet --manifest-path Cargo.toml --format json --spec-version 1.5 --no-build-deps --override-filename ecspan-sbom
mv ecspan-sbom.json "$to"
