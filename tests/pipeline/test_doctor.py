from __future__ import annotations

import json

import pytest

from components import gpus
from pipeline import doctor
from pipeline.doctor import examine


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


@pytest.mark.parametrize(
    ("installed", "chosen", "versions", "said"),
    [
        ([], None, None, "No NVIDIA GPU was found"),
        (["NVIDIA H200"], "-1", "12.9", "CUDA_VISIBLE_DEVICES=-1 hides the GPUs"),
        (["NVIDIA H200"], None, None, "scripts/setup --gpu installs CUDA's libraries"),
        (["NVIDIA H200"], "0", "12.9", None),
    ],
)
def test_what_keeps_training_from_a_gpu_is_told(tmp_path, monkeypatch, installed, chosen, versions, said):
    monkeypatch.setattr(gpus, "installed", lambda: installed)
    monkeypatch.setattr(gpus, "libraries", lambda: {"nvidia-cudnn-cu12": versions})
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    if chosen:
        monkeypatch.setenv(gpus.VARIABLE, chosen)
    report = examine(tmp_path)
    messages = [finding.message for finding in report.findings if finding.feature == "training on a GPU"]
    assert len(messages) == (said is not None)
    assert all(said in message for message in messages)
    assert report.machine["GPUs"] == ("; ".join(installed) or "none")
    assert report.versions["nvidia-cudnn-cu12"] == versions
    assert report.healthy
