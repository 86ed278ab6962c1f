"""A file system of a test's own, which can be filled. It takes root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A file system in memory.

    Attributes:
      folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def leave(self, kilobytes: int | None) -> None:
        """Fills it but for so much; None empties it again."""
        self._ballast.unlink(missing_ok=True)
        if kilobytes is not None:
            free = os.statvfs(self.folder)
            self._ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - kilobytes * 1024)))


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounts one; what the folder held is hidden meanwhile."""
    _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def needs_mounts() -> None:
    """Skips a test where processes cannot have mounts of their own."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount needs root, and a container that may")


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount needs root, and a container that may: {done.stderr.strip()}")
