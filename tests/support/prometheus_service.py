"""A real Prometheus with a real node_exporter, and a page that answers as TensorFlow Serving does."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml
from observed_pipelines import SERVING
from programs import ROOT, of_debian
from server_process import ServerProcess, free_port

CONFIGURATION = ROOT / "deploy/prometheus"


class Page(http.server.BaseHTTPRequestHandler):
    """TensorFlow Serving's metrics; its counters go up at each look."""

    looks = 0

    def do_GET(self) -> None:
        Page.looks += 1
        lines = [line if line.startswith("#") else _grown(line) for line in SERVING.read_text().splitlines()]
        self.send_response(200 if self.path == "/monitoring/prometheus/metrics" else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write("\n".join([*lines, ""]).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _grown(line: str) -> str:
    name, _, value = line.rpartition(" ")
    return f"{name} {float(value) * Page.looks}"


class Prometheus:
    """A server that answers queries."""

    def __init__(self, address: str) -> None:
        self._address = address

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression yields now."""
        return self._get("query", query=expression)["result"]

    def alerts(self) -> set[str]:
        """Names of the alerts that fire or are about to."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"]}

    def targets(self) -> dict[str, str]:
        """Health of each job."""
        return {each["labels"]["job"]: each["health"] for each in self._get("targets")["activeTargets"]}

    def _get(self, what: str, **parameters: str) -> Any:
        answer = requests.get(f"{self._address}/api/v1/{what}", params=parameters, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@contextmanager
def observing(textfiles: Path, folder: Path) -> Iterator[Prometheus]:
    """Starts the servers, with the configuration in `deploy/prometheus` but for addresses and pace."""
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page))
    threading.Thread(target=page.serve_forever, daemon=True).start()
    exporter_port, port = free_port(), free_port()
    configuration = (CONFIGURATION / "prometheus.yaml").read_text()
    configuration = configuration.replace("node-exporter:9100", f"127.0.0.1:{exporter_port}")
    configuration = configuration.replace("serving:8501", f"127.0.0.1:{page.server_port}").replace("30s", "1s")
    assert len(yaml.safe_load(configuration)["scrape_configs"]) == 2
    (folder / "prometheus.yaml").write_text(configuration)
    (folder / "headgate.rules.yaml").write_text((CONFIGURATION / "headgate.rules.yaml").read_text())
    started = []
    try:
        exporter = [of_debian("prometheus-node-exporter", "prometheus-node-exporter"), "--collector.disable-defaults"]
        exporter += ["--collector.filesystem", "--collector.textfile", f"--collector.textfile.directory={textfiles}"]
        started.append(_start(folder, *exporter, f"--web.listen-address=127.0.0.1:{exporter_port}"))
        server = [of_debian("prometheus", "prometheus"), f"--config.file={folder}/prometheus.yaml"]
        server += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        started.append(_start(folder, *server))
        address = f"http://127.0.0.1:{port}"
        started[-1].wait_until(lambda: _answers(f"{address}/-/ready"))
        prometheus = Prometheus(address)
        started[-1].wait_until(lambda: set(prometheus.targets().values()) == {"up"})
        # A rate needs two looks.
        started[-1].wait_until(lambda: Page.looks > 3)
        yield prometheus
    finally:
        for process in started:
            process.stop()
        page.shutdown()
        page.server_close()


def _start(folder: Path, *command: str) -> ServerProcess:
    return ServerProcess(command, "root", folder)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=1).status_code == 200
    except requests.ConnectionError:
        return False
