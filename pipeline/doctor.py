"""Looks at the machine and the Python environment; imports nothing of the stack."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STACK = (
    "headgate", "tfx", "tensorflow", "keras", "tensorflow-model-analysis", "tensorflow-data-validation",
    "tensorflow-transform", "tfx-bsl", "ml-metadata", "apache-beam", "tensorflow-serving-api", "tensorboard",
    "pyarrow", "numpy", "protobuf", "pydantic", "typer",
)  # fmt: skip

LEAST_MEMORY = 4
"""GiB; a taxi run peaks at about half of it."""
LEAST_DISK = 1
"""GiB for a workspace."""
GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """Something that is missing.

    Attributes:
      feature: what does not work without it.
      message: what it is and what to do, one sentence.
      needed: whether every run needs it.
    """

    feature: str
    message: str
    needed: bool


@dataclass(frozen=True)
class Report:
    """What `headgate doctor` found.

    Attributes:
      machine: facts by name.
      versions: installed version by package; None where it is not installed.
      findings: what is missing.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str | None]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether a run can start."""
        return not any(finding.needed for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {**asdict(self), "healthy": self.healthy}


def examine(workspace: Path) -> Report:
    """Looks at this machine, as it is for a workspace at `workspace` (which need not exist)."""
    gpus = graphics()
    versions = {name: _version(name) for name in STACK}
    disk = shutil.disk_usage(_existing(workspace)).free / GIB
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    machine = {
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.machine()}",
        "C library": " ".join(platform.libc_ver()).strip() or "unknown",
        "CPU": f"{len(os.sched_getaffinity(0))} cores",
        "memory": f"{memory:.1f} GiB",
        "free disk": f"{disk:.1f} GiB for {workspace}",
        "GPUs": "; ".join(gpus) or "none",
    }
    return Report(machine, versions, tuple(_findings(versions, memory, disk, gpus)))


def _findings(versions: Mapping[str, str | None], memory: float, disk: float, gpus: list[str]) -> Iterator[Finding]:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        yield Finding("every run", "TFX has wheels for x86-64 Linux only; run Headgate in a container.", needed=True)
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("every run", "Python 3.11, 3.12 or 3.13 is needed; scripts/setup finds one.", needed=True)
    for name, version in versions.items():
        if version is None:
            yield Finding("every run", f"The package {name} is not installed; call scripts/setup.", needed=True)
    if memory < LEAST_MEMORY:
        message = f"{memory:.1f} GiB of memory is little; a run wants {LEAST_MEMORY} GiB."
        yield Finding("larger data", message, needed=False)
    if disk < LEAST_DISK:
        message = f"{disk:.1f} GiB of disk are free; a workspace wants {LEAST_DISK} GiB: name another --workspace."
        yield Finding("every run", message, needed=True)
    if not gpus:
        yield Finding("training on a GPU", "No NVIDIA GPU was found; models train on the CPU.", needed=False)
    if not any(shutil.which(engine) for engine in ("docker", "podman")):
        message = "No container engine was found; TensorFlow Serving's own server comes as a container."
        yield Finding("TensorFlow Serving", message, needed=False)


def graphics() -> list[str]:
    """Names and memory of the NVIDIA GPUs, by nvidia-smi; empty where there is none."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in found.stdout.splitlines() if line.strip()]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
