#!/usr/bin/env bash
# Makes the archive of a target, the same bytes from the same files.
#
#   release/archive.sh TARGET PROGRAM PAPERS DIST
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
target=${1:?a target} program=${2:?its program} papers=${3:?what release/papers.sh made} dist=${4:?a folder}

file=$(archive "$target")
name=ecspan-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$papers" "$work/$name"
# Artefacts of a workflow have lost their modes.
install -m 755 "$program" "$work/$name/$(program "$target")"
at=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
find "$work/$name" -exec touch -h -d "@$at" {} +

mkdir -p "$dist"
dist=$(cd "$dist" && pwd)
cd "$work"
case $file in
*.zip) find "$name" | LC_ALL=C sort | TZ=UTC zip --quiet -X -9 "$dist/$file" -@ ;;
*) tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode=go-w -cf - "$name" | gzip -9n >"$dist/$file" ;;
esac
echo "$file"
