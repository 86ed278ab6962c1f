"""`headgate watch`: a pipeline that runs by itself, each run in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import contextmanager

import pytest
from small_pipeline import sales

from pipeline.watch import state as states

AT_ONCE = (
    "--set",
    "watch.settle_seconds=0",
    "--set",
    "watch.every_seconds=0.5",
    "--set",
    "training.early_stopping=null",
)
WHEN_NEEDED = ("--set", "monitor.train=when_needed")
"""The sales hold for every span, so that nothing but a rule on time asks for a new model."""


def once(pipeline, *options):
    ended = pipeline.fresh("watch", "--once", "--json", *AT_ONCE, *options)
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    return ended, [each["message"] for each in told], [each["run"] for each in told if each["run"]]


@contextmanager
def watching(pipeline, *options):
    """A watcher in a process of its own, killed afterwards if it still runs."""
    process = subprocess.Popen(
        pipeline.argv("watch", *AT_ONCE, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(process, text):
    """Reads on until a line has `text`."""
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return line
    pytest.fail(f"`{text}` was never said:\n{''.join(said)}")


@pytest.mark.slow
def test_new_spans_are_run_in_order_and_the_last_is_trained_on(released):
    ended, told, [run] = once(released)
    assert (ended.code, told[0]) == (0, "span 1: new"), ended
    assert run["nothing_to_do"] or run["status"] == "pushed"
    released.span(2, sales(seed=2))
    released.span(3, sales(seed=3))
    ended, told, runs = once(released)
    assert ended.code == 0, ended
    assert told[0] == "span 2: new; newer spans are there too"
    assert told[2] == "span 3: new"
    assert [(run["span"], run["status"]) for run in runs] == [(2, "stopped"), (3, "pushed")]
    assert {step["id"]: step["state"] for step in runs[0]["steps"]}["drift"] == "complete"
    assert once(released)[1:] == ([], [])


@pytest.mark.slow
def test_a_watcher_that_is_told_to_end_ends_its_run_and_the_next_one_goes_on(released):
    released.span(2, sales(seed=2))
    before = released.serving()
    with watching(released) as first:
        until(first, "span 2: new")
        second = released.fresh("watch", *AT_ONCE)
        assert second.code == 1
        assert "Another `headgate watch` of `sales` is at work in this workspace." in second.stderr
        first.send_signal(signal.SIGTERM)
        assert first.wait(90) == 0
    assert released.serving() == before
    assert 2 not in states.read(released.workspace.watch("sales")).spans
    with watching(released) as process:
        until(process, "span 2: pushed: sales version 2")
        released.span(3, [{**row, "again": 2} for row in sales(seed=3)])
        until(process, "span 3: blocked")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    state = states.read(released.workspace.watch("sales"))
    assert set(state.spans) == {1, 2, 3} and state.last.status == "blocked"


@pytest.mark.slow
def test_a_cooldown_holds_a_training_back_and_its_end_lets_it_go_on(released):
    released.span(2, sales(seed=2))
    _, told, [run] = once(released, "--set", "monitor.cooldown_hours=1000")
    assert run["status"] == "watched"
    assert "nothing is trained before" in told[1]
    state = states.read(released.workspace.watch("sales"))
    assert state.stands_until is not None and state.stands_until.isoformat() == run["stands_until"]
    assert once(released, "--set", "monitor.cooldown_hours=1000")[2] == []
    [run] = once(released, "--set", "monitor.cooldown_hours=0.000001")[2]
    assert (run["status"], run["release"]["version"]) == ("pushed", 2)


@pytest.mark.slow
def test_a_model_that_is_too_old_is_replaced_though_nothing_drifts(released):
    released.span(2, sales(seed=2))
    [run] = once(released, *WHEN_NEEDED, "--set", "monitor.max_age_days=30")[2]
    assert (run["status"], run["stands_until"] is not None) == ("watched", True)
    [run] = once(released, *WHEN_NEEDED, "--set", "monitor.max_age_days=0.000001")[2]
    assert (run["status"], run["release"]["version"]) == ("pushed", 2)
    assert run["stands_until"] is None


@pytest.mark.slow
def test_without_files_it_waits_and_wrong_settings_are_told_at_once(released, tmp_path):
    for file in released.folder.glob("span-*/*"):
        file.unlink()
    ended, told, runs = once(released)
    assert (ended.code, runs) == (0, [])
    assert told == [f"no file matches {released.folder}/span-{{SPAN}}/sales.csv yet"]
    released.change(lambda settings: settings.update(trainings={}))
    ended = released.fresh("watch", "--once")
    assert ended.code == 2 and "trainings" in ended.stderr
