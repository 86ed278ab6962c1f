"""Environments of peers, each of its own under `.cache/peers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tfx() -> str:
    """An environment with the packages of requirements.lock, and pip, which TFX's `module_file` calls.

    Returns:
      Path of its interpreter.

    Raises:
      RuntimeError: uv is not there.
    """
    return _environment("tfx", ["sync", "requirements.lock"], ["install", "pip"])


def evidently() -> str:
    """An environment with Evidently.

    Returns:
      Path of its interpreter.

    Raises:
      RuntimeError: uv is not there.
    """
    packages = ("evidently==0.7.23", "numpy==2.4.6", "pandas==2.3.3", "pyarrow==18.1.0", "scipy==1.17.1")
    return _environment("evidently", ["install", *packages])


def airflow() -> str:
    """An environment with the packages of requirements.lock and Airflow 2.11, the last that TFX's runner works with.

    Returns:
      Path of its interpreter.

    Raises:
      RuntimeError: uv is not there.
    """
    packages = ("apache-airflow==2.11.2", "psycopg2-binary==2.9.13")
    return _environment("airflow", ["sync", "requirements.lock"], ["install", *packages])


def _environment(name: str, *commands: Sequence[str]) -> str:
    """Makes an environment by commands of `uv pip`, unless it is there; returns the path of its interpreter."""
    folder = ROOT / ".cache" / "peers" / name
    python = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        uv = shutil.which("uv", path=os.pathsep.join([os.environ["PATH"], str(ROOT / ".cache" / "uv" / "bin")]))
        if uv is None:
            raise RuntimeError("uv is needed to make the peer's environment; scripts/setup installs it")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        for verb, *arguments in commands:
            command = [uv, "pip", verb, "--quiet", "--compile-bytecode", "--python", str(python), *arguments]
            subprocess.run(command, check=True, cwd=ROOT)
        done.touch()
    return str(python)
