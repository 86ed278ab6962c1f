"""The files that a run read: what is on record of them beside the examples."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from schema.remote.addresses import told

FILE_NAME = "sources.json"
LISTED = 100
"""As many files are listed one by one; of more, as of a folder of images, a line for each folder."""


@dataclass(frozen=True)
class SourceFile:
    """A file, or all files that were read from one folder.

    Attributes:
      path: absolute, or a remote address.
      files: 1 for a file.
      bytes: size, of all together.
      modified: when it was written to, of several the last: ISO 8601, UTC.
    """

    path: str
    files: int
    bytes: int
    modified: str


def look_at(files: Sequence[Path]) -> list[SourceFile]:
    """Describes the files of a run's input, sorted by path."""
    if len(files) <= LISTED:
        return [_described(file, [file]) for file in sorted(files)]
    folders: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        folders[file.parent].append(file)
    return [_described(folder, folders[folder]) for folder in sorted(folders)]


def _described(path: Path, files: Sequence[Path]) -> SourceFile:
    stats = [file.stat() if file.exists() else file.lstat() for file in files]  # a link to nothing was put aside
    modified = datetime.fromtimestamp(max(stat.st_mtime for stat in stats), UTC).isoformat(timespec="seconds")
    return SourceFile(told(str(path.absolute())), len(files), sum(stat.st_size for stat in stats), modified)


def write(sources: Iterable[SourceFile], folder: Path) -> None:
    """Writes `sources.json` into an artifact's folder."""
    text = json.dumps([asdict(source) for source in sources], indent=1)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def read(folder: Path) -> list[SourceFile]:
    """Reads the source files of an artifact's folder."""
    return [SourceFile(**each) for each in json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))]
