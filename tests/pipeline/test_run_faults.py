"""Runs that are killed, interrupted, or started twice: what they leave behind, and that the next one mends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from small_pipeline import SETTINGS, STEPS, make, sales, started

from serving import releases

pytestmark = pytest.mark.slow


def servable(pipeline) -> list[str]:
    """What TensorFlow Serving would take for versions."""
    folder = pipeline.workspace.serving / "sales"
    return sorted(path.name for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, _first):
    """Metrics of a second span's run that nobody disturbed."""
    pipeline, _, snapshot = _first
    snapshot.put_back()
    pipeline.span(2, sales(seed=2))
    ended = pipeline.run()
    assert ended.code == 0
    return ended.json["metrics"]


@pytest.mark.parametrize(
    "line",
    [
        "ingest: started",
        "statistics: started",
        "gate: started",
        "transform: started",
        "train: started",
        "train: exporting the model",
        "evaluate: started",
        "release: started",
    ],
)
def test_a_run_that_is_killed_is_completed_by_the_same_command(undisturbed, released, line):
    step = line.partition(":")[0]
    released.span(2, sales(seed=2))
    before = released.serving()
    with started(released, line) as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert released.history.runs()[0].status == "interrupted"
    if step != "release":
        assert released.serving() == before
    assert set(servable(released)) <= {"1", "2"}
    assert releases.verify(releases.in_service(released.workspace.serving, "sales")) == []

    again = released.run()
    assert again.code == 0, again
    assert again.json["metrics"] == pytest.approx(undisturbed)
    assert again.json["release"]["version"] == 2
    assert servable(released) == ["1", "2"]
    assert all(releases.verify(each) == [] for each in releases.releases(released.workspace.serving, "sales"))
    done = STEPS[: STEPS.index(step)]
    assert not set(done) & set(again.ran) - {"in_service"}
    assert [row.status for row in released.history.runs()] == ["pushed", "interrupted", "pushed"]
    assert released.run().json["nothing_to_do"]


def test_an_interrupted_run_says_so_and_goes_on_later(released):
    released.span(2, sales(seed=2))
    before = released.serving()
    with started(released, "transform: started") as process:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 130
    assert "Interrupted. The same command goes on where this one stood." in output
    assert "Traceback" not in output
    assert released.serving() == before
    assert released.history.runs()[0].status == "interrupted"
    shown = released.show(released.history.runs()[0].run_id)
    assert "The run was interrupted" in shown.stdout

    again = released.run()
    assert again.code == 0
    assert "ingest" not in again.ran


def test_one_run_at_a_time(released):
    released.span(2, sales(seed=2))
    with started(released, "ingest: started"):
        second = released.command("run")
        assert second.code == 1
        assert "Another run of `sales` is going on in this workspace." in second.stderr
        assert "--workspace" in second.stderr
        shown = released.history.runs()[0]
        assert shown.status == "running"


def test_two_pipelines_may_run_at_once_in_one_workspace(released):
    released.span(2, sales(seed=2))
    other = make(released.folder / "shops", SETTINGS.replace("name: sales", "name: shops"))
    (other.folder / "w").symlink_to(released.workspace.root)
    processes = [
        subprocess.Popen(each.argv("run", "--json"), stdout=subprocess.PIPE, text=True) for each in (released, other)
    ]
    ended = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    assert [(each["pipeline"], each["status"]) for each in ended] == [("sales", "pushed"), ("shops", "pushed")]
    assert [each["release"]["version"] for each in ended] == [2, 1]


def test_a_process_of_its_own_prints_one_json_object_and_nothing_else(released):
    released.span(2, sales(seed=2))
    ended = released.fresh("run", "--json")
    assert ended.code == 0
    assert ended.stderr == ""
    assert ended.json["status"] == "pushed"
    assert ended.json["release"]["version"] == 2


def test_a_full_disk_while_releasing_leaves_what_is_in_service(released, monkeypatch):
    released.span(2, sales(seed=2))
    before = released.serving()

    def full(*arguments):
        raise OSError(28, os.strerror(28), str(released.workspace.serving))

    with monkeypatch.context() as patch:
        patch.setattr("serving.files.copy_tree", full)
        ended = released.run()
    assert ended.code == 1
    assert "what was in service before still is" in ended.json["error"]
    assert "Free some disk space" in ended.json["error"]
    assert released.serving() == before

    again = released.run()
    assert (again.code, again.json["release"]["version"]) == (0, 2)
    assert set(again.ran) == {"in_service", "release"}
