"""The predictions table: the scores of both models on every row, beside the row."""

from __future__ import annotations

import numpy as np
import pytest

from components.evaluation import predictions, results
from components.evaluation.predictions import Recorder, RecordSettings


def test_the_table_has_what_the_models_say_in_the_order_of_the_files(binary):
    found = predictions.read(binary.evaluation.uri)
    order = [*range(0, 400, 2), *range(1, 400, 2)]  # two files, dealt in turn
    split = binary.split
    assert found.label.tolist() == split.label[order].tolist()
    assert found.new.scores == pytest.approx(binary.scores(2.0)[order, 0])
    assert found.served.scores == pytest.approx(binary.scores(0.1)[order, 0])
    assert (found.task, found.classes) == ("binary", (0, 1))
    assert (found.new.threshold, found.served.threshold) == pytest.approx((0.3, 0.52))
    assert found.new.withstood.dtype == bool
    assert found.columns["x"].to_numpy() == pytest.approx(split.x[order])
    assert found.columns["day"].to_pylist() == split.day[order].tolist()
    payments = [name or None for name in split.payment[order]]
    assert found.columns["payment_type"].to_pylist() == payments
    assert "tags" not in found.columns, "rows have several tags: no slice can be cut by them"


def test_the_slices_are_those_of_the_metrics(binary):
    found, (evaluation, _) = predictions.read(binary.evaluation.uri), results.load(binary.evaluation.uri)
    assert {key: len(rows) for key, rows in found.slices.items()} == {
        key: each.rows for key, each in evaluation.items() if key
    }


def test_a_multiclass_model_has_a_score_for_each_class(multiclass):
    found = predictions.read(multiclass.evaluation.uri)
    assert found.new.scores.shape == (400, 3)
    assert found.new.scores.sum(axis=1) == pytest.approx(np.ones(400))
    assert (found.served, found.new.withstood) == (None, None)


def test_a_regression_has_numbers(regression):
    found = predictions.read(regression.evaluation.uri)
    assert found.label.dtype == np.float32
    assert found.new.scores.shape == (400,)


def test_without_rows_there_is_no_table(tmp_path):
    Recorder(RecordSettings(task="binary", label="label_index")).write(tmp_path, {"": 0.5}, 0)
    assert not list(tmp_path.iterdir())
