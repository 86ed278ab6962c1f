"""Divergences of shares: p of the current rows and q of the reference, bin by bin.

All take float64 arrays [..., bins] whose bins sum to 1 and return float64 [...], so that thousands of random samples
are measured in one call. All are symmetric, and 0 where p = q.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from components.drift.histograms import Floats

EMPTY_SHARE = 1e-4
"""Stands in for the share of an empty bin in the PSI, as Evidently does, since the logarithm of 0 has no value."""


def l_infinity(p: Floats, q: Floats) -> Any:
    """Chebyshev distance: max |p - q|, in [0, 1]. TFDV's measure for categorical features."""
    return np.abs(p - q).max(axis=-1)


def jensen_shannon(p: Floats, q: Floats) -> Any:
    """Jensen-Shannon divergence in bits, in [0, 1]; 1 where nothing is shared.

    JSD(P, Q) = KL(P || M) / 2 + KL(Q || M) / 2 with M = (P + Q) / 2 (Lin 1991, "Divergence measures based on the
    Shannon entropy"), as TFDV has it. SciPy's `jensenshannon(p, q, base=2)` is its square root.
    """
    mean = (p + q) / 2
    return np.clip((_kl(p, mean) + _kl(q, mean)) / 2, 0, 1)


def _kl(p: Floats, q: Floats) -> Any:
    """Kullback-Leibler divergence in bits, where q > 0 wherever p > 0."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return np.sum(p * np.log2(ratio), axis=-1)


def psi(p: Floats, q: Floats) -> Any:
    """Population stability index: at least 0; two bins with nothing in common give 18.4.

    PSI = sum((p - q) * ln(p / q)) (Yurdakul 2018, "Statistical Properties of Population Stability Index").
    By custom, below 0.1 is stable and above 0.2 has shifted. Empty bins count as `EMPTY_SHARE`.
    """
    p, q = np.maximum(p, EMPTY_SHARE), np.maximum(q, EMPTY_SHARE)
    return np.sum((p - q) * np.log(p / q), axis=-1)


def hellinger(p: Floats, q: Floats) -> Any:
    """Hellinger distance, in [0, 1]; 1 where nothing is shared.

    H(P, Q) = sqrt(sum((sqrt(p) - sqrt(q))^2) / 2) (Hellinger 1909; Le Cam & Yang 2000, "Asymptotics in Statistics").
    """
    return np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=-1) / 2)


def chi_square(p: Floats, q: Floats) -> Any:
    """The chi-square statistic of both sides, scaled to [0, 1]: Cramér's V, as if both sides had as many rows.

    V = sqrt(sum((p - q)^2 / (p + q)) / 2). The statistic itself grows with the rows, so that any difference becomes
    "significant" once there are enough; V does not (Cramér 1946, "Mathematical Methods of Statistics", chapter 21).
    For sides of n rows each, V = sqrt(chi2 / 2n), which is SciPy's `association(table, method="cramer")`.
    Whether chance explains a value is told by the noise level (`components.drift.noise`), not by a p-value.
    """
    total = p + q
    return np.sqrt(np.sum(np.divide((p - q) ** 2, total, out=np.zeros_like(total), where=total > 0), axis=-1) / 2)
