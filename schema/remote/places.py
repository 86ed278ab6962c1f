"""Places that may be local or remote."""

from __future__ import annotations

import shutil
from pathlib import Path

from schema.remote import files
from schema.remote.addresses import is_remote


def exists(place: str | Path) -> bool:
    """Whether a file or folder is there; a remote folder, if it holds a file.

    Raises:
      SettingsError, HeadgateError: see `files.listing`.
    """
    return files.exists(str(place)) if is_remote(place) else Path(place).exists()


def children(place: str | Path) -> list[str]:
    """Names of files and folders right in a folder, sorted; empty where there is none."""
    if is_remote(place):
        return files.children(str(place))
    return sorted(path.name for path in Path(place).iterdir()) if Path(place).is_dir() else []


def remove(place: str | Path) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if is_remote(place):
        files.remove(str(place))
    elif Path(place).is_dir():
        shutil.rmtree(place)
    else:
        Path(place).unlink(missing_ok=True)
