"""The trials of a search: the table in the run's record, and what a search that was killed goes on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from components.training.kept import Kept
from serving.files import replace

TABLE = "trials.json"


@dataclass(frozen=True)
class Trial:
    """One trial of a search.

    Attributes:
      trial: its number, from 1.
      objective: what was measured, such as `val_auc`.
      score: its value; None if the trial failed.
      epochs: how many epochs were trained; None if the trial failed.
      values: what was tried, by the settings' dotted paths.
      error: one sentence, if the trial failed.
    """

    trial: int
    objective: str
    score: float | None
    epochs: int | None
    values: Mapping[str, Any]
    error: str | None = None


def write(trials: Iterable[Trial], folder: str) -> None:
    """Writes trials as `trials.json` into an artifact's folder."""
    text = json.dumps([asdict(trial) for trial in trials], indent=1)
    Path(folder, TABLE).write_text(text, encoding="utf-8")


def read(folder: str) -> list[Trial]:
    """Reads the trials of an artifact's folder."""
    return [Trial(**record) for record in json.loads(Path(folder, TABLE).read_text(encoding="utf-8"))]


def described(values: Mapping[str, Any]) -> str:
    """Values in a line, such as `training.learning_rate 0.00312, model.layers.0.units 32`."""
    return ", ".join(f"{path} {compact(value)}" for path, value in values.items())


def compact(value: Any) -> str:
    """A value in a cell of a table."""
    match value:
        case str():
            return value
        case float():
            return f"{value:.4g}"
    return json.dumps(value)


@dataclass(frozen=True)
class Result:
    """What a trial came to.

    Attributes:
      score: value of the objective.
      epochs: how many epochs were trained.
    """

    score: float
    epochs: int


@dataclass(frozen=True)
class Attempt:
    """One training.

    Attributes:
      number: the trial's, from 1.
      values: what is tried, by dotted path.
      epochs: at most.
      checkpoint: where its state is kept while it goes on; there already if it was killed.
      earlier: the state at the end of a trial with the same values and fewer epochs, `earlier_epochs` at most; None
        if there is none.
      earlier_epochs: see `earlier`.
    """

    number: int
    values: Mapping[str, Any]
    epochs: int
    checkpoint: Path
    earlier: Path | None = None
    earlier_epochs: int = 0


class TrialStore:
    """Trials on disk until their search has come to its end: what is finished is not trained again.

    A trial goes by its values and epochs.

    Args:
      folder: of all searches of a pipeline.
      search: name of this search's own folder in it.
    """

    def __init__(self, folder: Path, search: str) -> None:
        self._kept = Kept(folder, search)

    def __enter__(self) -> Self:
        """Keeps the search's folder from another process that makes the same search."""
        self._kept.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.__exit__(kind, error, trace)

    def get(self, values: Mapping[str, Any], epochs: int) -> Result | None:
        """The result of a trial, if it is finished."""
        path = self._path(values, epochs, "json")
        return Result(**json.loads(path.read_text(encoding="utf-8"))["result"]) if path.exists() else None

    def put(self, values: Mapping[str, Any], epochs: int, result: Result) -> None:
        """Keeps the result of a trial; it is there whole or not at all."""
        self._kept.path.mkdir(parents=True, exist_ok=True)
        record = {"values": dict(values), "epochs": epochs, "result": asdict(result)}
        replace(self._path(values, epochs, "json"), json.dumps(record, indent=1))

    def checkpoint(self, values: Mapping[str, Any], epochs: int) -> Path:
        """The file of a trial's state."""
        return self._path(values, epochs, "npz")

    def clear(self) -> None:
        """Removes this search, and those of the pipeline that nobody went on with."""
        self._kept.remove()

    def _path(self, values: Mapping[str, Any], epochs: int, suffix: str) -> Path:
        text = json.dumps([epochs, values], sort_keys=True)
        return self._kept.path / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.{suffix}"
