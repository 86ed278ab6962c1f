"""What a run ran on: recorded when it starts, so that two runs can be told apart by it later."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    *("tfx", "tensorflow", "keras", "tensorflow-transform", "tensorflow-data-validation"),
    *("tensorflow-model-analysis", "apache-beam", "ml-metadata", "pyarrow", "numpy"),
)
"""Packages whose versions are recorded."""


def describe_environment() -> dict[str, Any]:
    """Describes this machine and what is installed, without importing any of it.

    Returns:
      `headgate`, `python`, `platform`, `glibc` (empty where the C library is another), `cpus` (how many this process
      may use), and `packages`: version by name, None where a package is not installed.
    """
    return {
        "headgate": _version("headgate"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "glibc": platform.libc_ver()[1],
        "cpus": len(os.sched_getaffinity(0)),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
