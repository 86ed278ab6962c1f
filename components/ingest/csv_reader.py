"""CSV files, plain or gzip."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from components.ingest import text
from components.ingest.chunks import Chunk, Column, known_types
from components.ingest.csv_blocks import BLOCK_SIZE, Block, blocks
from components.ingest.pieces import Piece
from components.ingest.rejects import Reject, shorten
from components.ingest.text import Evidence
from components.label import ColumnType
from schema.errors import DataError


@dataclass(frozen=True)
class CsvReader:
    """Reads CSV with a header line. Blank lines are skipped.

    Each block is split into fields by Arrow, all of them as bytes; then each column is converted as a whole, so
    that a value that does not convert is known by its row.

    Attributes:
      delimiter: of columns.
      block_size: bytes read at a time.
      piece: of which the rows are read; None for all of a file.
    """

    delimiter: str = ","
    block_size: int = BLOCK_SIZE
    piece: Piece | None = None

    def columns(self, path: Path) -> tuple[str, ...]:
        """Names in the header line."""
        return self._open(path)[0]

    def survey(self, path: Path, known: Set[str], limit: int | None = None) -> dict[str, Evidence]:
        """Counts what the fields of each column that is not known could be."""
        names, body = self._open(path)
        found = {name: Evidence() for name in names if name not in known}
        if found:
            for block in islice(body, limit):
                if not block.unclosed:
                    batch, _ = _split(block, names, self.delimiter, list(found))
                    for name in found:
                        found[name] += text.evidence(batch[name])
        return found

    def chunks(self, path: Path, columns: Mapping[str, Column]) -> Iterator[Chunk]:
        """The rows, a block at a time."""
        names, body = self._open(path)
        types = known_types(columns)
        for block in body:
            if block.unclosed:
                yield _unclosed(path, block)
            else:
                yield _chunk(path, block, names, self.delimiter, types)

    def _open(self, path: Path) -> tuple[tuple[str, ...], Iterator[Block]]:
        """The header's names and the blocks behind it."""
        body = self._blocks(path, replace(self.piece, start=0, line=1) if self.piece else Piece(path))
        first = next(body, None)
        if first is None:
            raise DataError(
                "The input file is empty.",
                where=str(path),
                expected="a header line with the names of the columns, then rows",
                received=f"{path.stat().st_size} bytes and no line",
                fix="write the file again, or leave it out of `data.path`",
            )
        names, rows = _header(path, first, self.delimiter), first.behind_first()
        if self.piece and self.piece.start:
            return names, self._blocks(path, self.piece)
        return names, chain([rows] if len(rows.starts) else [], body)

    def _blocks(self, path: Path, piece: Piece) -> Iterator[Block]:
        found = blocks(path, self.delimiter, self.block_size, piece.start, piece.stop, piece.line)
        return (block for block in found if len(block.starts))


def _header(path: Path, block: Block, delimiter: str) -> tuple[str, ...]:
    where = f"{path}, line {block.lines[0]}"
    try:
        line = block.data[block.starts[0] : block.ends[0]].decode()
    except UnicodeDecodeError as error:
        raise DataError(
            "The header is not UTF-8.",
            where=where,
            expected="text in UTF-8",
            received=repr(block.data[:40]),
            fix="convert the file, such as with `iconv -f LATIN1 -t UTF-8`",
        ) from error
    names = tuple(next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter)))
    check_names(where, names)
    return names


def check_names(where: str, names: tuple[str, ...]) -> None:
    """Raises `DataError` where a name is used twice or missing."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or "" in names:
        raise DataError(
            "Two columns have the same name." if twice else f"Column {names.index('') + 1} has no name.",
            where=where,
            expected="a name for each column, used once",
            received=f"{len(names)} columns, " + (f"among them twice: {', '.join(twice)}" if twice else "one unnamed"),
            fix="name the columns in the file's header",
        )


def _split(
    block: Block, names: tuple[str, ...], delimiter: str, wanted: list[str] | None = None
) -> tuple[pa.RecordBatch, dict[int, int]]:
    """Splits records into fields.

    Returns:
      The fields as bytes, of records with as many fields as there are names; and for every other record, its index
      in the block with the number of its fields.
    """
    ragged: dict[int, int] = {}

    def skip(row: pa.csv.InvalidRow) -> str:
        ragged[row.number - 1] = row.actual_columns
        return "skip"

    table = pa.csv.read_csv(
        pa.BufferReader(block.data),
        pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(block.data) + 1),
        pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary()), include_columns=wanted),
    )
    columns = [column.chunk(0) if column.num_chunks else pa.array([], pa.binary()) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, table.column_names), ragged


def _chunk(path: Path, block: Block, names: tuple[str, ...], delimiter: str, types: Mapping[str, ColumnType]) -> Chunk:
    batch, ragged = _split(block, names, delimiter)
    _refuse_half_a_line(path, block, len(names), ragged)
    rejects = [
        _reject(path, block, record, f"expected {len(names)} fields, received {count}")
        for record, count in ragged.items()
    ]
    records = np.delete(np.arange(len(block.starts)), list(ragged))
    arrays, refused = [], np.zeros(len(records), bool)
    for name, values in zip(names, batch.columns, strict=True):
        array, bad = text.parse(values, types[name])
        arrays.append(array)
        if bad is not None:
            mask = bad.to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(mask & ~refused):
                reason = text.refusal(name, values[int(row)].as_py(), types[name])
                rejects.append(_reject(path, block, records[row], reason))
            refused |= mask
    batch = pa.RecordBatch.from_arrays(arrays, list(names))
    if refused.any():
        batch, records = batch.filter(pa.array(~refused)), records[~refused]
    return Chunk(
        batch,
        block.lines[records],
        tuple(sorted(rejects, key=lambda reject: reject.line or 0)),
        lambda row: shorten(block.text(int(records[row]))),
    )


def _refuse_half_a_line(path: Path, block: Block, expected: int, ragged: Mapping[int, int]) -> None:
    """Raises `DataError` where the file ends within a line: more of it is still to come, or was lost."""
    last = len(block.starts) - 1
    received = ragged.get(last, expected)
    if received < expected and not block.text(last).endswith(("\n", "\r")):
        raise DataError(
            "The file ends in the middle of a line.",
            where=f"{path}, line {block.lines[last]}",
            expected=f"{expected} fields, and a line end",
            received=f"{received} fields: {shorten(block.text(last))}",
            fix="run again once the file is whole: it is still being written, or was cut short on its way",
        )


def _reject(path: Path, block: Block, record: int, reason: str) -> Reject:
    return Reject(str(path), int(block.lines[record]), reason, shorten(block.text(record)))


def _unclosed(path: Path, block: Block) -> Chunk:
    return Chunk(
        pa.RecordBatch.from_arrays([], []),
        block.lines[:0],
        (_reject(path, block, 0, "a quote is opened and never closed"),),
    )
