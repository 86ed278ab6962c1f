"""Splits in memory and fits of a second, without TFX."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.label import LabelSettings
from components.models.inputs import FeatureInput
from components.models.settings import LayerSettings, ModelSettings

INPUTS = [FeatureInput("number"), FeatureInput("other"), FeatureInput("id", ids=4, embedding=2)]
PHOTO = [FeatureInput("photo", (8, 8, 1))]
BINARY = LabelSettings(name="answer")
THREE = LabelSettings(name="answer", task="multiclass", classes=(0, 1, 2))
PRICE = LabelSettings(name="answer", task="regression")

PLAIN = ModelSettings(layers=(LayerSettings(units=8),))
DEEP = ModelSettings(
    layers=(
        LayerSettings(units=16, dropout=0.2, l2=1e-3, batch_normalization=True),
        LayerSettings(units=8, activation="tanh"),
    )
)


def splits(rows: int = 400, label: LabelSettings = BINARY, seed: int = 0) -> Any:
    """Both splits of rows whose label follows from the numbers and the id."""
    generator = np.random.default_rng(seed)
    features = {
        "number": generator.normal(size=(rows, 1)).astype(np.float32),
        "other": generator.normal(size=(rows, 1)).astype(np.float32),
        "id": generator.integers(4, size=(rows, 1)),
    }
    value = features["number"] + 0.5 * features["other"] + (features["id"] - 1.5)
    labels = {"binary": value > 0, "multiclass": np.digitize(value, [-1, 1]), "regression": value}[label.task]
    return in_two(features, labels.astype(np.float32 if label.task == "regression" else np.int64), label)


def pictures(rows: int = 200, seed: int = 0) -> Any:
    """Both splits of pictures, bright on the left or on the right."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(2, size=(rows, 1))
    photos = generator.uniform(0, 0.6, size=(rows, 8, 8, 1))
    photos[:, :, 4:] += 0.4 * labels[:, :, None, None]
    photos[:, :, :4] += 0.4 * (1 - labels[:, :, None, None])
    return in_two({"photo": photos.astype(np.float32)}, labels, BINARY)


def fit(inputs: Any = INPUTS, data: Any = None, model: ModelSettings = PLAIN, **settings: Any) -> Any:
    """Fits a network; what is not a `training` setting is an argument of `fit`, the label or the accelerator."""
    from components.training import fitting
    from components.training.accelerator_settings import AcceleratorSettings
    from components.training.settings import TrainingSettings

    label = settings.pop("label", BINARY)
    accelerator = AcceleratorSettings(**settings.pop("accelerator", {}))
    given = {name: settings.pop(name) for name in ("callbacks", "checkpoint") if name in settings}
    training = TrainingSettings(
        **{"epochs": 3, "batch_size": 50, "learning_rate": 0.01, "early_stopping": None, **settings}
    )
    chosen = fitting.FitSettings(label=label, model=model, training=training, accelerator=accelerator)
    return fitting.fit(chosen, inputs, data if data is not None else splits(label=label), **given)


def in_two(features: dict[str, np.ndarray], labels: np.ndarray, label: LabelSettings) -> Any:
    """Rows as the splits that a fit takes: three quarters to learn from."""
    import tensorflow as tf

    from components.training.splits import Splits

    rows = len(labels) * 3 // 4
    counts = np.bincount(labels[:rows, 0], minlength=len(label.values)) if label.values else [rows]
    parts = [
        tf.data.Dataset.from_tensor_slices(({name: column[part] for name, column in features.items()}, labels[part]))
        for part in (slice(rows), slice(rows, None))
    ]
    return Splits(parts[0].batch(128), parts[1].batch(128), tuple(int(count) for count in counts))
