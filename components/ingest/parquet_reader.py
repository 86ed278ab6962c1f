"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from components.ingest.chunks import ROWS, Chunk, Column, known_types, reasons, row_text, without
from components.ingest.conform import conform, evidence_of
from components.ingest.csv_reader import check_names
from components.ingest.pieces import Piece
from components.ingest.text import Evidence
from schema.errors import DataError

_BATCH_BYTES = 1 << 26
_BUFFER = 1 << 20


@dataclass(frozen=True)
class ParquetReader:
    """Reads Parquet; `Reject.line` is the row's number in the file. Types are those of `conform`.

    Attributes:
      rows: in a batch.
      only: the columns of which rows are read; None for all.
      piece: of which the rows are read; None for all of a file.
    """

    rows: int = ROWS
    only: tuple[str, ...] | None = None
    piece: Piece | None = None

    def columns(self, path: Path) -> tuple[str, ...]:
        """Names of the top-level columns."""
        with _open(path) as file:
            return tuple(file.schema_arrow.names)

    def survey(self, path: Path, known: Set[str], limit: int | None = None) -> dict[str, Evidence]:
        """Known from the file's schema; no row is read."""
        with _open(path) as file:
            rows = file.metadata.num_rows
            return {field.name: evidence_of(field.type, rows) for field in file.schema_arrow if field.name not in known}

    def chunks(self, path: Path, columns: Mapping[str, Column]) -> Iterator[Chunk]:
        """The rows, a batch at a time."""
        piece, types = self.piece or Piece(path), known_types(columns)
        first = piece.line
        with _open(path) as file:
            here = None if self.only is None else [name for name in file.schema_arrow.names if name in self.only]
            rows = self._rows_of(file.metadata)
            groups = list(range(file.num_row_groups)[piece.start : piece.stop])
            for batch in file.iter_batches(batch_size=rows, row_groups=groups, columns=here, use_threads=False):
                lines = np.arange(first, first + len(batch))
                first += len(batch)
                converted, refused = conform(batch, types, f"{path}, from row {lines[0]}")
                chunk = Chunk(converted, lines, text=partial(row_text, batch))
                yield without(chunk, path, reasons(batch, refused, types))

    def _rows_of(self, metadata: pa.parquet.FileMetaData) -> int:
        """Rows in a batch of some 64 MB, where they hold images."""
        size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
        return max(1, min(self.rows, _BATCH_BYTES * metadata.num_rows // max(size, 1)))


def places(path: Path, every: int) -> list[tuple[int, int]]:
    """Where a file may be divided: the number of a row group and of its first row, each so many bytes."""
    found: list[tuple[int, int]] = []
    row, size = 1, 0
    with _open(path) as file:
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            if size >= every:
                found.append((number, row))
                size = 0
            row, size = row + group.num_rows, size + group.total_byte_size
    return found


@contextmanager
def _open(path: Path) -> Iterator[pa.parquet.ParquetFile]:
    try:
        # With a buffer, the columns of a row group are read as they are needed, not whole.
        with pa.parquet.ParquetFile(path, buffer_size=_BUFFER) as file:
            check_names(str(path), tuple(file.schema_arrow.names))
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            "A Parquet file cannot be read.",
            where=str(path),
            expected="a whole Parquet file",
            received=str(error).splitlines()[0],
            fix="write the file again",
        ) from error
