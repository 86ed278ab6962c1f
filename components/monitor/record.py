"""monitor.json: what the monitor found, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE_NAME = "monitor.json"

Metrics = Mapping[str, Any]
"""`overall`: metrics by name; `slices`: records with `slice`, `value`, `rows` and `metrics`."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its error bar.

    Attributes:
      value: the estimate.
      low: lower end of the interval.
      high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Watched:
    """What the monitor found.

    Attributes:
      span: the span at hand.
      model: the model that was asked: `name`, `version` and `uri`; None where none was.
      rows: how many rows it was asked about.
      of: how many rows there were to ask about.
      labelled: how many of the rows that were asked about have a label.
      invalid: for how many rows its answer is no number.
      metrics: its metrics on the labelled rows; None without any.
      released: its metrics at its release.
      released_from: where those stand: `blessing` or `manifest`.
      drops: how much worse each metric is now than then; below 0: better.
      estimated: metrics as estimated from the scores alone.
      estimate_error: estimate minus truth, where there are labels.
      train: whether the monitor asks for a new model.
      rest: until when nothing is trained (`cooldown_hours`): ISO 8601, UTC; None where no cooldown is on.
      why: sentences on that, the most important first.
    """

    span: int
    model: Mapping[str, Any] | None = None
    rows: int = 0
    of: int = 0
    labelled: int = 0
    invalid: int = 0
    metrics: Metrics | None = None
    released: Metrics | None = None
    released_from: str | None = None
    drops: Mapping[str, float] | None = None
    estimated: Mapping[str, Interval] | None = None
    estimate_error: Mapping[str, float] | None = None
    train: bool = True
    rest: str | None = None
    why: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As data for `json.dumps`."""
        return asdict(self)


def write(watched: Watched, folder: Path) -> None:
    """Writes `monitor.json` into an artifact's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(watched.plain(), indent=1, allow_nan=False)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """The content of `monitor.json`."""
    content: dict[str, Any] = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    return content
