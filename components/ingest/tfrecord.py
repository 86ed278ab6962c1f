"""The TFRecord file format: records of bytes, each with its length and checksums.

    uint64 length | uint32 masked CRC-32C of the length | data | uint32 masked CRC-32C of the data

Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. TensorFlow reads and writes
it too, but a record at a time, for three times the CPU; it stops at the first damaged record; and a Beam worker that
does without TensorFlow starts ten seconds sooner.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

import google_crc32c
import numpy as np
import numpy.typing as npt

from schema.errors import DataError

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_BUFFER = 1 << 20
_BATCH_BYTES = 1 << 26

Checksum = TypeVar("Checksum", int, npt.NDArray[np.int64])


@dataclass(frozen=True)
class Records:
    """Consecutive records of a file.

    Attributes:
      first: number of the first record, from 1.
      data: the records' bytes; None for one whose checksum does not match.
    """

    first: int
    data: list[bytes | None]


def frame(records: Sequence[bytes]) -> bytes:
    """The bytes that a TFRecord file has for these records."""
    checksums = np.array([google_crc32c.value(record) for record in records], np.int64)
    footers = _masked(checksums).astype("<u4").tobytes()
    parts: list[bytes] = []
    for index, record in enumerate(records):
        parts += (_header(len(record)), record, footers[4 * index : 4 * index + 4])
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _header(length: int) -> bytes:
    data = struct.pack("<Q", length)
    return data + _FOOTER.pack(_masked(google_crc32c.value(data)))


def lengths(path: Path) -> Iterator[int]:
    """Bytes of each record of an uncompressed file; the records themselves are not read.

    Raises:
      DataError: the file is damaged or cut short.
    """
    size, number = path.stat().st_size, 0
    with path.open("rb", buffering=_BUFFER) as stream:
        while header := stream.read(_HEADER.size):
            number += 1
            length, checksum = _HEADER.unpack(header) if len(header) == _HEADER.size else (0, -1)
            if _masked(google_crc32c.value(header[:8])) != checksum:
                raise _damaged(path, number, "its length does not match its checksum")
            if stream.seek(length + _FOOTER.size, os.SEEK_CUR) > size:
                raise _damaged(path, number, "the file ends within it")
            yield length


def read(path: Path, rows: int) -> Iterator[Records]:
    """Reads a TFRecord file, gzip where its name ends in `.gz`: at most `rows` records, and some 64 MB, at a time.

    Raises:
      DataError: the file is damaged in a way that hides where its records start, or cut short.
    """
    first, data, size = 1, [], 0
    for record in _records(path):
        data.append(record)
        size += len(record or b"")
        if len(data) == rows or size >= _BATCH_BYTES:
            yield Records(first, data)
            first, data, size = first + len(data), [], 0
    if data:
        yield Records(first, data)


def read_whole(path: Path, rows: int) -> Iterator[list[bytes]]:
    """Reads a file that ingestion wrote: at most `rows` records, and some 64 MB, at a time.

    Raises:
      DataError: the file is damaged.
    """
    for records in read(path, rows):
        whole = [record for record in records.data if record is not None]
        if len(whole) < len(records.data):
            number = records.first + records.data.index(None)
            raise _damaged(path, number, "a record that does not match its checksum")
        yield whole


def _records(path: Path) -> Iterator[bytes | None]:
    number = 0
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb", buffering=_BUFFER) as stream:
        while header := _read(stream, _HEADER.size, path, number):
            number += 1
            length, checksum = _HEADER.unpack(header) if len(header) == _HEADER.size else (0, -1)
            if _masked(google_crc32c.value(header[:8])) != checksum:
                raise _damaged(path, number, "its length does not match its checksum")
            data = _read(stream, length, path, number)
            footer = _read(stream, _FOOTER.size, path, number)
            if len(data) < length or len(footer) < _FOOTER.size:
                raise _damaged(path, number, "the file ends within it")
            yield data if _masked(google_crc32c.value(data)) == _FOOTER.unpack(footer)[0] else None


def _masked(checksum: Checksum) -> Checksum:
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _read(stream: BinaryIO | gzip.GzipFile, size: int, path: Path, number: int) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, number, str(error)) from error


def _damaged(path: Path, number: int, how: str) -> DataError:
    return DataError(
        "A TFRecord file is damaged or cut short.",
        where=f"{path}, record {number}",
        expected="a whole TFRecord file (gzip only under a name that ends in .gz)",
        received=how,
        fix="copy or write the file again; a file that a run wrote is made anew by --from ingest --no-cache",
    )
