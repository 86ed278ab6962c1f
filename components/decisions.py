"""Decision records: what each gate found, against which bound, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["pass", "warn", "flag", "block"]

FILE_NAME = "decisions.json"


@dataclass(frozen=True)
class Decision:
    """One rule applied to one subject.

    Attributes:
      step: the step that decided, such as `gate` or `judge`.
      rule: the rule's name, such as `unexpected_value` or `threshold:auc`.
      subject: feature or slice that it is about; `overall` for the whole.
      outcome: `pass`; `warn` (told, nothing follows); `flag` (could not be judged); `block`.
      message: one sentence for a person: what was found and, if it did not pass, what would pass.
      value: what was measured.
      bound: what was asked for, in words such as `>= 0.7`.
      rows: how many rows it is about, where known.
      margin: how far `value` lies from the bound, in the metric's unit: 0 or more if it meets the bound, negative if
        it does not. None where the bound is no number.
    """

    step: str
    rule: str
    subject: str
    outcome: Outcome
    message: str
    value: float | str | None = None
    bound: str | None = None
    rows: int | None = None
    margin: float | None = None


def passed(decisions: Iterable[Decision]) -> bool:
    """Whether no decision blocks."""
    return all(decision.outcome != "block" for decision in decisions)


def write(decisions: Iterable[Decision], folder: str) -> None:
    """Writes decisions as `decisions.json` into an artifact's folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(decision) for decision in decisions], indent=1)
    Path(folder, FILE_NAME).write_text(text, encoding="utf-8")


def read(folder: str) -> list[Decision]:
    """Reads the decisions of an artifact's folder."""
    return [Decision(**record) for record in json.loads(Path(folder, FILE_NAME).read_text(encoding="utf-8"))]
