"""Pairs of random samples that a reference lets one expect, drawn from its statistics and measured like data.

Each function returns, by metric, what computes the metric of all pairs: float64 [draws]. So only what is asked for is
computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from components.drift.histograms import Cdf, Floats
from components.drift.measure import Column
from components.drift.metrics import categorical, shares
from components.drift.metrics.numeric import LARGEST_SPREAD_SHIFT, LEAST_DEVIATION

Metrics = dict[str, Callable[[], Floats]]

Pair = tuple[Floats, Floats]
"""Shares of the data's sample, and of the reference's; float64 [draws, cells] each."""

CELLS = 128
"""Parts of equal mass that a continuous column is sampled in."""

_MOST_ROWS = 10**9
"""NumPy draws parts of fewer rows than this."""


def missing(now: Column, then: Column, draws: int, random: np.random.Generator) -> Metrics:
    """Change of the share of rows without a value; the reference leaves the share open (Jeffreys' prior)."""
    lacking = then.missing * then.rows
    share = random.beta(lacking + 0.5, then.rows - lacking + 0.5, draws)
    p, q = (random.binomial(rows, share) / rows for rows in (now.rows, then.rows))
    return {"missing": lambda: np.abs(p - q)}


def numeric_metrics(now: Column, then: Column, draws: int, random: np.random.Generator) -> Metrics:
    """Metrics of pairs of samples of a numeric column; none where the reference has no finite values."""
    distribution = then.cdf
    if distribution is None:
        return {}
    blocks = _blocks(distribution, then.values)
    place = np.concatenate([block.place for block in blocks])
    p, q = _samples(blocks, now.values, draws, random)
    deviation = then.statistics.num_stats.std_dev or LEAST_DEVIATION
    gap = np.cumsum(p - q, axis=1)[:, :-1]
    return {
        "jensen_shannon": lambda: shares.jensen_shannon(*_in_deciles(p, q, (p + q) / 2)),
        "psi": lambda: shares.psi(*_in_deciles(p, q, q)),
        "kolmogorov_smirnov": lambda: np.abs(gap).max(axis=1, initial=0),
        "wasserstein": lambda: np.abs(gap) @ np.diff(place) / deviation,
        "mean_shift": lambda: np.abs((p - q) @ place) / deviation,
        "spread_shift": lambda: _ratio(_spread(p, place), _spread(q, place)),
    }


@dataclass(frozen=True)
class _Block:
    """Neighbouring cells of a distribution, of equal mass: one for a value that several rows share, else many.

    Attributes:
      rows: number of rows that the reference has in the block; not whole.
      weight: the same, but 1 for the block of what the reference has not seen.
      place: on the axis, float64 [cells].
    """

    rows: float
    weight: float
    place: Floats


def _blocks(distribution: Cdf, rows: int) -> list[_Block]:
    """Cuts a distribution into values that several rows share, and what lies between them, in rising order.

    The last block is for what the reference has not seen: as likely as one of its rows. Two rows of one value do not
    make it a value that many share: of ten rows, two coincide easily.
    """
    jumps = distribution.upto - distribution.below
    atoms = np.flatnonzero(jumps * rows > 2.5).tolist()
    starts, stops = [0.0, *distribution.upto[atoms]], [*distribution.below[atoms], 1.0]
    blocks = []
    for atom, start, stop in zip([*atoms, None], starts, stops, strict=True):
        count = math.ceil((stop - start) * CELLS - 1e-6)
        if count > 0:
            middles = start + (stop - start) * (np.arange(count) + 0.5) / count
            blocks.append(_Block((stop - start) * rows, (stop - start) * rows, distribution.quantiles(middles)))
        if atom is not None:
            blocks.append(_Block(jumps[atom] * rows, jumps[atom] * rows, distribution.x[atom : atom + 1]))
    return [*blocks, _Block(0.0, 1.0, distribution.x[-1:])]


def _samples(blocks: Sequence[_Block], rows: int, draws: int, random: np.random.Generator) -> Pair:
    """Shares of the cells in the data, and in the reference; float64 [draws, cells] each.

    In the reference, blocks have the rows that they have. How likely each is in truth, that leaves open (Dirichlet).
    """
    sizes = [len(block.place) for block in blocks]
    likely = random.standard_gamma([block.weight for block in blocks], (draws, len(blocks))) / sizes
    chances = np.repeat(likely, sizes, axis=1)
    chances /= chances.sum(axis=1, keepdims=True)
    then: Floats = np.hstack([_spread_out(block, draws, random) for block in blocks])
    then /= then.sum(axis=1, keepdims=True)
    return random.multinomial(rows, chances) / rows, then


def _spread_out(block: _Block, draws: int, random: np.random.Generator) -> Floats:
    cells = len(block.place)
    rows = max(1, round(block.rows))
    return random.multinomial(rows, np.full(cells, 1 / cells), draws).astype(np.float64) * (block.rows / rows)


def _in_deciles(p: Floats, q: Floats, of: Floats) -> Pair:
    """Shares of both samples in bins that end where `of` reaches its deciles; float64 [draws, 10] each."""
    deciles = np.arange(1, 10)[:, None] / 10
    reached = (np.cumsum(of, axis=1)[:, None, :] >= deciles - 1e-9).argmax(axis=2)
    p, q = (np.take_along_axis(np.cumsum(each, axis=1), reached, axis=1) for each in (p, q))
    p, q = (np.maximum(np.diff(each, prepend=0, append=1, axis=1), 0) for each in (p, q))
    return p, q


def _spread(p: Floats, place: Floats) -> Floats:
    mean = p @ place
    return np.sqrt(np.maximum(p @ place**2 - mean**2, 0))


def _ratio(p: Floats, q: Floats) -> Floats:
    some = (p > 0) & (q > 0)
    logarithm = np.abs(np.log(np.divide(p, q, out=np.ones_like(p), where=some), where=some, out=np.zeros_like(p)))
    return np.where(some | (p == q), np.minimum(logarithm, LARGEST_SPREAD_SHIFT), LARGEST_SPREAD_SHIFT)


def categorical_metrics(now: Column, then: Column, draws: int, random: np.random.Generator) -> Metrics:
    """Metrics of pairs of samples of a categorical column.

    Where the data are few against the reference, a random part of its rows is measured against the rest. Else both
    samples are drawn from what the reference lets one expect.
    """
    counts, least = then.counts, categorical.floor(now.counts, then.counts)
    told = [value for value, share in counts.shares().items() if share > least]
    rows = np.array([counts.counts[value] for value in told], np.float64)
    rest = max(0.0, counts.total - rows.sum())
    draw = _part_and_rest if 2 * now.values <= counts.total < _MOST_ROWS else _two_samples
    p, q = draw(rows, rest, now.values, draws, random)
    old = np.arange(p.shape[1]) != len(told)  # all but the rest
    mean = then.statistics.string_stats.avg_length
    lengths = np.array([*(len(value.encode()) for value in told), mean, mean, mean])
    return {
        **{measure.__name__: partial(measure, p, q) for measure in categorical.DISTANCES},
        "new_values": lambda: np.sum(p * old * (q == 0) * (p > least), axis=1),
        "vanished_values": lambda: np.sum(q * old * (p == 0) * (q > least), axis=1),
        "value_length": lambda: np.abs((p - q) @ lengths) / max(mean, 1.0),
    }


def _part_and_rest(told: Floats, rest: float, rows: int, draws: int, random: np.random.Generator) -> Pair:
    """A random part of the reference's rows, and the rest; with a row more, of a value that was not seen yet."""
    every = np.round([*told, rest, 1.0, 0.0]).astype(np.int64)
    part = random.multivariate_hypergeometric(every, rows, draws, method="marginals")
    return part / rows, (every - part) / (every.sum() - rows)


def _two_samples(told: Floats, rest: float, rows: int, draws: int, random: np.random.Generator) -> Pair:
    """Two samples of a distribution that the reference leaves open (Dirichlet).

    As likely as the values that one row has are those that no row has yet (Good 1953, "The population frequencies of
    species and the estimation of population parameters"). Those of one sample are not those of the other.
    """
    total, once = told.sum() + rest, np.sum(told == 1)
    weights = np.append(np.append(told, rest) * (1 - once / total), once + 1)
    likely = random.standard_gamma(weights, (draws, len(weights)))
    chances = likely / likely.sum(axis=1, keepdims=True)
    p, q = (random.multinomial(size, chances) / size for size in (rows, round(total)))
    nothing = np.zeros((draws, 1))
    return np.hstack([p, nothing]), np.hstack([q[:, :-1], nothing, q[:, -1:]])
