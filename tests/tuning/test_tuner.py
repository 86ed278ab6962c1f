"""Searches by TFX's real Tuner on a small table, and the Trainer that takes what they found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from small_training import LABEL, table, train, trainer_settings, transform
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from components.models.settings import LayerSettings, ModelSettings
from components.training import callbacks
from components.training.settings import TrainingSettings
from components.transform.settings import ColumnSettings, FeaturesSettings
from components.tuning import trials, tuner
from components.tuning.component import TuneExecutor
from components.tuning.settings import TuningSettings
from components.tuning.tuner import TunerSettings

FEATURES = FeaturesSettings(
    columns={
        "fare": ColumnSettings(type="float", transform=("zscore",)),
        "payment": ColumnSettings(type="string", transform=("one_hot",), size=3),
    }
)
MODEL = ModelSettings(layers=(LayerSettings(units=4, dropout=0.1),))
RATE, UNITS = "training.learning_rate", "model.layers.0.units"

SEARCHES = {
    "grid": {"epochs": 1, "space": {UNITS: [4, 8], RATE: [0.01]}},
    "random": {"trials": 2, "epochs": 2},
    "bayesian": {"trials": 3, "initial_points": 2, "epochs": 1},
    "hyperband": {"epochs": 3},
}


@dataclass(frozen=True)
class Tuned:
    """What a search left.

    Attributes:
      trials: the best first.
      best: the artifact for the Trainer.
      results: folder of the tables.
    """

    trials: list[trials.Trial]
    best: Any
    results: Path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Examples and transform graph."""
    return transform(tmp_path_factory.mktemp("data"), FEATURES, table())


def tune(folder: Path, data: tuple[Any, Any], algorithm: str, output: str = "first", **changes: Any) -> Tuned:
    """Runs the executor of the step; `output` is another name for each attempt, as TFX has it."""
    examples, graph = data
    space = {RATE: {"low": 0.001, "high": 0.1, "scale": "log"}, UNITS: [4, 8, 16]}
    written = {"objective": "val_loss", "algorithm": algorithm, "space": space, **SEARCHES[algorithm], **changes}
    settings = TunerSettings(
        features=FEATURES,
        label=LABEL,
        model=MODEL,
        training=TrainingSettings(batch_size=64),
        tuning=TuningSettings.model_validate(written),
        trials=str(folder / "trials"),
        tensorboard=str(folder / "tensorboard"),
    )
    best, results = standard_artifacts.HyperParameters(), standard_artifacts.TunerResults()
    for artifact, name in ((best, "best"), (results, "results")):
        artifact.uri = str(folder / output / name)
        Path(artifact.uri).mkdir(parents=True)
    TuneExecutor(BaseExecutor.Context(tmp_dir=str(folder / output / "tmp"), unique_id="1")).Do(
        {"examples": [examples], "transform_graph": [graph]},
        {"best_hyperparameters": [best], "tuner_results": [results]},
        {
            "tuner_fn": "components.tuning.tuner.tuner_fn",
            "train_args": '{"splits": ["train"]}',
            "eval_args": '{"splits": ["eval"]}',
            "custom_config": json_utils.dumps({"settings": settings.model_dump_json(), "code": "1"}),
        },
    )
    return Tuned(trials.read(results.uri), best, Path(results.uri))


@pytest.fixture(scope="module")
def tuned(data: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tuned]:
    """One search by each algorithm, for all tests."""
    return cache(lambda algorithm: tune(tmp_path_factory.mktemp(algorithm), data, algorithm))


@pytest.mark.parametrize("algorithm", SEARCHES)
def test_each_algorithm_leaves_tables_and_nothing_else(algorithm: str, tuned: Callable[[str], Tuned]) -> None:
    found = tuned(algorithm)
    scores = [trial.score for trial in found.trials]
    assert scores == sorted(scores)
    known_to_tfx = json.loads((found.results / "tuner_results.json").read_text())
    assert [each["score"] for each in known_to_tfx] == scores
    assert not (found.results.parent.parent / "trials").exists()
    assert list((found.results.parent.parent / "tensorboard").rglob("trial-1/*/events*"))


@pytest.mark.parametrize("algorithm", ["random", "hyperband"])
def test_the_trainer_does_what_the_best_trial_did(
    algorithm: str, data: tuple[Any, Any], tuned: Callable[[str], Tuned], tmp_path: Path
) -> None:
    found = tuned(algorithm)
    best = found.trials[0]
    training = {"batch_size": 64, "class_weights": None, "epochs": SEARCHES[algorithm]["epochs"]}
    settings = trainer_settings(tmp_path / "tensorboard", FEATURES, MODEL, **training)
    _, model_run = train(settings, *data, tmp_path, hyperparameters=found.best)
    record = json.loads((model_run / "training.json").read_text())
    assert record["tuned"] == best.values
    assert record["epochs"] == best.epochs
    assert record["eval"]["loss"] == best.score


def test_the_same_search_finds_the_same(data: tuple[Any, Any], tuned: Callable[[str], Tuned], tmp_path: Path) -> None:
    assert tune(tmp_path, data, "random").trials == tuned("random").trials


def test_hyperband_does_not_train_an_epoch_twice(
    data: tuple[Any, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "headgate.progress"):
        found = tune(tmp_path, data, "hyperband").trials
    twice = [trial for trial in found if any(trial.values == other.values for other in found if other != trial)]
    longer = max(twice, key=lambda trial: trial.epochs or 0)
    said = [record.getMessage() for record in caplog.records if record.name == "headgate.progress"]
    begun = next(number for number, line in enumerate(said) if line.startswith(f"trial {longer.trial}/"))
    assert said[begun + 1] == "going on after epoch 1"
    assert [line.split()[1] for line in said[begun + 2 : begun + 4]] == ["2/3", "3/3"]


def test_a_search_that_was_killed_goes_on_in_the_middle_of_a_trial(
    data: tuple[Any, Any],
    tuned: Callable[[str], Tuned],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = callbacks.TellProgress.on_epoch_end
    epochs = 0

    def killed(self: Any, epoch: int, logs: Any = None) -> None:
        nonlocal epochs
        epochs += 1
        if epochs == 4:  # the last one of the second trial
            raise KeyboardInterrupt
        told(self, epoch, logs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(callbacks.TellProgress, "on_epoch_end", killed)
        tune(tmp_path, data, "random")
    caplog.clear()
    with caplog.at_level("INFO", "headgate.progress"):
        again = tune(tmp_path, data, "random", output="second").trials
    said = [record.getMessage() for record in caplog.records if record.name == "headgate.progress"]
    assert again == tuned("random").trials
    assert [line.partition(" loss")[0] for line in said if "epoch" in line] == ["going on after epoch 1", "epoch 2/2"]


def test_other_settings_or_other_data_are_another_search() -> None:
    class Arguments:
        custom_config = {"settings": "{}", "code": "1"}
        train_files = ["a"]
        eval_files = ["b"]
        transform_graph_path = "c"

    class OtherCode(Arguments):
        custom_config = {"settings": "{}", "code": "2"}

    class OtherData(Arguments):
        train_files = ["d"]

    assert tuner.search_key(Arguments()) == tuner.search_key(Arguments())
    assert len({tuner.search_key(each()) for each in (Arguments, OtherCode, OtherData)}) == 3


def test_a_loss_that_is_no_number_is_a_failed_trial_though_the_metric_is_one(
    data: tuple[Any, Any], tmp_path: Path
) -> None:
    space = {RATE: [0.01, 1e30], "training.optimizer": ["sgd"]}
    found = tune(tmp_path, data, "grid", space=space).trials
    assert [trial.values[RATE] for trial in found] == [0.01, 1e30]
    assert found[0].score is not None
    assert (found[1].score, found[1].error) == (None, "the loss on the eval split is nan")
