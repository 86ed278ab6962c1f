"""Streams rows from TFRecords to the network as tf.data.

Rows travel in blocks, never one by one: a block is read, parsed, transformed, shuffled and cut into batches by
vectorised operations, so that the cost per row stays far below that of a training step. Images travel as uint8, a
quarter of the size, and become the very same numbers again once they are in a batch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.ingest import tfrecord
from components.label import ColumnType, LabelSettings
from components.transform import images

do_not_convert = tf.autograph.experimental.do_not_convert
"""AutoGraph would spend longer on rewriting these functions than they run: they have no Python control flow."""

DTYPES: dict[ColumnType, tf.DType] = {"float": tf.float32, "int": tf.int64, "string": tf.string}
"""What a column of each type is in a parsed `tf.Example`."""

BLOCK_ROWS = 1024
"""Rows that are parsed and transformed together."""

BLOCK_BYTES = 8 << 20
"""Fewer, where a block would take more than this: of the file, or of the network's input."""

POOL_BYTES = 128 << 20
"""Most that is shuffled together. Rows in their old order, in their new one, and the next pool make it three times that
in memory."""

Row = tuple[dict[str, Any], Any]
"""Features by name, and labels."""


@dataclass(frozen=True)
class Files:
    """The files of a split.

    Attributes:
      paths: uncompressed TFRecords, in order.
      rows: records in all of them.
      row_bytes: mean length of a record.
    """

    paths: tuple[str, ...]
    rows: int
    row_bytes: int


def measured(patterns: Sequence[str]) -> Files:
    """Finds files and looks at the lengths of their records, not at the records.

    Args:
      patterns: file patterns of uncompressed TFRecords.

    Raises:
      DataError: a file is damaged.
    """
    paths = sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))
    lengths = np.fromiter(chain.from_iterable(tfrecord.lengths(Path(path)) for path in paths), np.int64)
    return Files(tuple(paths), len(lengths), int(lengths.mean()) if len(lengths) else 0)


class Rows:
    """Reads the rows of a split as (features, label) tensors.

    Args:
      transform: from a batch of serialized `tf.Example` (string [batch]) to the dictionary of transformed
        features; a `tf.function` with an input signature.
      label: the `label` section.
      packed: the features that are images of `images.scaled` numbers. Blocks have them as uint8: see `unpacked`.
    """

    def __init__(self, transform: Any, label: LabelSettings, packed: Collection[str] = ()) -> None:
        self._transform = transform
        self._label = label
        self.packed = frozenset(packed)

    @property
    def row_bytes(self) -> int:
        """What the features of a row take in a block."""
        return self._row_bytes(self.packed)

    def blocks(self, files: Files) -> tf.data.Dataset:
        """Blocks of up to 1,024 rows, in file order.

        Returns:
          Dataset of (features, label [rows, 1]), images packed.
        """
        return self._serialized(files).map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)

    def labels(self, files: Files) -> tf.data.Dataset:
        """The same blocks without their features, which are not computed: (empty, label [rows, 1])."""
        return self._serialized(files).map(
            do_not_convert(lambda serialized: ({}, label_tensor(serialized, self._label)))
        )

    def _serialized(self, files: Files) -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(files.paths, buffer_size=1 << 20)
        largest = max(self._row_bytes(), files.row_bytes)
        return records.batch(min(BLOCK_ROWS, max(BLOCK_BYTES // largest, 1)))

    def _row_bytes(self, packed: Collection[str] = ()) -> int:
        features = self._transform.get_concrete_function().structured_outputs
        sizes = {name: 1 if name in packed else tensor.dtype.size for name, tensor in features.items()}
        return sum(math.prod(tensor.shape[1:]) * sizes[name] for name, tensor in features.items())

    @do_not_convert
    def _parse(self, serialized: Any) -> Row:
        features = self._transform(serialized)
        packed = {name: images.whole(features[name]) for name in self.packed}
        return features | packed, label_tensor(serialized, self._label)


def unpacked(rows: tf.data.Dataset, packed: Collection[str]) -> tf.data.Dataset:
    """Rows as the transform graph gave them.

    Args:
      rows: blocks or batches of (features, label).
      packed: the features that are packed.

    Returns:
      The same with these as float32 in [0, 1], identical to what was packed.
    """
    if not packed:
        return rows

    @do_not_convert
    def unpack(features: dict[str, Any], label: Any) -> Row:
        return features | {name: images.scaled(features[name]) for name in packed}, label

    return rows.map(unpack, num_parallel_calls=tf.data.AUTOTUNE)


def label_tensor(serialized: Any, label: LabelSettings) -> Any:
    """The label of each row.

    Args:
      serialized: string tensor [batch] of serialized `tf.Example`.
      label: the `label` section.

    Returns:
      int64 [batch, 1] class index, or float32 [batch, 1] for a regression. A value outside the classes maps
      to 0: the data gate has turned such data away before.
    """
    dtype = DTYPES[label.type]
    default = {"string": "", "int": -1, "float": 0.0}[label.type]
    spec = tf.io.FixedLenFeature([1], dtype, default_value=default)
    raw = tf.io.parse_example(serialized, {label.name: spec})[label.name]
    if label.task == "regression":
        return raw
    return tf.argmax(tf.cast(tf.equal(raw, tf.constant(label.values, dtype)), tf.int8), axis=1)[:, tf.newaxis]


def shuffled_batches(
    blocks: tf.data.Dataset,
    batch_size: int,
    buffer: int,
    seed: int,
    first_epoch: int = 0,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Shuffles rows within pools of `buffer` rows and cuts them into batches, epoch after epoch without end.

    The order within an epoch follows from the seed and the epoch's number alone: a training that goes on at epoch 7
    sees what one that was never interrupted sees.

    Args:
      blocks: blocks of rows.
      batch_size: rows in a batch.
      buffer: rows that are shuffled together; the whole split if it fits. Rounded up to whole batches.
      seed: of the permutations; each epoch permutes anew.
      first_epoch: number of the epoch to begin with.
      drop_remainder: leave out the rows that do not fill an epoch's last batch.

    Returns:
      Dataset of batches; the last one of an epoch may be smaller, unless it is left out.
    """
    pools = blocks.rebatch(-(-buffer // batch_size) * batch_size).enumerate()

    @do_not_convert
    def epoch(number: Any) -> tf.data.Dataset:
        @do_not_convert
        def permute(pool: Any, rows: Row) -> Any:
            one = tf.random.experimental.stateless_fold_in(tf.stack([tf.constant(seed, tf.int64), number]), pool)
            order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(rows[1])[0]), one)
            return tf.nest.map_structure(lambda tensor: tf.gather(tensor, order), rows)

        return pools.map(permute)

    @do_not_convert
    def cut(features: dict[str, Any], label: Any) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors((features, label)).rebatch(batch_size, drop_remainder)

    # The next pool, the first of the next epoch too, is made while this one is being used.
    stream = tf.data.Dataset.counter(first_epoch).flat_map(epoch).prefetch(1)
    return stream.flat_map(cut).prefetch(tf.data.AUTOTUNE)


def label_counts(blocks: tf.data.Dataset, label: LabelSettings) -> tuple[int, ...]:
    """Counts the rows of each class.

    Args:
      blocks: blocks of rows.
      label: the `label` section.

    Returns:
      Rows of each class, by class index; for a regression one number, all rows.
    """
    classes = len(label.values) or 1

    @do_not_convert
    def add(total: Any, block: Row) -> Any:
        indices = tf.cast(block[1], tf.int32) if label.values else tf.zeros(tf.shape(block[1]), tf.int32)
        return total + tf.math.bincount(indices, minlength=classes)

    return tuple(blocks.reduce(tf.zeros([classes], tf.int32), add).numpy().tolist())
