"""A program that fits on one device and on two, then with deterministic operations, and prints the results as JSON.

Neither can be taken back in a process: devices are cut in two before TensorFlow looks at them. That this works says,
too, that nothing which the training steps import has touched a device.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from small_fit import DEEP, fit, splits

import components.training.trainer
import components.tuning.tuner  # noqa: F401
import pipeline.runners.launch  # noqa: F401
from components.models.settings import LayerSettings, ModelSettings
from components.training.accelerator import set_up
from components.training.accelerator_settings import AcceleratorSettings
from schema.errors import SettingsError

LINEAR = ModelSettings(layers=(LayerSettings(units=8, l2=1e-3),))
TRAININGS: dict[str, dict[str, Any]] = {
    "fit": {},
    "tape": {"step": "tape"},
    "adversarial": {"adversarial": {"epsilon": 0.1}},
    "own loss": {"step": "own_functions:weighted_cross_entropy", "adversarial": {"epsilon": 0.1}},
}
"""Each with class weights, on 300 rows in batches of 50."""


def result(fitted: Any) -> dict[str, Any]:
    """What is compared: the weights, end to end, and the history."""
    flat = [number for weight in fitted.network.get_weights() for number in weight.ravel().tolist()]
    return {"weights": flat, "history": fitted.history}


def broken_off(settings: dict[str, Any]) -> dict[str, Any]:
    """The result of a fit that was broken off after its first epoch, and then went on."""

    class BreakOff(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint.npz")
        with contextlib.suppress(KeyboardInterrupt):
            fit(**settings, checkpoint=checkpoint, callbacks=[BreakOff()])
        return result(fit(**settings, checkpoint=checkpoint))


def main() -> None:
    """Fits and prints."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    set_up(AcceleratorSettings(replicas=2))

    def run(replicas: int | str = 2, **settings: Any) -> dict[str, Any]:
        return result(fit(epochs=2, class_weights="balanced", accelerator={"replicas": replicas}, **settings))

    results: dict[str, Any] = {
        name: [run(replicas, model=LINEAR, **training) for replicas in (1, 2)] for name, training in TRAININGS.items()
    }
    results["a rest"] = run("all", model=DEEP, data=splits(398), batch_size=48)
    half = {"model": LINEAR, "accelerator": {"replicas": 2, "precision": "mixed_float16"}, "epochs": 2}
    results["half precision"] = [result(fit(**half)), broken_off(half)]
    results["policy"] = keras.config.dtype_policy().name
    try:
        run(batch_size=51)
    except SettingsError as error:
        results["odd"] = str(error)
    set_up(AcceleratorSettings(deterministic=True))
    results["deterministic"] = [result(fit(model=DEEP, accelerator={"deterministic": True})) for _ in range(2)]
    print(json.dumps(results))


if __name__ == "__main__":
    main()
