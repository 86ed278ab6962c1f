"""Runs that are told to end, or that a function of the user's own ends."""

from __future__ import annotations

import json

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from small_pipeline import Ended, Pipeline, sales
from warm_process import Warm

from pipeline.history.store import Store
from pipeline.metadata.place import Metadata

pytestmark = pytest.mark.slow

OWN = """\
import os
import sys

def prepare(batch):
    {end}

def preprocessing_fn(inputs):
    {end}

def build(inputs, head, settings):
    {end}
"""


def ended(warm: Warm, pipeline: Pipeline, *fault: str) -> Ended:
    told = warm.command(pipeline.argv("run", "--json", "--no-report")[1:], *fault)
    return Ended(told["code"], told["stdout"], told["stderr"])


def nothing_at_work(pipeline: Pipeline) -> bool:
    executions = Store(Metadata.of(pipeline.workspace)).ask("get_executions")
    return not any(each.last_known_state in (mlmd.Execution.NEW, mlmd.Execution.RUNNING) for each in executions)


def test_sigterm_ends_a_run_in_order(warm, released):
    released.span(2, sales(seed=2))
    before = released.serving()
    told = ended(warm, released, "ask_to_end", "transform")
    assert told.code == 143
    assert told.stdout == ""
    assert told.stderr == "Ended by SIGTERM. The same command goes on where this one stood.\n"
    assert released.history.runs()[0].status == "interrupted"
    assert nothing_at_work(released)
    assert released.serving() == before
    again = ended(warm, released)
    assert (again.code, again.json["release"]["version"]) == (0, 2)
    assert "ingest" not in again.ran


@pytest.mark.parametrize(
    ("section", "own", "step"),
    [
        ("features", {"columns": {"amount": {}}, "preprocessing_fn": "own_end:preprocessing_fn"}, "transform"),
        ("model", {"build": "own_end:build"}, "train"),
    ],
)
def test_a_function_that_calls_sys_exit_fails_the_run(warm, released, section, own, step):
    (released.folder / "own_end.py").write_text(OWN.format(end="sys.exit(0)"), encoding="utf-8")
    released.change(lambda settings: settings.update({section: own}))
    released.change(lambda settings: settings["evaluation"].update(slices={}, thresholds={}))
    told = ended(warm, released)
    assert told.code == 1
    assert told.json["status"] == "failed"
    assert f"The step `{step}` ended the program." in told.json["error"]
    assert "must not call sys.exit" in told.json["error"]
    assert released.history.runs()[0].status == "failed"
    assert nothing_at_work(released)


def test_a_function_that_calls_sys_exit_on_the_first_rows_is_refused_before_a_run_begins(warm, released):
    (released.folder / "own_end.py").write_text(OWN.format(end="sys.exit(0)"), encoding="utf-8")
    released.change(lambda settings: settings["data"].update(prepare="own_end:prepare"))
    told = ended(warm, released)
    assert told.code == 1
    assert told.json["error"]["what"] == "The function that prepares the data failed."
    assert "SystemExit: 0" in told.json["error"]["received"]
    assert len(released.history.runs()) == 1


def test_a_function_that_ends_the_process_leaves_a_run_that_was_interrupted(warm, released):
    (released.folder / "own_end.py").write_text(OWN.format(end="os._exit(0)"), encoding="utf-8")
    released.change(lambda settings: settings["model"].update(build="own_end:build"))
    before = released.serving()
    assert ended(warm, released).stdout == ""
    assert released.history.runs()[0].status == "interrupted"
    assert released.serving() == before
    released.change(lambda settings: settings["model"].pop("build"))
    released.span(2, sales(seed=2))
    again = ended(warm, released)
    assert (again.code, again.json["release"]["version"]) == (0, 2)
    assert nothing_at_work(released)


def test_what_a_function_prints_does_not_reach_the_screen(warm, released):
    noise = "print('x' * 100_000, file=sys.stderr); sys.stdout.write('y' * 100_000); return batch"
    (released.folder / "own_end.py").write_text(OWN.format(end=noise), encoding="utf-8")
    released.change(lambda settings: settings["data"].update(prepare="own_end:prepare"))
    told = warm.command(released.argv("run", "--json", "--no-report", "--to", "ingest")[1:])
    assert told["code"] == 0
    assert json.loads(told["stdout"])["status"] == "stopped"
    assert told["stderr"] == ""
