"""Whole runs with a search before training."""

from __future__ import annotations

import json
import signal

import pytest
from small_pipeline import SETTINGS, STEPS, started

RATE, UNITS = "training.learning_rate", "model.layers.0.units"

TUNED = (
    SETTINGS
    + f"""\
tuning:
  objective: val_auc
  trials: 3
  epochs: 2
  space:
    {RATE}: {{low: 0.001, high: 0.05, scale: log}}
    {UNITS}: [4, 5]
edge:
  variants:
    phone: {{format: float32}}
"""
)


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_and_its_best_is_trained_released_and_converted(new) -> None:
    pipeline = new(TUNED)
    # What models for the edge can read.
    pipeline.change(lambda settings: settings["features"].update(columns={"amount": {}}))
    with started(pipeline, "tune: trial 2/3: ") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    folder = pipeline.workspace.tuning("sales")
    assert len(list(folder.rglob("*.json"))) == 1

    again = pipeline.fresh("run")
    assert again.code == 0, again
    lines = [line.removeprefix("tune: ") for line in again.stdout.splitlines() if line.startswith("tune: ")]
    first = next(number for number, line in enumerate(lines) if line.startswith("trial 1/3: "))
    assert lines[first + 1].startswith("trial 1/3: val_auc ")  # no epoch in between
    assert sum(line.startswith("epoch ") for line in lines) == 4
    assert not folder.exists()

    run = pipeline.history.runs()[0].run_id
    shown = pipeline.show(run, "--json").json
    assert [step["id"] for step in shown["steps"]] == [*STEPS[:8], "tune", "train", "edge", *STEPS[9:]]
    trials = shown["trials"]
    assert sorted(trial["trial"] for trial in trials) == [1, 2, 3]
    assert [trial["score"] for trial in trials] == sorted((trial["score"] for trial in trials), reverse=True)
    best = trials[0]
    told = pipeline.show(run).stdout
    assert f"tuned: val_auc {best['score']:.4f} with {RATE} {best['values'][RATE]:.4g}, {UNITS} " in told
    assert f"trial  val_auc  epochs  {RATE}  {UNITS}" in told
    [record] = pipeline.workspace.artifacts("sales").rglob("training.json")
    assert json.loads(record.read_text(encoding="utf-8"))["tuned"] == best["values"]
    assert [(model["name"], model["passed"]) for model in shown["edge"]] == [("phone", True)]

    pipeline.change(lambda settings: settings["evaluation"]["thresholds"]["auc"].update(min=0.55))
    cached = pipeline.run()
    assert (cached.states["tune"], cached.states["train"], cached.states["judge"]) == ("cached", "cached", "complete")
    assert "trials" not in cached.json


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_there_is_no_search_without_its_section(released, option: str) -> None:
    ended = released.command("run", option, "tune")
    assert ended.code == 2
    assert "The pipeline `sales` has no step `tune`." in ended.stderr
    assert "add a section `tuning` to the settings" in ended.stderr
