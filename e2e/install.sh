#!/usr/bin/env bash
# Installs what the end-to-end suite needs, once: Jaeger, the OpenTelemetry Collector and actionlint as Go tools, ElasticMQ from Maven,
# a Python environment, a browser (Debian's Chromium) with axe-core for the pages, and (where the docker client is there) the compose
# plug-in. Prints the folder that holds them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ecspan-e2e
mkdir -p "$cache"

# build NAME PACKAGE: builds the module in servers/NAME into a file named after what it is built from.
build() {
    local name=$1 package=$2 module=$here/servers/$1 key
    key=$(find "$module" -name 'go.*' -o -name '*.go' | sort | xargs cat | sha256sum | cut -c1-16)
    local binary=$cache/$name-$key
    if [ ! -x "$binary" ]; then
        echo "building $name" >&2
        (cd "$module" && go build -mod=readonly -trimpath -ldflags='-s -w' -o "$binary.part" "$package")
        mv "$binary.part" "$binary"
    fi
    ln -sfn "$binary" "$cache/$name"
}

build jaeger github.com/jaegertracing/jaeger/cmd/jaeger
build otelcol .
build actionlint github.com/rhysd/actionlint/cmd/actionlint
if command -v docker >/dev/null; then
    build docker-compose github.com/docker/compose/v2/cmd
fi

pom=$here/servers/elasticmq/pom.xml
jars=$cache/elasticmq-$(sha256sum "$pom" | cut -c1-16)
if [ ! -d "$jars" ]; then
    echo "installing elasticmq" >&2
    rm -rf "$jars.part"
    mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars.part" >&2
    mv "$jars.part" "$jars"
fi
ln -sfn "$jars" "$cache/elasticmq"

# The pages are looked at where there is a browser, and where one can be had. Without, their tests say that they were skipped.
if ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then
    echo "installing chromium" >&2
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 ||
        echo "skipped: no browser could be installed" >&2
fi
axe=$cache/axe-core-4.14.1
if [ ! -d "$axe" ] && command -v npm >/dev/null; then
    echo "installing axe-core" >&2
    rm -rf "$axe.part"
    npm install --silent --no-audit --no-fund --prefix "$axe.part" "axe-core@${axe##*-}" >&2 && mv "$axe.part" "$axe" ||
        echo "skipped: axe-core could not be installed" >&2
fi
[ ! -d "$axe" ] || ln -sfn "$axe/node_modules/axe-core/axe.min.js" "$cache/axe.min.js"

key=$(sha256sum "$here/requirements.txt" | cut -c1-16)
venv=$cache/venv-$key
if [ ! -e "$venv/complete" ]; then
    echo "installing the Python packages" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r "$here/requirements.txt"
    touch "$venv/complete"
fi
ln -sfn "$venv" "$cache/venv"
echo "$cache"
