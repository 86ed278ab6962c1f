"""Measures of numeric columns: bounded on any rows, and close to what SciPy says of the rows themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance
from small_statistics import statistics

from components.drift.histograms import cdf, decile_cuts, pool
from components.drift.metrics import shares as divergences
from components.drift.metrics.numeric import (
    LARGEST_SPREAD_SHIFT,
    jensen_shannon,
    kolmogorov_smirnov,
    mean_shift,
    psi,
    spread_shift,
    wasserstein,
)

ROWS = 4000

numbers = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60)


def distribution(rows, **options):
    return cdf(statistics(x=np.asarray(rows, np.float64), **options).datasets[0].features[0].num_stats)


@settings(max_examples=50, deadline=None)
@given(numbers, numbers)
def test_numeric_measures_are_bounded_for_any_rows(a, b):
    p, q = distribution(a), distribution(b)
    assert jensen_shannon(p, p) == 0 and psi(p, p) == 0
    assert 0 <= jensen_shannon(p, q) <= 1
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    assert math.isfinite(psi(p, q)) and psi(p, q) >= 0


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
    index = divergences.psi(raw_shares(now, deciles), raw_shares(then, deciles))
    return abs(jensen_shannon(p, q) - divergence), abs(psi(p, q) - index) / max(index, 0.2)


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
    assert psi(p, q) > 9
    assert jensen_shannon(p, p) == psi(p, p) == 0


def test_columns_without_overlap_are_as_far_apart_as_can_be():
    p, q = distribution(np.linspace(0, 1, 100)), distribution(np.linspace(50, 51, 100))
    assert jensen_shannon(p, q) == pytest.approx(1)
    assert math.isfinite(psi(p, q)) and psi(p, q) > 5


def test_nan_and_infinities_do_not_reach_the_measures():
    rows = np.random.default_rng(0).normal(size=500)
    broken = rows.copy()
    broken[:20], broken[20:30], broken[30:35] = np.nan, np.inf, -np.inf
    p, q = distribution(broken), distribution(rows)
    assert jensen_shannon(p, p) == 0
    assert 0 < jensen_shannon(p, q) < 0.05
    assert math.isfinite(psi(p, q)) and math.isfinite(psi(q, p))


@pytest.mark.parametrize("rows", [[np.nan] * 5, [np.inf] * 5])
def test_a_column_without_finite_values_has_no_distribution(rows):
    assert distribution(rows) is None


@pytest.mark.parametrize("pair", PAIRS)
def test_kolmogorov_smirnov_stays_close_to_that_of_the_rows(pair):
    then, now = PAIRS[pair](np.random.default_rng(7))
    found = kolmogorov_smirnov(distribution(now), distribution(then))
    assert found == pytest.approx(ks_2samp(now, then).statistic, abs=0.02)


LIGHT_TAILS = [pair for pair in PAIRS if "tail" not in pair and "outliers" not in pair]


@pytest.mark.parametrize("pair", LIGHT_TAILS)
def test_wasserstein_stays_close_to_that_of_the_rows(pair):
    then, now = (rows.astype(float) for rows in PAIRS[pair](np.random.default_rng(7)))
    found = wasserstein(distribution(now), distribution(then), then.std())
    assert found == pytest.approx(wasserstein_distance(now, then) / then.std(), abs=0.02)


def test_wasserstein_of_a_shift_is_the_shift():
    rows = np.random.default_rng(1).normal(size=ROWS)
    assert wasserstein(distribution(rows + 0.5), distribution(rows), 1.0) == pytest.approx(0.5, abs=0.01)
    assert wasserstein(distribution([3.0] * 50), distribution([1.0] * 50), 0.5) == pytest.approx(4)
    assert wasserstein(distribution([1.001] * 50), distribution([1.0] * 50), 0.0) == pytest.approx(1, abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(numbers, numbers)
def test_distances_are_symmetric_and_zero_for_the_same_rows(a, b):
    p, q = distribution(a), distribution(b)
    assert kolmogorov_smirnov(p, p) == wasserstein(p, p, 1.0) == 0
    assert kolmogorov_smirnov(p, q) == kolmogorov_smirnov(q, p) <= 1
    assert wasserstein(p, q, 2.0) == pytest.approx(wasserstein(q, p, 2.0))


def test_shifts_of_mean_and_spread():
    assert mean_shift(3.0, 2.0, 4.0) == mean_shift(1.0, 2.0, 4.0) == 0.25
    assert mean_shift(2.0, 2.0, 0.0) == 0
    assert spread_shift(2.0, 1.0) == spread_shift(1.0, 2.0) == pytest.approx(math.log(2))
    assert spread_shift(0.0, 0.0) == 0
    assert spread_shift(0.0, 1.0) == spread_shift(1.0, 0.0) == LARGEST_SPREAD_SHIFT
