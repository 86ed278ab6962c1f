"""Measures of drift: zero on identical input, symmetric, bounded, and close to what the rows themselves say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from small_statistics import statistics

from components.drift.histograms import ValueCounts, cdf, decile_cuts, pool, value_counts
from components.drift.metrics import (
    categorical_psi,
    jensen_shannon,
    l_infinity,
    new_values,
    numeric_psi,
    psi,
)

ROWS = 4000

counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 1000), max_size=8).map(
    lambda rows: ValueCounts({value: float(count) for value, count in rows.items()})
)
numbers = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60)
shares = st.lists(st.floats(0.01, 1), min_size=4, max_size=4).map(lambda p: np.array(p) / sum(p))


def distribution(rows, **options):
    return cdf(statistics(x=np.asarray(rows, np.float64), **options).datasets[0].features[0].num_stats)


@given(counts, counts)
def test_l_infinity_is_a_distance_of_shares(a, b):
    assert l_infinity(a, a) == 0
    assert l_infinity(a, b) == l_infinity(b, a)
    assert 0 <= l_infinity(a, b) <= 1


def test_l_infinity_is_the_largest_change_of_a_share():
    now, then = ValueCounts({"cash": 60.0, "card": 40.0}), ValueCounts({"cash": 30.0, "card": 60.0, "app": 10.0})
    assert l_infinity(now, then) == pytest.approx(0.3)


@given(shares, shares)
def test_psi_is_symmetric_and_never_negative(p, q):
    assert psi(p, p) == 0
    assert psi(p, q) == pytest.approx(psi(q, p))
    assert psi(p, q) >= 0
    assert psi(p, q) == pytest.approx(sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True)))


def test_psi_is_finite_where_nothing_is_shared():
    assert psi(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))


@given(counts, counts)
def test_categorical_psi_is_finite_for_any_counts(a, b):
    assert categorical_psi(a, a) == 0
    assert math.isfinite(categorical_psi(a, b)) and categorical_psi(a, b) >= 0


@settings(max_examples=50, deadline=None)
@given(numbers, numbers)
def test_numeric_measures_are_bounded_for_any_rows(a, b):
    p, q = distribution(a), distribution(b)
    assert jensen_shannon(p, p) == 0 and numeric_psi(p, p) == 0
    assert 0 <= jensen_shannon(p, q) <= 1
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    assert math.isfinite(numeric_psi(p, q)) and numeric_psi(p, q) >= 0


def raw_shares(rows, cuts):
    """Shares of the rows themselves, counted in the bins that `cuts` separate."""
    rows = np.asarray(rows, np.float32).astype(np.float64)
    upto = [
        np.mean(rows <= cut) if inclusive else np.mean(rows < cut)
        for cut, inclusive in zip(cuts.values, cuts.inclusive, strict=True)
    ]
    return np.diff(upto, prepend=0, append=1)


def zeros_and_more(rng, share):
    return np.where(rng.random(ROWS) < share, 0, rng.lognormal(size=ROWS))


PAIRS = {
    "the same normal": lambda rng: (rng.normal(size=ROWS), rng.normal(size=ROWS)),
    "a small shift": lambda rng: (rng.normal(size=ROWS), rng.normal(0.3, size=ROWS)),
    "a large shift": lambda rng: (rng.normal(size=ROWS), rng.normal(1, size=ROWS)),
    "a wider spread": lambda rng: (rng.normal(size=ROWS), rng.normal(0, 1.5, size=ROWS)),
    "the same heavy tail": lambda rng: (rng.lognormal(0, 2, ROWS), rng.lognormal(0, 2, ROWS)),
    "a heavier tail": lambda rng: (rng.lognormal(0, 2, ROWS), rng.lognormal(0.4, 2, ROWS)),
    "far outliers": lambda rng: (
        rng.normal(size=ROWS),
        np.where(rng.random(ROWS) < 0.01, 1000, rng.normal(size=ROWS)),
    ),
    "more zeros": lambda rng: (zeros_and_more(rng, 0.5), zeros_and_more(rng, 0.63)),
    "hardly any zeros left": lambda rng: (zeros_and_more(rng, 0.63), zeros_and_more(rng, 0.05)),
    "the same atom inside": lambda rng: tuple(
        np.where(rng.random(ROWS) < 0.3, 5, rng.normal(5, 1, ROWS)) for _ in range(2)
    ),
    "hours of the day": lambda rng: (rng.integers(0, 24, ROWS), (24 * rng.beta(2, 2, ROWS)).astype(int)),
    "a few different numbers": lambda rng: tuple(
        rng.choice([1, 6, 7, 8, 24, 28, 32, 33, 76], ROWS, p=[0.04, 0.06, 0.05, 0.35, 0.05, 0.12, 0.2, 0.08, 0.05])
        for _ in range(2)
    ),
    "a binary label": lambda rng: (rng.random(ROWS) < 0.5, rng.random(ROWS) < 0.3),
}


def errors(then, now, **options):
    """How far divergence and PSI lie from those of the rows themselves, counted in the same bins."""
    p, q = distribution(now, **options), distribution(then, **options)
    pooled, deciles = decile_cuts(pool(p, q)), decile_cuts(q)
    divergence = jensenshannon(raw_shares(now, pooled), raw_shares(then, pooled), base=2) ** 2
    index = psi(raw_shares(now, deciles), raw_shares(then, deciles))
    return abs(jensen_shannon(p, q) - divergence), abs(numeric_psi(p, q) - index) / max(index, 0.2)


@pytest.mark.parametrize("pair", PAIRS)
def test_numeric_measures_stay_close_to_those_of_the_rows(pair):
    divergence, index = errors(*PAIRS[pair](np.random.default_rng(7)))
    assert divergence < 0.001
    assert index < 0.03


@pytest.mark.parametrize("pair", ["the same normal", "a small shift", "a large shift", "a heavier tail", "more zeros"])
def test_continuous_columns_are_judged_well_by_ten_quantile_buckets_too(pair):
    divergence, index = errors(*PAIRS[pair](np.random.default_rng(7)), buckets=10)
    assert divergence < 0.01
    assert index < 0.1


@pytest.mark.parametrize(("then", "now"), [(1.0, 3.0), (3.0, 1.0)])
def test_a_constant_that_moves_shares_nothing_with_what_it_was(then, now):
    p, q = distribution([now] * 50), distribution([then] * 50)
    assert jensen_shannon(p, q) == 1
    assert numeric_psi(p, q) > 9
    assert jensen_shannon(p, p) == numeric_psi(p, p) == 0


def test_columns_without_overlap_are_as_far_apart_as_can_be():
    p, q = distribution(np.linspace(0, 1, 100)), distribution(np.linspace(50, 51, 100))
    assert jensen_shannon(p, q) == pytest.approx(1)
    assert math.isfinite(numeric_psi(p, q)) and numeric_psi(p, q) > 5


def test_nan_and_infinities_do_not_reach_the_measures():
    rows = np.random.default_rng(0).normal(size=500)
    broken = rows.copy()
    broken[:20], broken[20:30], broken[30:35] = np.nan, np.inf, -np.inf
    p, q = distribution(broken), distribution(rows)
    assert jensen_shannon(p, p) == 0
    assert 0 < jensen_shannon(p, q) < 0.05
    assert math.isfinite(numeric_psi(p, q)) and math.isfinite(numeric_psi(q, p))


@pytest.mark.parametrize("rows", [[np.nan] * 5, [np.inf] * 5])
def test_a_column_without_finite_values_has_no_distribution(rows):
    assert distribution(rows) is None


def test_value_counts_are_exact():
    strings = statistics(c=["a"] * 5 + ["b"] * 3 + [None] * 2).datasets[0].features[0].string_stats
    assert value_counts(strings) == ValueCounts({"a": 5.0, "b": 3.0}, 0.0)


def test_values_beyond_the_listed_thousand_are_counted_together():
    rows = [f"v{number}" for number in range(1500)] + ["often"] * 500
    found = value_counts(statistics(c=rows).datasets[0].features[0].string_stats)
    assert len(found.counts) == 1000
    assert found.total == 2000
    assert l_infinity(found, found) == categorical_psi(found, found) == 0


def test_new_values_are_those_that_the_reference_lacks():
    now, then = ValueCounts({"a": 5.0, "c": 2.0, "d": 3.0}), ValueCounts({"a": 5.0, "b": 5.0})
    assert new_values(now, then) == {"d": 0.3, "c": 0.2}
    assert new_values(then, then) == {}


def test_rare_values_are_not_new_where_the_reference_may_have_had_them():
    then = ValueCounts({"a": 90.0, "b": 5.0}, unlisted=5.0)
    now = ValueCounts({"a": 80.0, "c": 17.0, "d": 3.0})
    assert new_values(now, then) == {"c": 0.17}
