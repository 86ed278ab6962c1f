"""Searches whose trials are a formula: what is tried, what becomes of failures, and how a search goes on."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.models.settings import LayerSettings, ModelSettings
from components.training.settings import TrainingSettings
from components.tuning.oracles import oracle
from components.tuning.search import Search, Train
from components.tuning.settings import TuningSettings
from components.tuning.trials import Attempt, Result, Trial, TrialStore, read, write
from schema.errors import HeadgateError
from schema.section import Section

RATE, UNITS = "training.learning_rate", "model.layers.0.units"

ALGORITHMS = {
    "grid": {"space": {RATE: {"low": 0.1, "high": 0.9, "step": 0.2}, UNITS: [4, 8]}},
    "random": {"trials": 8},
    "bayesian": {"trials": 8, "initial_points": 3},
    "hyperband": {"epochs": 4, "factor": 2},
}


class Settings(Section):
    model: ModelSettings = ModelSettings(layers=(LayerSettings(units=4),))
    training: TrainingSettings = TrainingSettings()


@dataclass
class Formula:
    """Takes the place of training: best at a learning rate of 0.3 with as many units and epochs as there can be.

    Attributes:
      fails: for which values it does, and how.
      killed_at: number of the trial at which the process is killed.
      trained: numbers of the trials that got here.
    """

    fails: Callable[[Mapping[str, Any]], bool] = lambda values: False
    killed_at: int | None = None
    trained: list[int] = field(default_factory=list)

    def __call__(self, attempt: Attempt) -> Result:
        self.trained.append(attempt.number)
        if attempt.number == self.killed_at:
            raise KeyboardInterrupt
        if self.fails(attempt.values):
            raise FloatingPointError("the loss is no number\nand more")
        rate, units = attempt.values[RATE], attempt.values[UNITS]
        return Result(1 - (rate - 0.3) ** 2 + units / 1000 + attempt.epochs / 1000, attempt.epochs)


def make(folder: Path, train: Train, algorithm: str = "random", **changes: Any) -> Search:
    space = {RATE: {"low": 0.001, "high": 0.9, "scale": "log"}, UNITS: {"low": 2, "high": 16}}
    written = {"objective": "val_auc", "algorithm": algorithm, "space": space, **ALGORITHMS[algorithm], **changes}
    tuning = TuningSettings.model_validate(written)
    planned = oracle(tuning, Settings(), tuning.epochs or 3)
    store = TrialStore(folder / "tuning", "key")
    return Search(planned, tuning.epochs or 3, nullcontext(train), store, str(folder / "kerastuner"))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_makes_the_trials_it_announced_and_puts_the_best_first(
    algorithm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    search = make(tmp_path, Formula(), algorithm)
    with caplog.at_level(logging.INFO, "headgate.progress"):
        search.search()
    scores = [trial.score for trial in search.table()]
    assert scores == sorted(scores, reverse=True)
    assert f"trial {len(scores)}/{len(scores)}: val_auc " in caplog.text
    assert f"best is trial {search.table()[0].trial}: val_auc {scores[0]:.4f} with {RATE} " in caplog.text
    assert all(0.001 <= trial.values[RATE] <= 0.9 for trial in search.trials)
    assert all(isinstance(trial.values[UNITS], int) and 2 <= trial.values[UNITS] <= 16 for trial in search.trials)


def test_a_grid_tries_every_combination_once(tmp_path: Path) -> None:
    search = make(tmp_path, Formula(), "grid")
    search.search()
    tried = {(trial.values[RATE], trial.values[UNITS]) for trial in search.trials}
    assert tried == {(rate, units) for rate in (0.1, 0.3, 0.5, 0.7, 0.9) for units in (4, 8)}
    assert search.table()[0].values == {RATE: 0.3, UNITS: 8}


def test_bayesian_optimisation_comes_closer_than_its_random_beginning(tmp_path: Path) -> None:
    search = make(tmp_path, Formula(), "bayesian", trials=15)
    search.search()
    distances = [abs(trial.values[RATE] - 0.3) for trial in search.trials]
    assert min(distances[3:]) < min(distances[:3])


def test_hyperband_goes_on_with_the_best_for_more_epochs(tmp_path: Path) -> None:
    search = make(tmp_path, Formula(), "hyperband")
    search.search()
    short = [trial for trial in search.trials if trial.epochs == 1]
    best = max(short, key=lambda trial: trial.score or 0)
    assert {trial.epochs for trial in search.trials if trial.values == best.values} == {1, 2, 4}


def test_choices_may_be_of_any_kind(tmp_path: Path) -> None:
    schedules = [None, {"kind": "cosine"}, {"kind": "exponential", "decay_rate": 0.5}]
    space = {"training.schedule": schedules, RATE: [0.1], UNITS: [4]}
    search = make(tmp_path, Formula(), "grid", space=space)
    search.search()
    assert [trial.values["training.schedule"] for trial in search.trials] == schedules


def test_a_range_of_an_empty_setting_is_one_of_its_kind(tmp_path: Path) -> None:
    space = {"training.steps_per_epoch": {"low": 1, "high": 100, "scale": "log"}, RATE: [0.1], UNITS: [4]}
    search = make(tmp_path, Formula(), space=space)
    search.search()
    assert all(isinstance(trial.values["training.steps_per_epoch"], int) for trial in search.trials)


def test_a_space_that_is_tried_out_ends_the_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    search = make(tmp_path, Formula(), trials=30, space={RATE: [0.1, 0.2], UNITS: [4]})
    with caplog.at_level(logging.INFO, "headgate.progress"):
        search.search()
    assert len(search.trials) == 2
    assert "no more than 2 trials: there are no other values to try" in caplog.text


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_seed_tries_the_same_and_another_one_does_not(algorithm: str, tmp_path: Path) -> None:
    tables = []
    for attempt, seed in enumerate((1, 1, 2)):
        search = make(tmp_path / str(attempt), Formula(), algorithm, seed=seed)
        search.search()
        tables.append(search.table())
    assert tables[0] == tables[1]
    assert (tables[0] == tables[2]) == (algorithm == "grid")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_search_that_was_killed_goes_on_to_the_same_end(algorithm: str, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole", Formula(), algorithm)
    whole.search()
    for attempt, killed_at in enumerate((5, 7)):
        formula = Formula(killed_at=killed_at)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path, formula, algorithm).search()
        assert formula.trained == [[1, 2, 3, 4, 5], [5, 6, 7]][attempt]
    formula = Formula()
    search = make(tmp_path, formula, algorithm)
    search.search()
    assert formula.trained == list(range(7, len(whole.trials) + 1))
    assert search.trials == whole.trials


def test_a_finished_search_leaves_nothing_to_go_on_from(tmp_path: Path) -> None:
    search = make(tmp_path, Formula())
    search.search()
    assert list((tmp_path / "tuning" / "key").iterdir())
    search.clear()
    assert not (tmp_path / "tuning").exists()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_failed_trials_are_told_and_the_others_go_on(
    algorithm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    search = make(tmp_path, Formula(fails=lambda values: values[RATE] > 0.31), algorithm)
    with caplog.at_level(logging.INFO, "headgate.progress"):
        search.search()
    failed = [trial for trial in search.table() if trial.error]
    assert failed
    assert failed == search.table()[-len(failed) :]
    assert {trial.error for trial in failed} == {"FloatingPointError: the loss is no number"}
    assert all(trial.values[RATE] > 0.31 for trial in failed)
    assert f"trial {failed[0].trial}/" in caplog.text
    assert "failed: FloatingPointError: the loss is no number" in caplog.text


def test_bayesian_optimisation_leaves_a_place_where_trials_fail(tmp_path: Path) -> None:
    search = make(tmp_path, Formula(fails=lambda values: values[RATE] > 0.2), "bayesian", trials=16)
    search.search()
    assert any(trial.score is not None for trial in search.trials[-5:])


def test_a_score_that_is_no_number_is_a_failure(tmp_path: Path) -> None:
    def train(attempt: Attempt) -> Result:
        return Result(math.nan if attempt.number == 1 else 0.5, attempt.epochs)

    search = make(tmp_path, train)
    search.search()
    assert search.table()[-1].error == "val_auc is nan"


def test_nothing_is_kept_of_a_failed_trial_so_that_it_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(HeadgateError):
        make(tmp_path, Formula(fails=lambda values: True)).search()
    formula = Formula()
    make(tmp_path, formula).search()
    assert formula.trained == list(range(1, 9))


def test_a_search_without_any_result_says_what_went_wrong(tmp_path: Path) -> None:
    with pytest.raises(HeadgateError) as raised:
        make(tmp_path, Formula(fails=lambda values: True)).search()
    assert raised.value.what == "None of the 8 trials came to a result."
    assert raised.value.received == "in the first one: FloatingPointError: the loss is no number"


def test_trials_can_be_written_and_read(tmp_path: Path) -> None:
    trials = [Trial(2, "val_auc", 0.5, 3, {RATE: 0.1}), Trial(1, "val_auc", None, None, {RATE: None}, "no")]
    write(trials, str(tmp_path))
    assert read(str(tmp_path)) == trials
