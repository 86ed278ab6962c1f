"""The compose file: what Docker Compose's own loader and the specification say, and what they cannot."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
import yaml
from programs import ROOT, checked, compose

FOLDER = ROOT / "deploy/compose"


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


@pytest.mark.slow
def test_the_compose_specification_accepts_it():
    loaded = json.loads(checked(compose(), "-format", "json", FOLDER / "compose.yaml", env=_filled_in(), cwd=FOLDER))
    assert {"postgres", "airflow-api", "airflow-scheduler", "airflow-dag-processor"} <= loaded["services"].keys()
    assert {"serving", "prometheus", "grafana"} <= loaded["services"].keys()


@pytest.mark.slow
@pytest.mark.parametrize("right, wrong", [("healthcheck:", "healthchek:"), ("interval: 30s", "interval: 30x")])
def test_the_checker_sees_mistakes(tmp_path, right, wrong):
    file = tmp_path / "compose.yaml"
    file.write_text((FOLDER / "compose.yaml").read_text().replace(right, wrong, 1))
    done = subprocess.run([compose(), file], capture_output=True, text=True, env=_filled_in(), cwd=tmp_path)
    assert done.returncode == 1
    assert "validating" in done.stderr


@pytest.mark.slow
def test_a_secret_that_is_missing_is_told():
    done = subprocess.run([compose(), FOLDER / "compose.yaml"], capture_output=True, text=True, cwd=FOLDER)
    assert done.returncode == 1
    assert "is missing a value: is missing in .env" in done.stderr


def _filled_in():
    """The environment with what `.env` is to hold."""
    names = re.findall(r"^(\w+)=$", (FOLDER / ".env.example").read_text(), re.MULTILINE)
    return os.environ | dict.fromkeys(names, "x")


def test_whatever_is_named_is_there(services):
    volumes = yaml.safe_load((FOLDER / "compose.yaml").read_text())["volumes"]
    for name, service in services.items():
        assert service.get("depends_on", {}).keys() <= services.keys(), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).exists()
            elif not source.startswith("$"):
                assert source in volumes


def test_nothing_listens_beyond_this_machine(services):
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_is_secured_and_watched(services):
    once = {"airflow-migrate", "headgate", "watch"}
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "healthcheck" in service or name in once, name
        assert re.fullmatch(r"[\w./-]+:v?\d+[\w.-]*", service["image"]), "a version, not `latest`"


def test_nobody_is_root(services):
    """Prometheus' and Grafana's images have users of their own."""
    assert {name for name, service in services.items() if "user" not in service} == {"prometheus", "grafana"}


def test_secrets_stand_in_the_environment_file_alone():
    text = (FOLDER / "compose.yaml").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    example = (FOLDER / ".env.example").read_text()
    assert needed == set(re.findall(r"^(\w+)=$", example, re.MULTILINE)), "named there, and empty"
    for line in text.splitlines():
        if re.search(r"(PASSWORD|SECRET|_KEY|CONN)\w*:", line):
            assert "${" in line
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/compose/.env" in ignored
