"""GPUs are found without TensorFlow, and hidden from it."""

from __future__ import annotations

import os

import pytest

from components import gpus

TWO = ["NVIDIA A, 16384 MiB", "NVIDIA B, 8192 MiB"]


def tool(folder, script: str) -> str:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder)


def test_the_driver_s_tool_names_them(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", tool(tmp_path, "echo 'NVIDIA H200, 143771 MiB'"), prepend=":")
    assert gpus.installed() == ["NVIDIA H200, 143771 MiB"]


@pytest.mark.parametrize("script", ["exit 9", "echo; echo"])
def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path, monkeypatch, script):
    monkeypatch.setenv("PATH", tool(tmp_path, script), prepend=":")
    assert gpus.installed() == []


def test_without_the_tool_there_are_device_files(tmp_path, monkeypatch):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.installed(tmp_path) == [f"GPU {tmp_path}/nvidia0", f"GPU {tmp_path}/nvidia1"]
    assert gpus.installed(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, TWO),
        ("0,1", TWO),
        ("1, 0", TWO[::-1]),
        ("1", TWO[1:]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0,7,1", TWO[:1]),  # CUDA stops at the first that does not exist
        ("GPU-8932f937", ["GPU-8932f937"]),
    ],
)
def test_cuda_shows_those_that_the_variable_names(chosen, seen):
    assert gpus.visible(TWO, chosen) == seen
    assert gpus.visible([], chosen) == []


@pytest.mark.parametrize("chosen", [None, "", "0,1"])
def test_hidden_gpus_come_back(monkeypatch, chosen):
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    if chosen is not None:
        monkeypatch.setenv(gpus.VARIABLE, chosen)
    with pytest.raises(KeyError), gpus.hidden() as before:
        assert before == chosen
        assert os.environ[gpus.VARIABLE] == "-1"
        raise KeyError
    assert os.environ.get(gpus.VARIABLE) == chosen


def test_each_library_has_a_version_or_none():
    found = gpus.libraries()
    assert set(found) == set(gpus.LIBRARIES)
    assert all(version is None or version[0].isdigit() for version in found.values())
