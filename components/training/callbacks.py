"""What happens between epochs: best weights kept, TensorBoard written, progress told."""

from __future__ import annotations

import logging
from typing import Any

import keras

from components.training.settings import TrainingSettings

PROGRESS = logging.getLogger("headgate.progress")


class TellProgress(keras.callbacks.Callback):
    """Tells each epoch's losses to whoever follows the run."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """One line an epoch, such as `epoch 3/10 loss 0.412 val_loss 0.430`."""
        numbers = " ".join(f"{name} {(logs or {})[name]:.4g}" for name in ("loss", "val_loss") if name in (logs or {}))
        PROGRESS.info("epoch %d/%d %s", epoch + 1, self._epochs, numbers)


def callbacks(settings: TrainingSettings, tensorboard: str) -> list[Any]:
    """The callbacks of a run.

    Args:
      settings: the `training` section.
      tensorboard: folder for TensorBoard's event files.

    Returns:
      Keras callbacks, early stopping among them if set.
    """
    chosen: list[Any] = [
        TellProgress(settings.epochs),
        keras.callbacks.TensorBoard(log_dir=tensorboard, write_graph=False),
    ]
    if settings.early_stopping is not None:
        chosen.append(
            keras.callbacks.EarlyStopping(
                monitor=settings.early_stopping.monitor,
                patience=settings.early_stopping.patience,
                min_delta=settings.early_stopping.min_delta,
                restore_best_weights=True,
            )
        )
    return chosen
