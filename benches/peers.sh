#!/usr/bin/env bash
# Installs what `benches/report` measures ecspan beside, once, into the folder of e2e/install.sh: awslogs and aws from PyPI, saw and
# ecsta (which has `tracer`) from their Go modules. What cannot be had is told in a line that begins with "skipped:".
set -uo pipefail
peers=${XDG_CACHE_HOME:-$HOME/.cache}/ecspan-e2e/peers
mkdir -p "$peers/bin"

python3 -m venv "$peers/venv" && "$peers/venv/bin/pip" install --quiet awslogs==0.15.0 awscli==1.45.11 ||
    echo "skipped: awslogs and aws cannot be had"
for program in awslogs aws; do
    [ ! -x "$peers/venv/bin/$program" ] || ln -sfn "$peers/venv/bin/$program" "$peers/bin/$program"
done
for module in github.com/TylerBrock/saw@v0.2.2 github.com/fujiwara/ecsta/cmd/ecsta@v0.8.2; do
    program=$(basename "${module%@*}")
    [ -x "$peers/bin/$program" ] || GOBIN=$peers/bin go install "$module" || echo "skipped: $program cannot be had"
done
