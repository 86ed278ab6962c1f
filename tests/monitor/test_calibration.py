"""From scores to probabilities."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from components.monitor import calibration


def rows(number: int, seed: int = 0):
    """Scores that are too sure: the label is 1 with probability sigmoid(logit / 3)."""
    random = np.random.default_rng(seed)
    score = random.uniform(0.001, 0.999, number)
    return score, random.random(number) < 1 / (1 + np.exp(-calibration.logits(score) / 3))


def test_with_many_rows_it_is_the_isotonic_regression():
    score, hit = rows(12_000)
    found = calibration.fit(score, hit)
    wanted = IsotonicRegression(out_of_bounds="clip").fit(score, hit)
    assert found.method == "isotonic"
    np.testing.assert_allclose(found(np.linspace(0, 1, 500)), wanted.predict(np.linspace(0, 1, 500)), atol=1e-9)
    assert len(found.scores) < 400


def test_with_few_rows_it_is_a_logistic_curve():
    found = calibration.fit(*rows(900))
    assert found.method == "platt"
    assert found.slope == pytest.approx(1 / 3, abs=0.06)
    assert found(0.9) == pytest.approx(1 / (1 + np.exp(-calibration.logits(np.array(0.9)) / 3)), abs=0.05)


@pytest.mark.parametrize(("score", "hit"), [*([rows(20)]), (np.full(2000, 0.3), np.zeros(2000)), ([], [])])
def test_too_few_rows_or_one_outcome_leave_the_scores_as_they_are(score, hit):
    found = calibration.fit(score, hit)
    assert (found.method, found.rows) == ("none", len(hit))
    assert found(0.42) == 0.42


def test_scores_that_mislead_are_worth_nothing():
    score, hit = rows(500)
    found = calibration.fit(score, ~hit)
    assert found.slope == 0
    assert found(0.1) == found(0.9) == pytest.approx(1 - hit.mean(), abs=0.01)


@given(st.sampled_from([60, 700, 11_000]), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_it_rises_stays_between_0_and_1_and_survives_json(number, seed):
    found = calibration.fit(*rows(number, seed))
    grid = found(np.linspace(0, 1, 100))
    assert (np.diff(grid) >= 0).all() and grid.min() >= 0 and grid.max() <= 1
    assert calibration.from_plain(json.loads(json.dumps(found.plain()))) == found
