"""The Drift component with real artifacts."""

import json
from pathlib import Path

import apache_beam
import pytest
from small_statistics import statistics, statistics_artifact
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from components import decisions, log
from components.artifacts import DriftReport
from components.beam import BeamSettings
from components.drift.component import Drift, Executor
from components.drift.settings import DriftSettings, DriftStepSettings
from schema.errors import HeadgateError

PRISM = Path(__file__).parents[2] / ".cache/tools/prism"
BEFORE = statistics(fare=[1.0, 2.0, 3.0, 4.0] * 50, tipped=[0, 1] * 100)
AFTER = statistics(fare=[7.0, 8.0, 9.0, 9.0] * 50, tipped=[0, 1] * 100)


@pytest.fixture
def run(tmp_path):
    """Runs the executor on span 1 and returns its report; keyword arguments are references and the action."""

    def run(action="log", current=AFTER, executor=None, **references):
        settings = DriftStepSettings(
            drift=DriftSettings(action=action),
            features=("fare",),
            label="tipped",
            log=str(tmp_path / "drift" / "taxi.jsonl"),
            tensorboard=str(tmp_path / "tensorboard"),
        )
        examples, report = standard_artifacts.Examples(), DriftReport()
        examples.span, report.uri = 1, str(tmp_path / "report")
        inputs = {
            kind: [statistics_artifact(tmp_path / kind, {"train": of_span}, span=0)]
            for kind, of_span in references.items()
        }
        inputs["statistics"] = [statistics_artifact(tmp_path / "current", {"train": current}, span=1)]
        inputs["examples"] = [examples]
        (executor or Executor()).Do(inputs, {"report": [report]}, {"settings": settings.model_dump_json(), "code": ""})
        return report

    return run


def test_a_cold_start_has_nothing_to_compare_with(run, tmp_path):
    report = run()
    assert (report.passed, report.compared, report.drifted, report.span) == (1, 0, 0, 1)
    (decision,) = decisions.read(report.uri)
    assert decision.outcome == "pass" and "nothing to compare with" in decision.message
    assert not (tmp_path / "drift").exists()


def test_the_report_says_what_was_compared_with_what(run, tmp_path):
    report = run(in_service=BEFORE)
    content = json.loads((tmp_path / "report" / "drift.json").read_text())
    assert content["reference"] == {"uri": str(tmp_path / "in_service"), "span": 0, "kind": "in_service"}
    assert (content["drifted"], content["share"]) == (["fare"], 0.5)
    assert [feature["feature"] for feature in content["features"]] == ["fare", "tipped"]
    assert (report.passed, report.compared, report.drifted) == (1, 2, 1)


@pytest.mark.parametrize(
    "portable",
    [
        False,
        pytest.param(True, marks=[pytest.mark.slow, pytest.mark.skipif(not PRISM.is_file(), reason="needs Prism")]),
    ],
    ids=["in this process", "prism"],
)
def test_a_cluster_s_workers_find_the_same(run, tmp_path, portable, monkeypatch):
    run(in_service=BEFORE)
    alone = (tmp_path / "report" / "drift.json").read_text()
    arguments = BeamSettings(runner="prism", prism=PRISM).pipeline_args()
    executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=arguments))
    if not portable:
        local = BeamSettings(mode="in_memory").pipeline_args()
        monkeypatch.setattr(executor, "_make_beam_pipeline", lambda: apache_beam.Pipeline(argv=local))
    run(in_service=BEFORE, executor=executor)
    assert (tmp_path / "report" / "drift.json").read_text() == alone
    assert not (tmp_path / "report" / ".work").exists()


def test_the_model_in_service_comes_before_the_previous_span(run, tmp_path):
    run(in_service=AFTER, previous_span=BEFORE)
    content = json.loads((tmp_path / "report" / "drift.json").read_text())
    assert (content["reference"]["kind"], content["drifted"]) == ("in_service", [])


def test_the_previous_span_is_taken_where_no_model_is_in_service(run, tmp_path):
    run(previous_span=BEFORE)
    content = json.loads((tmp_path / "report" / "drift.json").read_text())
    assert (content["reference"]["kind"], content["drifted"]) == ("previous_span", ["fare"])


def test_each_comparison_appends_a_line_for_each_feature(run, tmp_path):
    run(in_service=BEFORE)
    run(in_service=AFTER)
    records = log.read(tmp_path / "drift" / "taxi.jsonl")
    assert [(record["feature"], record["drifted"]) for record in records] == [
        ("fare", True),
        ("tipped", False),
        ("fare", False),
        ("tipped", False),
    ]
    assert records[0]["span"] == 1 and records[0]["reference"]["span"] == 0
    assert records[0]["time"].endswith("+00:00")
    assert set(records[0]["bounds"]) == {"missing", "jensen_shannon"} < set(records[0]["metrics"])


def test_tensorboard_gets_a_scalar_for_each_metric_at_the_span(run, tmp_path):
    run(in_service=BEFORE)
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    assert "psi/fare" in events.Tags()["tensors"]
    assert [event.step for event in events.Tensors("psi/fare")] == [1]


def test_drift_that_blocks_is_told_by_the_report(run):
    report = run(action="block", in_service=BEFORE)
    assert report.passed == 0
    (decision,) = decisions.read(report.uri)
    assert decision.outcome == "block" and "drift.features.fare" in decision.message


def test_a_line_cut_short_spoils_no_other(tmp_path):
    path = tmp_path / "taxi.jsonl"
    log.append(path, [{"feature": "a"}])
    with path.open("a") as file:
        file.write('{"feature": "b", "met')
    log.append(path, [{"feature": "c"}])
    assert log.read(path) == [{"feature": "a"}, {"feature": "c"}]


def test_a_full_disk_is_told_with_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr("components.log.os.write", lambda _descriptor, lines: len(lines) - 1)
    with pytest.raises(HeadgateError, match=r"could not be written in full(.|\n)*taxi\.jsonl"):
        log.append(tmp_path / "taxi.jsonl", [{"feature": "a"}])


def test_a_log_that_is_not_there_is_empty(tmp_path):
    assert log.read(tmp_path / "none.jsonl") == []


def test_the_component_takes_references_that_may_resolve_to_nothing():
    statistics_channel = Channel(type=standard_artifacts.ExampleStatistics)
    examples = Channel(type=standard_artifacts.Examples)
    component = Drift(statistics_channel, examples, settings="{}", code="", in_service=statistics_channel)
    assert component.spec.INPUTS["in_service"].optional
    assert component.outputs["report"].type is DriftReport
