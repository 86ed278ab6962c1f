"""Arrow columns of any type to the few that a tf.Example can hold.

| found | becomes |
| --- | --- |
| bool, integers | int64; a uint64 beyond int64 is refused |
| float, decimal | float64; NaN is missing |
| date, timestamp | int64: seconds since 1970-01-01 UTC, fractions cut off (a time without a zone counts as UTC) |
| string, dictionary of strings | string; invalid UTF-8 is refused |
| binary | binary, or string where that is declared |
| list of the above | list |
| null | string, all missing |
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.ingest import text
from components.ingest.text import Evidence
from components.label import ColumnType
from schema.errors import DataError

Mask = npt.NDArray[np.bool_]

ARROW: dict[ColumnType, pa.DataType] = {"int": pa.int64(), "float": pa.float64(), "string": pa.string()}


def conform(
    batch: pa.RecordBatch, types: Mapping[str, ColumnType], where: str
) -> tuple[pa.RecordBatch, dict[str, Mask]]:
    """Converts each column to int64, float64, string, binary or lists of these.

    Args:
      batch: columns of any type.
      types: the type that a column must have, by name; other columns keep their kind.
      where: the batch's origin, for messages.

    Returns:
      The converted batch, and for each column that has some, the mask [rows] of values that were refused.

    Raises:
      DataError: a column has a type that no tf.Example can hold.
    """
    columns, refused = [], {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            converted, bad = _column(column, types.get(name))
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise DataError(
                f"Column `{name}` has a type that a tf.Example cannot hold.",
                where=where,
                expected="numbers, strings, dates, or lists of them",
                received=f"{column.type}",
                fix="convert the column in the input, or in a function of your own by `data.prepare`",
            ) from error
        columns.append(converted)
        if bad is not None and bad.any():
            refused[name] = bad
    return pa.RecordBatch.from_arrays(columns, batch.schema.names), refused


def evidence_of(kind: pa.DataType, rows: int) -> Evidence:
    """What a column of an Arrow type holds, known from its type alone."""
    if _is_list(kind):
        return Evidence(many=True) + evidence_of(kind.value_type, rows)
    if pa.types.is_dictionary(kind):
        return evidence_of(kind.value_type, rows)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Evidence(floats=rows)
    if _is_whole(kind):
        return Evidence(ints=rows)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return Evidence(raw=rows)
    return Evidence() if pa.types.is_null(kind) else Evidence(texts=rows)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_whole(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    )


def _column(column: pa.Array, to: ColumnType | None) -> tuple[pa.Array, Mask | None]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), ARROW[to or "string"]), None
    if not _is_list(column.type):
        return _values(column, to)
    column = column.cast(pa.list_(column.type.value_type))
    flat, bad_values = _values(column.flatten(), to)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    mask = pc.is_null(column) if column.null_count else None
    rows = np.repeat(np.arange(len(column)), lengths)
    bad = None if bad_values is None else np.bincount(rows[bad_values], minlength=len(column)) > 0
    present = pc.is_valid(flat).to_numpy(zero_copy_only=False)
    if not present.all():  # a list without its missing values
        flat = flat.drop_null()
        offsets = np.concatenate(([0], np.cumsum(np.bincount(rows[present], minlength=len(column))))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=mask), bad


def _values(column: pa.Array, to: ColumnType | None) -> tuple[pa.Array, Mask | None]:
    """Converts a column of single values."""
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        column = pc.floor_temporal(column.cast(pa.timestamp("us")), unit="second").cast(pa.timestamp("s"))
        column = column.cast(pa.int64())
    elif pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        column = column.cast(pa.float64(), safe=False)
        column = pc.if_else(pc.is_nan(column), None, column)
    elif not pa.types.is_integer(kind):
        return _texts(column, to)
    if to == "string":
        return column.cast(pa.string()), None
    if to == "float":
        return column.cast(pa.float64(), safe=False), None
    if pa.types.is_uint64(kind):
        huge = pc.fill_null(pc.greater(column, pa.scalar(2**63 - 1, pa.uint64())), False)
        return pc.if_else(huge, None, column).cast(pa.int64()), huge.to_numpy(zero_copy_only=False)
    if to == "int" and pa.types.is_floating(column.type):
        whole = text.whole_floats(column)
        return whole, pc.and_not(pc.is_null(whole), pc.is_null(column)).to_numpy(zero_copy_only=False)
    return column.cast(pa.float64() if pa.types.is_floating(column.type) else pa.int64()), None


def _texts(column: pa.Array, to: ColumnType | None) -> tuple[pa.Array, Mask | None]:
    is_string = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    # Arrow takes a string column's word for being UTF-8; as binary it is checked.
    column = column.cast(pa.binary())
    if not is_string and to is None:
        return column, None
    converted, bad = text.parse(column, to or "string")
    return converted, None if bad is None else bad.to_numpy(zero_copy_only=False)
