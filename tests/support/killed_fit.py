"""A program that fits with a checkpoint and dies by SIGKILL at the end of an epoch: `killed_fit.py FILE EPOCH`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import keras
from small_fit import DEEP, fit

SETTINGS = {
    "model": DEEP,
    "epochs": 5,
    "learning_rate": 0.05,
    "early_stopping": {"patience": 1},
    "schedule": {"kind": "cosine"},
    "fine_tuning": {"frozen": ["dense_1"], "epochs": 3, "learning_rate": 0.01},
}


class Kill(keras.callbacks.Callback):
    """Ends the process at the end of an epoch, before anything of that epoch is saved."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Kills."""
        if epoch == self._epoch:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    fit(checkpoint=Path(sys.argv[1]), callbacks=[Kill(int(sys.argv[2]))], **SETTINGS)
