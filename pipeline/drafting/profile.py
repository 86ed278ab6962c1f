"""Describes the columns of a file of the user's, from a sample, so that a settings file can be drafted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from components.ingest.text import MISSING
from schema.errors import DataError

SAMPLE_BYTES = 64 * 2**20
"""How much of a file is looked at."""
SAMPLE_ROWS = 500_000
"""How many rows of a Parquet file are looked at, if they are not more than that."""

Kind = Literal["float", "int", "string", "time", "image", "other", "empty"]


@dataclass(frozen=True)
class Column:
    """One column of the sample.

    Attributes:
      kind: `empty` has no value at all; `time` is a date or time; `image` is an encoded image; `other` is nested, or
        other bytes.
      rows: number of rows in the sample.
      missing: share of rows without a value.
      distinct: number of different values.
      values: the values in falling order of frequency, at most 100.
      shares: how much of the rows that have a value each of them takes.
      low: smallest number; nan unless numeric.
      high: largest number.
      variance: of the numbers.
      skew: third standardised moment of the numbers; above 0 for a long tail to the right.
      words: mean number of words in a value of a string column.
    """

    name: str
    kind: Kind
    rows: int
    missing: float
    distinct: int
    values: tuple[int | float | str, ...] = ()
    shares: tuple[float, ...] = ()
    low: float = float("nan")
    high: float = float("nan")
    variance: float = float("nan")
    skew: float = 0.0
    words: float = 1.0


def read_sample(path: Path) -> tuple[pa.Table, str]:
    """Reads the beginning of a CSV (plain or gzip) or Parquet file.

    Returns:
      The rows and the delimiter (`,` for Parquet).

    Raises:
      DataError: the file is not there, empty, without rows, or cannot be read.
    """
    try:
        if path.name.lower().endswith(".parquet"):
            first = next(_parquet_batches(path), None)
            table, delimiter = (pa.Table.from_batches([first]) if first is not None else pa.table({})), ","
        else:
            table, delimiter = _read_csv(path)
    except (OSError, pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(
            "The data cannot be read.",
            where=str(path),
            expected="a CSV file with a header (plain or .gz), or a Parquet file",
            received=str(error).partition("\n")[0],
        ) from error
    names = table.column_names
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError("Columns have the same name.", where=str(path), received=", ".join(twice), fix="rename them")
    if not table.num_rows:
        raise DataError("The data have no rows.", where=str(path), expected="a header and at least one row")
    return table, delimiter


def _parquet_batches(path: Path) -> Iterator[pa.RecordBatch]:
    file = pa.parquet.ParquetFile(path)
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    row = 1 + sum(group.total_byte_size for group in groups) // max(1, file.metadata.num_rows)
    return file.iter_batches(max(1, min(SAMPLE_ROWS, SAMPLE_BYTES // row)))


def _read_csv(path: Path) -> tuple[pa.Table, str]:
    with pa.input_stream(str(path)) as stream:
        sample = stream.read(SAMPLE_BYTES)
    if len(sample) == SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1]
    if not sample.strip():
        raise DataError("The file is empty.", where=str(path), expected="a header and at least one row")
    header = sample[: sample.find(b"\n")] if b"\n" in sample else sample
    delimiter = max(",;\t|", key=lambda each: header.count(each.encode()))
    words = [form for word in MISSING for form in (word, word.upper(), word.capitalize())]
    table = pa.csv.read_csv(
        pa.BufferReader(sample),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=_skip),
        # No booleans: ingestion reads `true` as text.
        convert_options=pa.csv.ConvertOptions(
            null_values=[*words, "NaN"], strings_can_be_null=True, true_values=[], false_values=[]
        ),
    )
    return table, delimiter


def _skip(row: object) -> str:
    del row  # a ragged row is for ingestion to tell
    return "skip"


def profile(table: pa.Table) -> list[Column]:
    """Describes each column of a table."""
    return [_column(name, table[name]) for name in table.column_names]


def _column(name: str, values: pa.ChunkedArray) -> Column:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    rows, kind = len(values), _kind(values.type)
    if kind == "float":
        values = pc.if_else(pc.is_finite(values), values, None)
    present = values.drop_null()
    missing = 1 - len(present) / rows
    if not len(present):
        return Column(name, "empty", rows, 1.0, 0)
    if kind == "other":
        return Column(name, "image" if _is_image(present[0]) else kind, rows, missing, 0)
    if (
        kind == "float"
        and pc.all(pc.equal(pc.floor(present), present)).as_py()
        and pc.max(pc.abs(present)).as_py() < 2**53
    ):
        kind, present = "int", present.cast(pa.int64())
    counts = present.value_counts()
    order = np.argsort(-np.asarray(counts.field("counts")), kind="stable")[:100]
    top = [counts[int(index)] for index in order]
    column = Column(
        name,
        kind,
        rows,
        missing,
        distinct=len(counts),
        values=tuple(each["values"].as_py() for each in top),
        shares=tuple(each["counts"].as_py() / len(present) for each in top),
    )
    if kind in ("int", "float"):
        return _with_moments(column, present.to_numpy().astype(np.float64))
    if kind == "string":
        return replace(column, words=pc.mean(pc.count_substring(present, " ")).as_py() + 1)
    return column


def _kind(kind: pa.DataType) -> Kind:
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "string"
    if pa.types.is_null(kind):
        return "empty"
    return "time" if pa.types.is_temporal(kind) else "other"


def _is_image(value: pa.Scalar) -> bool:
    """Whether a value is an encoded PNG or JPEG file."""
    binary = pa.types.is_binary(value.type) or pa.types.is_large_binary(value.type)
    return binary and value.as_py().startswith((b"\x89PNG", b"\xff\xd8\xff"))


def _with_moments(column: Column, x: np.ndarray) -> Column:
    deviation = float(x.std())
    skew = float((((x - x.mean()) / deviation) ** 3).mean()) if deviation > 0 else 0.0
    return replace(column, low=float(x.min()), high=float(x.max()), variance=deviation**2, skew=skew)
