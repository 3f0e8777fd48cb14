"""The dashboards of examples/grafana and their queries, and servers that answer them."""

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

from conftest import PROJECT
from servers import CACHE, Server, free_port

GRAFANA = PROJECT / "examples/grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
PROMETHEUS = CACHE / "prometheus/usr/bin/prometheus"
GRAMMARS = CACHE / "grammars"


def boards():
    return {path.stem: json.loads(path.read_text()) for path in FILES}


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(kind):
    """Every query of this kind of data source: (dashboard, panel, text)."""
    return [
        (name, panel, target.get("expr") or target.get("query"))
        for name, board in boards().items()
        for panel in panels(board)
        for target in panel["targets"]
        if target["datasource"]["type"] == kind
    ]


def filled(text, /, **values):
    """A query as Grafana sends it, with these values for its variables."""
    values = {"__range": "1h", "__interval": "2m", "__rate_interval": "4m", "cluster": ".*", "service": ".*", "phase": "image pull", "status": "RUNNING", **values}
    done = re.sub(r"\$\{?(\w+)(?::regex)?\}?", lambda found: values[found[1]], text)
    assert "$" not in done, done
    return done


def trees(language, texts):
    """What each query is made of: [kind, text] of each node, by Grafana's own grammars."""
    run = subprocess.run(
        ["node", PROJECT / "e2e/grammars/tree.cjs"], input=json.dumps([[language, text] for text in texts]),
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(GRAMMARS / "node_modules")}, capture_output=True, text=True, timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


class MetricsCollector(Server):
    """The collector with the file that docker-compose.yml gives it, at free ports; only metrics are meant to be sent to it."""

    def __init__(self, folder):
        self.port, self.page = free_port(), free_port()
        self.http = f"http://127.0.0.1:{self.port}"
        own = {
            "receivers::otlp::protocols::http::endpoint": f"127.0.0.1:{self.port}",
            "receivers::otlp::protocols::grpc::endpoint": f"127.0.0.1:{free_port()}",
            "exporters::prometheus::endpoint": f"127.0.0.1:{self.page}",
            "service::telemetry::metrics::level": "none",
        }
        files = [GRAFANA / "otelcol.yaml", *(f"yaml:{name}: {value}" for name, value in own.items())]
        super().__init__("otelcol", [word for file in files for word in ("--config", file)], {}, folder / "metrics-collector.log")


class Prometheus(Server):
    """Debian's Prometheus with the file that docker-compose.yml gives it, asking this page, and more often."""

    def __init__(self, folder, page):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = (GRAFANA / "prometheus.yml").read_text()
        assert "otelcol:8889" in settings and "scrape_interval: 15s" in settings
        (folder / "prometheus.yml").write_text(settings.replace("otelcol:8889", f"127.0.0.1:{page}").replace("scrape_interval: 15s", "scrape_interval: 1s"))
        arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        super().__init__("prometheus", arguments, {}, folder / "prometheus.log", PROMETHEUS)

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=60) as answer:
            return json.load(answer)["data"]

    def ask(self, query):
        """The answer of now: [(labels, value)]."""
        return [(one["metric"], float(one["value"][1])) for one in self.get("query", query=query)["result"]]

    def series(self, metric):
        """The labels of each series, and the values that they have."""
        found = {}
        for labels in self.get("series", **{"match[]": metric}):
            for name, value in labels.items():
                found.setdefault(name, set()).add(value)
        return found
