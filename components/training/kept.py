"""Where a training keeps what it needs to go on after a crash: a folder that two trainings never share."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

FORGOTTEN_AFTER = 7 * 24 * 3600
"""Seconds after which nobody is expected to go on with what a training left."""

LOCK = ".lock"


class Kept:
    """A training's own folder, held while inside.

    Two runs at once may train the same: the second gets another folder. A lock falls with its process, so a training
    that was killed finds its folder again.

    Args:
      folder: of all trainings of a pipeline.
      key: names all that the training depends on.

    Attributes:
      path: the folder: the first of KEY, KEY-2, KEY-3 and so on that no other process holds.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / key
        self._folder = folder
        self._key = key
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        for number in itertools.count(1):
            self.path = self._folder / (self._key if number == 1 else f"{self._key}-{number}")
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path)
            if self._lock is not None:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def remove(self) -> None:
        """Removes the folder, and those of trainings that never came to an end and that nobody went on with."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._release()
        for left in self._folder.glob("*/"):
            if time.time() - _touched(left) > FORGOTTEN_AFTER and (lock := _locked(left)):
                shutil.rmtree(left, ignore_errors=True)
                lock.release()
        with contextlib.suppress(OSError):  # there are others
            self._folder.rmdir()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _locked(folder: Path) -> FileLock | None:
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def _touched(folder: Path) -> float:
    """When something in a folder was last written; it may be going away."""
    times = []
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times, default=time.time())
