#!/usr/bin/env bash
# Does a program of a release do anything? It draws the example, with neither AWS nor network, from the folder that it is in or from here.
#
#   release/try.sh PROGRAM [EXAMPLES]
set -euo pipefail
program=${1:?a program} examples=${2:-$(dirname "$0")/../examples}
"$program" --version
"$program" show --utc --ascii "$examples"/nginx/*.json | grep "^trace id 84b5991528504856a2f003b7da9b2b82"
