"""Measures of two categorical columns, from their value counts."""

from __future__ import annotations

import numpy as np

from components.drift.histograms import Floats, ValueCounts
from components.drift.metrics import shares


def aligned(current: ValueCounts, reference: ValueCounts) -> tuple[Floats, Floats]:
    """Shares of both sides, value by value; the last bin holds what cannot be told apart.

    Statistics list the 1,000 most frequent values. A value that one side lists and the other may have had beyond its
    list goes into the last bin with all that is not listed: else columns of many rare values would
    differ by which of them happened to be listed.

    Returns:
      p of `current` and q of `reference`, float64 [bins], each summing to 1, or to 0 for a column without values.
    """
    now, then = current.shares(), reference.shares()
    least_now, least_then = current.least, reference.least
    common = [
        value
        for value in sorted(now.keys() | then.keys())
        if (value in now or then[value] > least_now) and (value in then or now[value] > least_then)
    ]
    return _filled(now, common), _filled(then, common)


def _filled(listed: dict[str, float], values: list[str]) -> Floats:
    found = np.array([listed.get(value, 0.0) for value in values], np.float64)
    return np.append(found, max(0.0, 1.0 - found.sum()) if listed else 0.0)


def distances(current: ValueCounts, reference: ValueCounts) -> dict[str, float]:
    """Divergences of the shares, by name: `l_infinity`, `jensen_shannon`, `psi`, `hellinger` and `chi_square`.

    Both columns must have values. Formulas and ranges: `components.drift.metrics.shares`.
    """
    p, q = aligned(current, reference)
    measures = (shares.l_infinity, shares.jensen_shannon, shares.psi, shares.hellinger, shares.chi_square)
    return {measure.__name__: float(measure(p, q)) for measure in measures}


def new_values(current: ValueCounts, reference: ValueCounts) -> dict[str, float]:
    """Values that the reference does not have, with their share of the current rows, largest first.

    With the two sides exchanged: the values that vanished. Where the reference had more values than its statistics
    list, a value hardly more frequent than the rarest listed one may be an old one and does not count.
    """
    then, least = reference.shares(), reference.least
    fresh = {value: share for value, share in current.shares().items() if value not in then and share > least}
    return dict(sorted(fresh.items(), key=lambda item: (-item[1], item[0])))


def length_change(current: float, reference: float) -> float:
    """Change of the mean length of the values, as a share of the reference's: |now - then| / then; at least 0.

    Lengths in bytes, as TFDV has them (`avg_length`). A mean below 1 in the reference counts as 1, so that empty
    strings divide nothing by 0.
    """
    return abs(current - reference) / max(reference, 1.0)
