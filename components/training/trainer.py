"""Trains, exports and records: the function that TFX's Trainer calls."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow_transform as tft

from components.evaluation import decision
from components.evaluation.decision import DecisionSettings, FixedRule, Threshold
from components.evaluation.settings import AdversarialSettings, SliceSettings
from components.models.inputs import feature_inputs
from components.monitor import profile as profiles
from components.training.accelerator import set_up
from components.training.callbacks import PROGRESS, callbacks
from components.training.dataset import Rows
from components.training.export import Exported, export
from components.training.fgsm import check_inputs
from components.training.fitting import FitSettings, Fitted, fit
from components.training.kept import Kept
from components.training.raw_rows import RawRows
from components.training.settings import RECORD, WEIGHTS
from components.training.splits import Splits, prepare
from components.training.tuned import tuned_values, with_values
from components.transform.settings import FeaturesSettings

CHECKPOINT = "checkpoint.npz"

PROFILE_ROWS = 20_000
"""Most rows of the eval split that a model's profile is taken from, at even distances."""


class TrainerSettings(FitSettings):
    """Everything that the Trainer depends on."""

    features: FeaturesSettings
    slices: dict[str, SliceSettings]
    tensorboard: str
    """Folder for TensorBoard's event files; each run writes to a folder of its own below."""
    checkpoints: str
    """Folder for the state of trainings that go on; each has one of its own there, removed when it has ended well."""
    decision: DecisionSettings = FixedRule(rule="fixed")
    adversarial: AdversarialSettings | None = None


def run_fn(fn_args: Any) -> None:
    """Trains, exports and records.

    Args:
      fn_args: TFX's `FnArgs`: file patterns of the splits, transform graph, output folders, and `settings`
        in `custom_config`; and `hyperparameters`, values from the Tuner that take the place of those in the settings.
    """
    tuned = tuned_values(fn_args.hyperparameters)
    settings = with_values(TrainerSettings.model_validate_json(fn_args.custom_config["settings"]), tuned)
    set_up(settings.accelerator)
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    inputs = feature_inputs(transform_output, settings.features)
    if settings.adversarial:
        check_inputs(inputs, "evaluation.adversarial")
    raw = RawRows(transform_output, settings.features.raw)
    rows = Rows(raw.transform, settings.label, settings.features.decoded_images)
    tensorboard = str(Path(settings.tensorboard, Path(fn_args.model_run_dir).name))
    with (
        Kept(Path(settings.checkpoints), _key(settings, fn_args)) as kept,
        prepare(rows, fn_args.train_files, fn_args.eval_files, settings.label, settings.training) as splits,
    ):
        fitted = fit(settings, inputs, splits, callbacks(tensorboard), kept.path / CHECKPOINT)
        truth = np.concatenate([label[:, 0] for _, label in splits.eval.as_numpy_iterator()])
        binary = settings.label.task == "binary"
        threshold = decision.choose(settings.decision, fitted.scores(splits.eval)[:, 0], truth) if binary else None
        PROGRESS.info("exporting the model")
        exported = Exported(
            fitted.network,
            raw,
            settings.label,
            settings.slices,
            settings.features.decoded_images,
            threshold.value if threshold else decision.DEFAULT,
            settings.adversarial,
        )
        export(exported, fn_args.serving_model_dir)
        _profile(settings, fitted, splits, truth, exported.threshold, Path(fn_args.serving_model_dir))
        _record(fn_args.model_run_dir, fitted, splits, threshold, tuned)
        kept.remove()


def _key(settings: TrainerSettings, fn_args: Any) -> str:
    """Names this training: another one where settings, code or data differ. TFX never writes to a path twice."""
    parts = [settings.model_dump_json(), fn_args.custom_config.get("code"), fn_args.transform_graph_path]
    parts += [*fn_args.train_files, *fn_args.eval_files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _profile(
    settings: TrainerSettings,
    fitted: Fitted,
    splits: Splits,
    truth: npt.NDArray[np.generic],
    threshold: float,
    saved_model: Path,
) -> None:
    """Writes what the model looks like on the eval split into its folder, for the monitor."""
    every = -(-truth.size // PROFILE_ROWS)
    scores, embeddings = fitted.answers(splits.eval, every)
    profile = profiles.make(settings.label, scores, truth[::every], embeddings, threshold)
    if profile is not None:
        profiles.write(profile, saved_model)


def _record(folder: str, fitted: Fitted, splits: Splits, threshold: Threshold | None, tuned: dict[str, Any]) -> None:
    """Both splits judged by the same code with the weights that were exported, at their threshold; these weights."""
    if threshold and threshold.value != decision.DEFAULT:
        fitted.decide_at(threshold.value)
    record = {
        "epochs": fitted.epochs,
        "tuned": tuned,
        "history": fitted.history,
        "train": fitted.evaluate(splits.train),
        "eval": fitted.evaluate(splits.eval),
        "threshold": asdict(threshold) if threshold else None,
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    fitted.network.save_weights(Path(folder, WEIGHTS))
