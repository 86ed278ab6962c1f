"""Curves: scikit-learn's, thinned to what can be drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import calibration as sk_calibration
from sklearn import metrics as sk
from small_predictions import binary, multiclass, regression

from components.evaluation.depth import curves
from components.evaluation.depth.metrics import Answers
from components.evaluation.predictions import Model

LARGE = 20_000


def answers(predictions) -> Answers:
    return Answers(predictions.task, predictions.label, predictions.new)


@pytest.fixture(scope="module")
def large() -> Answers:
    return answers(binary(LARGE))


def test_a_short_roc_has_every_point_of_scikit_learn_s():
    few = answers(binary(80))
    found = curves.curves(few)["roc"]
    false, recall, _ = sk.roc_curve(few.label, few.model.scores, drop_intermediate=False)
    assert found["false_positive_rate"] == pytest.approx(false)
    assert found["recall"] == pytest.approx(recall)


def test_a_short_precision_recall_curve_has_every_point_of_scikit_learn_s():
    few = answers(binary(80))
    found = curves.curves(few)["precision_recall"]
    precision, recall, _ = sk.precision_recall_curve(few.label, few.model.scores)
    # scikit-learn's begins with all rows and ends at the made-up point (recall 0, precision 1).
    assert found["recall"] == pytest.approx(recall[-2::-1])
    assert found["precision"] == pytest.approx(precision[-2::-1])


def test_scores_of_0_and_1_still_begin_and_end_the_curves():
    label = np.array([0, 0, 1, 1])
    found = curves.curves(Answers("binary", label, Model(np.array([0, 1, 0, 1], np.float32), 0.5, None)))
    assert found["roc"]["false_positive_rate"].tolist() == [0, 0.5, 1]
    assert found["roc"]["recall"].tolist() == [0, 0.5, 1]
    assert found["precision_recall"]["recall"].tolist() == [0.5, 1]


def test_thinned_curves_stay_close_to_the_whole_ones(large):
    found = curves.curves(large)
    roc, ranked = found["roc"], found["precision_recall"]
    assert max(map(len, (*roc.values(), *ranked.values()))) <= curves.MOST
    false, recall, _ = sk.roc_curve(large.label, large.model.scores)
    assert np.interp(false, roc["false_positive_rate"], roc["recall"]) == pytest.approx(recall, abs=0.011)
    area = np.trapezoid(roc["recall"], roc["false_positive_rate"])
    assert area == pytest.approx(sk.roc_auc_score(large.label, large.model.scores), abs=1e-3)
    precision, recall, _ = sk.precision_recall_curve(large.label, large.model.scores)
    drawn = np.interp(recall[-2::-1], ranked["recall"], ranked["precision"])
    assert np.abs(drawn - precision[-2::-1])[recall[-2::-1] > 0.01].max() < 0.02


def test_every_threshold_tells_what_it_would_make_of_the_rows(large):
    found = curves.curves(large)["thresholds"]
    assert (np.diff(found["threshold"]) > 0).all()
    assert np.float32(large.model.threshold) in found["threshold"]
    assert len(found["threshold"]) <= curves.MOST
    for at in range(0, len(found["threshold"]), 20):
        called = large.model.scores > found["threshold"][at]
        assert found["precision"][at] == pytest.approx(sk.precision_score(large.label, called))
        assert found["recall"][at] == pytest.approx(sk.recall_score(large.label, called))
        assert found["f1"][at] == pytest.approx(sk.f1_score(large.label, called))
        assert found["positive_share"][at] == pytest.approx(called.mean())


def test_calibration_is_scikit_learn_s_with_wilson_s_intervals(large):
    found = curves.curves(large)["calibration"]
    observed, predicted = sk_calibration.calibration_curve(
        large.label, large.model.scores, n_bins=10, strategy="quantile"
    )
    assert [each["observed"] for each in found] == pytest.approx(observed, abs=2e-3)
    assert [each["predicted"] for each in found] == pytest.approx(predicted, abs=2e-3)
    assert all(each["observed_low"] < each["observed"] < each["observed_high"] for each in found)
    assert sum(each["rows"] for each in found) == LARGE


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=50))
def test_equal_scores_share_a_bin(rows):
    scores = np.array([score / 4 for score, _ in rows])
    found = curves.calibration(scores, np.array([hit for _, hit in rows]))
    assert sum(each["rows"] for each in found) == len(rows)
    assert all(one["high"] < two["low"] for one, two in pairwise(found))


def test_the_histogram_counts_every_score(large):
    found = curves.curves(large)["scores"]
    assert sum(each["positive"] for each in found) == large.label.sum()
    assert sum(each["negative"] + each["positive"] for each in found) == LARGE


def test_the_confusion_matrix_is_scikit_learn_s():
    for predictions in (binary(), multiclass()):
        found = answers(predictions)
        matrix = curves.confusion(found, len(predictions.classes))
        assert (matrix == sk.confusion_matrix(found.label, found.called)).all()


def test_a_multiclass_model_is_calibrated_by_its_likeliest_class():
    found = answers(multiclass())
    told = curves.curves(found)
    assert set(told) == {"calibration", "scores"}
    right = sum(each["observed"] * each["rows"] for each in told["calibration"])
    assert right == pytest.approx(found.right.sum())
    assert sum(each["right"] for each in told["scores"]) == found.right.sum()


def test_a_regression_has_residuals_and_predictions_against_actual_values():
    found = answers(regression())
    told = curves.curves(found)
    assert set(told) == {"residuals", "predicted_actual"}
    assert sum(each["rows"] for each in told["residuals"]) == found.label.size
    bins = told["predicted_actual"]
    assert sum(each["actual"] * each["rows"] for each in bins) == pytest.approx(found.label.sum(), rel=1e-5)
    assert all(each["actual_low"] < each["actual"] < each["actual_high"] for each in bins)


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("make", [binary, multiclass, regression])
def test_a_few_rows_have_curves_too(make, rows):
    assert curves.curves(answers(make(rows)))


def test_a_single_class_has_no_ranking():
    found = answers(binary(50)).at(np.arange(50))
    alone = found.at(found.label == 1)
    assert set(curves.curves(alone)) == {"thresholds", "calibration", "scores"}


def test_thinning_keeps_both_ends():
    x = np.linspace(0, 1, 5000)
    kept = curves.thin(x, x**2, 50)
    assert (kept[0], kept[-1]) == (0, 4999)
    assert len(kept) <= 50
