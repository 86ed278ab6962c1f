"""Learned thresholds: chance sets off few alarms at any number of rows, and changes that matter are found.

Statistics come from `quick_statistics`, which is held against TFDV's below.
"""

from typing import get_args

import numpy as np
import pytest
from quick_statistics import quick_statistics
from scipy.stats import ks_2samp
from small_statistics import statistics

from components.drift import noise
from components.drift.compare import compare
from components.drift.histograms import cdf, value_counts
from components.drift.measure import Column
from components.drift.metrics.numeric import jensen_shannon, kolmogorov_smirnov
from components.drift.settings import BoundSettings, DriftSettings, Metric

SIZES = [10, 100, 1000, 10_000]


def words(*shares):
    names = np.array([f"v{number}" for number in range(len(shares))])
    return lambda rng, rows: rng.choice(names, rows, p=np.array(shares) / sum(shares))


KINDS = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "lognormal": lambda rng, rows: rng.lognormal(0, 2, rows),
    "heavy tails": lambda rng, rows: rng.standard_cauchy(rows),
    "many zeros": lambda rng, rows: np.where(rng.random(rows) < 0.5, 0, rng.lognormal(size=rows)),
    "hours": lambda rng, rows: rng.integers(0, 24, rows).astype(float),
    "counts": lambda rng, rows: rng.geometric(0.3, rows).astype(float),
    "label": lambda rng, rows: (rng.random(rows) < 0.2).astype(float),
    "rare label": lambda rng, rows: (rng.random(rows) < 0.02).astype(float),
    "constant": lambda rng, rows: np.full(rows, 3.0),
    "one in ten missing": lambda rng, rows: np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
    "all missing": lambda rng, rows: np.full(rows, np.nan),
    "three words": words(6, 3, 1),
    "fifty words": words(*(1 / np.arange(1, 51))),
    "five hundred words": words(*(1 / np.arange(1, 501))),
    "rare words": words(990, *[1] * 10),
    "names": lambda rng, rows: rng.integers(0, 10**9, rows).astype(str),
}


def drift(now, then, settings=None, past=()):
    [found] = compare(
        quick_statistics(x=now),
        quick_statistics(x=then),
        settings=settings or DriftSettings(),
        features=["x"],
        label=None,
        past=[quick_statistics(x=rows) for rows in past],
    )
    return found


def alarms(kind, then_rows, now_rows, seeds, **options):
    sides = ((kind(rng, now_rows), kind(rng, then_rows)) for rng in map(np.random.default_rng, seeds))
    return [drift(now, then, **options).drifted for now, then in sides]


def test_data_that_did_not_drift_set_off_few_alarms():
    """Every kind at every pair of sizes: 256 comparisons that should be silent."""
    found = [
        alarm
        for number, kind in enumerate(KINDS.values())
        for then in SIZES
        for now in SIZES
        for alarm in alarms(kind, then, now, [number])
    ]
    assert len(found) == 256
    assert np.mean(found) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("then", SIZES)
def test_no_kind_of_column_sets_off_more_alarms_than_one_in_twenty(kind, then):
    found = [alarm for now in SIZES for alarm in alarms(KINDS[kind], then, now, range(100))]
    assert np.mean(found) <= 0.05


@pytest.mark.parametrize("metric", [metric for metric in get_args(Metric) if metric != "value_length"])
@pytest.mark.parametrize("kind", ["many zeros", "three words"])
def test_each_metric_stays_within_its_noise_even_where_any_difference_would_matter(metric, kind):
    settings = DriftSettings(bounds=BoundSettings(**dict.fromkeys(get_args(Metric)) | {metric: 0.0}))
    assert np.mean(alarms(KINDS[kind], 1000, 1000, range(12), settings=settings)) <= 0.1


def power(now, then, **options):
    """Share of twenty pairs of samples in which the difference is found."""
    found = [drift(now(rng), then(rng), **options).drifted for rng in map(np.random.default_rng, range(20))]
    return np.mean(found)


@pytest.mark.parametrize(("shift", "expected"), [(0.3, 0.9), (0.5, 1.0)])
def test_a_mean_that_moves_is_found_at_a_thousand_rows(shift, expected):
    assert power(lambda rng: rng.normal(shift, size=1000), lambda rng: rng.normal(size=1000)) >= expected


def test_a_mean_that_moves_by_a_standard_deviation_is_found_at_a_hundred_rows():
    assert power(lambda rng: rng.normal(1, size=100), lambda rng: rng.normal(size=100)) >= 0.95


def test_a_spread_that_grows_by_half_is_found_at_a_thousand_rows():
    assert power(lambda rng: rng.normal(0, 1.5, size=1000), lambda rng: rng.normal(size=1000)) >= 0.95


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_value_whose_share_grows_by_ten_points_is_found_at_a_thousand_rows(share):
    now, then = words(share + 0.1, 0.9 - share), words(share, 1 - share)
    assert power(lambda rng: now(rng, 1000), lambda rng: then(rng, 1000)) >= 0.9


def test_five_in_a_hundred_new_values_are_found_at_a_thousand_rows():
    kind = KINDS["fifty words"]

    def with_new(rng):
        return np.where(rng.random(1000) < 0.05, "new", kind(rng, 1000))

    assert power(with_new, lambda rng: kind(rng, 1000)) >= 0.95


def test_five_points_more_missing_are_found_at_a_thousand_rows():
    def with_missing(rng, share):
        return np.where(rng.random(1000) < share, np.nan, rng.normal(size=1000))

    assert power(lambda rng: with_missing(rng, 0.1), lambda rng: with_missing(rng, 0.05)) >= 0.9


def test_differences_too_small_to_matter_are_not_flagged_however_many_rows_there_are():
    assert power(lambda rng: rng.normal(0.1, size=50_000), lambda rng: rng.normal(size=50_000)) == 0
    now, then = words(0.53, 0.47), words(0.5, 0.5)
    assert power(lambda rng: now(rng, 50_000), lambda rng: then(rng, 50_000)) == 0


def test_ten_rows_are_judged_by_what_ten_rows_can_tell():
    rng = np.random.default_rng(0)
    found = drift(rng.normal(size=10), rng.normal(size=1000))
    assert not found.drifted and found.metrics["jensen_shannon"] > 0.01
    assert found.bounds["jensen_shannon"] == found.noise["jensen_shannon"] > found.metrics["jensen_shannon"]
    assert "no more than noise explains" in found.message
    assert drift(rng.normal(20, size=10), rng.normal(size=1000)).drifted


def test_fixed_thresholds_are_the_bounds():
    rng = np.random.default_rng(0)
    found = drift(rng.normal(size=10), rng.normal(size=1000), DriftSettings(thresholds="fixed"))
    assert found.drifted and found.noise == {} and found.bounds["jensen_shannon"] == 0.01


def test_the_same_data_are_judged_the_same_every_time():
    rng = np.random.default_rng(0)
    now, then = rng.normal(size=100), rng.normal(size=100)
    assert drift(now, then) == drift(now, then)


def spans(*means, rows=2000):
    return [np.random.default_rng(number).normal(mean, size=rows) for number, mean in enumerate(means)]


def test_what_changes_with_every_span_is_usual():
    *past, now = spans(0, 0.5, 0, 0.5, 0, 0.45)
    assert drift(now, past[0]).drifted
    assert not drift(now, past[0], past=past).drifted


def test_one_change_among_earlier_spans_is_not_the_usual():
    *past, now = spans(0, 0, 0, 0, 1, 1)
    assert drift(now, past[0], past=past).drifted


def test_few_or_small_spans_tell_nothing_of_what_is_usual():
    *past, now = spans(0, 0.5, 0, 0.5)
    assert drift(now, past[0], past=past).drifted
    *past, now = [*spans(0, 0.5, 0, 0.5, 0, rows=100), *spans(0.5)]
    assert drift(now, spans(0)[0], past=past).drifted


def test_noise_shrinks_with_the_rows_and_is_the_larger_for_the_smaller_side():
    rng = np.random.default_rng(0)
    columns = {rows: Column(rows, quick_statistics(x=rng.normal(size=rows)).datasets[0].features[0]) for rows in SIZES}

    def level(now, then):
        return noise.levels(columns[now], columns[then], {"kolmogorov_smirnov": 0.0})["kolmogorov_smirnov"]

    levels = [level(rows, rows) for rows in SIZES]
    assert levels == sorted(levels, reverse=True)
    assert level(100, 10_000) == pytest.approx(level(10_000, 100), rel=0.2)
    # 1.63 is the asymptotic 99 % point of Kolmogorov's distribution.
    assert level(1000, 1000) == pytest.approx(1.63 * np.sqrt(2 / 1000), rel=0.12)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("kind", ["normal", "lognormal", "many zeros", "hours", "label", "constant"])
def test_quick_statistics_tell_what_those_of_tfdv_tell(kind, rows):
    values = KINDS[kind](np.random.default_rng(rows), rows)
    quick, real = (make(x=values).datasets[0].features[0].num_stats for make in (quick_statistics, statistics))
    assert jensen_shannon(cdf(quick), cdf(real)) < 0.01
    assert kolmogorov_smirnov(cdf(quick), cdf(real)) <= 0.02
    assert (quick.mean, quick.std_dev) == pytest.approx((real.mean, real.std_dev), rel=1e-3, abs=1e-6)


def test_quick_statistics_count_values_as_tfdv_does():
    values = KINDS["fifty words"](np.random.default_rng(0), 500)
    quick, real = (make(x=values).datasets[0].features[0].string_stats for make in (quick_statistics, statistics))
    assert value_counts(quick) == value_counts(real)
    assert quick.avg_length == pytest.approx(real.avg_length)


def test_the_kolmogorov_smirnov_of_ten_rows_is_that_of_the_rows():
    rng = np.random.default_rng(1)
    now, then = rng.normal(size=10), rng.normal(size=10)
    found = drift(now, then).metrics["kolmogorov_smirnov"]
    assert found == pytest.approx(ks_2samp(now, then).statistic, abs=0.1)
