#!/usr/bin/env bash
# Installs a released ecspan for this machine, once its sum is right, and prints the program's path. In GitHub Actions it is on the PATH of
# later steps, too.
#
#   examples/ci/install.sh [FOLDER]
#
# VERSION     which (default: that of this checkout)
# RELEASES    where releases are, for a mirror (default: https://github.com/…/releases/download of this checkout's repository)
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/../../release/about.sh"
folder=${1:-${RUNNER_TEMP:-${TMPDIR:-/tmp}}/ecspan}
version=${VERSION:-$version}
version=${version#v}
releases=${RELEASES:-$repository/releases/download}

fail() {
    echo "$*" >&2
    exit 1
}
case $(uname -s)-$(uname -m) in
Linux-x86_64) target=x86_64-unknown-linux-musl ;;
Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
Darwin-x86_64) target=x86_64-apple-darwin ;;
Darwin-arm64) target=aarch64-apple-darwin ;;
MINGW*-x86_64 | MSYS*-x86_64) target=x86_64-pc-windows-msvc ;;
*) fail "there is no binary for $(uname -s) on $(uname -m): build one (docs/deploy.md)" ;;
esac
file=$(archive "$target")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in SHA256SUMS "$file"; do
    curl --fail --silent --show-error --location --retry 3 --output "$work/$name" "$releases/v$version/$name" ||
        fail "$releases/v$version/$name: not downloaded"
done
wanted=$(awk -v file="$file" '$2 == file { print $1 }' "$work/SHA256SUMS")
if command -v sha256sum >/dev/null; then
    found=$(sha256sum "$work/$file")
else
    found=$(shasum -a 256 "$work/$file")
fi
[ -n "$wanted" ] || fail "SHA256SUMS of $version says nothing of $file"
[ "${found%% *}" = "$wanted" ] || fail "$file is not the file that was released: its sum is ${found%% *}, not $wanted"

case $file in
*.zip) unzip -q "$work/$file" -d "$work" ;;
*) tar -xzf "$work/$file" -C "$work" ;;
esac
mkdir -p "$folder"
mv "$work/ecspan-$version-$target/$(program "$target")" "$folder/"
if [ -n "${GITHUB_PATH:-}" ]; then
    echo "$folder" >>"$GITHUB_PATH"
fi
"$folder/$(program "$target")" --version >&2
echo "$folder/$(program "$target")"
