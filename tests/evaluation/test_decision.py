"""The decision threshold: every rule against counting by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sklearn import metrics as sk

from components.evaluation.decision import DecisionSettings, choose, thresholds

RULES = [
    {"rule": "f_beta"},
    {"rule": "f_beta", "beta": 0.5},
    {"rule": "recall_at_precision", "min_precision": 0.75},
    {"rule": "cost", "false_positive": 1, "false_negative": 10},
    {"rule": "cost", "false_positive": 3, "false_negative": 0.5},
]


def rule(**fields: object) -> DecisionSettings:
    return TypeAdapter(DecisionSettings).validate_python(fields)


# Few distinct scores, so that there are ties; 0, 1 and neighbours in float32 among them.
scores = st.sampled_from(np.float32([0, 1e-7, 0.2, 0.5, np.nextafter(np.float32(0.5), np.float32(1)), 0.7, 0.9, 1]))
samples = st.lists(st.tuples(scores, st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({positive for _, positive in rows}) == 2
)


def merit(chosen_by: dict[str, object], score: np.ndarray, truth: np.ndarray, threshold: float) -> float:
    """What a rule looks at, by scikit-learn's definitions."""
    predicted = score > np.float32(threshold)
    match chosen_by["rule"]:
        case "f_beta":
            return sk.fbeta_score(truth, predicted, beta=chosen_by.get("beta", 1), zero_division=0)
        case "recall_at_precision":
            precise = sk.precision_score(truth, predicted, zero_division=0) >= chosen_by["min_precision"]
            return sk.recall_score(truth, predicted) if precise else -math.inf
    wrong = [(~truth & predicted).sum(), (truth & ~predicted).sum()]
    return -float(np.dot([chosen_by["false_positive"], chosen_by["false_negative"]], wrong))


@pytest.mark.parametrize("chosen_by", RULES, ids=str)
@settings(deadline=None)
@given(rows=samples)
def test_no_threshold_is_better_and_among_equals_the_highest_wins(chosen_by, rows):
    score, truth = np.float32([each for each, _ in rows]), np.array([each for _, each in rows])
    # Every way to part the rows: above 0 or a score, but never 1 itself, for no score is greater.
    cuts = [cut for cut in np.unique(np.append(score, np.float32(0))) if cut < 1]
    merits = np.array([merit(chosen_by, score, truth, cut) for cut in cuts])
    found = choose(rule(**chosen_by), score, truth)
    if np.isneginf(merits).all():
        assert found.value == 0.5
        assert "the highest precision is" in found.unmet
        return
    assert found.unmet is None
    assert merit(chosen_by, score, truth, found.value) == pytest.approx(merits.max())
    best = cuts[np.flatnonzero(np.isclose(merits, merits.max()))[-1]]
    np.testing.assert_array_equal(score > np.float32(found.value), score > best)


@settings(deadline=None)
@given(rows=samples)
def test_recall_at_a_precision_lies_on_scikit_learn_s_curve(rows):
    score, truth = np.float32([each for each, _ in rows]), np.array([each for _, each in rows])
    precision, recall, _ = sk.precision_recall_curve(truth, score)
    # Its last point stands for no row at all; its first may take in rows that score 0, which is never positive here.
    reached = recall[:-1][(precision[:-1] >= 0.75)]
    found = choose(rule(rule="recall_at_precision", min_precision=0.75), score, truth)
    if found.unmet is None:
        assert found.precision >= 0.75
        assert any(math.isclose(found.recall, each) for each in reached)
        if score.min() > 0:
            assert found.recall == pytest.approx(reached.max())


@settings(deadline=None)
@given(rows=samples)
def test_precision_and_recall_are_those_at_the_threshold(rows):
    score, truth = np.float32([each for each, _ in rows]), np.array([each for _, each in rows])
    found = choose(rule(rule="cost", false_positive=1, false_negative=1), score, truth)
    predicted = score > np.float32(found.value)
    assert found.recall == pytest.approx(sk.recall_score(truth, predicted))
    if predicted.any():
        assert found.precision == pytest.approx(sk.precision_score(truth, predicted))
    else:
        assert found.precision is None
    assert found.rows == len(rows)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32, allow_subnormal=False), min_size=1, max_size=20))
def test_thresholds_part_the_rows_in_every_way_once(values):
    score = np.float32(values)
    found = thresholds(score)
    assert np.all(np.diff(found) > 0)
    assert found[0] > 0
    assert found[-1] < 1
    parted = [tuple(score > each) for each in found]
    assert len(set(parted)) == len(parted) or score.max() < 1  # above the highest score, none is positive
    assert {tuple(score > each) for each in score if each < 1} <= set(parted)


def test_the_threshold_lies_halfway_between_two_scores():
    found = choose(rule(rule="f_beta"), [0.1, 0.2, 0.6, 0.9], [False, False, True, True])
    assert found.value == pytest.approx(0.4)
    assert (found.precision, found.recall) == (1, 1)
    assert found.rule == "best F-beta, beta 1"


def test_a_fixed_threshold_needs_no_rows_of_both_classes():
    found = choose(rule(rule="fixed", threshold=0.3), [0.2, 0.4], [False, False])
    assert (found.value, found.rule, found.unmet) == (0.3, "fixed", None)
    assert (found.precision, found.recall) == (0, None)


@pytest.mark.parametrize("chosen_by", RULES, ids=str)
@pytest.mark.parametrize(
    ("score", "truth", "why"),
    [
        ([0.2, 0.8], [True, True], "same label"),
        ([0.2, 0.8], [False, False], "same label"),
        ([], [], "same label"),
        ([0.2, math.nan], [True, False], "not a number"),
    ],
)
def test_where_there_is_nothing_to_choose_from_the_default_stays_and_says_so(chosen_by, score, truth, why):
    found = choose(rule(**chosen_by), score, truth)
    assert found.value == 0.5
    assert why in found.unmet


def test_a_precision_out_of_reach_is_told_with_the_highest_there_is():
    found = choose(rule(rule="recall_at_precision", min_precision=0.9), [0.1, 0.5, 0.7, 0.9], [0, 1, 1, 0])
    assert found.unmet == "the highest precision is 0.6667, at 0.3"


def test_missing_a_positive_row_may_cost_more_than_many_false_alarms():
    score, truth = [0.1, 0.2, 0.3, 0.4, 0.9], [False, True, False, False, True]
    assert choose(rule(rule="cost", false_positive=1, false_negative=1), score, truth).recall == 0.5
    assert choose(rule(rule="cost", false_positive=1, false_negative=10), score, truth).recall == 1
