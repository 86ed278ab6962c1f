"""Records as the steps write them, for charts: made up, but of the real shape."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

EVIL = '</script><script>alert("1")</script>'
"""A name that nobody gives a column, or only once."""


def interval(value: float, half: float = 0.03) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "method": "bootstrap"}


def intervals(slices: int = 6, *, served: bool = True, metric: str = "auc") -> dict[str, Any]:
    random_ = random.Random(4)
    records = []
    for index in range(slices):
        value, change = random_.uniform(0.7, 0.95), random_.uniform(-0.06, 0.06)
        records.append(
            {
                "slice": "shop",
                "value": f"number {index}",
                "rows": random_.randint(20, 4000),
                "metrics": {metric: interval(value)},
                "served": {metric: value - change} if served else None,
                "difference": {metric: interval(change)} if served else None,
            }
        )
    return {"overall": {metric: interval(0.87)}, "slices": records}


def curves(*, served: bool = True) -> dict[str, Any]:
    return {"new": _model_curves(2.0), "served": _model_curves(1.5) if served else None}


def _model_curves(skill: float) -> dict[str, Any]:
    steps = [index / 50 for index in range(51)]
    recall = [step ** (1 / (1 + skill)) for step in steps]
    precision = [1 - 0.7 * step**skill for step in steps]
    return {
        "roc": {"false_positive_rate": steps, "recall": recall, "threshold": [None, *(1 - step for step in steps[1:])]},
        "precision_recall": {"recall": steps, "precision": precision, "threshold": steps[::-1]},
        "thresholds": {
            "threshold": steps,
            "precision": precision[::-1],
            "recall": steps[::-1],
            "f1": [0.5 * step for step in steps],
            "positive_share": steps[::-1],
        },
        "calibration": [
            {"low": low / 10, "high": (low + 1) / 10, "rows": 100, "predicted": low / 10 + 0.05}
            | {"observed": (low / 10) ** (2 / skill), "observed_low": low / 12, "observed_high": min(1, low / 8)}
            for low in range(10)
        ],
        "scores": [
            {"low": low / 20, "high": (low + 1) / 20, "negative": 400 // (low + 1), "positive": 10 * low}
            for low in range(20)
        ],
        "residuals": [{"low": low - 5, "high": low - 4, "rows": 100 - (low - 3 - skill) ** 2} for low in range(10)],
        "predicted_actual": [
            {"low": at, "high": at, "rows": 40, "predicted": at, "actual": at * 0.8 + skill}
            | {"actual_low": at * 0.8 + skill - 0.5, "actual_high": at * 0.8 + skill + 0.5}
            for at in range(10)
        ],
    }


def comparison() -> dict[str, Any]:
    return {
        "auc": {"new": 0.9, "served": 0.88, "difference": 0.02, "low": 0.01, "high": 0.03, "method": "paired"}
        | {"better": True},
        "recall": {"new": 0.7, "served": 0.72, "difference": -0.02, "low": -0.05, "high": 0.01, "method": "paired"}
        | {"better": None},
    }


def drift_log(features: int = 8, spans: int = 6) -> list[dict[str, Any]]:
    random_ = random.Random(5)
    return [_drift(f"feature {feature}", span, random_) for span in range(2, spans + 2) for feature in range(features)]


def _drift(feature: str, span: int, random_: random.Random) -> dict[str, Any]:
    psi = random_.expovariate(8)
    return {
        "time": "2026-11-20T09:44:49.638+00:00",
        "run_id": f"run-{span}",
        "span": span,
        "reference": {"uri": "somewhere", "span": 1, "kind": "in_service"},
        "feature": feature,
        "group": "feature",
        "slice": None,
        "type": "numeric",
        "metrics": {"psi": psi, "missing": 0.0},
        "bounds": {"psi": 0.2},
        "noise": {"psi": 0.01},
        "rows": 1000,
        "reference_rows": 1000,
        "bins": 10,
        "score": psi / 0.2,
        "drifted": psi > 0.2,
        "by": ["psi"] if psi > 0.2 else [],
        "action": "warn",
        "message": f"psi {psi:.3f} > 0.2." if psi > 0.2 else "",
    }


def monitors(spans: int = 5) -> list[dict[str, Any]]:
    return [
        {
            "span": span,
            "labelled": 100,
            "metrics": {"overall": {"auc": 0.9 - span / 100}, "slices": []} if span % 2 else None,
            "released": {"overall": {"auc": 0.91}, "slices": []},
            "estimated": {"auc": interval(0.89 - span / 100)},
        }
        for span in range(2, spans + 2)
    ]


def statistics(
    numbers: Mapping[str, Sequence[float]] | None = None, strings: Mapping[str, Mapping[str, int]] | None = None
) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics as TFDV writes them: a histogram of a number's values, the value counts of a string."""
    found = statistics_pb2.DatasetFeatureStatistics()
    for name, values in (numbers or {}).items():
        feature = found.features.add(type=statistics_pb2.FeatureNameStatistics.FLOAT)
        feature.path.step.append(name)
        common = feature.num_stats.common_stats
        common.num_non_missing = len(values)
        if not values:
            feature.num_stats.SetInParent()
            continue
        feature.num_stats.min, feature.num_stats.max = min(values), max(values)
        histogram = feature.num_stats.histograms.add()
        width = (max(values) - min(values)) / 10 or 1.0
        for index in range(10):
            low = min(values) + index * width
            count = sum(low <= value < low + width or (index == 9 and value == max(values)) for value in values)
            histogram.buckets.add(low_value=low, high_value=low + width, sample_count=count)
    for name, counts in (strings or {}).items():
        feature = found.features.add(type=statistics_pb2.FeatureNameStatistics.STRING)
        feature.path.step.append(name)
        feature.string_stats.SetInParent()
        feature.string_stats.common_stats.num_non_missing = sum(counts.values())
        feature.string_stats.common_stats.tot_num_values = sum(counts.values())
        for value, count in counts.items():
            feature.string_stats.rank_histogram.buckets.add(label=value, sample_count=count)
    return found
