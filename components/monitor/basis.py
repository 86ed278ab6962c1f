"""Embeddings in few numbers: principal components of those at training, and the distance from their mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.monitor.columns import EMBEDDING

COMPONENTS = 4
"""Most principal components that are kept."""

ROWS = 2000
"""Rows that these are found from: more do not turn them."""

LEAST_SHARE = 1e-6
"""A component with a smaller share of the variance is left out."""

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Basis:
    """Where embeddings lay at training.

    Attributes:
      mean: [width].
      components: [components, width], orthonormal, the one along which they vary most first.
      spread: root mean squared distance from the mean.
    """

    mean: Floats
    components: Floats
    spread: float

    def columns(self, embeddings: Floats) -> dict[str, Floats]:
        """Embeddings [rows, width] as columns [rows].

        Returns:
          `embedding/1` and so on: positions along the components; and `embedding/distance`: |x - mean| / spread. At
          training its mean square is 1; a row of another kind lies further out, whether along a component or not.
        """
        centred = embeddings - self.mean
        along = centred @ self.components.T
        found = {f"{EMBEDDING}/{number}": values for number, values in enumerate(along.T, start=1)}
        return found | {f"{EMBEDDING}/distance": np.linalg.norm(centred, axis=1) / self.spread}


def fit(embeddings: Floats) -> Basis | None:
    """Finds the basis of embeddings.

    Args:
      embeddings: [rows, width], finite.

    Returns:
      The basis; None for fewer than two rows, or where all are the same.
    """
    from sklearn.utils.extmath import randomized_svd

    if len(embeddings) < 2:
        return None
    mean = embeddings.mean(axis=0)
    spread = float(np.sqrt(((embeddings - mean) ** 2).sum(axis=1).mean()))
    if not spread:
        return None
    centred = embeddings[:ROWS] - mean
    _, lengths, components = randomized_svd(centred, min(COMPONENTS, *centred.shape), random_state=0)
    kept = lengths**2 > LEAST_SHARE * (lengths**2).sum()
    return Basis(mean, components[kept], spread)


def write(basis: Basis, file: Path) -> None:
    """Writes a basis as an npz file."""
    np.savez(file, mean=basis.mean, components=basis.components, spread=basis.spread)


def read(file: Path) -> Basis:
    """Reads what `write` wrote; nothing in the file is executed."""
    with np.load(file, allow_pickle=False) as arrays:
        return Basis(arrays["mean"], arrays["components"], float(arrays["spread"]))
