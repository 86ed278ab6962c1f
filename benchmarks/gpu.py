"""How many images a second the convolutional network learns from, in each setting of the accelerator."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import Result, Unavailable, measure
from components import gpus

Settings = Mapping[str, dict[str, Any]]

PEER = "float32"
ONE_DEVICE: Settings = {
    PEER: {},
    "float32, XLA": {"xla": True},
    "mixed_float16": {"precision": "mixed_float16"},
    "mixed_float16, XLA": {"precision": "mixed_float16", "xla": True},
    "mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "mixed_bfloat16, XLA": {"precision": "mixed_bfloat16", "xla": True},
}
ALL_DEVICES: Settings = {
    "float32, {count} replicas": {"replicas": "all"},
    "mixed_bfloat16, {count} replicas": {"replicas": "all", "precision": "mixed_bfloat16"},
}

SIDE = 64
"""Height and width of an image, in three colours."""


@dataclass(frozen=True)
class SettingsResult(Result):
    """The best setting against plain float32; here more is better.

    Attributes:
      device: what trained.
      settings: examples per second of each setting.
    """

    device: str
    settings: dict[str, float]

    def __str__(self) -> str:
        width = max(map(len, self.settings))
        rates = [
            f"  {name:<{width}}  {rate:>10,.0f} {self.unit}  {rate / self.peer:.2f}"
            for name, rate in self.settings.items()
        ]
        return "\n".join([f"{self.name}, {self.device} (median of {self.runs}):", *rates])


def gpu(runs: int, device: str = "gpu", rows: int = 16_384, batch_size: int = 256) -> SettingsResult:
    """Trains in each setting, each time in a fresh process.

    Args:
      runs: how often each setting is measured.
      device: `gpu`, or `cpu` to try the benchmark itself.
      rows: images in an epoch.
      batch_size: images in a step, for each device.

    Raises:
      Unavailable: there is no GPU, or TensorFlow does not see it.
    """
    names = _devices(device)
    settings = dict(ONE_DEVICE)
    if len(names) > 1:
        settings |= {name.format(count=len(names)): value for name, value in ALL_DEVICES.items()}
    found: dict[str, list[float]] = {name: [] for name in settings}
    for _ in range(runs):
        for name, chosen in settings.items():
            batch = batch_size * (len(names) if chosen.get("replicas") else 1)
            rate = measure("benchmarks.gpu:rate", {"device": device, **chosen}, rows, batch).value
            found[name].append(rate)
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    best, peer = max(medians.values()), medians[PEER]
    return SettingsResult(
        "gpu", best, peer, PEER, "examples/s", best / peer, runs, device="; ".join(names), settings=medians
    )


def _devices(device: str) -> list[str]:
    if device == "cpu":
        return ["CPU"]
    driven = gpus.visible(gpus.installed(), os.environ.get(gpus.VARIABLE))
    if not driven:
        raise Unavailable("gpu", "there is no NVIDIA GPU here, or CUDA_VISIBLE_DEVICES hides it")
    names: list[str] = measure("benchmarks.gpu:seen").value
    if not names:
        raise Unavailable("gpu", f"TensorFlow does not see the GPU ({'; '.join(driven)}): {gpus.INSTALL}")
    return names


def seen() -> list[str]:
    """Names of the GPUs that TensorFlow sees; called in a measuring process."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(each).get("device_name", each.name) for each in found]


def rate(accelerator: dict[str, Any], rows: int, batch_size: int) -> float:
    """Trains from memory with the trainer's own loop; called in a measuring process.

    Args:
      accelerator: the `accelerator` section.
      rows: images in an epoch.
      batch_size: images in a step.

    Returns:
      Images per second of wall time after the first epoch, in which everything is compiled.
    """
    import keras

    from components.label import LabelSettings
    from components.models.inputs import FeatureInput
    from components.models.settings import ModelSettings
    from components.training.accelerator import set_up
    from components.training.accelerator_settings import AcceleratorSettings
    from components.training.fitting import FitSettings, fit
    from components.training.settings import TrainingSettings

    settings = FitSettings(
        label=LabelSettings(name="label"),
        model=ModelSettings.model_validate(NETWORK),
        training=TrainingSettings(epochs=4, batch_size=batch_size, early_stopping=None),
        accelerator=AcceleratorSettings(**accelerator),
    )
    set_up(settings.accelerator)
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    splits = _images(rows, batch_size)
    fit(settings, [FeatureInput("image", (SIDE, SIDE, 3))], splits, [clock])
    steps = splits.steps(settings.training)
    return steps * batch_size * (len(ends) - 1) / (ends[-1] - ends[0])


NETWORK = {
    "build": "cnn",
    "convolutions": [{"filters": 32, "padding": "valid"}, {"filters": 64, "padding": "valid"}],
    "layers": [{"units": 128}],
}
"""As the preset `images` has it."""


def _images(rows: int, batch_size: int) -> Any:
    """Random pixels in memory; one batch is watched, so that its time hardly counts."""
    import numpy as np
    import tensorflow as tf

    from components.training.splits import Splits

    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (rows, SIDE, SIDE, 3), np.uint8)
    labels = generator.integers(0, 2, (rows, 1))
    data = tf.data.Dataset.from_tensor_slices(({"image": pixels}, labels)).batch(batch_size)
    return Splits(
        data.cache(), data.take(1).cache(), (rows // 2, rows - rows // 2), frozenset({"image"}), SIDE * SIDE * 3
    )
