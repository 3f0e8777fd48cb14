#!/usr/bin/env bash
# What lies beside the program in archives and packages: manual pages, completions, licences, examples.
#
#   release/papers.sh PROGRAM THIRD-PARTY.md FOLDER
set -euo pipefail
# shellcheck source=release/about.sh
. "$(dirname "$0")/about.sh"
program=${1:?a program that runs here} licences=${2:?the licences of what is in it} folder=${3:?a folder}

mkdir -p "$folder/completions" "$folder/examples"
cp "$root"/{README.md,CHANGELOG.md,LICENSE-APACHE,LICENSE-MIT} "$folder/"
cp "$licences" "$folder/THIRD-PARTY.md"
cp -R "$root"/examples/{nginx,oom,rollout,wrong-image} "$folder/examples/"
"$program" man --dir "$folder/man"
# By the names under which the shells look for them.
while read -r shell file; do
    "$program" completions "$shell" >"$folder/completions/$file"
done <<'SHELLS'
bash ecspan.bash
elvish ecspan.elv
fish ecspan.fish
powershell _ecspan.ps1
zsh _ecspan
SHELLS
