"""Divergences of shares: zero on identical input, symmetric, bounded, and SciPy's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import chebyshev, euclidean, jensenshannon
from scipy.stats.contingency import association

from components.drift.metrics import shares as divergences

MEASURES = [divergences.l_infinity, divergences.jensen_shannon, divergences.psi, divergences.hellinger]
MEASURES += [divergences.chi_square]

counts = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any).map(lambda rows: np.array(rows, float))
shares = counts.map(lambda rows: rows / rows.sum())


@pytest.mark.parametrize("measure", MEASURES)
@given(p=shares, q=shares)
def test_each_is_zero_for_equal_shares_symmetric_and_bounded(measure, p, q):
    assert measure(p, p) == 0
    assert measure(p, q) == pytest.approx(measure(q, p), abs=1e-12)
    assert 0 <= measure(p, q) <= (18.5 if measure is divergences.psi else 1 + 1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_each_takes_many_pairs_at_once(measure):
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), (2, 7))
    assert measure(p, q) == pytest.approx([measure(*pair) for pair in zip(p, q, strict=True)])


@given(shares, shares)
def test_they_are_those_of_scipy(p, q):
    assert divergences.l_infinity(p, q) == pytest.approx(chebyshev(p, q))
    assert divergences.jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)
    assert divergences.hellinger(p, q) == pytest.approx(euclidean(np.sqrt(p), np.sqrt(q)) / math.sqrt(2), abs=1e-9)


@given(counts, counts)
def test_chi_square_is_cramers_v_of_sides_with_as_many_rows(now, then):
    sides = np.array([now / now.sum(), then / then.sum()])
    table = np.round(sides * 1e7).astype(int)
    table = table[:, table.any(axis=0)]
    expected = association(table, method="cramer", correction=False) if table.shape[1] > 1 else 0
    assert divergences.chi_square(*sides) == pytest.approx(expected, abs=1e-3)


@given(st.lists(st.floats(0.01, 1), min_size=8, max_size=8))
def test_psi_is_the_sum_that_its_definition_says(rows):
    p, q = np.array(rows[:4]) / sum(rows[:4]), np.array(rows[4:]) / sum(rows[4:])
    assert divergences.psi(p, q) == pytest.approx(sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True)))


def test_nothing_in_common_is_as_far_apart_as_can_be():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert [measure(p, q) for measure in MEASURES if measure is not divergences.psi] == [1, 1, 1, 1]
    assert divergences.psi(p, q) == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))
