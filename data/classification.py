"""A synthetic binary classification: scikit-learn's make_classification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from data.deal import DealtSettings, deal
from data.files import write_once
from data.source import Found

FILE = "classification.csv"
FEATURES = 20


class ClassificationSettings(DealtSettings):
    """Rows of one span."""

    rows: int = Field(1000, ge=1)
    """Number of rows."""
    seed: int = Field(42, ge=0)
    """Of everything that is drawn, so also of how the label hangs on the features."""


def source(directory: Path) -> Found:
    """The data set `classification`: columns f00 to f19 and `label`, written to one CSV file.

    Returns:
      `DIRECTORY/classification.csv`.
    """
    path = directory / FILE
    write_once(path, lambda unfinished: _write(*_draw(ClassificationSettings().rows, 42), unfinished))
    return Found(str(path))


def spans(settings: Sequence[ClassificationSettings]) -> list[Callable[[Path], None]]:
    """What writes each span. All rows are drawn at once and dealt out, so that every span asks the same question."""
    total = sum(each.rows for each in settings)
    features, labels = _draw(total, settings[0].seed)
    return [partial(_write_in, features[share], labels[share]) for share in deal(total, settings)]


def _draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_classification  # a second of imports that only the first run needs

    return make_classification(n_samples=rows, n_features=FEATURES, n_classes=2, random_state=seed)


def _write_in(features: np.ndarray, labels: np.ndarray, folder: Path) -> None:
    folder.mkdir()
    _write(features, labels, folder / FILE)


def _write(features: np.ndarray, labels: np.ndarray, path: Path) -> None:
    lines = [",".join([*(f"f{column:02d}" for column in range(FEATURES)), "label"])]
    lines += [
        ",".join([*map(repr, row), str(label)]) for row, label in zip(features.tolist(), labels.tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
