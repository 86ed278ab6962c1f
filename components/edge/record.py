"""What is on record of each variant: `edge.json`, beside the files and beside the judge's decisions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.edge.settings import Format
from components.evaluation import results
from components.evaluation.results import Evaluation

FILE_NAME = "edge.json"
SUFFIX = ".tflite"

EVALUATION = "evaluation"
"""Folder beside the files, with what TFMA found of each variant in a folder of its name."""


@dataclass(frozen=True)
class Variant:
    """A variant's file, and what became of it.

    Attributes:
      name: the variant's name in the settings.
      format: numbers in the file.
      bytes: size of the file.
      gzip_bytes: size of the file in gzip, which is where pruning shows.
      inputs: dtype and shape of each argument, such as `{"image": "uint8 [1, 28, 28, 1]"}`.
      sparsity: share of zeros among the weights of pruned layers; None where nothing was pruned.
      passed: whether the judge lets it be released; None before it was asked.
      metrics: overall metrics on the test split, by name; empty before the judge.
      slices: the same by slice, as `metrics.json` has them.
    """

    name: str
    format: Format
    bytes: int
    gzip_bytes: int
    inputs: dict[str, str]
    sparsity: float | None = None
    passed: bool | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    slices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.name + SUFFIX


def write(variants: Iterable[Variant], folder: str) -> None:
    """Writes `edge.json` into an artifact's folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(variant) for variant in variants], indent=1)
    Path(folder, FILE_NAME).write_text(text, encoding="utf-8")


def read(folder: str) -> list[Variant]:
    """Reads the variants of an artifact's folder; none where it has no `edge.json`."""
    path = Path(folder, FILE_NAME)
    return [Variant(**each) for each in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def read_evaluated(folder: str) -> tuple[list[Variant], dict[str, Evaluation]]:
    """Reads the step's artifact.

    Returns:
      The variants, and the evaluation of each on the test split, by name.

    Raises:
      DataError: the test split had no rows.
    """
    variants = read(folder)
    return variants, {each.name: results.load(str(Path(folder, EVALUATION, each.name)))[0] for each in variants}
