"""CSV files in blocks of whole records, with the physical line of each record.

Quotes work as in RFC 4180 and in Arrow's parser: a quote opens a quoted field only at the field's start; within
one, a doubled quote stands for a quote, and line ends belong to the field. Lines end in LF, CRLF or CR.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from schema.errors import DataError

BLOCK_SIZE = 1 << 21
"""Bytes read at a time. Larger blocks gain nothing and touch more fresh memory, which costs page faults."""

MAX_RECORD = 1 << 24
"""A quote that is not closed within this many bytes is taken for a stray one."""

_LF, _CR, _QUOTE = 10, 13, 34
_BOM, _GZIP = b"\xef\xbb\xbf", b"\x1f\x8b"

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Whole records, or one line that is none.

    Attributes:
      data: the bytes of the records.
      starts: int64 [records], offset of each record that is not blank.
      ends: int64 [records], offset behind each record, its line end included.
      lines: int64 [records], physical line of each record's first byte, from 1.
      unclosed: the block is the line of a quote that is never closed.
    """

    data: bytes
    starts: Positions
    ends: Positions
    lines: Positions
    unclosed: bool = False

    def behind_first(self) -> Block:
        """The block without its first record."""
        offset = int(self.ends[0])
        return Block(self.data[offset:], self.starts[1:] - offset, self.ends[1:] - offset, self.lines[1:])

    def text(self, record: int) -> str:
        """One record as it stands in the file."""
        return self.data[self.starts[record] : self.ends[record]].decode(errors="replace")


def blocks(
    path: Path, delimiter: str, size: int = BLOCK_SIZE, start: int = 0, stop: int | None = None, line: int = 1
) -> Iterator[Block]:
    """Reads a file, plain or gzip, in blocks that end where a record ends.

    Args:
      path: the file.
      delimiter: of its columns.
      size: bytes read at a time.
      start: offset of the first record to be read, of a plain file.
      stop: offset behind the last. Default: the file's end.
      line: physical line of the first record.

    Raises:
      DataError: a gzip file is damaged or cut short.
    """
    rest, place, final = b"", start, False
    with _open(path) as stream:
        if start:
            stream.seek(start)
        while not final:
            more = _read(stream, size if stop is None else min(size, stop - place), path)
            place, final = place + len(more), not more
            rest += more.removeprefix(_BOM) if place == len(more) else more  # at the file's beginning
            while rest:
                block = _block(rest, line, delimiter, final)
                if block is None and (final or len(rest) > MAX_RECORD):
                    block = _first_line(rest, line)
                if block is None:
                    break
                yield block
                line += _count_lines(block.data)
                rest = rest[len(block.data) :]


def places(path: Path, delimiter: str, every: int) -> list[tuple[int, int]]:
    """Where a file may be divided: offset and physical line of a record, the first one of every so many bytes.

    To know whether a line end lies within quotes one must have read all that comes before. That costs a fiftieth of
    what the rows cost. A gzip file has no such places.
    """
    with path.open("rb") as stream:
        first = stream.read(len(_BOM))
    if first.startswith(_GZIP):
        return []
    found: list[tuple[int, int]] = []
    offset, line, last = len(_BOM) if first == _BOM else 0, 1, 0
    for block in blocks(path, delimiter, min(BLOCK_SIZE, every)):
        if offset - last >= every:
            found.append((offset, line))
            last = offset
        offset += len(block.data)
        line += _count_lines(block.data)
    return found


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        magic = stream.read(2)
    return gzip.open(path) if magic == _GZIP else path.open("rb")  # type: ignore[return-value]


def _read(stream: BinaryIO, size: int, path: Path) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            "A gzip file is damaged or cut short.",
            where=str(path),
            expected="a whole gzip file",
            received=f"{error}",
            fix="copy or write the file again; `gzip --test` checks it",
        ) from error


def _block(data: bytes, line: int, delimiter: str, final: bool) -> Block | None:
    """The whole records at the front of the data; None where not even the first one is whole."""
    newlines = _newlines(data, final)
    inside = _inside_quotes(data, newlines, delimiter)
    ends = newlines[~inside[:-1]] + 1
    if final and not inside[-1] and (not len(ends) or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    if not len(ends):
        return None
    starts = np.concatenate(([0], ends[:-1]))
    lines = line + np.searchsorted(newlines, starts)
    array = np.frombuffer(data, np.uint8)
    blank = np.isin(array[starts], (_LF, _CR))
    return Block(data[: ends[-1]], starts[~blank], ends[~blank], lines[~blank])


def _newlines(data: bytes, final: bool) -> Positions:
    """Offsets of the last byte of each line end. A CR that ends unfinished data may be half of a CRLF."""
    array = np.frombuffer(data, np.uint8)
    positions = np.flatnonzero(array == _LF)
    if b"\r" not in data:
        return positions
    returns = np.flatnonzero(array == _CR)
    following = np.append(array, _CR if final else _LF)[returns + 1]
    return np.union1d(positions, returns[following != _LF])


def _inside_quotes(data: bytes, positions: Positions, delimiter: str) -> npt.NDArray[np.bool_]:
    """Whether each position, and the end of the data, lies within a quoted field; [positions + 1]."""
    if b'"' not in data:
        return np.zeros(len(positions) + 1, bool)
    array = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(array == _QUOTE)
    before = np.concatenate(([_LF], array))[quotes]
    after = np.append(array, _LF)[quotes + 1]
    edge = (ord(delimiter), _LF, _CR, _QUOTE)
    if not (np.isin(before[::2], edge).all() and np.isin(after[1::2], edge).all()):
        quotes = _real_quotes(quotes.tolist(), data, delimiter)
    return np.searchsorted(quotes, np.append(positions, len(data))) % 2 == 1


def _real_quotes(quotes: list[int], data: bytes, delimiter: str) -> Positions:
    """The quotes that open or close a field, without stray ones; for data where not all of them do."""
    edge = (ord(delimiter), _LF, _CR)
    real: list[int] = []
    escaped = -1
    for quote in quotes:
        if quote == escaped:
            continue
        if len(real) % 2 == 0:
            if quote == 0 or data[quote - 1] in edge:
                real.append(quote)
        elif data[quote + 1 : quote + 2] == b'"':
            escaped = quote + 1
        else:
            real.append(quote)
    return np.array(real, np.int64)


def _first_line(data: bytes, line: int) -> Block:
    newlines = _newlines(data, final=True)
    end = int(newlines[0]) + 1 if len(newlines) else len(data)
    return Block(data[:end], np.array([0]), np.array([end]), np.array([line]), unclosed=True)


def _count_lines(data: bytes) -> int:
    return len(_newlines(data, final=True))
