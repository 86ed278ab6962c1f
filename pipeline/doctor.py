"""Looks at the machine and the Python environment; imports nothing of the stack."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components import gpus

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
    installed = gpus.installed()
    cuda = gpus.libraries()
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
        "GPUs": "; ".join(installed) or "none",
        "Java": shutil.which("java") or "none",
        gpus.VARIABLE: os.environ.get(gpus.VARIABLE, "not set: all of them"),
    }
    findings = (*_findings(versions, memory, disk), *_training(installed, cuda))
    return Report(machine, {**versions, **cuda}, findings)


def _findings(versions: Mapping[str, str | None], memory: float, disk: float) -> Iterator[Finding]:
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
    if not any(shutil.which(engine) for engine in ("docker", "podman")):
        message = "No container engine was found; TensorFlow Serving's own server comes as a container."
        yield Finding("TensorFlow Serving", message, needed=False)
    if not shutil.which("java"):
        message = "No Java was found; Beam's job servers for Flink and Spark need one (11 or later)."
        yield Finding("Flink and Spark", message, needed=False)


def _training(installed: list[str], cuda: Mapping[str, str | None]) -> Iterator[Finding]:
    feature = "training on a GPU"
    hiding = os.environ.get(gpus.VARIABLE)
    if not installed:
        yield Finding(feature, "No NVIDIA GPU was found; models train on the CPU.", needed=False)
    elif not gpus.visible(installed, hiding):
        message = f"{gpus.VARIABLE}={hiding} hides the GPUs: unset it, or name some; models train on the CPU."
        yield Finding(feature, message, needed=False)
    elif missing := [name for name, version in cuda.items() if version is None]:
        message = (
            f"The packages {', '.join(missing)} are not installed: TensorFlow sees a GPU only if the system has these "
            f"libraries. {gpus.INSTALL}."
        )
        yield Finding(feature, message, needed=False)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
