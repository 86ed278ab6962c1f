"""A program that fits on one device and on two, and prints the losses of both as JSON: {step: [alone, together]}."""

from __future__ import annotations

import json

import tensorflow as tf
from small_fit import fit


def main() -> None:
    """Fits with Keras's step and with the tape, adversarial rows and class weights."""
    [processor] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices("CPU")])
    losses = {}
    for step in ("fit", "own_functions:weighted_cross_entropy"):
        settings = {"step": step, "epochs": 2, "adversarial": {"epsilon": 0.1}, "class_weights": "balanced"}
        alone = fit(**settings)
        with strategy.scope():
            together = fit(**settings)
        losses[step] = [each.history["loss"] for each in (alone, together)]
    print(json.dumps(losses))


if __name__ == "__main__":
    main()
