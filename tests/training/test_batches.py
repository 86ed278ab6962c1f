"""Batches of the train split: every row once a pass, in an order that follows from seed and epoch alone."""

from __future__ import annotations

from itertools import chain

import numpy as np
import tensorflow as tf

from components.training.settings import TrainingSettings
from components.training.splits import Splits

ROWS = 1000
STREAM = tf.data.Dataset.range(ROWS).map(lambda row: ({"row": row}, row[tf.newaxis])).batch(128)
SPLITS = Splits(STREAM.cache(), STREAM, (400, 600))


def rows(first_epoch: int = 0, batches: int = 32, **training) -> list[list[int]]:
    """Rows of the first batches."""
    settings = TrainingSettings(**{"batch_size": 32, "shuffle_buffer": 320, **training})
    stream = SPLITS.train_batches(settings, first_epoch).take(batches)
    return [label[:, 0].numpy().tolist() for _, label in stream]


def test_a_pass_has_every_row_once_in_an_order_of_its_own():
    first, second = rows(batches=64)[:32], rows(batches=64)[32:]
    for epoch in (first, second):
        assert sorted(chain(*epoch)) == list(range(ROWS))
        assert [len(batch) for batch in epoch] == [32] * 31 + [8]
    assert first != second
    assert SPLITS.steps(TrainingSettings(batch_size=32)) == 32


def test_the_order_follows_from_the_seed():
    assert rows(seed=1) == rows(seed=1) != rows(seed=2)


def test_rows_are_shuffled_within_their_pool():
    pool = list(chain(*rows()))[:320]
    assert pool != sorted(pool) and sorted(pool) == list(range(320))
    assert np.corrcoef(pool, range(320))[0, 1] < 0.3


def test_a_later_epoch_is_the_same_wherever_the_stream_begins():
    assert rows(batches=96)[64:] == rows(first_epoch=2)


def test_epochs_of_a_given_length_go_on_in_the_middle_of_a_pass():
    whole = rows(batches=100, steps_per_epoch=20)
    assert whole == rows(batches=100)
    assert rows(first_epoch=3, batches=20, steps_per_epoch=20) == whole[60:80]
