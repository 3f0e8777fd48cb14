#!/usr/bin/env bash
# Builds and pushes the image of both architectures from programs that are built already: the Dockerfile's stage `build` is replaced
# by a folder, so nothing is compiled or emulated. Prints its name and digest, as lines for GITHUB_OUTPUT.
#
#   release/image.sh BINARIES THIRD-PARTY.md ghcr.io/OWNER/ecspan
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
binaries=${1:?a folder of programs} licences=${2:?the licences of what is in them} image=${3:?a name}
image=${image,,}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parts=()
for pair in amd64=x86_64 arm64=aarch64; do
    platform=linux/${pair%=*} target=${pair#*=}-unknown-linux-musl
    "$root/release/rootfs.sh" "$binaries/$target/ecspan" "$work/$target/rootfs" "$licences"
    docker buildx build "$root" \
        --platform "$platform" \
        --build-context "build=$work/$target" \
        --label "org.opencontainers.image.version=$version" \
        --label "org.opencontainers.image.source=$repository" \
        --label "org.opencontainers.image.revision=$(git -C "$root" rev-parse HEAD)" \
        --provenance=false \
        --output "type=image,name=$image,push-by-digest=true,name-canonical=true,push=true" \
        --metadata-file "$work/$target.json" >&2
    parts+=("$image@$(jq -r '."containerimage.digest"' "$work/$target.json")")
done
docker buildx imagetools create --tag "$image:$version" --tag "$image:latest" "${parts[@]}" >&2
echo "name=$image"
echo "digest=$(docker buildx imagetools inspect "$image:$version" --format '{{.Manifest.Digest}}')"
