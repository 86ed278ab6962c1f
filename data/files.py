"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def write_once(path: Path, write: Callable[[Path], object]) -> None:
    """Has `write` make a file beside `path` and renames it into place; a file that is there stays untouched.

    Its time of change then stays too, and with it the cache of whoever has read it.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    write(unfinished)
    unfinished.replace(path)
