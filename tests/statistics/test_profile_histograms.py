"""Histograms from quantiles, against the loops of TFDV that they stand in for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_data_validation.utils import quantiles_util
from tfx_bsl.sketches import QuantilesSketch

from components.profile.histograms import Quantiles, quantile_histogram, width_histogram

NUMBERS = st.lists(st.sampled_from([-3.0, 0.0, 0.5, 7.0]) | st.floats(-1e6, 1e6), min_size=1, max_size=60)
INFINITE = st.lists(st.sampled_from([-np.inf, np.inf]), max_size=20)


def quantiles(values) -> Quantiles:
    sketch = QuantilesSketch(0.01, 1 << 32, 1)
    sketch.AddValues(pa.array(values, pa.float64()))
    return Quantiles.of(sketch, 200)


def assert_same(histogram, expected):
    ours, theirs = (
        np.array([(each.low_value, each.high_value, each.sample_count) for each in one.buckets])
        for one in (histogram, expected)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(NUMBERS)
def test_buckets_of_quantiles_are_tfdv_s(values):
    found = quantiles(values)
    assert_same(quantile_histogram(found), quantiles_util.generate_quantiles_histogram(found.values, found.upto))


@settings(deadline=None, max_examples=40)
@given(NUMBERS, INFINITE)
def test_buckets_of_equal_width_hold_every_row_once(values, infinite):
    found = quantiles(values + infinite)
    ends = (float(infinite.count(-np.inf)), float(infinite.count(np.inf)))
    histogram = width_histogram(found, min(values), max(values), ends)
    counts = {(each.low_value, each.high_value): each.sample_count for each in histogram.buckets}
    assert [counts.get((end, end), 0) for end in (-np.inf, np.inf)] == list(ends)
    assert np.isclose(sum(counts.values()), len(values) + len(infinite))


@settings(deadline=None, max_examples=40)
@given(NUMBERS)
def test_buckets_of_equal_width_are_tfdv_s(values):
    found, low, high = quantiles(values), min(values), max(values)
    expected = quantiles_util.generate_equi_width_histogram(found.values, found.upto, low, high, 10, 0)
    assert_same(width_histogram(found, low, high, (0, 0)), expected)
