"""The search space held against the settings that it names: told by line, all at once, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pipeline import SETTINGS

from pipeline.settings_file import Loaded, load
from schema.errors import SettingsError

FIRST_LINE = len(SETTINGS.splitlines()) + 5

TUNING = """\
tuning:
  objective: val_auc
  algorithm: {algorithm}
  {more}
  space:
"""


def check(
    folder: Path, *space: str, algorithm: str = "grid", more: str = "", overrides: tuple[str, ...] = ()
) -> Loaded:
    file = folder / "pipeline.yaml"
    lines = "".join(f"    {line}\n" for line in space)
    file.write_text(SETTINGS + TUNING.format(algorithm=algorithm, more=more or "seed: 1") + lines, encoding="utf-8")
    return load(str(file), overrides)


REFUSED = {
    "no such setting": (
        "training.learning_rat: [0.1]",
        ["`training.learning_rat` is not a setting", "did you mean `learning_rate`?"],
    ),
    "no such section": ("modl.layers.0.units: [1]", ["`modl.layers.0.units` cannot be tuned", "did you mean `model`?"]),
    "a section that no trial reads": ("features.columns: [{}]", ["cannot be tuned", "below `model` or `training`"]),
    "a section for a path": ("training: {low: 1, high: 2}", ["`training` cannot be tuned", "in one word"]),
    "a place that is not in the list": ("model.layers.1.units: [4]", ["`model.layers` is a list of 1, counted from 0"]),
    "a path through a number": ("training.batch_size.x: [4]", ["`training.batch_size` holds no other settings"]),
    "a value of another type": ("training.batch_size: [16, 'many']", ["a whole number", "the text `many`"]),
    "a number as text": ("training.batch_size: [16, '32']", ["`training.batch_size`", "without quotes"]),
    "a value that is not known": ("training.optimizer: [adam, adm]", ["the text `adm`", "did you mean `adam`?"]),
    "an end that is too small": ("training.batch_size: {low: 0, high: 64}", ["at least 1", "received: 0"]),
    "an end that is too large": (
        "model.layers.0.dropout: {low: 0, high: 1, step: 0.5}",
        ["less than 1", "received: 1"],
    ),
    "a step between whole numbers": ("training.batch_size: {low: 1, high: 4, step: 1.5}", ["a whole number", "2.5"]),
    "a range of words": ("training.optimizer: {low: 1, high: 2}", ["`training.optimizer`", "adam, adamw"]),
    "a range of yes and no": (
        "model.layers.0.batch_normalization: {low: 0, high: 1}",
        ["`model.layers.0.batch_normalization` holds no number", "a list of values"],
    ),
    "what other settings forbid": (
        "training.early_stopping.monitor: [val_auc, val_aux]",
        ["one of ['val_loss'", "received: val_aux"],
    ),
    "epochs": ("training.epochs: [1, 2]", ["`training.epochs` cannot be tuned", "`tuning.epochs`"]),
    "a grid without steps": (
        "training.learning_rate: {low: 0.001, high: 0.1}",
        ["A grid cannot try every number of `training.learning_rate`", "a `step`", "a range from 0.001 to 0.1"],
    ),
    "a choice of nothing": ("training.batch_size: []", ["give a list of values, or a range"]),
    "neither a list nor a range": ("training.batch_size: 16", ["tuning.space.training.batch_size", "a mapping"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_tried_is_told_with_its_line(name: str, tmp_path: Path) -> None:
    space, told = REFUSED[name]
    with pytest.raises(SettingsError) as raised:
        check(tmp_path, "training.label_smoothing: [0, 0.1]", space)
    assert f"pipeline.yaml, line {FIRST_LINE + 2}" in str(raised.value)
    for words in told:
        assert words in str(raised.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^2 problems in .*pipeline.yaml") as raised:
        check(tmp_path, "training.batch_siz: [16]", "model.layers.0.units: [0]")
    assert "`training.batch_siz` is not a setting" in str(raised.value)
    assert "`model.layers.0.units` cannot be used as it is" in str(raised.value)


def test_a_part_is_not_tuned_beside_its_whole(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a part of `model\.layers`, which is tuned as a whole"):
        check(tmp_path, "model.layers.0.units: [4]", "model.layers: [[{units: 4}], [{units: 8}]]")


def test_one_setting_of_the_space_can_be_overridden(tmp_path: Path) -> None:
    typed = "tuning.space.training.batch_size=[0]"
    with pytest.raises(SettingsError) as raised:
        check(tmp_path, "training.batch_size: [16]", overrides=(typed,))
    assert (raised.value.where, raised.value.received) == (f"--set {typed}", "0")


def test_sections_in_sections_are_paths_too(tmp_path: Path) -> None:
    loaded = check(tmp_path, "training.cache: [none]", "model: {layers: {0: {units: {low: 1, high: 2}, dropout: [0]}}}")
    assert loaded.settings.tuning is not None
    assert list(loaded.settings.tuning.space) == ["training.cache", "model.layers.0.units", "model.layers.0.dropout"]
    with pytest.raises(SettingsError, match="did you mean `low`") as raised:
        check(tmp_path, "training.cache: [none]", "training: {batch_size: {lo: 1, high: 2}}")
    assert f"pipeline.yaml, line {FIRST_LINE + 2}" in str(raised.value)


def test_an_override_is_told_as_it_was_typed(tmp_path: Path) -> None:
    typed = "tuning.space={training.batch_size: [0]}"
    with pytest.raises(SettingsError) as raised:
        check(tmp_path, "training.batch_size: [16]", overrides=(typed,))
    assert raised.value.where == f"--set {typed}"


@pytest.mark.parametrize(
    ("algorithm", "more", "told"),
    [
        ("random", "", "`trials` is missing"),
        ("grid", "trials: 3", "`trials` is for random and bayesian"),
        ("bayesian", "trials: 3", "begins with 3 random ones"),
        ("hyperband", "epochs: 2", "needs 3 epochs or more"),
        ("hyperband", "factor: 2", "needs 2 epochs or more for that"),
        ("gird", "", "did you mean `grid`?"),
    ],
)
def test_a_search_that_cannot_work_is_refused(algorithm: str, more: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        check(tmp_path, "training.batch_size: [16, 32]", algorithm=algorithm, more=more)
    assert told in str(raised.value)


def test_the_objective_is_one_that_training_watches(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        check(tmp_path, "training.batch_size: [16]", overrides=("tuning.objective=val_f1",))
    assert "`tuning.objective`: one of ['val_loss', 'val_binary_accuracy'" in str(raised.value)
    assert raised.value.received == "val_f1"


def test_what_can_be_tried_is_taken(tmp_path: Path) -> None:
    check(
        tmp_path,
        "training.learning_rate: {low: 0.001, high: 0.1, step: 10, scale: log}",
        "training.batch_size: {low: 8, high: 12}",
        "training.schedule.kind: [cosine, exponential]",
        "training.class_weights: [null, balanced]",
        "model.layers: [[{units: 4}], [{units: 8}, {units: 4, dropout: 0.5}]]",
    )
    check(tmp_path, "training.learning_rate: {low: 0.001, high: 0.1}", algorithm="random", more="trials: 2")
    check(tmp_path, "training.batch_size: [16]", algorithm="hyperband", more="epochs: 9")
