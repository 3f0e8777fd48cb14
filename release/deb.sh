#!/usr/bin/env bash
# Makes the Debian package of a target out of a program that is built already ([package.metadata.deb] in Cargo.toml).
#
#   release/deb.sh TARGET PROGRAM PAPERS DIST
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
target=${1:?a target} program=${2:?its program} papers=${3:?what release/papers.sh made} dist=${4:?a folder}

mkdir -p "$dist"
dist=$(cd "$dist" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Where cargo-deb looks for what it would have built.
mkdir -p "$work/$target/release"
install -m 755 "$program" "$work/$target/release/ecspan"
cp -R "$papers" "$work/$target/release/papers"
cd "$root"
CARGO_TARGET_DIR=$work cargo deb --no-build --no-strip --target "$target" --output "$dist" >/dev/null
