"""scripts/setup, function by function: what it chooses, and the sentence for each thing that is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bash(commands: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"source scripts/setup\n{commands}"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def programs(tmp_path):
    """Makes fake programs in a folder for PATH; returns the folder."""

    def make(**scripts: str) -> str:
        for name, script in scripts.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return f"{tmp_path}:/usr/bin:/bin"

    return make


@pytest.mark.parametrize("script", ["setup", "demo", "test"])
def test_the_scripts_are_executable_bash_without_mistakes_of_form(script):
    path = ROOT / "scripts" / script
    assert path.stat().st_mode & 0o111
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    subprocess.run(["bash", "-n", path], check=True)


@pytest.mark.parametrize(
    ("glibc", "versions"),
    [("2.31", "3.11"), ("2.36", "3.11"), ("2.39", "3.13 3.12 3.11"), ("2.41", "3.13 3.12 3.11"), ("2.4", "3.11")],
)
def test_the_c_library_decides_which_python_is_looked_for(glibc, versions):
    assert bash(f"python_versions {glibc}").stdout.strip() == versions


def test_other_systems_are_sent_to_a_container():
    result = bash("check_system Darwin arm64")
    assert result.returncode == 1
    assert "run Headgate in a Linux container" in result.stderr
    assert bash("check_system Linux x86_64").returncode == 0


def test_a_c_library_that_is_not_glibc_is_told(programs):
    result = bash("glibc_version", PATH=programs(getconf="exit 1"))
    assert result.returncode == 1
    assert "not glibc" in result.stderr


def test_too_little_disk_is_told_with_both_numbers():
    result = bash("check_disk 2097152")
    assert result.returncode == 1
    assert "8 GiB of free disk are needed and 2 GiB are there" in result.stderr
    assert bash("check_disk 8388608").returncode == 0


def test_a_missing_compiler_is_told(tmp_path):
    result = bash("PATH=$EMPTY; check_compiler", EMPTY=str(tmp_path))
    assert result.returncode == 1
    assert "apt-get install g++" in result.stderr


def test_the_first_working_python_with_headers_is_taken(programs):
    works = 'case "$2" in *version_info*) echo 3.11;; *Python.h*) exit 0;; esac'
    path = programs(python3_13="exit 127", python3_11=works, uv="exit 1")
    result = bash("find_python uv 3.13 3.11", PATH=path)
    assert Path(result.stdout.strip()).name == "python3.11"


def test_a_python_without_headers_is_told(programs):
    headless = 'case "$2" in *version_info*) echo 3.12;; *Python.h*) exit 1;; esac'
    result = bash("find_python uv 3.12", PATH=programs(python3_12=headless, uv="exit 1"))
    assert result.returncode == 1
    assert "apt-get install python3.12-dev" in result.stderr


def test_no_python_at_all_is_told(programs):
    result = bash("find_python uv 3.13 3.12", PATH=programs(python3_13="exit 127", python3_12="exit 127", uv="exit 1"))
    assert result.returncode == 1
    assert "no Python 3.13 or 3.12 was found" in result.stderr


def test_uv_on_the_path_is_used(programs):
    assert bash("find_uv", PATH=programs(uv="echo uv 1.0")).stdout.strip().endswith("/uv")


def test_nothing_is_done_while_the_stamp_fits(tmp_path):
    programs = f"VENV={tmp_path}; STAMP=$VENV/stamp; mkdir $VENV/bin; ln -s /bin/true $VENV/bin/python"
    result = bash(
        f"{programs}; fingerprint > $STAMP; up_to_date && echo same; echo old > $STAMP; up_to_date || echo changed"
    )
    assert result.stdout.split() == ["same", "changed"]


def test_cuda_comes_with_an_option():
    assert bash('echo "${LOCKS[@]}"').stdout.split() == ["requirements.lock"]
    with_cuda = bash('source scripts/setup --gpu; echo "${LOCKS[@]}"')
    assert with_cuda.stdout.split() == ["requirements.lock", "requirements-gpu.lock"]


def test_an_unknown_option_is_refused():
    result = subprocess.run([ROOT / "scripts/setup", "--tpu"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "unknown argument: --tpu" in result.stderr
