"""Estimates of performance without labels, on rows that are simulated: when they can be trusted, and when not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from components.monitor import calibration, cbpe
from components.monitor.calibration import Calibration

THRESHOLD = 0.4
IDENTITY = Calibration("none", 0)


def world(rows: int, seed: int, mean: float = 0.0, flipped: float = 0.0):
    """Rows of one feature x ~ N(mean, 1), whose label is 1 with probability sigmoid(2x); a share of labels is flipped.

    The model orders rows rightly, and is too sure of itself: its score is sigmoid(4x).
    """
    random = np.random.default_rng(seed)
    x = random.normal(mean, 1, rows)
    label = random.random(rows) < 1 / (1 + np.exp(-2 * x))
    label ^= random.random(rows) < flipped
    return 1 / (1 + np.exp(-4 * x)), label


def estimate(rows: int, seed: int, fitted_on: int = 2000, **shift: float):
    """Estimate and truth on shifted rows, the calibration fitted on others."""
    known = calibration.fit(*world(fitted_on, seed + 10_000))
    scores, label = world(rows, seed, **shift)
    return cbpe.binary(scores, THRESHOLD, known), cbpe.binary_metrics(label, scores, THRESHOLD)


@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_under_covariate_shift_the_truth_lies_within_the_bar(mean):
    """95 of 100 estimates are promised; of 5 metrics in 60 worlds, no metric is to miss more than 8."""
    missed = dict.fromkeys(("binary_accuracy", "precision", "recall", "f1", "auc"), 0)
    for seed in range(60):
        found, truth = estimate(1000, seed, mean=mean)
        for name in missed:
            missed[name] += not found[name].low <= truth[name] <= found[name].high
    assert max(missed.values()) <= 8, missed


def test_a_shift_moves_the_estimate_as_it_moves_the_truth():
    then, _ = estimate(20_000, 1)
    now, truth = estimate(20_000, 1, mean=1.5)
    assert abs(now["binary_accuracy"].value - truth["binary_accuracy"]) < 0.02
    assert now["binary_accuracy"].value - then["binary_accuracy"].value > 0.08


def test_under_concept_drift_the_estimate_does_not_move_and_the_truth_does():
    """What no estimate without labels can see: the same rows, a quarter of the labels the other way."""
    found, truth = estimate(5000, 3, flipped=0.25)
    before, _ = estimate(5000, 3)
    assert found == before
    for name in ("binary_accuracy", "auc", "f1"):
        assert truth[name] < found[name].low


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=2, max_size=80), st.integers(0, 10))
@settings(max_examples=80, deadline=None)
def test_with_labels_it_computes_what_scikit_learn_computes(rows, cut):
    label, score = np.array([row[0] for row in rows]), np.array([row[1] / 10 for row in rows])
    threshold = (cut - 0.5) / 10
    found, called = cbpe.binary_metrics(label, score, threshold), score > threshold
    assert found["binary_accuracy"] == pytest.approx(sk.accuracy_score(label, called))
    assert found.get("precision", 0.0) == pytest.approx(sk.precision_score(label, called, zero_division=0))
    assert found.get("recall", 0.0) == pytest.approx(sk.recall_score(label, called, zero_division=0))
    assert found.get("f1", 0.0) == pytest.approx(sk.f1_score(label, called, zero_division=0))
    if 0 < label.sum() < label.size:
        assert found["auc"] == pytest.approx(sk.roc_auc_score(label, score))
    else:
        assert "auc" not in found


def test_expected_metrics_are_those_of_each_row_counted_as_so_many_parts_of_either_label():
    scores, probability = np.array([0.1, 0.5, 0.5, 0.9]), np.array([0.2, 0.4, 0.6, 0.8])
    parts = np.repeat(np.arange(4), 10)
    labels = np.concatenate([np.arange(10) < 10 * each for each in probability])
    whole = cbpe.binary_metrics(labels, scores[parts], 0.5)
    assert cbpe.binary_metrics(probability, scores, 0.5) == pytest.approx(whole)


def test_the_accuracy_of_several_classes_is_the_mean_of_the_calibrated_confidence():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.3, 1, 5000)
    right = random.random(5000) < confidence**2  # the model is too sure of itself
    found = cbpe.multiclass(confidence, calibration.fit(confidence, right))["accuracy"]
    assert found.low <= right.mean() <= found.high
    assert found.high - found.low < 0.05


def test_more_rows_make_the_bar_narrower_as_far_as_the_calibration_allows():
    width = {rows: estimate(rows, 1)[0]["auc"] for rows in (100, 1000, 20_000)}
    few, more, many = (width[rows].high - width[rows].low for rows in width)
    assert few > 1.8 * more > 1.8 * many
    assert many > 0.25 * more  # 2,000 rows behind the calibration


def test_what_is_not_defined_is_left_out():
    assert cbpe.binary([], 0.5, IDENTITY) == {} == cbpe.multiclass([], IDENTITY)
    assert "precision" not in cbpe.binary([0.1, 0.2], 0.5, IDENTITY)
    assert set(cbpe.binary([1.0, 1.0], 0.5, IDENTITY)) == {"binary_accuracy", "precision", "recall", "f1"}
    assert cbpe.errors(cbpe.binary([0.7], 0.5, IDENTITY), {"binary_accuracy": 1.0}) == {
        "binary_accuracy": pytest.approx(-0.3)
    }
