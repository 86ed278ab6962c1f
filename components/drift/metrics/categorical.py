"""Measures of two categorical columns, from their value counts."""

from __future__ import annotations

import math

import numpy as np

from components.drift.histograms import Floats, ValueCounts
from components.drift.metrics import shares

DISTANCES = (shares.l_infinity, shares.jensen_shannon, shares.psi, shares.hellinger, shares.chi_square)


def floor(current: ValueCounts, reference: ValueCounts) -> float:
    """Share that a value must exceed, on either side, to be compared; 0 where both sides list every value.

    Statistics list the 1,000 most frequent values. Where a column has more, which of the rare ones are listed is
    chance, and so are their counts. A value counts if its share is above what one that is not listed may have, by
    more than three standard deviations and three rows.
    """
    least, rows = max(current.least, reference.least), min(current.total, reference.total)
    return least + 3 * math.sqrt(least / rows) + 3 / rows if least else 0.0


def aligned(current: ValueCounts, reference: ValueCounts) -> tuple[Floats, Floats]:
    """Shares of both sides, value by value; the last bin holds the values that are not above the `floor`.

    Args:
      current: value counts now; at least one value.
      reference: value counts of the reference; at least one value.

    Returns:
      p of `current` and q of `reference`, float64 [bins], each summing to 1.
    """
    now, then, least = current.shares(), reference.shares(), floor(current, reference)
    values = sorted(now.keys() | then.keys())
    common = [value for value in values if max(now.get(value, 0.0), then.get(value, 0.0)) > least]
    return _filled(now, common), _filled(then, common)


def _filled(listed: dict[str, float], values: list[str]) -> Floats:
    found = np.array([listed.get(value, 0.0) for value in values], np.float64)
    return np.append(found, max(0.0, 1.0 - found.sum()))


def distances(current: ValueCounts, reference: ValueCounts) -> dict[str, float]:
    """Divergences of the shares, by name: `l_infinity`, `jensen_shannon`, `psi`, `hellinger` and `chi_square`.

    Both columns must have values. Formulas and ranges: `components.drift.metrics.shares`.
    """
    p, q = aligned(current, reference)
    return {measure.__name__: float(measure(p, q)) for measure in DISTANCES}


def new_values(current: ValueCounts, reference: ValueCounts) -> dict[str, float]:
    """Values that the reference does not have, with their share of the current rows, largest first.

    With the two sides exchanged: the values that vanished. Values that are not above the `floor` do not count.
    """
    then, least = reference.shares(), floor(current, reference)
    fresh = {value: share for value, share in current.shares().items() if value not in then and share > least}
    return dict(sorted(fresh.items(), key=lambda item: (-item[1], item[0])))


def length_change(current: float, reference: float) -> float:
    """Change of the mean length of the values, as a share of the reference's: |now - then| / then; at least 0.

    Lengths in bytes, as TFDV has them (`avg_length`). A mean below 1 in the reference counts as 1, so that empty
    strings divide nothing by 0.
    """
    return abs(current - reference) / max(reference, 1.0)
