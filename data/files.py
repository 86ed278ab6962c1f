"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path


def write_once(path: Path, write: Callable[[Path], object], *, anew: bool = False) -> None:
    """Has `write` make a file or a folder beside `path` and renames it into place; what is there stays untouched.

    Its time of change then stays too, and with it the cache of whoever has read it.

    Args:
      path: the file or folder.
      write: is given another path to write to.
      anew: write also where something is there, and then put it in its place.
    """
    if path.exists() and not anew:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        unfinished = Path(folder, path.name)
        write(unfinished)
        if anew and path.exists():
            path.rename(Path(folder, "replaced"))
        if not path.exists():  # another run may have been faster
            unfinished.rename(path)
