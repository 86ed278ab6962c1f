"""Writes a data set as spans, one folder each: what `headgate data make` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data.files import write_once
from data.source import Source
from schema.errors import SettingsError
from schema.section import Section


class Made(NamedTuple):
    """Spans on disk.

    Attributes:
      pattern: of their files, as `data.path` takes it.
      written: the numbers of those that were written.
      kept: the numbers of those that were there.
    """

    pattern: str
    written: tuple[int, ...]
    kept: tuple[int, ...]


def make(source: Source, settings: Sequence[Section], directory: Path, *, force: bool = False) -> Made:
    """Writes the spans `DIRECTORY/span-1`, `span-2` and so on.

    Args:
      source: the data set.
      settings: of each span.
      directory: is made if it is not there.
      force: write spans anew that are there. Without it they stay untouched.

    Raises:
      SettingsError: only some of the spans are there, of a data set whose spans depend on one another; or the
        settings do not fit.
      DataError: the data set is not at hand.
    """
    folders = [directory / f"span-{number}" for number in range(1, len(settings) + 1)]
    there = {number for number, folder in enumerate(folders, start=1) if folder.exists() and not force}
    if there and len(there) < len(folders) and not source.independent:
        raise SettingsError(
            "Some of the spans are there, and the others would have rows of theirs: the rows are dealt to all at once.",
            where=str(directory),
            received=f"span {', '.join(map(str, sorted(there)))} of {len(folders)}",
            fix="write them all anew with --force, or name another folder with --output",
        )
    if len(there) < len(folders):
        for number, (folder, write) in enumerate(zip(folders, source.spans(settings), strict=True), start=1):
            if number not in there:
                write_once(folder, write, anew=force)
    written = tuple(number for number in range(1, len(folders) + 1) if number not in there)
    return Made(str(directory / "span-{SPAN}" / source.file), written, tuple(sorted(there)))
