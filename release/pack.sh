#!/usr/bin/env bash
# From the programs of all targets to the files of the release: archives, Debian packages, Lambda zips, the Homebrew formula, sums.
#
#   release/pack.sh BINARIES THIRD-PARTY.md DIST
#
# BINARIES/TARGET/ecspan is what release/build.sh puts there. One of them runs here and makes the manual pages and completions, or the
# one that HOST_PROGRAM names.
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
binaries=${1:?a folder of programs} licences=${2:?the licences of what is in them} dist=${3:?a folder}

host=${HOST_PROGRAM:-$binaries/$(uname -m)-unknown-linux-musl/ecspan}
chmod +x "$binaries"/*/ecspan*
papers=$(mktemp -d)
trap 'rm -rf "$papers"' EXIT
"$root/release/papers.sh" "$host" "$licences" "$papers"
for target in "${targets[@]}"; do
    program=$binaries/$target/$(program "$target")
    "$root/release/archive.sh" "$target" "$program" "$papers" "$dist"
    case $target in
    *-linux-musl)
        "$root/release/deb.sh" "$target" "$program" "$papers" "$dist"
        "$root/examples/deploy/lambda-zip.sh" "$program" "$dist/$(lambda "$target")"
        ;;
    esac
done
cp "$licences" "$dist/THIRD-PARTY.md"
"$root/release/formula.sh" "$dist"
cd "$dist"
rm -f SHA256SUMS
sums=$(find . -maxdepth 1 -type f -printf '%f\0' | LC_ALL=C sort -z | xargs -0 sha256sum)
printf '%s\n' "$sums" >SHA256SUMS
