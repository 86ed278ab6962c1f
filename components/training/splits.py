"""The train and eval split, read once and cut into batches for each fit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from components.label import LabelSettings
from components.training.callbacks import PROGRESS
from components.training.dataset import (
    POOL_BYTES,
    Row,
    Rows,
    do_not_convert,
    label_counts,
    measured,
    shuffled_batches,
    unpacked,
)
from components.training.settings import TrainingSettings
from schema.errors import SettingsError

MEMORY_BYTES = 1 << 30
"""Up to this size, `cache: auto` keeps the rows of the train split in memory."""


@dataclass(frozen=True)
class Splits:
    """Both splits as blocks of transformed rows; any number of networks may be fitted to them.

    Attributes:
      packed_train: blocks of the train split, each row once.
      packed_eval: blocks of the eval split.
      counts: rows of each class in the train split, by class index; for a regression one number, all rows.
      packed: the features that are images as uint8.
      row_bytes: what the features of a row take in a packed block.
      replicas: how many devices share a batch, in equal parts. Rows that do not make up such parts are left out: of
        each pass over the train split those that do not fill a last batch, other rows each time; of a block of the
        eval split the last few.
    """

    packed_train: tf.data.Dataset
    packed_eval: tf.data.Dataset
    counts: tuple[int, ...]
    packed: frozenset[str] = frozenset()
    row_bytes: int = 1
    replicas: int = 1

    @property
    def train(self) -> tf.data.Dataset:
        """Blocks of the train split, in file order, each row once."""
        return unpacked(self.packed_train, self.packed)

    @property
    def eval(self) -> tf.data.Dataset:
        """Blocks of the eval split."""
        return unpacked(self.packed_eval, self.packed)

    def steps(self, training: TrainingSettings) -> int:
        """Steps of an epoch: one pass over the train split, unless the settings give a number."""
        return training.steps_per_epoch or self._pass(training)

    def train_batches(self, training: TrainingSettings, first_epoch: int = 0) -> tf.data.Dataset:
        """Shuffled batches of the train split, pass after pass without end; see `shuffled_batches`."""
        # Where the settings give an epoch's steps, it may begin in the middle of a pass.
        passes, batches = divmod(first_epoch * self.steps(training), self._pass(training))
        buffer = max(min(training.shuffle_buffer, POOL_BYTES // self.row_bytes), 1)
        stream = shuffled_batches(
            self.packed_train, training.batch_size, buffer, training.seed, passes, drop_remainder=self.replicas > 1
        )
        return unpacked(stream.skip(batches), self.packed).prefetch(tf.data.AUTOTUNE)

    def eval_batches(self, training: TrainingSettings) -> tf.data.Dataset:
        """Whole blocks for the whole eval split; batches where `validation_steps` counts them."""
        batches = self.packed_eval.rebatch(training.batch_size) if training.validation_steps else self.packed_eval
        if self.replicas > 1:
            batches = batches.map(self._even, num_parallel_calls=tf.data.AUTOTUNE)
        return unpacked(batches, self.packed)

    def _pass(self, training: TrainingSettings) -> int:
        """Batches in one pass over the train split."""
        full, rest = divmod(sum(self.counts), training.batch_size)
        if self.replicas == 1:
            return full + (rest > 0)
        if not full:
            raise SettingsError(
                "The train split does not fill a batch, which several replicas are to share.",
                where="training.batch_size",
                expected=f"at most {rest}, the rows of the train split",
                received=str(training.batch_size),
            )
        return full

    @do_not_convert
    def _even(self, features: dict[str, tf.Tensor], label: tf.Tensor) -> Row:
        rows = tf.shape(label)[0]
        return tf.nest.map_structure(lambda tensor: tensor[: rows - rows % self.replicas], (features, label))


@contextmanager
def prepare(
    rows: Rows,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    label: LabelSettings,
    training: TrainingSettings,
) -> Iterator[Splits]:
    """Sets up both splits: reads them once where they are cached, and counts the train split's rows.

    Args:
      rows: reads and transforms rows.
      train_files: file patterns of the train split.
      eval_files: file patterns of the eval split.
      label: the `label` section.
      training: the `training` section; `cache` says where the blocks are kept, over all fits.

    Yields:
      The splits, for use inside the `with` block: a cache on disk is removed at its end.
    """
    files, held_out_files = measured(train_files), measured(eval_files)
    size, cache = files.rows * rows.row_bytes, training.cache
    if cache == "auto":
        cache = "memory" if size <= MEMORY_BYTES else "disk"
    PROGRESS.info("reading %s rows, %.0f MB (cache: %s)", f"{files.rows:,}", size / 1e6, cache)
    train, held_out = rows.blocks(files), rows.blocks(held_out_files)
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
        if cache == "none":
            counts = label_counts(rows.labels(files), label)
        else:
            # TensorFlow takes the empty name for memory.
            paths = [str(Path(folder, split)) if cache == "disk" else "" for split in ("train", "eval")]
            train, held_out = train.cache(paths[0]), held_out.cache(paths[1])
            counts = label_counts(train, label)
            for _ in held_out:  # a first pass that ended early, by `validation_steps`, would leave no cache behind
                pass
        yield Splits(train, held_out, counts, rows.packed, rows.row_bytes)
