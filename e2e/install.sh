#!/usr/bin/env bash
# Installs what the end-to-end suite needs, once: Jaeger, the OpenTelemetry Collector and actionlint as Go tools, ElasticMQ from Maven,
# a Python environment, and (where the docker client is there) the compose plug-in. Prints the folder that holds them.
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
