"""Parts of the test split on which the model is weak, found by looking at all of them.

Looked at: each value of a column with few values, each fifth of a numeric column, rows without a value, and every pair
of these from two columns. The loss of a slice's rows is compared with that of all others by Welch's test, one-sided. To
that test a slice is its number of rows, sum and sum of squares, and those of all pairs are three matrix products.

Whoever looks at a thousand slices finds fifty that are worse with p < 0.05 by chance. So the p-values are corrected by
Holm's method (1979): with 95 % confidence, none of the slices that are called significant is a chance find. Single
conditions and pairs share that risk half and half, so that the many pairs do not drown the few conditions.

What is listed is not said twice: a slice must still be worse once the losses are taken as differences from the mean of
the rows that are in the same ones of the slices listed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import special

from components.evaluation.depth.estimates import Bools, Floats

RISK = 0.05
"""How likely it may be that a slice is called significant on data where no slice is weak."""

MOST_VALUES = 50
"""A column with more values counts as numeric, if it is; of others the most frequent are looked at."""

BUCKETS = 5
"""Of a numeric column, of as many rows each."""

MOST_PAIRED = 200
"""Conditions that pairs are made of: the strongest, where there are more."""

FEWEST = 3
"""So many slices are told even if chance explains them, and marked so."""

_CHUNK = 1 << 13
_MOST_SIGNIFICANT = 500


@dataclass(frozen=True)
class Condition:
    """What the rows of a slice have in common.

    Attributes:
      column: which column tells.
      text: such as `payment_type = Cash`, `6.05 <= fare < 8.45` or `company is missing`.
      rows: bool [rows], which they are.
    """

    column: str
    text: str
    rows: Bools


@dataclass(frozen=True)
class WeakSlice:
    """A slice whose rows have a greater loss than the others.

    Attributes:
      conditions: one, or two of different columns, all of which its rows meet.
      rows: bool [rows], which they are.
      p_value: corrected for the number of slices that were looked at.
    """

    conditions: tuple[Condition, ...]
    rows: Bools
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether it is weaker than chance explains."""
        return self.p_value < RISK


@dataclass(frozen=True)
class Found:
    """What the search came to.

    Attributes:
      slices: the significant ones first, the strongest evidence first.
      looked_at: how many slices were compared with the rest.
    """

    slices: tuple[WeakSlice, ...]
    looked_at: int


@dataclass(frozen=True)
class _Candidates:
    """Slices of one kind: pairs of numbers of conditions (the same twice for one condition), t and corrected p."""

    members: npt.NDArray[np.intp]
    evidence: Floats
    p_values: Floats


def find(columns: Mapping[str, pa.Array], losses: Floats, min_rows: int, most: int) -> Found:
    """Searches for weak slices.

    Args:
      columns: by name, one value or none in a row.
      losses: [rows], finite: what is smaller where the model is right.
      min_rows: of a slice, and of the rest that it is compared with.
      most: how many slices to list.

    Returns:
      The same for the same input, whatever the order of the rows.
    """
    found = _distinct(each for name, values in columns.items() for each in conditions(name, values, min_rows))
    if not found:
        return Found((), 0)
    spread = losses.std()
    scaled = (losses - losses.mean()) / (spread or 1.0)
    rows = np.column_stack([each.rows for each in found])
    single, pairs = _singles(rows, scaled), _pairs(rows, scaled, min_rows)
    looked_at = len(single.members) + len(pairs.members)
    members = np.concatenate((single.members, pairs.members))
    evidence = np.concatenate((single.evidence, pairs.evidence))
    p_values = np.concatenate((single.p_values, pairs.p_values))
    # Stable, so that of two with equal evidence the one condition comes before the pair.
    order = np.argsort(-evidence, kind="stable")
    significant = order[p_values[order] < RISK][:_MOST_SIGNIFICANT]
    listed, residuals = _unexplained(members[significant], rows, scaled, most)
    more = max(min(FEWEST, most) - len(listed), 0)
    chosen = np.concatenate((significant[listed], _weakest(rows, residuals, single.p_values)[:more]))
    slices = (
        WeakSlice(tuple(found[each] for each in dict.fromkeys(members[at])), _inside(rows, members[at]), p)
        for at, p in zip(chosen, p_values[chosen].tolist(), strict=True)
    )
    return Found(tuple(slices), looked_at)


def conditions(column: str, values: pa.Array, min_rows: int) -> Iterator[Condition]:
    """The slices that one column cuts.

    Args:
      column: its name.
      values: [rows], null where there is none; NaN counts as none.
      min_rows: fewer rows make no slice, nor do all but fewer.

    Yields:
      Values, or buckets of a number, in order; then the rows without a value.
    """
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    missing = pc.is_null(values).to_numpy(zero_copy_only=False)
    coded = values.dictionary_encode()
    codes = np.where(missing, -1, pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False))
    distinct = coded.dictionary.to_pylist()
    parts: Iterator[tuple[str, Bools]]
    if pa.types.is_floating(values.type) or (pa.types.is_integer(values.type) and len(distinct) > MOST_VALUES):
        numbers = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
        parts = _buckets(column, numbers, ~missing)
    else:
        counts = np.bincount(codes[~missing], minlength=len(distinct))
        frequent = sorted(range(len(distinct)), key=lambda at: (-counts[at], str(distinct[at])))[:MOST_VALUES]
        parts = ((f"{column} = {distinct[at]}", codes == at) for at in frequent)
    for text, rows in (*parts, (f"{column} is missing", missing)):
        if min_rows <= rows.sum() <= rows.size - min_rows:
            yield Condition(column, text, rows)


def _buckets(column: str, numbers: Floats, present: Bools) -> Iterator[tuple[str, Bools]]:
    if not present.any():
        return
    inner = np.quantile(numbers[present], np.arange(1, BUCKETS) / BUCKETS, method="higher")
    cuts = [cut for cut in np.unique(inner).tolist() if cut > numbers[present].min()]
    if not cuts:
        return
    yield f"{column} < {cuts[0]:.4g}", present & (numbers < cuts[0])
    for low, high in pairwise(cuts):
        yield f"{low:.4g} <= {column} < {high:.4g}", present & (numbers >= low) & (numbers < high)
    yield f"{column} >= {cuts[-1]:.4g}", present & (numbers >= cuts[-1])


def _distinct(found: Iterator[Condition]) -> list[Condition]:
    """Without those that name the same rows as one before: latitude and longitude are missing together."""
    by_rows: dict[bytes, Condition] = {}
    for each in found:
        by_rows.setdefault(np.packbits(each.rows).tobytes(), each)
    return list(by_rows.values())


def _singles(rows: Bools, losses: Floats) -> _Candidates:
    evidence, p_values = _evidence(rows, losses)
    members = np.arange(rows.shape[1])
    return _Candidates(np.column_stack((members, members)), evidence, _holm(p_values, p_values.size))


def _pairs(rows: Bools, losses: Floats, min_rows: int) -> _Candidates:
    """Pairs of conditions, of which one alone does not name the same rows."""
    every = rows.shape[1]
    strongest = np.arange(every)
    if every > MOST_PAIRED:
        evidence = _evidence(rows, losses)[0]
        strongest = np.sort(np.argsort(-evidence, kind="stable")[:MOST_PAIRED])
    totals = np.zeros((strongest.size, 3 * strongest.size))
    for start in range(0, losses.size, _CHUNK):
        part = rows[start : start + _CHUNK, strongest].astype(np.float32)
        loss = losses[start : start + _CHUNK, np.newaxis].astype(np.float32)
        totals += part.T @ np.hstack((part, part * loss, part * loss**2))
    counts, sums, squares = np.hsplit(totals, 3)
    alone = np.diag(counts)
    fit = (counts >= min_rows) & (counts < np.minimum(alone[:, np.newaxis], alone)) & (losses.size - counts >= min_rows)
    first, second = np.nonzero(np.triu(fit, 1))
    evidence, p_values = _welch(counts[first, second], sums[first, second], squares[first, second], losses)
    # Which conditions are the strongest depends on the losses: all pairs that there might be count as looked at.
    tested = first.size if every <= MOST_PAIRED else every * (every - 1) // 2
    members = np.column_stack((strongest[first], strongest[second]))
    return _Candidates(members, evidence, _holm(p_values, tested))


def _welch(counts: Floats, sums: Floats, squares: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """Welch's t of each slice against the rest, and its one-sided p-value; 0 and 1 where nothing varies.

    The standard error is Welch's or that of a slice of rows picked at random, whichever is larger. Of skewed losses
    each of them is too small on one side: Welch's where most losses are large, the other where most are small.
    """
    rest = losses.size - counts
    variances, means = [], []
    for rows, total, square in (
        (counts, sums, squares),
        (rest, losses.sum() - sums, (losses**2).sum() - squares),
    ):
        mean = total / np.maximum(rows, 1)
        means.append(mean)
        variances.append(np.maximum(square - rows * mean**2, 0) / np.maximum(rows - 1, 1) / np.maximum(rows, 1))
    welch = sum(variances)
    error = np.maximum(welch, losses.var() * (1 / np.maximum(counts, 1) + 1 / np.maximum(rest, 1)))
    some = error > 0
    t = np.divide(means[0] - means[1], np.sqrt(error), out=np.zeros(counts.shape), where=some)
    below = variances[0] ** 2 / np.maximum(counts - 1, 1) + variances[1] ** 2 / np.maximum(rest - 1, 1)
    freedom = np.divide(welch**2, below, out=np.ones(counts.shape), where=below > 0)
    return t, np.where(some, special.stdtr(freedom, -t), 1.0)


def _holm(p_values: Floats, tested: int) -> Floats:
    """Holm's corrected p-values, for half of the risk."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * (tested - np.arange(p_values.size)) * 2
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def _unexplained(members: npt.NDArray[np.intp], rows: Bools, losses: Floats, most: int) -> tuple[list[int], Floats]:
    """Positions of those slices, the strongest first, that the ones before them do not explain; and what they leave."""
    kept: list[int] = []
    group, residuals = np.zeros(losses.size, int), losses
    for at, pair in enumerate(members):
        if len(kept) == most:
            break
        inside = _inside(rows, pair)
        if _evidence(inside[:, np.newaxis], residuals)[1][0] < RISK / len(members):
            kept.append(at)
            group = np.unique(group * 2 + inside, return_inverse=True)[1]
            residuals = losses - (np.bincount(group, losses) / np.bincount(group))[group]
    return kept, residuals


def _weakest(rows: Bools, residuals: Floats, p_values: Floats) -> npt.NDArray[np.intp]:
    """Single conditions that are not significant, by how much worse they are than what is listed explains."""
    evidence = _evidence(rows, residuals)[0]
    order = np.argsort(-evidence, kind="stable")
    return order[(p_values[order] >= RISK) & (evidence[order] > 0)]


def _evidence(rows: Bools, losses: Floats) -> tuple[Floats, Floats]:
    """`_welch` of the slices whose rows are the columns of `rows`."""
    sums, squares = np.zeros((2, rows.shape[1]))
    for start in range(0, losses.size, _CHUNK):  # a product makes floats of the flags: not of all at once
        part, loss = rows[start : start + _CHUNK], losses[start : start + _CHUNK]
        sums += loss @ part
        squares += loss**2 @ part
    return _welch(rows.sum(axis=0), sums, squares, losses)


def _inside(rows: Bools, pair: npt.NDArray[np.intp]) -> Bools:
    return rows[:, pair[0]] & rows[:, pair[1]]
