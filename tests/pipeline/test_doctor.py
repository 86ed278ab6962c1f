from __future__ import annotations

import json

import pytest

from pipeline import doctor
from pipeline.doctor import examine, graphics


def test_a_good_machine_is_healthy(tmp_path):
    report = examine(tmp_path / "not/there/yet")
    assert report.healthy
    assert report.versions["tfx"].startswith("1.21")
    assert "glibc" in report.machine["C library"]
    assert json.loads(json.dumps(report.to_json()))["healthy"]


def test_a_package_that_is_not_installed_is_missing_for_every_run(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "STACK", ("tfx", "no-such-package"))
    report = examine(tmp_path)
    assert not report.healthy
    finding = next(finding for finding in report.findings if finding.needed)
    assert (finding.feature, "no-such-package" in finding.message) == ("every run", True)


def test_gpus_are_read_from_nvidia_smi(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert graphics() == ["NVIDIA H200, 143771 MiB"]


@pytest.mark.parametrize("script", ["exit 9", "echo; echo"])
def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path, monkeypatch, script):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert graphics() == []
