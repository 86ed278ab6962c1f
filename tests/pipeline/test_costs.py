"""What mistakes cost at a threshold, by example and for any rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.costs import Costs

SCORES = np.array([0.1, 0.4, 0.6, 0.9], np.float32)
POSITIVE = np.array([False, True, False, True])


def test_costs_are_of_a_thousand_rows():
    (low, high) = Costs(SCORES, POSITIVE, 1, 10).at([0.3, 0.7])

    assert (low.cost, low.precision, low.recall) == (250, pytest.approx(2 / 3), 1)  # one false alarm in four rows
    assert (high.cost, high.precision, high.recall) == (2500, 1, 0.5)  # one miss


def test_dear_misses_lower_the_threshold():
    assert Costs(SCORES, POSITIVE, 1, 10).least().threshold < Costs(SCORES, POSITIVE, 10, 1).least().threshold


def test_where_nothing_is_called_positive_precision_is_unknown():
    (cost,) = Costs(SCORES, POSITIVE, 1, 1).at([0.95])

    assert (cost.precision, cost.recall) == (None, 0)


def test_rows_of_one_class_keep_the_default():
    assert Costs(SCORES, np.zeros(4, bool), 1, 1).least().threshold == 0.5


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=2, max_size=30),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
)
def test_no_threshold_costs_less_than_the_least(rows, false_positive, false_negative):
    scores, positive = np.array([score for score, _ in rows], np.float32), np.array([label for _, label in rows])
    costs = Costs(scores, positive, false_positive, false_negative)
    least = costs.least().cost

    if positive.any() and not positive.all():
        assert all(each.cost >= least - 1e-6 for each in costs.at(np.linspace(0.01, 0.99, 33).tolist()))
