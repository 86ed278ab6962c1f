"""TFMA's numbers, read back and held against scikit-learn's."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk
from tiny_model import ADVERSARIAL, BASELINE_SLOPE, BASELINE_THRESHOLD, SLOPE, THRESHOLD, TinyModel

from components.evaluation import results
from components.evaluation.decision import FBetaRule, choose
from components.evaluation.results import OVERALL
from components.evaluation.settings import FGSM_ACCURACY, METRICS, SliceSettings
from schema.errors import DataError


def scikit_binary(label: np.ndarray, score: np.ndarray, moved: np.ndarray, threshold: float) -> dict[str, float]:
    predicted = score > threshold
    precision, recall, _ = sk.precision_recall_curve(label, score)
    return {
        "binary_accuracy": sk.accuracy_score(label, predicted),
        "precision": sk.precision_score(label, predicted),
        "recall": sk.recall_score(label, predicted),
        "f1": sk.f1_score(label, predicted),
        "auc": sk.roc_auc_score(label, score),
        "auc_pr": sk.auc(recall, precision),
        "binary_crossentropy": sk.log_loss(label, score),
        "calibration": score.sum() / label.sum(),
        "fgsm_accuracy": sk.accuracy_score(label, moved > threshold),
    }


# AUCs come from 2,000 thresholds, and the area under a PR curve depends on how it is interpolated.
TOLERANCE = {"auc": 1e-3, "auc_pr": 1e-2, "binary_crossentropy": 1e-5}


def assert_close(found: dict[str, float], expected: dict[str, float]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=TOLERANCE.get(name, 1e-6)), name


def attacked(evaluated, slope: float) -> np.ndarray:
    """Scores after FGSM: they rise with `x`, so it moves down where the label is 1 and up where it is 0."""
    split = evaluated.split
    x = split.x + np.float32(ADVERSARIAL.epsilon) * np.where(split.label == 1, -1, 1)
    return TinyModel("binary", slope).scores(tf.constant(x, tf.float32)).numpy()[:, 0]


def test_binary_metrics_agree_with_scikit_learn_overall_and_on_slices(binary):
    candidate, _ = results.load(binary.evaluation.uri)
    split, score, moved = binary.split, binary.scores(SLOPE)[:, 0], attacked(binary, SLOPE)
    assert set(candidate[OVERALL].metrics) == {*METRICS["binary"], FGSM_ACCURACY}
    assert_close(candidate[OVERALL].metrics, scikit_binary(split.label, score, moved, THRESHOLD))
    for key, rows in {
        (("payment_type", "Crédit"),): split.payment == "Crédit",
        (("half", "[0, inf)"),): split.x >= 0,
        (("day", 2), ("payment_type", "Cash")): (split.day == 2) & (split.payment == "Cash"),
    }.items():
        assert candidate[key].rows == rows.sum()
        expected = scikit_binary(split.label[rows], score[rows], moved[rows], THRESHOLD)
        assert_close(candidate[key].metrics, expected)


def test_the_model_in_service_is_measured_on_the_same_rows_at_its_own_threshold(binary):
    candidate, baseline = results.load(binary.evaluation.uri)
    score, moved = binary.scores(BASELINE_SLOPE)[:, 0], attacked(binary, BASELINE_SLOPE)
    assert_close(baseline[OVERALL].metrics, scikit_binary(binary.split.label, score, moved, BASELINE_THRESHOLD))
    assert {key: found.rows for key, found in baseline.items()} == {key: found.rows for key, found in candidate.items()}


def test_slices_with_one_class_can_be_told(binary):
    candidate, _ = results.load(binary.evaluation.uri)
    assert candidate[OVERALL].classes == 2
    assert candidate[(("payment_type", "Pcard"),)].classes == 1


def test_multiclass_metrics_agree_with_scikit_learn(multiclass):
    candidate, baseline = results.load(multiclass.evaluation.uri)
    label, score = multiclass.split.label, multiclass.scores(SLOPE)
    predicted = score.argmax(axis=1)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(label, predicted, average="macro", zero_division=0)
    expected = {
        "accuracy": sk.accuracy_score(label, predicted),
        "macro_precision": precision,
        "macro_recall": recall,
        "macro_f1": f1,
        "categorical_crossentropy": sk.log_loss(label, score),
    }
    assert baseline is None
    assert set(expected) == set(METRICS["multiclass"])
    assert candidate[OVERALL].classes == 3
    for name, value in expected.items():
        assert candidate[OVERALL].metrics[name] == pytest.approx(value, abs=1e-5), name


def test_regression_metrics_agree_with_scikit_learn(regression):
    candidate, _ = results.load(regression.evaluation.uri)
    label, predicted = regression.split.label, regression.scores(SLOPE)[:, 0]
    expected = {
        "mean_squared_error": sk.mean_squared_error(label, predicted),
        "mean_absolute_error": sk.mean_absolute_error(label, predicted),
        "calibration": predicted.sum() / label.sum(),
    }
    assert set(expected) == set(METRICS["regression"])
    assert candidate[OVERALL].classes is None
    for name, value in expected.items():
        assert candidate[OVERALL].metrics[name] == pytest.approx(value, rel=1e-4), name


def test_an_evaluation_without_rows_is_refused(tmp_path):
    (tmp_path / "metrics-00000-of-00001.tfrecord").touch()
    with pytest.raises(DataError, match="no rows"):
        results.load(str(tmp_path))


def test_metrics_are_written_for_other_programs_without_nan(tmp_path):
    found = {
        OVERALL: results.SliceMetrics(100, 2, {"auc": 0.9, "precision": math.nan}),
        (("day", 1),): results.SliceMetrics(40, 1, {"auc": 0.0, "precision": 0.5}),
    }
    slices = {"weekday": SliceSettings(columns="day")}
    threshold = choose(FBetaRule(rule="f_beta"), [0.25, 0.75], [False, True])
    results.write(found, None, slices, threshold, str(tmp_path))
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["overall"] == {"auc": 0.9}
    assert written["slices"] == [
        {"slice": "weekday", "value": "1", "rows": 40, "classes": 1, "metrics": {"precision": 0.5}}
    ]
    assert written["baseline"] is None
    assert written["threshold"] == {"value": 0.5, "rule": "best F-beta, beta 1"}
    assert results.read(str(tmp_path)) == written


@settings(deadline=None)
@given(arrays(np.float64, (4, 4), elements=st.integers(0, 5).map(float)).filter(lambda matrix: matrix.sum() > 0))
def test_macro_averages_of_a_confusion_matrix_are_scikit_learns(matrix):
    label = [i for i in range(4) for j in range(4) for _ in range(int(matrix[i, j]))]
    predicted = [j for i in range(4) for j in range(4) for _ in range(int(matrix[i, j]))]
    found = results.multiclass_metrics(matrix)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(label, predicted, average="macro", zero_division=0)
    expected = [sk.accuracy_score(label, predicted), precision, recall, f1]
    assert list(found.values()) == pytest.approx(expected)
