"""TFRecord files of tf.Example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.ingest import tfrecord
from components.ingest.chunks import ROWS, Chunk, Column, known_types, reasons, row_text, without
from components.ingest.conform import conform, evidence_of
from components.ingest.rejects import Reject, shorten
from components.ingest.text import Evidence


@dataclass(frozen=True)
class _Decoded:
    """Examples that decode together; `batch` is None for a single one that does not decode at all."""

    numbers: np.ndarray
    batch: pa.RecordBatch | None


@dataclass(frozen=True)
class TfRecordReader:
    """Reads TFRecord of tf.Example, plain or gzip; `Reject.line` is the record's number in the file.

    A feature that never holds more than one value becomes a column of single values, else one of lists.
    """

    rows: int = ROWS

    def columns(self, path: Path) -> tuple[str, ...]:
        """Names of the features in the first batch."""
        records = next(tfrecord.read(path, self.rows), None)
        decoded = _decode(records) if records else []
        return tuple(sorted({name for part in decoded if part.batch for name in part.batch.schema.names}))

    def survey(self, path: Path, known: Set[str], limit: int | None = None) -> dict[str, Evidence]:
        """Counts the kinds of values of every feature, known or not: which features there are stands in no header."""
        found: dict[str, Evidence] = {}
        for records in islice(tfrecord.read(path, self.rows), limit):
            for batch in (part.batch for part in _decode(records) if part.batch):
                for name in batch.schema.names:
                    found[name] = found.get(name, Evidence()) + _evidence(batch[name])
        return found

    def chunks(self, path: Path, columns: Mapping[str, Column]) -> Iterator[Chunk]:
        """The rows, a batch at a time."""
        types = known_types(columns)
        for records in tfrecord.read(path, self.rows):
            for part in _decode(records):
                if part.batch is None:
                    yield _undecodable(path, records, part)
                    continue
                source = _unwrapped(part.batch, columns)
                batch, refused = conform(source, types, f"{path}, from record {part.numbers[0]}")
                chunk = Chunk(batch, part.numbers, text=partial(row_text, source))
                yield without(chunk, path, reasons(source, refused, types))


def _decode(records: tfrecord.Records) -> list[_Decoded]:
    """Decodes the records by TFX's decoder, which refuses a batch as a whole; halving finds the culprits.

    A batch is refused where a record is no tf.Example, and where a feature is of two kinds, such as int64 and float.
    """
    numbers = records.first + np.arange(len(records.data))
    whole = np.array([record is not None for record in records.data], bool)
    data = [record for record in records.data if record is not None]
    return [_Decoded(numbers[[row]], None) for row in np.flatnonzero(~whole)] + _halved(data, numbers[whole])


def _halved(data: list[bytes], numbers: np.ndarray) -> list[_Decoded]:
    if not data:
        return []
    try:
        return [_Decoded(numbers, ExamplesToRecordBatchDecoder().DecodeBatch(data))]
    except RuntimeError:
        if len(data) == 1:
            return [_Decoded(numbers, None)]
    half = len(data) // 2
    return _halved(data[:half], numbers[:half]) + _halved(data[half:], numbers[half:])


def _evidence(column: pa.Array) -> Evidence:
    """The decoder's columns are large lists, or null where no example has a value."""
    if pa.types.is_null(column.type):
        return Evidence()
    lengths = np.diff(column.offsets.to_numpy())
    found = evidence_of(column.type.value_type, int(lengths.sum()))
    return found + Evidence(many=bool((lengths > 1).any()))


def _unwrapped(batch: pa.RecordBatch, columns: Mapping[str, Column]) -> pa.RecordBatch:
    """The batch with the lists of columns of single values taken apart."""
    arrays = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_null(column.type) and not columns[name].many:
            offsets = column.offsets.to_numpy()
            indices = pa.array(offsets[:-1], mask=np.diff(offsets) == 0)
            column = column.values.take(indices)
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _undecodable(path: Path, records: tfrecord.Records, part: _Decoded) -> Chunk:
    number = int(part.numbers[0])
    data = records.data[number - records.first]
    reason = "the record does not match its checksum" if data is None else "the record is no tf.Example"
    reject = Reject(str(path), number, reason, shorten(repr(data[:80])) if data else "")
    return Chunk(pa.RecordBatch.from_arrays([], []), part.numbers[:0], (reject,))
