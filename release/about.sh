# Sourced by the scripts beside it: what a release and its files are called. The version and the repository are Cargo.toml's.
# shellcheck shell=bash disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
of_manifest() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$root/Cargo.toml" | head -n 1; }
version=$(of_manifest version)
repository=$(of_manifest repository)

# What binaries are made for. As release.yml's matrix has them.
targets=(
    x86_64-unknown-linux-musl
    aarch64-unknown-linux-musl
    x86_64-apple-darwin
    aarch64-apple-darwin
    x86_64-pc-windows-msvc
)

# program TARGET: the program's file.
program() {
    case $1 in
    *-windows-*) echo ecspan.exe ;;
    *) echo ecspan ;;
    esac
}

# archive TARGET: the archive's file. The folder in it has the name without the suffix.
archive() {
    case $1 in
    *-windows-*) echo "ecspan-$version-$1.zip" ;;
    *) echo "ecspan-$version-$1.tar.gz" ;;
    esac
}

# lambda TARGET: the zip of the function, by AWS's names of architectures.
lambda() {
    case $1 in
    aarch64-*) echo "ecspan-$version-lambda-arm64.zip" ;;
    *) echo "ecspan-$version-lambda-x86_64.zip" ;;
    esac
}
