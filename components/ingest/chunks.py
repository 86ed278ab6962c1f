"""What readers hand over: typed batches with the place of each row, and the rows that they refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.ingest.conform import ARROW, Mask
from components.ingest.rejects import Reject, shorten
from components.ingest.text import Evidence, refusal
from components.label import ColumnType

ROWS = 10_000
"""Rows in a batch, where the format does not say otherwise: a few MB for ordinary rows."""


@dataclass(frozen=True)
class Column:
    """A column of the whole input.

    Attributes:
      type: type of its values; None for bytes that are passed on as they are.
      many: whether a row may hold more than one value.
    """

    type: ColumnType | None
    many: bool = False

    @property
    def arrow(self) -> pa.DataType:
        """Type of the column in a batch."""
        values = ARROW[self.type] if self.type else pa.binary()
        return pa.list_(values) if self.many else values


def known_types(columns: Mapping[str, Column]) -> dict[str, ColumnType]:
    """Types by name, without the columns that are passed on as they are."""
    return {name: column.type for name, column in columns.items() if column.type}


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file.

    Attributes:
      batch: the good rows, [rows]; columns are int64, float64, string, binary or lists of these.
      lines: int64 [rows], where each row stands in the file, as `Reject.line`.
      rejects: the rows that were refused.
      text: from an index into `batch` to the row as it was found.
    """

    batch: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    rejects: tuple[Reject, ...] = ()
    text: Callable[[int], str] = field(default=lambda index: "", compare=False)


def without(chunk: Chunk, path: Path, reasons: Mapping[int, str]) -> Chunk:
    """The chunk without some rows, which go to its rejects; `reasons` by index into the batch."""
    if not reasons:
        return chunk
    rejects = [Reject(str(path), int(chunk.lines[row]), reason, chunk.text(row)) for row, reason in reasons.items()]
    kept = np.delete(np.arange(len(chunk.lines)), list(reasons))
    return Chunk(
        chunk.batch.take(pa.array(kept)),
        chunk.lines[kept],
        tuple(sorted((*chunk.rejects, *rejects), key=lambda reject: reject.line or 0)),
        lambda row: chunk.text(int(kept[row])),
    )


def reasons(source: pa.RecordBatch, refused: Mapping[str, Mask], types: Mapping[str, ColumnType]) -> dict[int, str]:
    """Why `conform` refused rows, by row, from the batch before it was converted."""
    found: dict[int, str] = {}
    for name, mask in refused.items():
        for row in np.flatnonzero(mask):
            found.setdefault(int(row), refusal(name, source[name][int(row)].as_py(), types.get(name, "int")))
    return found


def row_text(batch: pa.RecordBatch, row: int) -> str:
    """One row of a batch as text."""
    values = batch.slice(row, 1).to_pylist()[0]
    return shorten(", ".join(f"{name}={value!r}" for name, value in values.items()))


class Reader(Protocol):
    """Reads files of one format.

    All methods raise `DataError` where a file cannot be read at all.
    """

    def columns(self, path: Path) -> tuple[str, ...]:
        """Names of the columns, reading no more than the first block."""

    def survey(self, path: Path, known: Set[str], limit: int | None = None) -> dict[str, Evidence]:
        """What the columns hold, those in `known` left out; from the first `limit` blocks, if that is given."""

    def chunks(self, path: Path, columns: Mapping[str, Column]) -> Iterator[Chunk]:
        """The rows, in chunks of bounded size, in the file's order; `columns` says what each becomes."""
