"""Drift over time: which comparison counts for a span, and in what order all is told."""

from __future__ import annotations

import json

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from recorded import Output, Recorder, drift_report, feature

from components import log
from pipeline.history.timeline import select


@pytest.fixture
def recorder(tmp_path) -> Recorder:
    return Recorder(tmp_path / "w")


def compared(recorder: Recorder, run_id: str, span: int, **scores: float) -> int:
    recorder.run(run_id)
    return recorder.compared(run_id, drift_report(span, [feature(name, score) for name, score in scores.items()]))


def monitor(span: int, labelled: int = 100, version: int = 1) -> dict:
    return {
        "span": span,
        "model": {"name": "sales", "version": version, "uri": "nowhere"},
        "rows": 100,
        "labelled": labelled,
        "metrics": {"overall": {"auc": 0.8}, "slices": []} if labelled else None,
        "released": {"overall": {"auc": 0.9}, "slices": []},
        "drops": {"auc": 0.1} if labelled else {},
        "estimated": None if labelled else {"auc": {"value": 0.85, "low": 0.8, "high": 0.9}},
        "estimate_error": None,
        "train": True,
        "why": [],
    }


def watched(recorder: Recorder, run_id: str, report: dict) -> int:
    recorder.run(run_id)
    output = Output("HeadgateMonitorReport", files={"monitor.json": report})
    return recorder.step(run_id, "monitor", outputs={"report": output})["report"]


def scores(timeline) -> dict[str, list[tuple[int, float]]]:
    return {each.feature: [(point.span, point.score) for point in each.points] for each in timeline.series}


def test_spans_that_came_out_of_order_are_told_in_order(recorder):
    compared(recorder, "r1", 3, amount=3.0)
    compared(recorder, "r2", 2, amount=2.0)
    assert scores(recorder.history.timeline("sales")) == {"amount": [(2, 2.0), (3, 3.0)]}


def test_of_several_comparisons_of_a_span_the_latest_counts(recorder):
    first = compared(recorder, "r1", 2, amount=1.5)
    compared(recorder, "r2", 2, amount=0.5)
    assert scores(recorder.history.timeline("sales")) == {"amount": [(2, 0.5)]}
    recorder.run("r3")  # back to the settings of the first: its comparison comes from the cache
    recorder.step("r3", "drift", outputs={"report": first}, state=mlmd.Execution.CACHED)
    [comparison] = recorder.history.timeline("sales").comparisons
    assert scores(recorder.history.timeline("sales")) == {"amount": [(2, 1.5)]}
    assert comparison.run_id == "r1", "the run that compared"


def test_a_comparison_from_the_cache_is_told_once(recorder):
    report = compared(recorder, "r1", 2, amount=1.5)
    recorder.run("r2")
    recorder.step("r2", "drift", outputs={"report": report}, state=mlmd.Execution.CACHED)
    assert len(recorder.history.timeline("sales").comparisons) == 1


def test_a_span_with_nothing_to_compare_with_is_no_comparison(recorder):
    compared(recorder, "r1", 1)
    assert recorder.history.timeline("sales").comparisons == ()
    assert recorder.history.timeline("other").comparisons == ()


def test_the_worst_stand_first_within_their_group(recorder):
    recorder.run("r1")
    features = [
        feature("prediction/score", 3.0, "prediction"),
        feature("a", 0.1),
        feature("b", 1.2),
        feature("c", 9.0),
        feature("again", 0.5, "label"),
    ]
    recorder.compared("r1", drift_report(2, features))
    series = recorder.history.timeline("sales").series
    assert [each.feature for each in series] == ["c", "b", "a", "again", "prediction/score"]


def test_a_feature_that_is_no_longer_compared_comes_last(recorder):
    compared(recorder, "r1", 2, gone=9.0, amount=0.1)
    compared(recorder, "r2", 3, amount=0.1)
    assert [each.feature for each in recorder.history.timeline("sales").series] == ["amount", "gone"]


def test_a_feature_and_its_slices_are_told_apart(recorder):
    recorder.run("r1")
    sliced = feature("amount", 2.0, slice="shop=north")
    recorder.compared("r1", drift_report(2, [feature("amount", 0.5), sliced]))
    series = recorder.history.timeline("sales").series
    assert [(each.feature, each.slice) for each in series] == [("amount", "shop=north"), ("amount", None)]


def test_the_metric_nearest_to_its_threshold_is_told(recorder):
    recorder.run("r1")
    record = feature(
        "amount", 1.5, metrics={"psi": 0.1, "missing": 0.3, "mean_shift": 9.0}, bounds={"psi": 0.2, "missing": 0.2}
    )
    recorder.compared("r1", drift_report(2, [record]))
    point = recorder.history.timeline("sales").series[0].last
    assert (point.metric, point.value, point.threshold) == ("missing", 0.3, 0.2)


def test_a_feature_that_vanished_has_no_metric_and_has_drifted(recorder):
    recorder.run("r1")
    record = feature("amount", 1000.0, metrics={}, bounds={}, by=["vanished"])
    recorder.compared("r1", drift_report(2, [record]))
    point = recorder.history.timeline("sales").series[0].last
    assert (point.score, point.metric, point.drifted, point.by) == (1000.0, None, True, ("vanished",))


def test_parts_are_chosen_by_feature_span_and_verdict(recorder):
    compared(recorder, "r1", 2, amount=2.0, miles=0.1)
    compared(recorder, "r2", 3, amount=0.1, miles=0.1)
    whole = recorder.history.timeline("sales")
    assert list(scores(select(whole, features=["miles"]))) == ["miles"]
    assert list(scores(select(whole, drifted=True))) == ["amount"]
    assert scores(select(whole, spans=range(3, 9))) == {"amount": [(3, 0.1)], "miles": [(3, 0.1)]}
    assert list(scores(select(whole, spans=[3], drifted=True))) == []


def test_the_model_in_service_is_told_by_span(recorder):
    watched(recorder, "r1", monitor(3, labelled=0))
    watched(recorder, "r2", monitor(2))
    performance = recorder.history.timeline("sales").performance
    assert [(each.span, each.measured, each.drops) for each in performance] == [
        (2, {"auc": 0.8}, {"auc": 0.1}),
        (3, {}, {}),
    ]
    assert performance[1].estimated["auc"]["value"] == 0.85


def test_before_there_is_a_model_in_service_there_is_nothing_to_tell_of_it(recorder):
    watched(recorder, "r1", {"span": 1, "model": None})
    assert recorder.history.timeline("sales").performance == ()


@pytest.mark.parametrize("damage", ["", "{", '{"span": 2, "reference": {"span": 1}, "features": [{}]}'])
def test_a_report_that_cannot_be_read_is_told_and_the_others_are_shown(recorder, damage):
    broken = compared(recorder, "r1", 2, amount=2.0)
    compared(recorder, "r2", 3, amount=0.5)
    (recorder.uri(broken) / "drift.json").write_text(damage)
    timeline = recorder.history.timeline("sales")
    assert timeline.spans == (3,)
    [notice] = timeline.notices
    assert str(recorder.uri(broken)) in notice


def test_without_its_database_the_timeline_comes_from_the_log(recorder):
    workspace = recorder.workspace
    head = {"time": "2026-01-01T00:00:00.000+00:00", "reference": {"span": 1, "kind": "in_service", "uri": ""}}
    for run_id, span, score in (("r1", 2, 1.5), ("r2", 2, 0.5), ("r3", 3, 2.0)):
        lines = [{**head, "run_id": run_id, "execution_id": run_id, "span": span, **feature("amount", score)}]
        log.append(workspace.drift("sales"), lines)
    with workspace.drift("sales").open("a") as file:
        file.write(json.dumps(head)[:20])  # a line that was cut short
    workspace.metadata.write_bytes(b"no database" * 100)
    timeline = recorder.history.timeline("sales")
    assert scores(timeline) == {"amount": [(2, 0.5), (3, 2.0)]}
    [notice] = timeline.notices
    assert "cannot be read" in notice
    assert str(workspace.drift("sales")) in notice
