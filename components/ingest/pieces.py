"""What one worker reads at a time: a file, or a piece of a large one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 64 << 20
"""A piece has about so much of a file, seconds of work; and becomes a shard of each split."""


@dataclass(frozen=True)
class Piece:
    """A part of a file, or all of it.

    Attributes:
      path: the file.
      start: where it begins: an offset (CSV), or the number of a row group (Parquet).
      stop: where it ends; None: with the file.
      line: physical line (CSV), or number of the row (Parquet), that it begins with.
    """

    path: Path
    start: int = 0
    stop: int | None = None
    line: int = 1


def between(path: Path, places: list[tuple[int, int]]) -> list[Piece]:
    """The pieces of a file that is divided at these places, each a start and its line."""
    starts = [(0, 1), *places]
    stops = [start for start, _ in places]
    return [Piece(path, start, stop, line) for (start, line), stop in zip(starts, [*stops, None], strict=True)]
