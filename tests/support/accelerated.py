"""A small training on arrays, in any setting of the accelerator; as a program, all that needs a process of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.label import LabelSettings
from components.models.inputs import FeatureInput
from components.models.settings import LayerSettings, ModelSettings
from components.training.accelerator import set_up
from components.training.accelerator_settings import AcceleratorSettings
from components.training.fitting import FitSettings, Fitted, fit
from components.training.settings import TrainingSettings
from components.training.splits import Splits
from schema.errors import SettingsError

INPUTS = [FeatureInput("ids", (1,), ids=9, embedding=3), FeatureInput("x", (6,))]
NETWORK = ModelSettings(layers=(LayerSettings(units=16, l2=1e-4),))


def splits(watched: int = 100) -> Splits:
    """400 rows to learn from, and some to watch; the label follows from both features."""
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 6)).astype("float32")
    ids = random.integers(0, 9, size=(500, 1))
    label = (x[:, :1] + (ids > 4) > 0.5).astype("int64")
    rows = tf.data.Dataset.from_tensor_slices(({"x": x, "ids": ids}, label))
    counts = np.bincount(label[:400, 0]).tolist()
    return Splits(rows.take(400).batch(128).cache(), rows.skip(400).take(watched).batch(128), tuple(counts))


def trained(
    model: ModelSettings = NETWORK, training: dict[str, Any] | None = None, watched: int = 100, **accelerator: Any
) -> Fitted:
    """A fit of two epochs, with balanced classes."""
    chosen = {"epochs": 2, "batch_size": 40, "learning_rate": 0.01, "class_weights": "balanced", **(training or {})}
    settings = FitSettings(
        label=LabelSettings(name="label"),
        model=model,
        training=TrainingSettings(**chosen),
        accelerator=AcceleratorSettings(**accelerator),
    )
    return fit(settings, INPUTS, splits(watched))


@dataclass(frozen=True)
class Outcome:
    """What is compared of a training: weights, end to end, and the history."""

    weights: list[float]
    history: dict[str, list[float]]


def outcome(fitted: Fitted) -> Outcome:
    """What a training came to."""
    flat = np.concatenate([weight.ravel() for weight in fitted.network.get_weights()])
    return Outcome(flat.tolist(), fitted.history)


def main() -> dict[str, Any]:
    """Trains on two devices, which are the CPU twice, and then with deterministic operations."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    set_up(AcceleratorSettings(replicas=2))
    norm = ModelSettings(layers=(LayerSettings(units=16, batch_normalization=True),))
    found = {f"{step} on {replicas}": trained(training={"step": step}, replicas=replicas)
             for step in ("fit", "tape") for replicas in (1, 2)}  # fmt: skip
    found["a rest"] = trained(norm, {"batch_size": 134}, watched=99, replicas="all")
    found["half precision"] = trained(replicas=2, precision="mixed_float16")
    try:
        trained(training={"batch_size": 133}, replicas=2)
    except SettingsError as error:
        odd = str(error)
    set_up(AcceleratorSettings(deterministic=True))
    found |= {f"deterministic {attempt}": trained(deterministic=True) for attempt in ("once", "again")}
    return {
        "outcomes": {name: asdict(outcome(fitted)) for name, fitted in found.items()},
        "odd": odd,
        "policy": keras.config.dtype_policy().name,
    }


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
