"""What differs between two runs."""

from __future__ import annotations

import pytest
from recorded import Output, Recorder, drift_report, feature

from components.ingest.sources import FILE_NAME
from pipeline.history.difference import Changed, difference
from schema.errors import SettingsError

SETTINGS = {"name": "sales", "training": {"epochs": 5}, "model": {"layers": [{"units": 8}, {"units": 4}]}}
ENVIRONMENT = {"python": "3.11.7", "packages": {"numpy": "2.1.0", "keras": "3.15.0"}}
CODE = {"ingest": "a", "train": "b"}
SCHEMA = 'feature {{ name: "amount" type: {type} }}'
SOURCE = {"files": 1, "modified": "2026-01-01T00:00:00+00:00"}


def record(
    recorder: Recorder,
    run_id: str,
    settings=SETTINGS,
    environment=ENVIRONMENT,
    code=CODE,
    span=1,
    rows=700,
    kind="INT",
    auc=0.9,
    drifted=(),
    outcome="pass",
) -> None:
    """A run, judged and compared."""
    recorder.run(run_id, settings=settings, environment=environment, code=code)
    sources = [{"path": f"/in/span-{span}.csv", "bytes": 10 * rows, **SOURCE}]
    examples = Output("Examples", {"span": span, "rows": rows, "quarantined": 0}, {FILE_NAME: sources})
    recorder.step(run_id, "ingest", outputs={"examples": examples})
    schema = Output("Schema", files={"schema.pbtxt": SCHEMA.format(type=kind)})
    recorder.step(run_id, "schema", outputs={"schema": schema})
    features = [feature(name, 2.0 if name in drifted else 0.5) for name in ("amount", "miles")]
    recorder.compared(run_id, drift_report(span, features))
    decision = {"step": "judge", "rule": "threshold:auc", "subject": "overall", "outcome": outcome, "message": ""}
    files = {"metrics.json": {"overall": {"auc": auc}, "slices": [], "threshold": None}, "decisions.json": [decision]}
    recorder.step(run_id, "judge", outputs={"blessing": Output("ModelBlessing", files=files)})


@pytest.fixture
def compare(tmp_path):
    """Records a run beside one with the defaults above, and tells what differs."""

    def compare(**other):
        recorder = Recorder(tmp_path / "w")
        record(recorder, "r1")
        record(recorder, "r2", **other)
        return difference(recorder.history, "r1", "r2")

    return compare


def test_the_same_run_twice_differs_in_nothing(compare):
    found = compare()
    assert not any((found.outcome, found.settings, found.data, found.schema, found.code, found.environment))
    assert not any((found.drifted, found.decisions, found.notices))
    assert found.metrics == (Changed("auc", 0.9, 0.9, 0.0),)


def test_settings_are_told_by_their_path(compare):
    changed = {"name": "sales", "training": {"epochs": 9}, "model": {"layers": [{"units": 8}, {"units": 16}]}}
    assert compare(settings=changed).settings == (
        Changed("training.epochs", 5, 9),
        Changed("model.layers.1.units", 4, 16),
    )


def test_data_are_told_by_span_rows_and_files(compare):
    found = {each.name: (each.first, each.second) for each in compare(span=2, rows=800).data}
    assert (found["span"], found["rows"]) == ((1, 2), (700, 800))
    assert found["/in/span-2.csv"] == (None, "8,000 bytes in 1 file(s), written 2026-01-01T00:00:00+00:00")


def test_a_schema_is_told_in_words(compare):
    assert compare(kind="FLOAT").schema == ("amount: type: INT -> FLOAT",)


def test_code_and_environment_are_told_by_step_and_package(compare):
    found = compare(code=CODE | {"train": "c"}, environment=ENVIRONMENT | {"packages": {"numpy": "2.2.0"}})
    assert found.code == ("train",)
    assert found.environment == (
        Changed("packages.numpy", "2.1.0", "2.2.0"),
        Changed("packages.keras", "3.15.0", None),
    )


def test_what_one_of_the_runs_did_not_record_is_not_known(compare):
    found = compare(code={}, environment={})
    assert (found.code, found.environment) == (None, None)


def test_metrics_drift_and_decisions_are_told(compare):
    found = compare(auc=0.5, drifted=["miles"], outcome="block")
    [auc] = found.metrics
    assert (auc.first, auc.second, auc.difference) == (0.9, 0.5, pytest.approx(-0.4))
    assert found.drifted == (Changed("miles", None, "drifted"),)
    assert found.decisions == (Changed("judge threshold:auc overall", "pass", "block"),)


def test_a_run_that_failed_early_is_compared_as_far_as_it_came(tmp_path):
    recorder = Recorder(tmp_path / "w")
    record(recorder, "r1")
    recorder.run("r2", status="failed", settings=SETTINGS)
    found = difference(recorder.history, "r1", "r2")
    assert Changed("status", "pushed", "failed") in found.outcome
    assert found.metrics == (Changed("auc", 0.9, None),)
    assert found.schema == ()


def test_an_unknown_run_is_refused(tmp_path):
    recorder = Recorder(tmp_path / "w")
    record(recorder, "r1")
    with pytest.raises(SettingsError, match="There is no such run"):
        difference(recorder.history, "r1", "r7")
