"""The DataGate component with real artifacts."""

import pytest
import tensorflow_data_validation as tfdv
from small_statistics import statistics, statistics_artifact
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from components import decisions
from components.artifacts import GateReport
from components.gate.component import DataGate, Executor
from components.gate.settings import GateSettings, GateStepSettings
from components.label import LabelSettings
from schema.curation import curate, write

GOOD = statistics(payment=["cash", "card"] * 50, tipped=[0, 1] * 50)
BAD = statistics(payment=["cash", "iou"] * 50, tipped=[0, 1] * 50)


@pytest.fixture
def run(tmp_path):
    """Runs the executor on these splits and returns its report."""

    def run(curated=True, quarantined=0, **splits):
        settings = GateStepSettings(
            gate=GateSettings(),
            label=LabelSettings(name="tipped"),
            columns={"payment": "string"},
            late_labels=False,
            curated=curated,
        )
        schema, examples, report = standard_artifacts.Schema(), standard_artifacts.Examples(), GateReport()
        schema.uri, report.uri = str(tmp_path / "schema"), str(tmp_path / "report")
        inferred = tfdv.infer_schema(GOOD)
        write(curate(inferred, label="tipped", label_type="int", classes=(0, 1)), tmp_path / "schema" / "schema.pbtxt")
        examples.set_int_custom_property("rows", 100)
        examples.set_int_custom_property("quarantined", quarantined)
        inputs = {
            "statistics": [statistics_artifact(tmp_path / "statistics", splits)],
            "schema": [schema],
            "examples": [examples],
        }
        Executor().Do(inputs, {"report": [report]}, {"settings": settings.model_dump_json(), "code": ""})
        return report

    return run


def test_good_data_pass(run):
    report = run(train=GOOD, eval=GOOD)
    assert report.passed == 1
    assert [decision.outcome for decision in decisions.read(report.uri)] == ["pass"]


def test_bad_data_are_blocked_without_an_error(run):
    report = run(train=GOOD, eval=BAD)
    assert report.passed == 0
    (decision,) = decisions.read(report.uri)
    assert (decision.step, decision.rule, decision.subject) == ("gate", "unexpected_value", "payment")
    assert "'iou' (50) in eval" in decision.message


def test_an_inferred_schema_is_not_held_against_its_own_data(run):
    assert run(curated=False, train=GOOD, eval=BAD).passed == 1


def test_what_ingestion_counted_reaches_the_gate(run):
    report = run(train=GOOD, quarantined=30)
    assert [decision.rule for decision in decisions.read(report.uri)] == ["quarantine"]


def test_the_component_has_a_typed_report():
    component = DataGate(
        Channel(type=standard_artifacts.ExampleStatistics),
        Channel(type=standard_artifacts.Schema),
        Channel(type=standard_artifacts.Examples),
        settings="{}",
        code="",
    )
    assert component.outputs["report"].type is GateReport
