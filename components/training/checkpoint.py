"""A training that was killed goes on at the epoch where it stood.

Keras's `BackupAndRestore` keeps weights and optimiser only, and overwrites its files in place. Here one file holds all
that the rest of a training depends on, and it is replaced at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from components.training.settings import EarlyStoppingSettings

History = dict[str, list[float]]
"""Loss and metrics of each epoch, by name."""


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's early stopping, whose state can be saved and taken up again.

    Args:
      settings: what to watch, and for how long.
    """

    def __init__(self, settings: EarlyStoppingSettings) -> None:
        super().__init__(
            monitor=settings.monitor,
            patience=settings.patience,
            min_delta=settings.min_delta,
            restore_best_weights=True,
        )
        self._resumed: dict[str, Any] = {}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Starts anew, or where it stood."""
        super().on_train_begin(logs)
        for name, value in self._resumed.items():
            setattr(self, name, value)

    def state(self) -> dict[str, Any]:
        """What the next epochs depend on, but for the best weights."""
        best = None if self.best is None else float(self.best)
        return {"wait": self.wait, "best": best, "best_epoch": self.best_epoch}

    def resume(self, state: dict[str, Any], best_weights: list[np.ndarray]) -> None:
        """Goes on from a `state` when training begins."""
        self._resumed = state | {"best_weights": best_weights or None}


@dataclass(frozen=True)
class Saved:
    """Where a training stood at the end of an epoch.

    Attributes:
      phase: number of the phase.
      began: epochs that were over when the phase began.
      ended: whether the phase had come to its end.
      history: of all epochs so far.
      stopping: `EarlyStopping.state`; empty without.
      variables: values of `variables_of` the model.
      best: early stopping's best weights; empty without.
    """

    phase: int
    began: int
    ended: bool
    history: History
    stopping: dict[str, Any]
    variables: list[np.ndarray]
    best: list[np.ndarray]

    def write(self, file: Path) -> None:
        """Replaces `file`, so that it is whole at any moment."""
        plain = {name: getattr(self, name) for name in ("phase", "began", "ended", "history", "stopping")}
        arrays = _numbered("variables", self.variables) | _numbered("best", self.best)
        partial = file.with_suffix(".partial")
        file.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            np.savez(stream, state=np.array(json.dumps(plain)), **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)

    @staticmethod
    def read(file: Path) -> Saved:
        """Reads what `write` wrote."""
        with np.load(file) as stored:
            lists: dict[str, Any] = {
                kind: [stored[name] for name in sorted(stored.files) if name.startswith(kind)]
                for kind in ("variables", "best")
            }
            return Saved(**json.loads(str(stored["state"])), **lists)

    def restore(self, model: keras.Model, stopping: EarlyStopping | None) -> None:
        """Puts a compiled model, and early stopping, where they stood."""
        for variable, value in zip(variables_of(model), self.variables, strict=True):
            variable.assign(value)
        if stopping is not None:
            stopping.resume(self.stopping, self.best)


class Checkpoint(keras.callbacks.Callback):
    """Adds each epoch to the history, and saves where the training stands.

    Args:
      file: to write to; None keeps the history only.
      phase: number of the phase.
      began: epochs that were over when the phase began.
      history: of the epochs so far.
      stopping: early stopping; None without.
    """

    def __init__(
        self, file: Path | None, phase: int, began: int, history: History, stopping: EarlyStopping | None
    ) -> None:
        super().__init__()
        self._file = file
        self._phase = phase
        self._began = began
        self._history = history
        self._stopping = stopping

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called after early stopping, which may have ended the phase."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        if self._file is None:
            return
        Saved(
            phase=self._phase,
            began=self._began,
            ended=self.model.stop_training or epoch + 1 == self.params["epochs"],
            history=self._history,
            stopping=self._stopping.state() if self._stopping else {},
            variables=[variable.numpy() for variable in variables_of(self.model)],
            best=(self._stopping.best_weights if self._stopping else None) or [],
        ).write(self._file)


def variables_of(model: keras.Model) -> list[Any]:
    """All variables that training changes: weights, states of random generators, the optimiser's."""
    if not model.optimizer.built:  # one that scales the loss would start anew
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def epochs_in(history: History) -> int:
    """Epochs that a history holds."""
    return len(history.get("loss", ()))


def _numbered(kind: str, arrays: Sequence[np.ndarray]) -> dict[str, Any]:
    return {f"{kind}_{number:06}": array for number, array in enumerate(arrays)}
