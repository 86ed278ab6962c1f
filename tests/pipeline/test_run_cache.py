"""What runs again after a change, and what is taken from an earlier run."""

from __future__ import annotations

import shutil

import pytest
from small_pipeline import STEPS, forget_code, sales

ALWAYS = {"in_service", "release"}
"""They look at the serving directory, which changes without TFX's knowledge."""

FROM_TRAIN = {"train", "evaluate", "judge"}

NETWORK = """\
import keras

UNITS = 4


def build(inputs, head, settings):
    tensors = {each.name: keras.Input((each.width,), name=each.name, dtype=each.dtype) for each in inputs}
    x = keras.layers.Concatenate()([keras.ops.cast(tensor, "float32") for tensor in tensors.values()])
    x = keras.layers.Dense(UNITS, "relu")(x)
    return keras.Model(tensors, keras.layers.Dense(head.units, head.activation)(x))
"""


@pytest.mark.parametrize(
    ("setting", "depends"),
    [
        ("release.keep=3", set()),
        ("drift.bounds.psi=0.3", {"drift"}),
        ("gate.severities.constant_label=warn", {"gate"}),
        ("evaluation.thresholds.auc.min=0.62", {"judge"}),
        ("evaluation.slices.weekday=weekday", {"monitor", "drift", "evaluate", "judge"}),
        ("training.learning_rate=0.03", FROM_TRAIN),
        ("features.columns.amount.transform=minmax", {"transform", *FROM_TRAIN}),
        pytest.param("data.split.test=2", set(STEPS) - ALWAYS, marks=pytest.mark.slow),
    ],
)
def test_a_changed_setting_reruns_the_steps_that_depend_on_it(settled, setting, depends):
    ended = settled.run("--set", setting)
    assert set(ended.ran) == depends | ALWAYS
    assert ended.code == 0


def test_a_baseline_that_is_new_is_compared_with(released):
    ended = released.run("--set", "evaluation.thresholds.auc.min=0.62")
    assert set(ended.ran) == {"monitor", "drift", "evaluate", "judge"} | ALWAYS
    [change] = [each for each in ended.json["decisions"] if each["rule"] == "change_threshold:auc"]
    assert "there is no model in service" not in change["message"]


def test_the_same_model_is_not_released_twice(settled):
    ended = settled.run("--set", "evaluation.thresholds.auc.min=0.62")
    assert ended.json["release"]["version"] == 1
    assert sorted(path.name for path in (settled.workspace.serving / "sales").iterdir()) == [".last_version", "1"]


def test_an_edited_function_reruns_what_depends_on_it(settled):
    own = settled.folder / "own_network.py"
    own.write_text(NETWORK, encoding="utf-8")
    settled.change(lambda settings: settings["model"].update(build="own_network:build"))
    assert set(settled.run().ran) == FROM_TRAIN | ALWAYS
    assert settled.run().json["nothing_to_do"]

    own.write_text(NETWORK.replace("UNITS = 4", "UNITS = 5"), encoding="utf-8")
    forget_code(settled.folder)
    edited = settled.run()
    assert set(edited.ran) >= FROM_TRAIN
    assert "transform" not in edited.ran
    assert edited.json["release"]["version"] == 3


def test_new_rows_rerun_everything(settled):
    settled.span(1, sales(seed=2))
    ended = settled.run()
    assert ended.ran == list(STEPS)
    assert ended.json["release"]["version"] == 2


@pytest.mark.slow
def test_no_cache_reruns_everything(settled):
    assert settled.run("--no-cache").ran == list(STEPS)


def test_a_run_may_start_at_a_step_and_takes_the_rest_from_the_last_run(settled):
    ended = settled.run("--from", "judge", "--set", "evaluation.thresholds.auc.min=0.62")
    assert ended.code == 0
    assert set(ended.ran) == {"judge", "release"}
    assert ended.states["train"] == "cached"
    assert not settled.run().json["nothing_to_do"]


def test_a_run_may_end_at_a_step_and_the_next_goes_on_from_there(new):
    pipeline = new()
    part = pipeline.run("--to", "gate")
    assert (part.code, part.json["status"], part.json["release"]) == (0, "stopped", None)
    assert part.ran == ["ingest", "statistics", "schema", "gate"]
    assert part.states["transform"] == "skipped"

    rest = pipeline.run("--to", "transform")
    assert set(rest.ran) == {"in_service", "monitor", "drift", "transform"}


def test_a_run_cannot_start_in_the_middle_where_nothing_ran_before(new):
    pipeline = new()
    first = pipeline.run("--from", "train")
    assert first.code == 2
    assert first.json["error"]["fix"] == "run without --from"
    assert not pipeline.workspace.metadata.exists()

    assert pipeline.run("--to", "statistics").code == 0
    second = pipeline.run("--from", "train")
    assert second.code == 1
    assert "The latest run has no results that `train` could start from." in second.json["error"]


def test_the_gate_cannot_be_passed_by_starting_behind_it(settled):
    settled.span(1, [{**row, "shop": None} for row in sales(seed=2)])
    assert settled.run().code == 4
    for step, code in (("monitor", 4), ("transform", 1)):
        behind = settled.run("--from", step)
        assert (behind.code, behind.ran) == (code, [])


@pytest.mark.parametrize(
    "gone",
    [
        "artifacts/sales/train",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("artifacts", "artifacts/sales/ingest")),
    ],
)
def test_artifacts_deleted_by_hand_are_made_again(settled, gone):
    shutil.rmtree(settled.workspace.root / gone)
    ended = settled.run()
    assert not ended.json["nothing_to_do"]
    assert ended.code == 0, ended.json["error"]
    assert settled.run().json["nothing_to_do"]


def test_a_release_removed_by_hand_is_made_again(settled):
    shutil.rmtree(settled.workspace.serving)
    ended = settled.run()
    assert ended.code == 0
    assert not ended.json["nothing_to_do"]
    assert (settled.workspace.serving / "sales/1/saved_model.pb").is_file()
    assert "train" not in ended.ran
