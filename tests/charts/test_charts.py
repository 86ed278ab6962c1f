"""Each chart is valid Vega-Lite that Vega can draw, for good records and for ugly ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import chart_records as made
import pytest
import vl_convert

from pipeline.charts import drift, edge, judgement, profile, slices, theme, training
from pipeline.charts.theme import Chart

NUMBERS = [3 + index % 20 / 10 - index % 7 for index in range(300)]
PROFILED = made.statistics({"amount": NUMBERS}, {"shop": {"north": 5, "south": 3, "": 1}})
MOVED = made.statistics({"amount": [each + 1 for each in NUMBERS]}, {"shop": {"north": 1, "west": 8}})
CONFUSION = {"labels": ["no", "yes"], "new": [[50, 10], [5, 35]], "served": None}
VARIANTS = [
    {"name": "int8", "format": "int8", "bytes": 4000, "gzip_bytes": 2000, "passed": True, "metrics": {"auc": 0.9}},
    {"name": "float16", "format": "float16", "bytes": 9000, "gzip_bytes": 7000, "passed": False, "metrics": {"auc": 1}},
]
TRIALS = [
    {"trial": 1, "objective": "val_auc", "score": 0.8, "epochs": 3, "values": {"training.learning_rate": 0.01}},
    {"trial": 2, "objective": "val_auc", "score": None, "epochs": None, "values": {}},
]
HISTORY = {"loss": [0.5, 0.3], "val_loss": [0.6, 0.5], "auc": [0.7, 0.8], "val_auc": [0.7, 0.7]}
WEAK = [
    {"where": "shop = north & amount < 20", "rows": 40, "metric": "auc", "value": 0.6, "rest": 0.8}
    | {"difference": -0.2, "p_value": 0.001, "significant": True}
]

CHARTS: dict[str, Callable[[], Chart]] = {
    "slices": lambda: slices.metric_by_slice(made.intervals(), "auc"),
    "slices, nothing served": lambda: slices.metric_by_slice(made.intervals(served=False), "auc"),
    "differences": lambda: slices.differences(made.intervals()["slices"], "auc"),
    "weak slices": lambda: slices.weak_slices(WEAK),
    "roc": lambda: judgement.roc(made.curves()),
    "precision and recall": lambda: judgement.precision_recall(made.curves(served=False)),
    "calibration": lambda: judgement.calibration(made.curves()),
    "thresholds": lambda: judgement.thresholds(made.curves(), 0.4),
    "costs": lambda: judgement.costs([{"threshold": at / 9, "cost": at * (9 - at)} for at in range(10)], 0.5, 0.1),
    "scores": lambda: judgement.score_histogram(made.curves(), 0.4),
    "confusion": lambda: judgement.confusion(CONFUSION),
    "residuals": lambda: judgement.residuals(made.curves()),
    "predicted and actual": lambda: judgement.predicted_actual(made.curves()),
    "comparison": lambda: judgement.comparison(made.comparison()),
    "learning curves": lambda: training.learning_curves(HISTORY),
    "trials": lambda: training.trials(TRIALS),
    "number": lambda: profile.feature_profile(PROFILED.features[0], MOVED.features[0]),
    "string": lambda: profile.feature_profile(PROFILED.features[1], MOVED.features[1]),
    "timeline": lambda: drift.timeline(made.drift_log()),
    "metric by span": lambda: drift.metric_by_span(made.drift_log(), "feature 1", "psi"),
    "ranking": lambda: drift.ranking(made.drift_log(spans=1)),
    "performance": lambda: drift.performance(made.monitors(), "auc"),
    "edge": lambda: edge.edge(VARIANTS, "auc", full=0.95),
}

NO_CURVES = {"new": None, "served": None}
TOP_CLASS = {"new": {"scores": [{"low": 0, "high": 1, "wrong": 9, "right": 4}]}, "served": None}
VANISHED = {**made.drift_log(1, 1)[0], "metrics": {}, "score": None, "drifted": True, "by": ["vanished"]}

UGLY: dict[str, Callable[[], Chart]] = {
    "no slices": lambda: slices.metric_by_slice({"overall": {}, "slices": []}, "auc"),
    "no such metric": lambda: slices.metric_by_slice(made.intervals(), "f1"),
    "NaN on a slice": lambda: slices.metric_by_slice(
        {"slices": [{"slice": "shop", "value": "x", "rows": 1, "metrics": {"auc": math.nan}}]}, "auc"
    ),
    "nothing served": lambda: slices.differences(made.intervals(served=False)["slices"], "auc"),
    "no weak slices": lambda: slices.weak_slices([]),
    "no roc": lambda: judgement.roc(NO_CURVES),
    "no calibration": lambda: judgement.calibration(NO_CURVES),
    "no thresholds": lambda: judgement.thresholds(NO_CURVES, 0.5),
    "one class": lambda: judgement.score_histogram(
        {"new": {"scores": [{"low": 0, "high": 1, "negative": 9, "positive": 0}]}, "served": None}
    ),
    "scores of the likeliest class": lambda: judgement.score_histogram(TOP_CLASS),
    "a column that vanished": lambda: drift.timeline([VANISHED]),
    "no residuals": lambda: judgement.residuals(NO_CURVES),
    "no predictions": lambda: judgement.predicted_actual(NO_CURVES),
    "no confusion in service": lambda: judgement.confusion(CONFUSION, "served"),
    "40 labels": lambda: judgement.confusion({"labels": list(range(40)), "new": [[1] * 40] * 40, "served": None}),
    "nothing compared": lambda: judgement.comparison({}),
    "no epochs": lambda: training.learning_curves({}),
    "one epoch, NaN": lambda: training.learning_curves({"loss": [math.nan], "val_loss": [1.0]}),
    "no eval rows": lambda: training.learning_curves({"loss": [1.0, 0.5]}),
    "no trials": lambda: training.trials([TRIALS[1]]),
    "no log": lambda: drift.timeline([]),
    "one record": lambda: drift.timeline(made.drift_log(1, 1)),
    "no such feature": lambda: drift.metric_by_span(made.drift_log(), "nothing", "psi"),
    "no ranking": lambda: drift.ranking([]),
    "no monitors": lambda: drift.performance([], "auc"),
    "no variants": lambda: edge.edge([], "auc"),
    "no values": lambda: profile.feature_profile(made.statistics({"x": []}).features[0]),
    "one value": lambda: profile.feature_profile(made.statistics({"x": [2.0, 2.0]}).features[0], PROFILED.features[0]),
    "changed its type": lambda: profile.feature_profile(PROFILED.features[0], PROFILED.features[1]),
    "no strings": lambda: profile.feature_profile(made.statistics(strings={"x": {}}).features[0]),
    "odd names": lambda: profile.feature_profile(made.statistics(strings={made.EVIL: {made.EVIL: 3}}).features[0]),
}


@pytest.mark.parametrize("name", [*CHARTS, *UGLY])
def test_vega_draws_each_chart(name):
    chart = (CHARTS | UGLY)[name]()
    spec = chart.to_dict()  # refuses what the schema of Vega-Lite does not know

    svg = vl_convert.vegalite_to_svg(spec | {"width": 400}, config=theme.CONFIGS["dark"])

    assert "NaN" not in svg and "undefined" not in svg
    assert chart.description
    assert svg.count("<path") > 3 or name in UGLY


@pytest.mark.parametrize(
    ("metric", "new", "served", "verdict"),
    [
        ("auc", 0.9, 0.8, "better"),
        ("mean_absolute_error", 0.9, 0.8, "worse"),
        ("calibration", 1.2, 1.0, "worse"),
        ("calibration", 1.0, 0.8, "better"),
    ],
)
def test_a_clear_difference_is_better_or_worse_as_the_metric_has_it(metric, new, served, verdict):
    difference = {metric: made.interval(new - served)}
    record = {"slice": "shop", "value": "x", "rows": 9, "metrics": {metric: made.interval(new)}}

    chart = slices.differences([record | {"served": {metric: served}, "difference": difference}], metric)

    assert [each["verdict"] for data in chart.to_dict()["datasets"].values() for each in data if "verdict" in each] == [
        verdict
    ]


def test_whole_numbers_have_bins_of_their_own():
    numbers = made.statistics({"day": [float(1 + index % 7) for index in range(70)]})
    numbers.features[0].type = numbers.features[0].INT

    spec = profile.feature_profile(numbers.features[0]).to_dict()

    (bars, *_) = spec["datasets"].values()
    assert [(each["low"], each["high"]) for each in bars] == [(day - 0.5, day + 0.5) for day in range(1, 8)]


def test_many_features_are_cut_to_those_that_drifted_most():
    log = made.drift_log(features=200, spans=1)

    chart = drift.ranking(log)

    assert chart.height == drift.MOST * theme.ROW
    assert "30 most drifted of 200" in " ".join(chart.title.subtitle)


def test_of_many_profiles_the_ranked_come_first():
    many = made.statistics({f"x{index}": [1.0, 2.0, 3.0] for index in range(200)})

    charts = profile.feature_profiles(many, ranking=["x150", "gone"], most=20)

    assert list(charts)[:2] == ["x150", "x0"]
    assert len(charts) == 20


def test_weakest_slices_come_first_also_where_less_is_better():
    records = made.intervals(40, metric="mean_absolute_error")

    chart = slices.metric_by_slice(records, "mean_absolute_error")

    worst = max(records["slices"], key=lambda each: each["metrics"]["mean_absolute_error"]["value"])
    assert worst["value"] in chart.description
    assert "30 weakest of 40" in " ".join(chart.title.subtitle)
