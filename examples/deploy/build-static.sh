#!/usr/bin/env bash
# Builds an ecspan that needs no shared library, for a Lambda's zip or an image of your own, and prints its path.
#
#   examples/deploy/build-static.sh
#
# With musl where its target and compiler are installed (rustup target add x86_64-unknown-linux-musl; musl-gcc, from
# the package musl-tools); else with glibc, linked statically. Then names are resolved by what is built in: /etc/hosts and
# DNS, which is all that Lambda and containers use (glibc 2.34 or later has both built in). Another service in
# /etc/nsswitch.conf would be loaded at run time and needs the very glibc that this was built with: prefer musl there.
set -euo pipefail
cd "$(dirname "$0")/../.."

machine=$(uname -m)
musl=$machine-unknown-linux-musl gnu=$machine-unknown-linux-gnu
if compgen -G "$(rustc --print target-libdir --target "$musl")/libstd-*.rlib" >/dev/null && command -v musl-gcc >/dev/null; then
    target=$musl
    export "CC_${musl//-/_}=musl-gcc"
else
    target=$gnu
    # Of this target only (hence --target below): build scripts and procedural macros stay dynamic.
    name=${gnu^^}
    export "CARGO_TARGET_${name//-/_}_RUSTFLAGS=-C target-feature=+crt-static"
fi
echo "building for $target, statically" >&2
# RUSTFLAGS would outrank the variable above.
env -u RUSTFLAGS cargo build --release --locked --bin ecspan --target "$target" >&2

binary=${CARGO_TARGET_DIR:-target}/$target/release/ecspan
# "not a dynamic executable" goes to stderr, with exit code 1.
linked=$(LC_ALL=C ldd "$binary" 2>&1 || true)
case $linked in
*"statically linked"* | *"not a dynamic executable"* | *"Not a valid dynamic program"*) ;;
*)
    printf '%s is not static:\n%s\n' "$binary" "$linked" >&2
    exit 1
    ;;
esac
"$binary" --version >&2
realpath "$binary"
