"""What History tells of runs, also where what they left is no longer what it was."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from recorded import Output, Recorder, drift_report, feature

from pipeline.history import History
from pipeline.history.difference import difference
from pipeline.history.environment import PACKAGES, describe_environment
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError

METRICS = {"overall": {"auc": 0.9}, "slices": [], "threshold": None}
DECISION = {"step": "judge", "rule": "threshold:auc", "subject": "overall", "outcome": "pass", "message": "Good."}
JUDGED = {"metrics.json": METRICS, "decisions.json": [DECISION]}


@pytest.fixture
def recorder(tmp_path) -> Recorder:
    return Recorder(tmp_path / "w")


def judged(recorder: Recorder, files=JUDGED) -> int:
    return recorder.step("r1", "judge", outputs={"blessing": Output("ModelBlessing", files=files)})["blessing"]


def test_settings_environment_and_code_are_read_as_they_were_noted(recorder):
    noted = {
        "settings": {"name": "sales", "training": {"epochs": 3}},
        "environment": {"cpus": 2},
        "code": {"gate": "a"},
    }
    recorder.run("r1", **noted)
    history = recorder.history
    assert {name: getattr(history, name)("r1") for name in noted} == noted


def test_a_run_of_before_they_were_noted_has_none(recorder):
    recorder.run("r1")
    assert (recorder.history.environment("r1"), recorder.history.code("r1")) == ({}, {})


def test_the_environment_names_versions_without_importing_them():
    found = describe_environment()
    assert set(found) == {"headgate", "python", "platform", "glibc", "cpus", "packages"}
    assert set(found["packages"]) == set(PACKAGES)
    assert found["packages"]["numpy"]


def test_looking_back_imports_neither_tensorflow_nor_tfx():
    program = "import sys, pipeline.history; sys.exit(bool({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_the_folder_of_an_output_is_given_while_it_is_there(recorder):
    recorder.run("r1")
    folder = recorder.uri(judged(recorder))
    assert recorder.history.folder("r1", "judge", "blessing") == folder
    assert recorder.history.folder("r1", "train", "model") is None
    shutil.rmtree(folder)
    assert recorder.history.folder("r1", "judge", "blessing") is None


def test_the_statistics_that_drift_compared_with(recorder, tmp_path):
    recorder.run("r1")
    recorder.run("r2")
    here = drift_report(2, [feature("amount", 0.5)])
    here["reference"]["uri"] = str(tmp_path)
    recorder.compared("r1", here)
    recorder.compared("r2", drift_report(2, [feature("amount", 0.5)]))
    assert recorder.history.reference_statistics("r1") == tmp_path
    assert recorder.history.reference_statistics("r2") is None, "its folder is gone"


@pytest.mark.parametrize("damage", ["{", "", '{"other": 1}', "[]", "\udcff"])
def test_a_file_cut_short_is_told_and_the_rest_of_the_run_is_shown(recorder, damage):
    recorder.run("r1")
    report = recorder.compared("r1", drift_report(2, [feature("amount", 2.0)]))
    judged(recorder)
    (recorder.uri(report) / "drift.json").write_bytes(damage.encode(errors="surrogateescape"))
    summary = recorder.history.summary("r1")
    assert summary.drift is None
    assert summary.metrics == {"auc": 0.9}
    [notice] = summary.notes
    assert notice.startswith(f"{recorder.uri(report)} cannot be read (")
    assert notice.endswith("what it held is left out.")


@pytest.mark.parametrize("damage", ["{", "", "{}", "[]", '{"span": 2}', '"text"', '{"overall": 7, "slices": 8}'])
def test_no_report_in_another_form_is_too_much(recorder, damage):
    recorder.run("r1")
    for step, output, kind, name in (
        ("ingest", "examples", "Examples", "sources.json"),
        ("gate", "report", "HeadgateGateReport", "decisions.json"),
        ("monitor", "report", "HeadgateMonitorReport", "monitor.json"),
        ("drift", "report", "HeadgateDriftReport", "drift.json"),
        ("tune", "tuner_results", "TunerResults", "trials.json"),
        ("judge", "blessing", "ModelBlessing", "metrics.json"),
    ):
        recorder.step("r1", step, outputs={output: Output(kind, files={name: damage, "analysis.json": damage})})
    history = recorder.history
    assert history.summary("r1").metrics == {}
    assert history.runs()[0].run_id == "r1"
    assert history.timeline("sales").series == ()
    assert (history.latest_drift("sales"), history.latest_monitor("sales")) == ({}, None)
    difference(history, "r1", "r1")


def test_a_folder_that_is_gone_is_told_once(recorder):
    recorder.run("r1")
    folder = recorder.uri(judged(recorder))
    shutil.rmtree(folder)
    summary = recorder.history.summary("r1")
    assert (summary.metrics, summary.decisions) == ({}, ())
    assert [note for note in summary.notes if str(folder) in note] == list(summary.notes)
    [row] = recorder.history.runs()
    assert "No such file or directory" in row.notices[0]


def test_an_artifact_that_may_not_be_read_is_told(recorder, monkeypatch):
    recorder.run("r1")
    judged(recorder)

    def denied(folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr("components.evaluation.results.read", denied)  # root may read anything
    [row] = recorder.history.runs()
    assert (row.metrics, row.status) == ({}, "pushed")
    assert "Permission denied" in row.notices[0]


def test_a_run_that_was_killed_in_a_step_shows_the_steps_before(recorder):
    recorder.run("r1", status="running")
    recorder.step("r1", "ingest", outputs={"examples": Output("Examples", {"span": 4, "quarantined": 2})})
    recorder.step("r1", "statistics", state=mlmd.Execution.RUNNING)
    summary = recorder.history.summary("r1")
    assert (summary.status, summary.error) == ("failed", "The run was interrupted.")
    states = {step.id: step.state for step in summary.steps}
    assert (states["ingest"], states["statistics"], states["schema"]) == ("complete", "failed", "skipped")
    assert [(row.status, row.span) for row in recorder.history.runs()] == [("interrupted", 4)]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\0" * 500])
def test_a_database_that_is_none_is_told(tmp_path, content):
    workspace = Workspace(tmp_path).ensure()
    workspace.metadata.write_bytes(content)
    with pytest.raises(HeadgateError, match="database cannot be read") as caught:
        History(workspace).runs()
    assert caught.value.where == str(workspace.metadata)
    assert "query" not in caught.value.received


def test_an_unknown_run_names_those_there_are(recorder):
    recorder.run("r1")
    with pytest.raises(SettingsError) as caught:
        recorder.history.summary("r2")
    assert caught.value.expected == "one of ['r1']"
