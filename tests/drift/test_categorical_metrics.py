"""Measures of categorical columns: as counted in the rows, and sensible where statistics do not list every value."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from small_statistics import statistics

from components.drift.histograms import ValueCounts, value_counts
from components.drift.metrics.categorical import aligned, distances, length_change, new_values

counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 1000), min_size=1, max_size=8).map(
    lambda rows: ValueCounts({value: float(count) for value, count in rows.items()})
)


def counted(rows):
    return value_counts(statistics(c=rows).datasets[0].features[0].string_stats)


@given(counts, counts)
def test_distances_are_finite_for_any_counts(a, b):
    assert set(distances(a, a).values()) == {0}
    assert all(math.isfinite(value) and value >= 0 for value in distances(a, b).values())


@pytest.mark.parametrize("values", [2, 10, 200])
def test_distances_from_statistics_are_those_of_the_rows(values):
    rng = np.random.default_rng(values)
    now, then = (rng.choice(values, 5000, p=rng.dirichlet(np.ones(values))).astype(str).tolist() for _ in range(2))
    p, q = Counter(now), Counter(then)
    shares = np.array([(p[value] / 5000, q[value] / 5000) for value in p | q]).T
    found = distances(counted(now), counted(then))
    assert found["l_infinity"] == pytest.approx(np.abs(shares[0] - shares[1]).max())
    assert found["jensen_shannon"] == pytest.approx(jensenshannon(*shares, base=2) ** 2)


def test_l_infinity_is_the_largest_change_of_a_share():
    now, then = ValueCounts({"cash": 60.0, "card": 40.0}), ValueCounts({"cash": 30.0, "card": 60.0, "app": 10.0})
    assert distances(now, then)["l_infinity"] == pytest.approx(0.3)


def test_value_counts_are_exact():
    assert counted(["a"] * 5 + ["b"] * 3 + [None] * 2) == ValueCounts({"a": 5.0, "b": 3.0}, 0.0)


def test_values_beyond_the_listed_thousand_are_counted_together():
    found = counted([f"v{number}" for number in range(1500)] + ["often"] * 500)
    assert len(found.counts) == 1000
    assert found.total == 2000
    assert set(distances(found, found).values()) == {0}


def test_columns_of_rare_values_do_not_differ_by_which_of_them_were_listed():
    now, then = (counted([f"v{number}" for number in range(start, start + 3000)]) for start in (0, 9000))
    assert aligned(now, then) == ([1.0], [1.0])
    assert new_values(now, then) == {}


def test_new_values_are_those_that_the_reference_lacks():
    now, then = ValueCounts({"a": 5.0, "c": 2.0, "d": 3.0}), ValueCounts({"a": 5.0, "b": 5.0})
    assert new_values(now, then) == {"d": 0.3, "c": 0.2}
    assert new_values(then, then) == {}


def test_rare_values_are_not_new_where_the_reference_may_have_had_them():
    then = ValueCounts({"a": 90.0, "b": 5.0}, unlisted=5.0, complete=False)
    now = ValueCounts({"a": 80.0, "c": 17.0, "d": 3.0})
    assert new_values(now, then) == {"c": 0.17}


def test_lengths_change_by_a_share_of_what_they_were():
    assert length_change(6, 4) == length_change(2, 4) == 0.5
    assert length_change(0, 0) == 0
    assert length_change(2, 0) == 2
