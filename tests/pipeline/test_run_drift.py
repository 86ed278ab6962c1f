"""Drift end to end: a span that was shifted on purpose, against what the model in service was trained on."""

from __future__ import annotations

import json

import pytest
from small_pipeline import sales
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.feature_statistics import by_slice, row_count

SHIFTED = ["shop", "amount"]


def shifted(rows):
    """Everything costs more, and a shop has opened; the label still follows."""
    return [
        {**row, "amount": row["amount"] + 15, "shop": "east" if row["weekday"] < 5 else row["shop"]} for row in rows
    ]


@pytest.fixture
def second_span(settled):
    settled.span(2, shifted(sales(seed=2)))
    return settled


def log_lines(pipeline) -> list[dict]:
    return [json.loads(line) for line in pipeline.workspace.drift("sales").read_text().splitlines()]


def of_features(names) -> list[str]:
    """Those that are features: what the monitor measures of the model in service is named GROUP/NAME."""
    return [name for name in names if "/" not in name]


def test_a_shift_is_found_and_logged_and_the_run_goes_on(second_span):
    before = len(log_lines(second_span))
    ended = second_span.run()
    assert ended.code == 0
    assert ended.json["release"]["version"] == 2
    drift = ended.json["drift"]
    assert drift["reference"] == "span 1 (in service)"
    assert of_features(drift["drifted"]) == SHIFTED
    assert "prediction/score" in drift["drifted"]  # the model in service answers otherwise than it did
    decisions = [each for each in ended.json["decisions"] if each["step"] == "drift"]
    assert {(each["subject"], each["outcome"]) for each in decisions} == {(name, "pass") for name in drift["drifted"]}

    lines = log_lines(second_span)[before:]
    assert sorted(of_features(line["feature"] for line in lines)) == ["again", "amount", "miles", "shop", "weekday"]
    assert len(lines) == drift["compared"]
    assert [line["feature"] for line in lines if line["drifted"]] == drift["drifted"]
    assert {line["group"] for line in lines} == {"feature", "label", "prediction", "embedding"}
    assert {line["span"] for line in lines} == {2}
    assert {line["run_id"] for line in lines} == {ended.json["run_id"]}
    assert all(line["reference"]["kind"] == "in_service" for line in lines)
    assert list((second_span.workspace.tensorboard("sales") / "drift").glob("events.out.tfevents.*"))


def test_drift_above_its_bound_warns_where_asked_to(second_span):
    ended = second_span.run("--set", "drift.action=warn", "--to", "drift")
    warned = [each for each in ended.json["decisions"] if (each["step"], each["outcome"]) == ("drift", "warn")]
    assert [each["subject"] for each in warned] == SHIFTED
    told = second_span.command("run", "--set", "drift.action=warn", "--to", "drift", "--set", "release.keep=4")
    assert "`amount` drifted against span 1 (in service)" in told.stdout


def test_drift_blocks_where_asked_to_and_nothing_is_trained(second_span):
    before = second_span.serving()
    ended = second_span.run("--set", "drift.features.amount.action=block")
    assert (ended.code, ended.json["status"]) == (4, "blocked")
    [blocking] = [each for each in ended.json["decisions"] if each["outcome"] == "block"]
    assert (blocking["step"], blocking["subject"]) == ("drift", "amount")
    assert "raise drift.features.amount.bounds" in blocking["message"]
    assert {ended.states[step] for step in ("transform", "train", "evaluate", "judge", "release")} == {"skipped"}
    assert second_span.serving() == before


def test_the_reference_is_what_the_model_in_service_was_trained_on_not_the_last_span(second_span):
    assert second_span.run("--to", "drift").code == 0
    second_span.span(3, shifted(sales(seed=3)))
    third = second_span.run("--to", "drift")
    assert third.json["drift"]["reference"] == "span 1 (in service)"
    assert of_features(third.json["drift"]["drifted"]) == SHIFTED


def test_a_pinned_span_is_the_reference_as_long_as_it_exists(second_span):
    pinned = second_span.run("--to", "drift", "--set", "drift.reference=1")
    assert pinned.json["drift"]["reference"] == "span 1 (pinned span)"
    gone = second_span.run("--to", "drift", "--set", "drift.reference=7")
    assert (gone.code, gone.states["drift"]) == (1, "failed")
    assert "a span with statistics: 1, 2" in gone.json["error"]


def test_without_a_model_in_service_the_previous_span_is_the_reference(new):
    pipeline = new()
    assert pipeline.run("--to", "drift").json["drift"]["reference"] is None
    pipeline.span(2, sales(seed=2))
    second = pipeline.run("--to", "drift").json["drift"]
    assert second == {"reference": "span 1 (previous span)", "compared": 5, "drifted": []}


def test_statistics_are_told_apart_by_slices_where_drift_asks_for_it(settled):
    ended = settled.run("--set", "drift.slices=[weekday, shop]", "--to", "gate")
    assert (ended.code, ended.states["statistics"], ended.states["gate"]) == (0, "complete", "complete")
    folder = max(settled.workspace.artifacts("sales").glob("statistics/statistics/*"), key=lambda path: int(path.name))
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString(
        (folder / "Split-train/FeatureStats.pb").read_bytes()
    )
    slices = by_slice(found, [("weekday",), ("shop",)])
    assert {"shop=north", "shop=south", "shop=west", "weekday=1", "weekday=7"} <= slices.keys()
    assert sum(row_count(slices[f"weekday={day}"]) for day in range(1, 8)) == row_count(found)
