"""What happens between epochs: TensorBoard written, progress told."""

from __future__ import annotations

import logging

import keras

PROGRESS = logging.getLogger("headgate.progress")


class TellProgress(keras.callbacks.Callback):
    """Tells each epoch's losses to whoever follows the run."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """One line an epoch, such as `epoch 3/10 loss 0.412 val_loss 0.430`."""
        numbers = " ".join(f"{name} {(logs or {})[name]:.4g}" for name in ("loss", "val_loss") if name in (logs or {}))
        PROGRESS.info("epoch %d/%d %s", epoch + 1, self.params["epochs"], numbers)


def callbacks(tensorboard: str) -> list[keras.callbacks.Callback]:
    """The callbacks of a run.

    Args:
      tensorboard: folder for TensorBoard's event files.
    """
    return [TellProgress(), keras.callbacks.TensorBoard(log_dir=tensorboard, write_graph=False)]
