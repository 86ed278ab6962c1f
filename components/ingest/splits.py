"""Which split a row goes to: a stable hash of its key, or of the whole row.

The hash is taken over the row's values, not over its serialized tf.Example: the encoder writes an example's
features in an order that changes from row to row and run to run (protobuf maps have none).
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.ingest.settings import SplitSettings
from schema.errors import DataError

NAMES = ("train", "eval", "test")

_SEPARATOR = pa.scalar(b"\x1f", pa.binary())


def assign(batch: pa.RecordBatch, settings: SplitSettings) -> npt.NDArray[np.int64]:
    """Deals the rows of a batch to the splits.

    A row's split depends on nothing but the row (its key, where there is one), the weights, and nothing of its
    file, batch or run. Rows whose key is missing are dealt by the whole row.

    Args:
      batch: columns of int64, float64, string, binary or lists of these; [rows].
      settings: key column and weights.

    Returns:
      Indices into `NAMES`, [rows].

    Raises:
      DataError: the key column is not there.
    """
    texts = _row_texts(batch)
    if settings.by is not None:
        if settings.by not in batch.schema.names:
            raise DataError(
                "The key column of the split is not in the data.",
                where=f"data.split.by: {settings.by}",
                expected="a column of the data",
                received=", ".join(batch.schema.names),
                fix="name one of these columns, or leave `by` out to split by the whole row",
            )
        texts = pc.coalesce(_bytes(_canonical(batch[settings.by])), texts)
    weights = (settings.train, settings.eval, settings.test)
    hashes = b"".join([hashlib.blake2b(text, digest_size=8).digest() for text in _as_objects(texts)])
    buckets = np.frombuffer(hashes, "<u8") % sum(weights)
    return np.searchsorted(np.cumsum(weights), buckets.astype(np.int64), side="right")


def _row_texts(batch: pa.RecordBatch) -> pa.BinaryArray:
    """The values of each row, by column name, one after the other."""
    columns = [_bytes(batch[name]) for name in sorted(batch.schema.names)]
    return pc.binary_join_element_wise(*columns, _SEPARATOR, null_handling="replace", null_replacement=b"")


def _bytes(column: pa.Array) -> pa.BinaryArray:
    """Values as bytes: numbers as they lie in memory, floats at the precision of a tf.Example."""
    if pa.types.is_list(column.type):
        values = pa.ListArray.from_arrays(column.offsets, _bytes(column.values))
        joined = pc.binary_join(values, _SEPARATOR)
        return pc.if_else(pc.is_valid(column), joined, None) if column.null_count else joined
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float32())
    if pa.types.is_primitive(column.type):
        column = column.view(pa.binary(column.type.bit_width // 8))
    return column.cast(pa.binary())


def _canonical(column: pa.Array) -> pa.Array:
    """A key as text that does not depend on how the column was typed: 7, 7.0 and "7" are one key."""
    if pa.types.is_floating(column.type) and column.null_count < len(column):
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**53))
        whole = pc.fill_null(whole, False)
        ints = pc.if_else(whole, column, None).cast(pa.int64()).cast(pa.string())
        return pc.coalesce(ints, column.cast(pa.string()))
    return column if pa.types.is_list(column.type) or pa.types.is_binary(column.type) else column.cast(pa.string())


def _as_objects(texts: pa.BinaryArray) -> list[bytes]:
    # Five times as fast as `to_pylist`, which makes an Arrow scalar of each value first.
    return texts.to_numpy(zero_copy_only=False).tolist()
