"""Sets up a search: the function that TFX's Tuner calls."""

from __future__ import annotations

import gc
import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow_transform as tft
from tfx.components.tuner.component import TunerFnResult

from components.models.inputs import feature_inputs
from components.training.accelerator import set_up
from components.training.callbacks import callbacks
from components.training.checkpoint import Saved, epochs_in
from components.training.dataset import Rows
from components.training.fitting import FitSettings, fit
from components.training.raw_rows import RawRows
from components.training.splits import prepare
from components.training.tuned import with_values
from components.transform.settings import FeaturesSettings
from components.tuning.oracles import oracle
from components.tuning.search import Search, Train
from components.tuning.settings import TuningSettings
from components.tuning.trials import Attempt, Result, TrialStore
from schema.errors import HeadgateError


class TunerSettings(FitSettings):
    """Everything that the Tuner depends on."""

    features: FeaturesSettings
    tuning: TuningSettings
    trials: str
    """Folder for trials until the search has come to its end."""
    tensorboard: str
    """Folder for TensorBoard's event files; each search writes to a folder of its own below, each trial in that."""


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Sets up a search.

    Args:
      fn_args: TFX's `FnArgs`: file patterns of the splits, transform graph, a folder for KerasTuner, and `settings`
        and `code` in `custom_config`.
    """
    settings = TunerSettings.model_validate_json(fn_args.custom_config["settings"])
    set_up(settings.accelerator)
    epochs = settings.tuning.epochs or settings.training.epochs
    key = search_key(fn_args)
    search = Search(
        oracle(settings.tuning, settings, epochs),
        epochs,
        training(settings, fn_args, str(Path(settings.tensorboard, key))),
        TrialStore(Path(settings.trials), key),
        fn_args.working_dir,
    )
    return TunerFnResult(search, fit_kwargs={})


def search_key(fn_args: Any) -> str:
    """Names a search by its settings, its code and its data: an attempt after a crash has the same name."""
    parts = (fn_args.custom_config, fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def training(settings: TunerSettings, fn_args: Any, tensorboard: str) -> Iterator[Train]:
    """Reads the splits, once for all trials.

    Args:
      settings: what is tuned.
      fn_args: TFX's `FnArgs`.
      tensorboard: folder for the event files of this search.

    Yields:
      The function that trains: as the Trainer would with the same values.
    """
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    inputs = feature_inputs(transform_output, settings.features)
    raw = RawRows(transform_output, settings.features.raw)
    rows = Rows(raw.transform, settings.label, settings.features.decoded_images)
    with prepare(rows, fn_args.train_files, fn_args.eval_files, settings.label, settings.training) as splits:

        def train(attempt: Attempt) -> Result:
            gc.collect()  # a network holds on to itself, and this one may need the memory of the one before
            chosen = with_values(settings, {**attempt.values, "training.epochs": attempt.epochs})
            _go_on(attempt, chosen)
            told = callbacks(str(Path(tensorboard, f"trial-{attempt.number}")))
            fitted = fit(chosen, inputs, splits, told, attempt.checkpoint)
            measured = fitted.evaluate(splits.eval)
            # Some metrics are numbers even where the scores are not.
            if not math.isfinite(measured["loss"]):
                raise HeadgateError(f"the loss on the eval split is {measured['loss']}")
            return Result(measured[settings.tuning.metric], fitted.epochs)

        yield train


def _go_on(attempt: Attempt, settings: TunerSettings) -> None:
    """Goes on from the shorter trial where that comes to the same as training from the start."""
    alike = settings.training.schedule is None and settings.training.fine_tuning is None
    if attempt.earlier and alike and not attempt.checkpoint.exists():
        saved = Saved.read(attempt.earlier)
        stopped_early = epochs_in(saved.history) < attempt.earlier_epochs
        replace(saved, ended=stopped_early).write(attempt.checkpoint)
