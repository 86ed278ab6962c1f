"""Which GPUs a run may train on; decided before TensorFlow is imported, which could no longer give one back."""

from __future__ import annotations

import os

from components import gpus
from components.training.accelerator_settings import AcceleratorSettings
from schema.errors import SettingsError


def training_environment(settings: AcceleratorSettings, chosen: str | None) -> dict[str, str] | None:
    """The environment of the process in which the training steps run.

    Args:
      settings: the `accelerator` section.
      chosen: what `CUDA_VISIBLE_DEVICES` was before this process' GPUs were hidden; None where it was not set.

    Returns:
      Variables of a process of its own that sees the GPUs; None where the steps need none. Deterministic operations
      want one, too: they cannot be switched off again within a process.

    Raises:
      SettingsError: the settings ask for a GPU, or for more replicas, than there is.
    """
    found = _training_gpus(settings, chosen)
    if not found:
        return dict(os.environ) if settings.deterministic else None
    others = {name: value for name, value in os.environ.items() if name != gpus.VARIABLE}
    return others if chosen is None else {**others, gpus.VARIABLE: chosen}


def _training_gpus(settings: AcceleratorSettings, chosen: str | None) -> list[str]:
    installed = gpus.installed() if settings.device != "cpu" else []
    found = gpus.visible(installed, chosen)
    if settings.device == "gpu" and not found:
        raise SettingsError(
            "There is no GPU to train on.",
            where="accelerator.device",
            expected="an NVIDIA GPU and its driver (nvidia-smi lists it)",
            received=_received(installed, chosen),
            fix="set accelerator.device to auto, which takes the CPU where there is no GPU; or see headgate doctor",
        )
    if settings.replicas != "all" and settings.replicas > max(len(found), 1):
        raise SettingsError(
            f"There are not devices enough for {settings.replicas} replicas.",
            where="accelerator.replicas",
            expected=f"at most {max(len(found), 1)}, or all",
            received=_received(found, chosen) if found or settings.device != "cpu" else "device: cpu, which is one",
        )
    return found


def _received(found: list[str], chosen: str | None) -> str:
    names = f"{len(found)} GPUs ({'; '.join(found)})" if found else "no GPU"
    return names if chosen is None else f"{names}, and {gpus.VARIABLE}={chosen}"
