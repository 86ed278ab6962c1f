"""Runs that are interrupted, or started twice. Kills at every step: test_kill_everywhere.py."""

from __future__ import annotations

import os
import signal

import pytest
from small_pipeline import SETTINGS, make, sales, started

pytestmark = pytest.mark.slow


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


def test_on_sqlite_two_pipelines_of_a_workspace_take_turns(released):
    released.span(2, sales(seed=2))
    other = make(released.folder / "shops", SETTINGS.replace("name: sales", "name: shops"))
    (other.folder / "w").symlink_to(released.workspace.root)
    with started(released, "ingest: started"):
        second = other.command("run")
    assert second.code == 1
    assert "takes one at a time" in second.stderr
    assert "a run of `sales`, process " in second.stderr
    assert "headgate metadata copy" in second.stderr


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
