#!/usr/bin/env bash
# Installs what `benches/report` measures ecspan beside, once, into the folder of e2e/install.sh: awslogs and aws from PyPI, saw and
# ecsta (which has `trace`) from their Go modules. What cannot be had is told in a line that begins with "skipped:".
set -uo pipefail
peers=${XDG_CACHE_HOME:-$HOME/.cache}/ecspan-e2e/peers
mkdir -p "$peers/bin"

python3 -m venv "$peers/venv" && "$peers/venv/bin/pip" install --quiet awslogs==0.15.0 awscli==1.45.11 ||
    echo "skipped: awslogs and aws cannot be had"
for program in awslogs aws; do
    [ ! -x "$peers/venv/bin/$program" ] || ln -sfn "$peers/venv/bin/$program" "$peers/bin/$program"
done

# saw's last release, v0.2.2, has no --endpoint-url; it calls itself that all the same.
# `go install` would ask for the list of a module's versions, which a mirror may not have, and leaves ecsta without its version.
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
for one in "github.com/TylerBrock/saw v0.2.3-0.20230129145446-00fd4b4c7df0 ." "github.com/fujiwara/ecsta v0.8.2 ./cmd/ecsta"; do
    read -r module version package <<<"$one"
    program=$(basename "$module")
    [ "$(cat "$peers/$program.version" 2>&1)" != "$version" ] || continue
    mkdir "$built/$program" && cd "$built/$program" && go mod init peer 2>/dev/null && go mod edit -require "$module@$version" &&
        go build -mod=mod -ldflags "-X main.version=$version" -o "$peers/bin/$program" "$module${package#.}" &&
        echo "$version" >"$peers/$program.version" || echo "skipped: $program cannot be had"
done
