#!/usr/bin/env bash
# Installs what the end-to-end suite needs, once: Jaeger, the OpenTelemetry Collector, actionlint, act, a stand-in for Terraform's AWS
# provider and Grafana's types as Go tools, ElasticMQ from Maven, cargo-deb, a Python environment, the grammars of queries, the AWS CDK
# and the AWS provider's schema from npm, Debian's Prometheus, a browser (Debian's Chromium) with axe-core for the pages, and (where the
# docker client is there) the compose plug-in. What cannot be had is told in a line that begins with "skipped:". Prints the folder
# that holds them.
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
build act github.com/nektos/act
build terraformschema .
build grafanatypes .
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

# Of what a release is made with, the one tool that its test cannot do without.
deb=$cache/cargo-deb-3.8.0
if [ ! -x "$deb/bin/cargo-deb" ]; then
    echo "installing cargo-deb" >&2
    cargo install --quiet --locked --debug --root "$deb" cargo-deb@3.8.0 >&2
fi
ln -sfn "$deb" "$cache/cargo-deb"

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

key=$(sha256sum "$here/grammars/package-lock.json" | cut -c1-16)
grammars=$cache/grammars-$key
if [ ! -d "$grammars" ] && command -v npm >/dev/null; then
    echo "installing the grammars of TraceQL and LogQL" >&2
    rm -rf "$grammars.part"
    mkdir "$grammars.part"
    cp "$here"/grammars/package*.json "$grammars.part"
    npm ci --prefix "$grammars.part" --silent --no-audit --no-fund --ignore-scripts >&2 && mv "$grammars.part" "$grammars" || true
fi
if [ -d "$grammars" ]; then
    ln -sfn "$grammars" "$cache/grammars"
else
    echo "skipped: the grammars of TraceQL and LogQL cannot be had, so nobody reads the dashboards' queries" >&2
fi

# What deploy/cdk is compiled and synthesised with.
cdk=$cache/cdk-$(sha256sum "$here/../deploy/cdk/package-lock.json" | cut -c1-16)
if [ ! -d "$cdk" ] && command -v npm >/dev/null; then
    echo "installing the AWS CDK" >&2
    rm -rf "$cdk.part"
    mkdir "$cdk.part"
    cp "$here"/../deploy/cdk/package*.json "$cdk.part"
    npm ci --prefix "$cdk.part" --silent --no-audit --no-fund --ignore-scripts >&2 && mv "$cdk.part" "$cdk" || true
fi
if [ -d "$cdk" ]; then
    ln -sfn "$cdk" "$cache/cdk"
else
    echo "skipped: the AWS CDK cannot be had from npm, so deploy/cdk is not compiled" >&2
fi

# The bindings of the AWS provider for Terraform hold its schema; only those of the resources that the module has are kept.
bindings=$cache/aws-bindings-$(cat "$here"/../deploy/terraform/*.tf | grep -E '^(resource|data) ' | sha256sum | cut -c1-16)
if [ ! -d "$bindings" ]; then
    echo "fetching the schema of the AWS provider" >&2
    rm -rf "$bindings.part"
    mkdir "$bindings.part"
    folders=$(cat "$here"/../deploy/terraform/*.tf | sed -nE 's/^resource "aws_([a-z_]+)".*/\1/p; s/^data "(aws_[a-z_]+)".*/data_\1/p' | sort -u | tr _ -)
    if (cd "$bindings.part" && npm pack --silent @cdktf/provider-aws@21.22.1 >/dev/null &&
        tar -xzf ./*.tgz $(printf 'package/lib/%s/index.js ' $folders) && rm ./*.tgz); then
        mv "$bindings.part" "$bindings"
    fi
fi
if [ -d "$bindings" ]; then
    ln -sfn "$bindings" "$cache/aws-bindings"
else
    echo "skipped: npm's @cdktf/provider-aws cannot be had, so deploy/terraform is not held against the provider's schema" >&2
fi
if ! command -v terraform >/dev/null && ! command -v tofu >/dev/null; then
    echo "skipped: neither terraform nor tofu is here, so deploy/terraform is not validated" >&2
fi

# Unpacked only: nothing is installed on the machine, and no service starts.
if [ ! -x "$cache/prometheus/usr/bin/prometheus" ]; then
    echo "fetching prometheus" >&2
    rm -rf "$cache/prometheus.part"
    mkdir "$cache/prometheus.part"
    fetch() { (cd "$cache/prometheus.part" && apt-get download -q prometheus >/dev/null 2>&1 && dpkg -x prometheus_*.deb . && rm prometheus_*.deb); }
    # The second try is for lists that are old, or not there.
    if fetch || { apt-get update -q >/dev/null 2>&1 && fetch; }; then
        rm -rf "$cache/prometheus"
        mv "$cache/prometheus.part" "$cache/prometheus"
    else
        echo "skipped: Debian's package prometheus cannot be had, so no Prometheus answers the dashboards' queries" >&2
    fi
fi
echo "$cache"
