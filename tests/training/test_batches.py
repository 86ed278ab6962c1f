"""Batches of the train split: every row once a pass, in an order that follows from seed and epoch alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import tensorflow as tf

from components.training.settings import TrainingSettings
from components.training.splits import Splits
from schema.errors import SettingsError

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


def test_replicas_share_full_batches_and_other_rows_are_left_out_each_time():
    settings = TrainingSettings(batch_size=32, shuffle_buffer=300)
    splits = replace(SPLITS, replicas=2)
    assert splits.steps(settings) == 31
    stream = [label[:, 0].numpy().tolist() for _, label in splits.train_batches(settings).take(62)]
    assert {len(batch) for batch in stream} == {32}
    first, second = set(chain(*stream[:31])), set(chain(*stream[31:]))
    assert len(first) == len(second) == 31 * 32
    assert first != second
    resumed = [label[:, 0].numpy().tolist() for _, label in splits.train_batches(settings, first_epoch=1).take(31)]
    assert resumed == stream[31:]


def test_replicas_share_even_blocks_of_the_eval_split():
    blocks = replace(SPLITS, replicas=3).eval_batches(TrainingSettings())
    assert [len(label) for _, label in blocks] == [126] * 7 + [102]  # of 128 and 104


def test_a_split_that_fills_no_batch_cannot_be_shared():
    with pytest.raises(SettingsError, match="does not fill a batch"):
        replace(SPLITS, replicas=2).steps(TrainingSettings(batch_size=1001))
