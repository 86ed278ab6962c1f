"""The Dockerfiles: hadolint has nothing to say, and what they copy is there."""

from __future__ import annotations

import re
import subprocess

import pytest
from programs import ROOT, checked, of_environment, of_system

DOCKERFILES = sorted((ROOT / "deploy").glob("*Dockerfile"))


def test_hadolint_has_nothing_to_say():
    assert len(DOCKERFILES) == 2
    assert checked(of_environment("hadolint"), "--no-color", *DOCKERFILES) == ""


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_left_unpinned_is_named(file):
    ignored = re.findall(r"hadolint ignore=(\S+)", file.read_text())
    # Debian's packages have no versions that stay; the base of the second image is an argument.
    assert set(ignored) <= {"DL3008", "DL3006"}


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_copied_is_there_and_not_ignored(file):
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", file.read_text(), re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source in allowed


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_nothing_runs_as_root(file):
    users = re.findall(r"^USER (\S+)$", file.read_text(), re.MULTILINE)
    assert users[-1] == "10001:10001"


def test_the_paths_in_the_image_are_those_that_kubeflow_is_told():
    from pipeline.runners.container import IMAGE_BASE, IMAGE_ROOT
    from pipeline.runners.kubeflow_settings import KubeflowSettings

    text = DOCKERFILES[0].read_text() if DOCKERFILES[0].name == "Dockerfile" else DOCKERFILES[1].read_text()
    assert f"WORKDIR {IMAGE_BASE}" in text
    assert f"COPY schema {IMAGE_ROOT}/schema" in text
    assert f"VOLUME {KubeflowSettings().workspace}" in text
    assert f"--tag {KubeflowSettings().image}" in text


def test_the_image_has_every_package_of_the_project():
    text = (ROOT / "deploy/Dockerfile").read_text()
    packages = re.search(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages
    for name in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {name} /opt/headgate/{name}" in text


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-airflow.lock"])
def test_the_locks_hold_for_the_images_python_and_c_library(lock, tmp_path):
    """Debian 13 has glibc 2.41 and Python 3.13; uv knows the wheels of up to 2.40."""
    lines = (ROOT / lock).read_text().splitlines(keepends=True)
    pinned = tmp_path / "pinned.txt"
    pinned.write_text("".join(line for line in lines if not line.startswith("./")))  # as the Dockerfile does
    command = [_uv(), "pip", "install", "--dry-run", "--no-deps", "--require-hashes", "--target", tmp_path / "none"]
    command += ["--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_40", "--requirements", pinned]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def _uv() -> str:
    own = ROOT / ".cache/uv/bin/uv"
    return str(own) if own.is_file() else of_system("uv", "python3-pip, then scripts/setup")
