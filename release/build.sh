#!/usr/bin/env bash
# Builds the program for a target on a machine of that system, tries it where it can run, and puts it into FOLDER/TARGET.
#
#   release/build.sh x86_64-unknown-linux-musl binaries
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
target=${1:?a target} folder=${2:?a folder}
cd "$root"

# A release of a commit is the same whoever builds it.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

case $target in
*-linux-musl)
    built=$(examples/deploy/build-static.sh)
    case $built in
    *"/$target/"*) ;;
    *)
        echo "$built is not of $target: musl's compiler and Rust target are missing, or this is another machine" >&2
        exit 1
        ;;
    esac
    ;;
*)
    # AWS-LC's assembly for Windows comes with it, so that nobody needs NASM.
    AWS_LC_SYS_PREBUILT_NASM=1 cargo build --release --locked --bin ecspan --target "$target"
    built=${CARGO_TARGET_DIR:-target}/$target/release/$(program "$target")
    ;;
esac
mkdir -p "$folder/$target"
cp "$built" "$folder/$target/"
release/try.sh "$folder/$target/$(program "$target")"
