"""Fits the network: the function that TFX's Trainer calls."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.evaluation.settings import SliceSettings
from components.label import LabelSettings
from components.models.inputs import feature_inputs
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.training.callbacks import PROGRESS, callbacks
from components.training.compilation import LOSSES, class_weights, metrics, optimizer
from components.training.dataset import Rows, label_counts, shuffled_batches
from components.training.export import Exported, export
from components.training.settings import RECORD, TrainingSettings
from components.transform.settings import FeaturesSettings
from schema.section import Section

MAX_STEPS_PER_CALL = 50
"""Most training steps in one call of the compiled function: the more, the fewer returns to Python."""


class TrainerSettings(Section):
    """Everything that the Trainer depends on."""

    features: FeaturesSettings
    label: LabelSettings
    model: ModelSettings
    training: TrainingSettings
    slices: dict[str, SliceSettings]
    tensorboard: str
    """Folder for TensorBoard's event files; each run writes to a folder of its own below."""


@dataclass(frozen=True)
class Splits:
    """Both splits as the network takes them."""

    train: Any
    eval: Any
    train_once: Any
    steps: int
    counts: list[int]


def run_fn(fn_args: Any) -> None:
    """Trains, exports and records; called by TFX's Trainer.

    Args:
      fn_args: TFX's `FnArgs`: file patterns of the splits, transform graph, output folders, and `settings`
        in `custom_config`.
    """
    settings = TrainerSettings.model_validate_json(fn_args.custom_config["settings"])
    training = settings.training
    keras.utils.set_random_seed(training.seed)
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    model = build_model(feature_inputs(transform_output, settings.features), settings.label, settings.model)
    model.summary(print_fn=logging.info)
    exported = Exported(model, transform_output, settings.features.types, settings.label, settings.slices)
    splits = _splits(Rows(exported.transform, settings.label), fn_args, settings)
    model.compile(
        optimizer(training, splits.steps * training.epochs),
        LOSSES[settings.label.task],
        metrics=metrics(settings.label.task),
        steps_per_execution=_steps_per_call(splits.steps),
        jit_compile=False,
    )
    history = model.fit(
        splits.train,
        epochs=training.epochs,
        steps_per_epoch=splits.steps if training.steps_per_epoch else None,
        validation_data=splits.eval,
        validation_steps=training.validation_steps,
        class_weight=class_weights(training, settings.label, splits.counts),
        callbacks=callbacks(training, str(Path(settings.tensorboard, Path(fn_args.model_run_dir).name))),
        shuffle=False,
        verbose=0,
    )
    PROGRESS.info("exporting the model")
    export(exported, fn_args.serving_model_dir)
    _record(fn_args.model_run_dir, model, splits, history)


def _splits(rows: Rows, fn_args: Any, settings: TrainerSettings) -> Splits:
    training = settings.training
    train, held_out = rows.blocks(fn_args.train_files), rows.blocks(fn_args.eval_files)
    if training.cache:
        train, held_out = train.cache(), held_out.cache()
    classes = len(settings.label.values)
    counts = label_counts(train, classes) if classes else [_count(train)]
    batches = shuffled_batches(train, training.batch_size, training.shuffle_buffer, training.seed)
    once = -(-sum(counts) // training.batch_size)
    return Splits(
        train=batches.repeat()
        if training.steps_per_epoch
        else batches.apply(tf.data.experimental.assert_cardinality(once)),
        eval=held_out.rebatch(training.batch_size) if training.validation_steps else held_out,
        train_once=train,
        steps=training.steps_per_epoch or once,
        counts=counts,
    )


def _steps_per_call(steps: int) -> int:
    """The largest divisor within bounds: Keras would run past the end of an epoch otherwise."""
    return max(number for number in range(1, MAX_STEPS_PER_CALL + 1) if steps % number == 0)


def _count(blocks: Any) -> int:
    return int(blocks.map(lambda _, label: tf.shape(label, tf.int64)[0]).reduce(tf.constant(0, tf.int64), tf.add))


def _record(folder: str, model: keras.Model, splits: Splits, history: Any) -> None:
    """Both splits judged by the same code with the weights that were exported."""
    record = {
        "epochs": len(history.epoch),
        "history": {name: [float(value) for value in values] for name, values in history.history.items()},
        "train": model.evaluate(splits.train_once, return_dict=True, verbose=0),
        "eval": model.evaluate(splits.eval, return_dict=True, verbose=0),
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
