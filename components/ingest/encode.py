"""Record batches to serialized tf.Examples, by the C++ encoder of TFX."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

_VALUES = {pa.float64(): pa.float32(), pa.string(): pa.binary()}


class Encoder:
    """Encodes batches of int64, float64, string, binary, or lists of these.

    A missing value becomes a feature without values. Floats are cut to the 32 bits of a tf.Example: numbers beyond
    3.4e38 become infinite, which the data gate sees.
    """

    def __init__(self) -> None:
        self._encoder = RecordBatchToExamplesEncoder()

    def encode(self, batch: pa.RecordBatch) -> list[bytes]:
        """One serialized tf.Example for each row. Their features stand in no particular order."""
        names = sorted(batch.schema.names)
        return self._encoder.encode(pa.RecordBatch.from_arrays([_as_list(batch[name]) for name in names], names))


def _as_list(column: pa.Array) -> pa.ListArray:
    """The column as lists, which is what the encoder takes."""
    if pa.types.is_list(column.type):
        values = column.values.cast(_VALUES.get(column.type.value_type, column.type.value_type), safe=False)
        return pa.ListArray.from_arrays(column.offsets, values, mask=pc.is_null(column) if column.null_count else None)
    column = column.cast(_VALUES.get(column.type, column.type), safe=False)
    if not column.null_count:
        return pa.ListArray.from_arrays(pa.array(np.arange(len(column) + 1, dtype=np.int32)), column)
    present = pc.is_valid(column).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(present))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), column.drop_null(), mask=pa.array(~present))
