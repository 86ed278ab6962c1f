"""The machine's NVIDIA GPUs, found without TensorFlow, which takes hold of every one that it sees."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"
"""CUDA shows a process the devices that this names, by number or UUID, up to the first that does not exist."""

NONE = "-1"
"""The value of `VARIABLE` that names no device."""

LIBRARIES = ("nvidia-cuda-runtime-cu12", "nvidia-cublas-cu12", "nvidia-cudnn-cu12", "nvidia-nccl-cu12")
"""Packages of the CUDA libraries that TensorFlow loads first."""

INSTALL = "scripts/setup --gpu installs CUDA's libraries (in an environment of your own: tensorflow[and-cuda])"


def installed(devices: Path = Path("/dev")) -> list[str]:
    """Name and memory of each NVIDIA GPU, in the driver's order; empty where there is none.

    Args:
      devices: the folder of device files: they tell of GPUs in a container that lacks nvidia-smi.
    """
    if not shutil.which("nvidia-smi"):
        return [f"GPU {path}" for path in sorted(devices.glob("nvidia[0-9]*"))]
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in found.stdout.splitlines() if line.strip()]


def visible(names: list[str], chosen: str | None) -> list[str]:
    """The GPUs that CUDA shows to a process.

    Args:
      names: all that are installed, in the driver's order.
      chosen: the value of `CUDA_VISIBLE_DEVICES`; None where it is not set.

    Returns:
      Their names; a device that is chosen by UUID goes by its UUID.
    """
    return names if chosen is None else list(_shown(names, chosen))


def _shown(names: list[str], chosen: str) -> Iterator[str]:
    for entry in map(str.strip, chosen.split(",")):
        if entry.isdecimal() and int(entry) < len(names):
            yield names[int(entry)]
        elif entry.startswith(("GPU-", "MIG-")) and names:
            yield entry
        else:
            return


def hidden() -> AbstractContextManager[str | None]:
    """While inside, neither this process nor any that it starts sees a GPU; see `exposed`."""
    return exposed(NONE)


@contextmanager
def exposed(devices: str | None) -> Iterator[str | None]:
    """While inside, this process and those that it starts see certain GPUs, if TensorFlow has not looked before.

    Args:
      devices: the value of `CUDA_VISIBLE_DEVICES`; None where it is not to be set.

    Yields:
      What it was, None where it was not set: for a process that shall see them.
    """
    chosen = os.environ.get(VARIABLE)
    _set(devices)
    try:
        yield chosen
    finally:
        _set(chosen)


def _set(devices: str | None) -> None:
    if devices is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = devices


def libraries() -> dict[str, str | None]:
    """Version of each of `LIBRARIES`; None for one that is not installed as a package."""
    return {name: _version(name) for name in LIBRARIES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
