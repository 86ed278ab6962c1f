"""The units: systemd's own check, and how far they are shut in."""

from __future__ import annotations

import re

import pytest
from programs import ROOT, checked, of_system

UNITS = sorted((ROOT / "deploy/systemd").iterdir())


@pytest.fixture
def instances(tmp_path):
    """The units for a pipeline `trips`; their program is one that is here."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/headgate/.venv/bin/headgate", "/bin/true")
        (tmp_path / unit.name.replace("@", "@trips")).write_text(text)
    return sorted(tmp_path.iterdir())


def test_systemd_accepts_them(instances):
    checked(of_system("systemd-analyze", "systemd"), "verify", "--man=no", "--recursive-errors=one", *instances)


@pytest.mark.parametrize("name", ["headgate-watch@trips.service", "headgate-run@trips.service"])
def test_systemd_rates_them_as_shut_in(instances, name):
    """Exposure from 0, nothing is possible, to 10; units without any such setting have 9.6."""
    [unit] = [each for each in instances if each.name == name]
    checked(of_system("systemd-analyze", "systemd"), "security", "--offline=yes", "--threshold=25", unit)


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_secrets_come_from_a_file(unit):
    text = unit.read_text()
    assert "EnvironmentFile=-/etc/headgate/environment" in text
    assert not re.search(r"^Environment=.*(PASSWORD|TOKEN|URL)", text, re.MULTILINE)


def test_a_watch_that_cannot_start_is_not_started_for_ever():
    text = (ROOT / "deploy/systemd/headgate-watch@.service").read_text()
    assert "Restart=on-failure" in text
    assert "RestartPreventExitStatus=2" in text, "wrong settings"
    assert "StartLimitBurst=5" in text
