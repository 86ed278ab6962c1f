"""The devices that train: found, limited and shared; and the precision that they compute in.

`set_up` comes first in a process that trains, before anything touches a device. `scope` is entered to build, compile
and fit a network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from components import gpus
from components.training.accelerator_settings import AcceleratorSettings
from components.training.callbacks import PROGRESS
from schema.errors import SettingsError


def set_up(settings: AcceleratorSettings) -> None:
    """Readies the devices of this process, and tells what training is on.

    Memory growth, limits and deterministic operations hold for the rest of the process: TensorFlow takes none of them
    back. Called again with the same settings, it changes nothing.

    Args:
      settings: the `accelerator` section.

    Raises:
      SettingsError: TensorFlow sees no GPU, or not as many as the settings ask for.
    """
    found = tf.config.list_physical_devices("GPU") if settings.device != "cpu" else []
    if settings.device == "gpu" and not found:
        raise _no_gpu()
    if settings.replicas != "all" and found:
        _enough(settings.replicas, found)
        found = found[: settings.replicas]
    tf.config.set_visible_devices(found, "GPU")
    for gpu in found:
        if settings.memory == "growth":
            tf.config.experimental.set_memory_growth(gpu, True)
        else:
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=settings.memory)
            tf.config.set_logical_device_configuration(gpu, [limit])
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    PROGRESS.info("training on %s", ", ".join(map(_name, found)) or _why_the_cpu(settings))


@contextmanager
def scope(settings: AcceleratorSettings) -> Iterator[None]:
    """While inside, networks are built, compiled and fitted in the precision and on the devices of the settings.

    Args:
      settings: the `accelerator` section.

    Raises:
      SettingsError: there are not devices enough.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(settings.precision)
    try:
        with _strategy(settings).scope():
            yield
    finally:
        keras.config.set_dtype_policy(before)


def _strategy(settings: AcceleratorSettings) -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    count = len(devices) if settings.replicas == "all" else settings.replicas
    _enough(count, devices)
    if count == 1:
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in devices[:count]))


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One strategy for all networks of a process: those of two take one another's gradients for their own."""
    return tf.distribute.MirroredStrategy(devices)


def _enough(replicas: int, devices: list[Any]) -> None:
    if replicas > len(devices):
        raise SettingsError(
            f"There are not devices enough for {replicas} replicas.",
            where="accelerator.replicas",
            expected=f"at most {len(devices)}, or all",
            received=", ".join(device.name for device in devices),
        )


def _no_gpu() -> SettingsError:
    driven = _driven()
    return SettingsError(
        "TensorFlow sees no GPU.",
        where="accelerator.device",
        expected="an NVIDIA GPU, its driver, and CUDA's libraries",
        received=f"a driver for {driven}, and no libraries, or others than TensorFlow wants" if driven else "no GPU",
        fix=gpus.INSTALL if driven else "set accelerator.device to auto, which takes the CPU where there is no GPU",
    )


def _why_the_cpu(settings: AcceleratorSettings) -> str:
    if settings.device == "cpu":
        return "the CPU"
    driven = _driven()
    if driven:
        return f"the CPU: TensorFlow does not see the GPU ({driven}) without CUDA's libraries; {gpus.INSTALL}"
    return "the CPU: no GPU is visible"


def _driven() -> str:
    """The GPUs that the driver would let this process see."""
    return "; ".join(gpus.visible(gpus.installed(), os.environ.get(gpus.VARIABLE)))


def _name(gpu: Any) -> str:
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
