#!/usr/bin/env bash
# Writes the licences of everything that is in the program. Needs cargo-about; asks nobody but the registry.
#
#   release/third-party.sh THIRD-PARTY.md
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
to=${1:?a file}
cargo about --color never generate --offline --locked --fail --manifest-path "$root/Cargo.toml" --config "$root/release/about.toml" \
    --output-file "$to" "$root/release/third-party.md.hbs"
