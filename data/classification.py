"""A synthetic binary classification: scikit-learn's make_classification."""

from __future__ import annotations

from pathlib import Path

from data.files import write_once

ROWS, FEATURES, SEED = 1000, 20, 42


def source(directory: Path) -> str:
    """The data source `classification`: columns f00 to f19 and `label`, written to one CSV file.

    Returns:
      The file's path, `DIRECTORY/classification.csv`.
    """
    path = directory / "classification.csv"
    write_once(path, _write)
    return str(path)


def _write(path: Path) -> None:
    from sklearn.datasets import make_classification  # a second of imports that only the first run needs

    features, labels = make_classification(n_samples=ROWS, n_features=FEATURES, n_classes=2, random_state=SEED)
    lines = [",".join([*(f"f{column:02d}" for column in range(FEATURES)), "label"])]
    lines += [
        ",".join([*map(repr, row), str(label)]) for row, label in zip(features.tolist(), labels.tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
