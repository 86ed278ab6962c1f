"""The Monitor component with real artifacts: a model in service, asked about new spans."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import apache_beam
import numpy as np
import pytest
from small_watch import SPLITS, Served, rows
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

from components import log
from components.beam import BeamSettings
from components.feature_statistics import by_name, row_count
from components.monitor.age import Age
from components.monitor.component import Executor

PRISM = Path(__file__).parents[2] / ".cache/tools/prism"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Served:
    return Served(tmp_path_factory.mktemp("served"))


def flipped(columns):
    """The same rows; where x is high, the label is the other one."""
    labels = [
        1 - label if side == "high" else label for label, side in zip(columns["label"], columns["side"], strict=True)
    ]
    return {**columns, "label": labels}


def unlabelled(columns, share=1.0):
    cut = round(share * len(columns["label"]))
    return {**columns, "label": [None] * cut + columns["label"][cut:]}


def statistics_of(folder: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString((folder / "FeatureStats.pb").read_bytes())


def test_without_a_model_in_service_there_is_none_to_ask(served):
    asked = served.ask({"train": rows(100, 1)}, without=("model", "in_service", "released"))
    assert (asked.report.passed, asked.report.train, asked.report.span) == (1, 1, 2)
    assert asked.content["model"] is None and asked.content["rows"] == 0
    assert "No model is in service" in asked.content["why"][0]


def test_a_model_that_holds_needs_no_successor(served):
    asked = served.ask({split: rows(300, seed) for seed, split in enumerate(SPLITS, 10)}, train="when_needed")
    content = asked.content
    assert (asked.report.train, asked.report.trainable, asked.report.labelled) == (0, 1, 900)
    assert content["model"] == {"name": "taxi", "version": 1, "uri": served.model.uri}
    assert (content["rows"], content["of"], content["invalid"]) == (900, 900, 0)
    assert content["metrics"]["overall"]["auc"] == pytest.approx(content["released"]["overall"]["auc"], abs=0.03)
    assert content["drops"]["auc"] == pytest.approx(
        content["released"]["overall"]["auc"] - content["metrics"]["overall"]["auc"]
    )
    assert asked.outcomes["max_drop:auc", "overall"] == "pass"
    assert content["why"][0] == "Nothing that the monitor saw asks for a new model."


def test_a_drop_is_told_and_asks_for_a_new_model(served):
    asked = served.ask(
        {"train": flipped(rows(800, 3))},
        train="when_needed",
        max_drop={"auc": {"max": 0.05, "slices": {"side": 0.05}}},
    )
    assert (asked.report.train, asked.report.passed) == (1, 1)
    assert asked.outcomes["max_drop:auc", "overall"] == "warn"
    assert asked.outcomes["max_drop:auc", "side=high"] == "warn"
    assert asked.outcomes["max_drop:auc", "side=low"] == "pass"
    [told] = [each for each in asked.decisions if each.subject == "side=high"]
    assert "worse; allowed is 0.05; chance alone makes up to" in told.message
    assert told.margin == pytest.approx(0.05 - told.value)


def test_a_drop_ends_the_run_only_where_asked_to(served):
    span = {"train": flipped(rows(800, 3))}
    assert served.ask(span, action="block").report.passed == 0
    assert served.ask(span, action="log").outcomes["max_drop:auc", "overall"] == "pass"


def test_a_drop_of_few_rows_may_be_chance(served):
    """Of 12 rows some have an AUC far below that of the release, and none says anything."""
    found = [served.ask({"train": rows(12, seed)}, max_drop={"auc": 0.01}) for seed in range(4)]
    drops = [each.content["drops"].get("auc", 0) for each in found]
    assert max(drops) > 0.05
    assert {each.outcomes["max_drop:auc", "overall"] for each in found} <= {"pass", "flag"}


def test_the_data_that_it_was_trained_on_are_nothing_new(served):
    asked = served.ask(served.trained_on, span=1, train="when_needed")
    assert (asked.content["rows"], asked.report.train) == (0, 0)
    assert "was trained on these very data" in asked.content["why"][1]


def test_other_data_of_the_span_that_it_was_trained_on_are_asked_about_by_their_test_split(served):
    span = {split: rows(300, seed) for seed, split in enumerate(SPLITS, 30)}
    asked = served.ask(span, span=1)
    assert asked.content["rows"] == 300
    assert "(test)" in asked.content["why"][0]


def test_many_rows_are_sampled_evenly(served):
    asked = served.ask({"train": rows(900, 4), "test": rows(100, 5)}, max_rows=250)
    assert (asked.content["rows"], asked.content["of"]) == (250, 1000)
    assert "250 of 1,000 rows" in asked.content["why"][0]


def executor(beam: BeamSettings) -> Executor:
    return Executor(BaseBeamExecutor.Context(beam_pipeline_args=beam.pipeline_args()))


@pytest.mark.parametrize(
    "beam",
    [
        None,
        pytest.param(BeamSettings(mode="multi_processing", workers=2), marks=pytest.mark.slow),
        pytest.param(
            BeamSettings(runner="prism", prism=PRISM),
            marks=[pytest.mark.slow, pytest.mark.skipif(not PRISM.is_file(), reason="needs Beam's Prism")],
        ),
    ],
    ids=["in this process", "processes", "prism"],
)
@pytest.mark.parametrize("most", [250, 20_000])
def test_beam_s_workers_are_told_the_same(served, beam, most, monkeypatch):
    late = rows(300, 6)
    late["label"] = [None if row % 3 else label for row, label in enumerate(late["label"])]
    late["x"][7] = float("nan")
    span = {"train": flipped(rows(900, 4)), "eval": late, "test": rows(100, 5)}
    alone = served.ask(span, max_rows=most)
    if beam is None:
        beam = BeamSettings(mode="multi_processing", workers=2)
        in_memory = partial(apache_beam.Pipeline, argv=BeamSettings().pipeline_args())
        monkeypatch.setattr(Executor, "_make_beam_pipeline", lambda self: in_memory())
    shared = served.ask(span, executor=executor(beam), max_rows=most)
    assert shared.content == {**alone.content, "model": shared.content["model"]}
    assert shared.decisions == alone.decisions
    files = [sorted(path.relative_to(each.folder) for path in each.folder.rglob("*")) for each in (alone, shared)]
    assert files[0] == files[1]
    for name in ("current/FeatureStats.pb", "evaluation/metrics-00000-of-00001.tfrecord"):
        assert (alone.folder / name).read_bytes() == (shared.folder / name).read_bytes()


def test_statistics_of_answers_and_embeddings_are_left_for_drift(served):
    asked = served.ask({"train": rows(500, 6, mean=1.0)})
    now, then = (statistics_of(asked.folder / name) for name in ("current", "reference"))
    assert (row_count(now), row_count(then)) == (500, 1500)
    features = {f"prediction/{name}" for name in ("score", "class", "confidence", "near_threshold")}
    features |= {"embedding/1", "embedding/2", "embedding/distance"}
    assert set(by_name(now)) == set(by_name(then)) == features
    mean = {name: by_name(each)["prediction/score"].num_stats.mean for name, each in (("now", now), ("then", then))}
    assert mean["now"] > mean["then"] + 0.15
    shares = {
        bucket.label: bucket.sample_count / 1500
        for bucket in by_name(then)["prediction/near_threshold"].string_stats.rank_histogram.buckets
    }
    assert shares["near"] == pytest.approx(0.1, abs=0.001)


def test_answers_that_are_no_numbers_are_counted_and_placed(served):
    columns = rows(300, 7)
    columns["x"][11] = columns["x"][299] = float("nan")
    asked = served.ask({"train": rows(200, 8), "eval": columns}, train="when_needed")
    assert (asked.content["invalid"], asked.content["rows"], asked.report.labelled) == (2, 500, 498)
    [decision] = [each for each in asked.decisions if each.rule == "invalid_predictions"]
    assert decision.outcome == "warn"
    assert "row 12 of the split eval, row 300 of the split eval" in decision.message
    assert asked.report.train == 1
    assert 0.8 < asked.content["metrics"]["overall"]["auc"] <= 1


def test_a_model_that_answers_nothing_but_nan_breaks_nothing(served):
    columns = rows(60, 9)
    asked = served.ask({"train": {**columns, "x": [float("nan")] * 60}})
    assert (asked.content["invalid"], asked.content["metrics"], asked.content["estimated"]) == (60, None, None)
    assert not (asked.folder / "current").exists()


def test_without_labels_performance_is_estimated_and_nothing_is_trained(served):
    late = rows(1000, 12, mean=0.5)
    asked = served.ask({"train": unlabelled(late)}, labels="late")
    assert (asked.report.labelled, asked.report.train, asked.report.trainable) == (0, 0, 0)
    assert asked.content["metrics"] is None and asked.content["estimate_error"] is None
    assert asked.outcomes["labels", "overall"] == "flag"

    arrived = served.ask({"train": late}, labels="late")
    assert arrived.content["estimated"] == asked.content["estimated"]
    for name, each in asked.content["estimated"].items():
        truth = arrived.content["metrics"]["overall"][name]
        assert each["low"] <= truth <= each["high"]
        assert arrived.content["estimate_error"][name] == pytest.approx(each["value"] - truth)
    assert arrived.report.trainable == 1


def test_an_estimate_far_below_the_release_is_told(served):
    """Where all rows lie near the boundary, even a model that is right about each can tell little."""
    hard = rows(1000, 18)
    hard["x"] = [value / 8 for value in hard["x"]]
    asked = served.ask({"train": unlabelled(hard)}, labels="late")
    assert asked.outcomes["estimated_drop:auc", "overall"] == "warn"
    assert asked.report.passed == 1
    easy = served.ask({"train": unlabelled(rows(1000, 19))}, labels="late")
    assert easy.outcomes["estimated_drop:auc", "overall"] == "pass"


def test_an_estimate_does_not_see_concept_drift_and_says_so_when_the_labels_come(served):
    late = rows(1000, 13)
    before = served.ask({"train": unlabelled(late)}, labels="late")
    after = served.ask({"train": flipped(late)}, labels="late")
    assert after.content["estimated"] == before.content["estimated"]
    assert after.content["estimate_error"]["auc"] > 0.2
    [told] = [each for each in after.decisions if each.rule == "estimate"]
    assert "what the scores meant has changed" in told.message


def test_half_the_labels_are_judged_by_and_counted(served):
    asked = served.ask({"train": unlabelled(rows(1000, 14), share=0.5)}, labels="late")
    assert (asked.report.labelled, asked.content["rows"], asked.report.trainable) == (500, 1000, 0)
    assert "500 of 1,000 rows of span 2 have no label yet" in asked.content["why"][0]
    assert asked.content["metrics"]["overall"]["auc"] > 0.8


def test_where_the_blessing_is_gone_the_manifest_tells_the_metrics_at_release(served):
    asked = served.ask({"train": rows(300, 15)}, without=("released", "in_service"))
    assert asked.content["released_from"] == "manifest"
    assert asked.content["released"]["slices"] == []


def test_rows_that_the_model_cannot_take_are_told(served):
    columns = rows(50, 16)
    asked = served.ask({"train": {**columns, "x": [None] * 50}})
    assert asked.outcomes["monitor", "overall"] == "warn"
    assert "cannot take these rows" in asked.content["why"][0]
    assert asked.report.train == 1


def test_an_empty_span_is_nothing_to_ask_about(served):
    empty = {"x": [], "side": [], "label": []}
    asked = served.ask({"train": empty}, train="when_needed")
    assert asked.content["rows"] == 0
    assert "There are no rows" in asked.content["why"][1]


def test_what_was_asked_is_logged_and_drawn(served):
    path = served.folder / "monitor/taxi.jsonl"
    before = len(log.read(path))
    served.ask({"train": rows(300, 17)}, span=7)
    [line] = log.read(path)[before:]
    assert (line["span"], line["rows"], line["labelled"]) == (7, 300, 300)
    assert set(line["metrics"]) == {"overall"}
    assert {"time", "run_id", "execution_id", "model", "drops", "estimated", "estimate_error", "why"} <= set(line)
    events = EventAccumulator(str(served.folder / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    assert {"auc", "estimated/auc", "drop/auc"} <= set(events.Tags()["tensors"])


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks(tmp_path, task):
    served = Served(tmp_path, task)
    asked = served.ask({"train": rows(400, 20, task)})
    metric = {"multiclass": "accuracy", "regression": "mean_absolute_error"}[task]
    assert asked.outcomes[f"max_drop:{metric}", "overall"] == "pass"
    now = by_name(statistics_of(asked.folder / "current"))
    if task == "regression":
        assert "prediction/score" in now and "prediction/class" not in now
        assert asked.content["estimated"] is None
    else:
        assert "prediction/score" not in now and "prediction/class" in now
        estimated = asked.content["estimated"]["accuracy"]
        assert estimated["low"] <= asked.content["metrics"]["overall"]["accuracy"] <= estimated["high"]
    mixed = rows(400, 21, task)
    mixed["label"] = np.random.default_rng(0).permutation(mixed["label"]).tolist()
    assert served.ask({"train": mixed}).outcomes[f"max_drop:{metric}", "overall"] == "warn"


def test_a_model_that_grew_too_old_asks_for_a_successor(served):
    splits = {split: rows(300, seed) for seed, split in enumerate(SPLITS, 10)}
    asked = served.ask(splits, train="when_needed", max_age_days=30, age=Age(overdue="2026-11-01T00:00:00Z"))
    assert (asked.report.train, asked.report.trainable) == (1, 1)
    assert asked.outcomes["age", "overall"] == "flag"
    assert asked.content["why"][0] == (
        "taxi version 1 is older than 30 days since 2026-11-01T00:00:00Z (monitor.max_age_days)."
    )


def test_on_the_data_that_it_was_trained_on_age_asks_for_nothing(served):
    asked = served.ask(
        served.trained_on, span=1, train="when_needed", max_age_days=30, age=Age(overdue="2026-11-01T00:00:00Z")
    )
    assert asked.report.train == 0


def test_in_a_cooldown_nothing_is_trained_whatever_asks_for_it(served):
    rest = Age(rest="2026-11-20T18:00:00Z")
    asked = served.ask({"train": flipped(rows(800, 3))}, train="always", cooldown_hours=6, age=rest)
    assert (asked.report.train, asked.report.trainable, asked.report.passed, asked.report.unlabelled) == (0, 0, 1, 0)
    assert asked.outcomes["cooldown", "overall"] == "flag"
    assert asked.outcomes["max_drop:auc", "overall"] == "warn"
    assert asked.content["rest"] == "2026-11-20T18:00:00Z"
    assert asked.content["why"][0] == (
        "A model was trained less than 6 hours ago: nothing is trained before 2026-11-20T18:00:00Z "
        "(monitor.cooldown_hours)."
    )
