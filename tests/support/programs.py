"""Programs that check deployment files: from the environment, from the system, or built by Go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".cache" / "tools"

COMPOSE = "github.com/compose-spec/compose-go/v2/cmd@v2.1.3"
"""The loader that Docker Compose is built on, with a small program around it, in the last version where that program
fills in variables."""


def of_environment(name: str) -> str:
    """A program of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))


def of_system(name: str, package: str) -> str:
    """A program of the system; without it the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"`{name}` is not here: apt-get install {package}")
    return found


def of_debian(name: str, package: str) -> str:
    """A program of the system, else of Debian's package, unpacked beside our other tools: installed, the package would
    start a server that listens on all interfaces."""
    found = shutil.which(name)
    if found:
        return found
    folder = TOOLS / package
    if not folder.exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as place:
            unpacked = Path(place, "root")
            try:
                subprocess.run(["apt-get", "download", "--quiet", package], cwd=place, check=True, timeout=120)
            except (FileNotFoundError, subprocess.CalledProcessError):
                pytest.skip(f"`{name}` is not here: install {package}, or let apt-get update find it")
            [archive] = Path(place).glob("*.deb")
            subprocess.run(["dpkg", "-x", archive, unpacked], check=True)
            unpacked.rename(folder)
    return str(folder / "usr/bin" / name)


def compose() -> str:
    """The checker of compose files, built once by Go."""
    program = TOOLS / "compose"
    if not program.exists():
        go = of_system("go", "golang")
        TOOLS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as built:
            subprocess.run([go, "install", COMPOSE], env={**os.environ, "GOBIN": built}, check=True, timeout=300)
            Path(built, "cmd").replace(program)
    return str(program)


def checked(*command: str | Path, **options: object) -> str:
    """Runs a checker; its complaints are the test's message."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
