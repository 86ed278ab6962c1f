"""The train and eval split, read once and cut into batches for each fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from components.label import LabelSettings
from components.training.dataset import Rows, label_counts, shuffled_batches
from components.training.settings import TrainingSettings


@dataclass(frozen=True)
class Splits:
    """Both splits as blocks of transformed rows; any number of networks may be fitted to them.

    Attributes:
      train: blocks of the train split, each row once.
      eval: blocks of the eval split.
      counts: rows of each class in the train split, by class index; for a regression one number, all rows.
    """

    train: tf.data.Dataset
    eval: tf.data.Dataset
    counts: tuple[int, ...]

    def steps(self, training: TrainingSettings) -> int:
        """Steps of an epoch: one pass over the train split, unless the settings give a number."""
        return training.steps_per_epoch or self._pass(training)

    def train_batches(self, training: TrainingSettings, first_epoch: int = 0) -> tf.data.Dataset:
        """Shuffled batches of the train split, pass after pass without end; see `shuffled_batches`."""
        # Where the settings give an epoch's steps, it may begin in the middle of a pass.
        passes, batches = divmod(first_epoch * self.steps(training), self._pass(training))
        return shuffled_batches(self.train, training.batch_size, training.shuffle_buffer, training.seed, passes).skip(
            batches
        )

    def eval_batches(self, training: TrainingSettings) -> tf.data.Dataset:
        """Whole blocks for the whole eval split; batches where `validation_steps` counts them."""
        return self.eval.rebatch(training.batch_size) if training.validation_steps else self.eval

    def _pass(self, training: TrainingSettings) -> int:
        """Batches in one pass over the train split."""
        return -(-sum(self.counts) // training.batch_size)


def prepare(
    rows: Rows,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    label: LabelSettings,
    training: TrainingSettings,
) -> Splits:
    """Sets up both splits and counts the train split's rows.

    Args:
      rows: reads and transforms rows.
      train_files: file patterns of the train split.
      eval_files: file patterns of the eval split.
      label: the `label` section.
      training: the `training` section; `cache` keeps the blocks in memory, over all fits.
    """
    train, held_out = rows.blocks(train_files), rows.blocks(eval_files)
    if training.cache:
        train, held_out = train.cache(), held_out.cache()
    classes = len(label.values)
    counts = label_counts(train, classes) if classes else [_count(train)]
    return Splits(train, held_out, tuple(counts))


def _count(blocks: tf.data.Dataset) -> int:
    return int(blocks.map(lambda _, label: tf.shape(label, tf.int64)[0]).reduce(tf.constant(0, tf.int64), tf.add))
