"""Streams rows from TFRecords to the network as tf.data.

Rows travel in blocks, never one by one: a block is read, parsed, transformed, shuffled and cut into batches by
vectorised operations, so that the cost per row stays far below that of a training step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from components.label import ColumnType, LabelSettings

do_not_convert = tf.autograph.experimental.do_not_convert
"""AutoGraph would spend longer on rewriting these functions than they run: they have no Python control flow."""

DTYPES: dict[ColumnType, tf.DType] = {"float": tf.float32, "int": tf.int64, "string": tf.string}
"""What a column of each type is in a parsed `tf.Example`."""

BLOCK = 1024
"""Rows that are parsed and transformed together."""


class Rows:
    """Reads the rows of a split as (features, label) tensors.

    Args:
      transform: from a batch of serialized `tf.Example` (string [batch]) to the dictionary of transformed
        features.
      label: the `label` section.
    """

    def __init__(self, transform: Callable[[Any], dict[str, Any]], label: LabelSettings) -> None:
        self._transform = transform
        self._label = label

    def blocks(self, files: Sequence[str]) -> tf.data.Dataset:
        """Blocks of up to 1,024 rows, in file order.

        Args:
          files: file patterns of uncompressed TFRecords.

        Returns:
          Dataset of (features, label [rows, 1]).
        """
        names = tf.data.Dataset.list_files(list(files), shuffle=False)
        records = tf.data.TFRecordDataset(names, buffer_size=1 << 20)
        return records.batch(BLOCK).map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)

    @do_not_convert
    def _parse(self, serialized: Any) -> tuple[dict[str, Any], Any]:
        return self._transform(serialized), label_tensor(serialized, self._label)


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
    blocks: tf.data.Dataset, batch_size: int, buffer: int, seed: int, first_epoch: int = 0
) -> tf.data.Dataset:
    """Shuffles rows within pools of `buffer` rows and cuts them into batches, epoch after epoch without end.

    The order within an epoch follows from the seed and the epoch's number alone: a training that goes on at epoch 7
    sees what one that was never interrupted sees.

    Args:
      blocks: blocks of rows.
      batch_size: rows in a batch.
      buffer: rows that are shuffled together; the whole split if it fits.
      seed: of the permutations; each epoch permutes anew.
      first_epoch: number of the epoch to begin with.

    Returns:
      Dataset of batches; the last one of an epoch may be smaller.
    """
    pools = blocks.rebatch(max(buffer, batch_size)).enumerate()

    @do_not_convert
    def epoch(number: Any) -> tf.data.Dataset:
        @do_not_convert
        def permute(pool: Any, rows: tuple[dict[str, Any], Any]) -> Any:
            one = tf.random.experimental.stateless_fold_in(tf.stack([tf.constant(seed, tf.int64), number]), pool)
            order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(rows[1])[0]), one)
            return tf.nest.map_structure(lambda tensor: tf.gather(tensor, order), rows)

        return pools.map(permute, num_parallel_calls=1).rebatch(batch_size)

    return tf.data.Dataset.counter(first_epoch).flat_map(epoch).prefetch(tf.data.AUTOTUNE)


def label_counts(blocks: tf.data.Dataset, classes: int) -> list[int]:
    """Counts the rows of each class.

    Args:
      blocks: blocks of rows with class indices.
      classes: number of classes.

    Returns:
      Rows of each class, by class index.
    """

    @do_not_convert
    def add(total: Any, block: tuple[dict[str, Any], Any]) -> Any:
        return total + tf.math.bincount(tf.cast(block[1], tf.int32), minlength=classes)

    counts = blocks.reduce(tf.zeros([classes], tf.int32), add)
    return [int(count) for count in counts.numpy()]
