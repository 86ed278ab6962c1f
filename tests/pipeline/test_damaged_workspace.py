"""Commands that look back, on a workspace that is not what it was: each shows what it can, and says what it cannot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from recorded import Output, Recorder, drift_report, feature
from small_pipeline import invoke

from components import log

METRICS = {"overall": {"auc": 0.9}, "slices": [], "threshold": None}


@pytest.fixture
def recorder(tmp_path, monkeypatch) -> Recorder:
    """Two runs that compared spans, of which the second released."""
    monkeypatch.setenv("HEADGATE_WORKSPACE", str(tmp_path / "w"))
    recorder = Recorder(tmp_path / "w")
    for number in (2, 3):
        run_id = f"r{number}"
        recorder.run(run_id)
        recorder.step(run_id, "ingest", outputs={"examples": Output("Examples", {"span": number, "rows": 700})})
        recorder.compared(run_id, drift_report(number, [feature("amount", 0.5 * number)]))
        judged = Output("ModelBlessing", files={"metrics.json": METRICS, "decisions.json": []})
        recorder.step(run_id, "judge", outputs={"blessing": judged})
    return recorder


def report_of(recorder: Recorder, run_id: str):
    return recorder.history.folder(run_id, "drift", "report")


def truncated(recorder: Recorder) -> None:
    path = report_of(recorder, "r2") / "drift.json"
    path.write_text(path.read_text()[:40])


def removed(recorder: Recorder) -> None:
    shutil.rmtree(report_of(recorder, "r2"))


def replaced_by_a_file(recorder: Recorder) -> None:
    folder = report_of(recorder, "r2")
    shutil.rmtree(folder)
    folder.write_text("")


@pytest.mark.parametrize("damage", [truncated, removed, replaced_by_a_file])
def test_one_report_that_cannot_be_read_is_told_and_all_else_is_shown(recorder, damage):
    place = str(report_of(recorder, "r2"))
    damage(recorder)
    shown = invoke(["show", "r2"])
    assert (shown.code, "auc 0.9" in shown.stdout) == (0, True)
    assert f"note: {place} cannot be read (" in shown.stdout
    timeline = invoke(["drift"])
    assert (timeline.code, "1 span compared (3)" in timeline.stdout) == (0, True)
    assert f"note: {place} cannot be read (" in timeline.stdout
    both = invoke(["show", "r2", "r3"])
    assert (both.code, f"note: {place} cannot be read (" in both.stdout) == (0, True)
    assert len(invoke(["runs", "--json"]).json) == 2


def test_metrics_that_cannot_be_read_are_told_beside_the_list_of_runs(recorder):
    folder = recorder.history.folder("r2", "judge", "blessing")
    (folder / "metrics.json").write_text("{")
    listed = invoke(["runs"])
    assert listed.code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["r3", "r2"]
    assert listed.stderr.startswith(f"note: {folder} cannot be read")


def test_a_run_that_was_killed_is_listed_and_shown(recorder):
    recorder.run("r4", status="running")
    recorder.step("r4", "ingest", outputs={"examples": Output("Examples", {"span": 4})})
    recorder.step("r4", "drift", state=mlmd.Execution.RUNNING)
    assert invoke(["runs", "--json"]).json[0]["status"] == "interrupted"
    shown = invoke(["show", "r4"])
    assert "The run was interrupted." in shown.stdout
    assert "2 spans compared (2-3)" in invoke(["drift"]).stdout
    assert invoke(["show", "r3", "r4"]).code == 0


@pytest.fixture
def locked(recorder) -> Iterator[Recorder]:
    """Another program holds the database to itself: a process of its own, since locks are its process's."""
    hold = (
        "import sqlite3, sys; held = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "held.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(recorder.workspace.metadata)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield recorder
        holder.stdin.close()


@pytest.fixture(params=["damaged", "none"])
def no_database(recorder, request) -> Recorder:
    database = recorder.workspace.metadata
    database.write_bytes(database.read_bytes()[:5000] if request.param == "damaged" else b"x" * 5000)
    return recorder


COMMANDS = (["runs"], ["show"], ["show", "r2"], ["show", "r2", "r3"], ["drift"], ["lineage"], ["lineage", "sales@1"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_cannot_be_read_is_named(no_database, command):
    ended = invoke(command)
    assert ended.code == 1
    assert "The workspace's database cannot be read." in ended.stderr
    assert str(no_database.workspace.metadata) in ended.stderr


@pytest.mark.slow  # ML Metadata tries again for half a minute
def test_a_database_that_is_locked_is_named(locked):
    ended = invoke(["runs"])
    assert ended.code == 1
    assert str(locked.workspace.metadata) in ended.stderr
    assert "no other program has locked" in ended.stderr


def test_without_its_database_drift_is_told_from_its_log(no_database):
    head = {"time": "2026-01-01T00:00:00.000+00:00", "run_id": "r2", "execution_id": "7", "span": 2}
    line = head | {"reference": {"span": 1, "kind": "in_service", "uri": ""}} | feature("amount", 1.5)
    log.append(no_database.workspace.drift("sales"), [line])
    ended = invoke(["drift", "sales"])
    assert ended.code == 0
    assert "1 span compared (2)" in ended.stdout
    assert "What follows was read from" in ended.stdout
