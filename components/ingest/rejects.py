"""Rows that could not be used, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "quarantine.jsonl"
"""The quarantine in the artifact's folder: one JSON object a line, with the fields of `Reject`."""

_LONGEST = 200


@dataclass(frozen=True)
class Reject:
    """A row in quarantine.

    Attributes:
      file: the file that it was read from.
      line: physical line of its first character (CSV), or number of its row (Parquet), record (TFRecord) or image
        (arrays), from 1; None where the file is the row, as in a folder of images.
      reason: what is wrong with it.
      text: the row as it was found, shortened.
    """

    file: str
    line: int | None
    reason: str
    text: str

    @property
    def place(self) -> str:
        """File and line."""
        return self.file if self.line is None else f"{self.file}, line {self.line}"


def read(path: Path) -> Iterator[Reject]:
    """Reads a quarantine row by row; a file that is not there has none."""
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from (Reject(**json.loads(line)) for line in file)


def shorten(text: str) -> str:
    """The text on one line of at most 200 characters."""
    text = text.rstrip("\r\n")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
