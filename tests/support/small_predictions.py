"""Predictions of a small test split, as arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy import special

from components.evaluation.predictions import Model, Predictions

ROWS = 600


def binary(rows: int = ROWS, seed: int = 1, *, served: bool = True, worse_in: str | None = None) -> Predictions:
    """A binary split by shops, of which `served` knows as much as the new model, or more in one shop.

    Args:
      rows: of the split.
      seed: of the random numbers.
      served: whether there is a model in service.
      worse_in: the shop where the new model only guesses.
    """
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 2, rows)
    shop = rng.choice(["north", "south", "west"], rows)
    label = (rng.random(rows) < special.expit(logit)).astype(np.int64)
    old, new = (special.expit(logit + rng.normal(0, 0.5, rows)).astype(np.float32) for _ in range(2))
    if worse_in:
        new = np.where(shop == worse_in, 0.5 + 0.2 * rng.normal(size=rows), new).clip(0.01, 0.99).astype(np.float32)
    return Predictions(
        task="binary",
        classes=(0, 1),
        rows=rows,
        sampled=False,
        label=label,
        new=Model(new, 0.5, None),
        served=Model(old, 0.4, None) if served else None,
        slices={(("shop", name),): np.flatnonzero(shop == name) for name in ("north", "south", "west")},
        columns={"shop": pa.array(shop), "amount": pa.array(rng.exponential(10, rows))},
    )


def multiclass(rows: int = ROWS, seed: int = 1) -> Predictions:
    """Three classes, the first model."""
    rng = np.random.default_rng(seed)
    scores = special.softmax(2 * rng.normal(size=(rows, 3)), axis=1).astype(np.float32)
    label = (scores.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1).clip(max=2)
    return Predictions(
        "multiclass", ("a", "b", "c"), rows, False, label, Model(scores, 0.5, None), None, {},
        {"x": pa.array(rng.normal(size=rows))},
    )  # fmt: skip


def regression(rows: int = ROWS, seed: int = 1) -> Predictions:
    """A number to predict, the first model."""
    rng = np.random.default_rng(seed)
    scores = rng.gamma(3, 2, rows)
    label = (scores + rng.normal(size=rows)).astype(np.float32)
    return Predictions(
        "regression", (), rows, False, label, Model(scores.astype(np.float32), 0.5, None), None, {},
        {"x": pa.array(rng.normal(size=rows))},
    )  # fmt: skip
