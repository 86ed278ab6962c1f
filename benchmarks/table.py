"""The tables that ingestion, statistics and drift are measured on: 10 columns of floats, 10 of strings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROWS = 200_000
_COLUMNS = 10
_WORDS = np.array([f"word{index:04d}" for index in range(1000)])
_BATCH = 100_000


_SCHEMA = pa.schema(
    [(f"number{index}", pa.float64()) for index in range(_COLUMNS)]
    + [(f"word{index}", pa.string()) for index in range(_COLUMNS)]
)


def write_csv(path: Path, rows: int) -> None:
    """Writes the table: normal numbers with six decimals, words from a vocabulary of 1,000; the same every time."""
    options = pa.csv.WriteOptions(quoting_style="none")
    with pa.csv.CSVWriter(path, _SCHEMA, write_options=options) as writer:
        for numbers, words in _batches(rows, seed=0):
            writer.write_batch(pa.record_batch([*numbers, *(_WORDS[each] for each in words)], schema=_SCHEMA))


def write_pair(reference: Path, current: Path, rows: int) -> tuple[str, ...]:
    """Writes two tables as Parquet, the same every time, that differ by chance but for some shifted columns.

    Returns:
      The columns that were shifted enough to count as drifted at a threshold of 0.1; others are shifted less.
    """
    for path, seed in ((reference, 0), (current, 1)):
        with pa.parquet.ParquetWriter(path, _SCHEMA) as writer:
            for numbers, words in _batches(rows, seed):
                if path == current:
                    _shift(numbers, words)
                writer.write_batch(pa.record_batch([*numbers, *(_WORDS[each] for each in words)], schema=_SCHEMA))
    return ("number1", "number2", "word1", "word2", "word6", "word7")


def _shift(numbers: list[np.ndarray], words: list[np.ndarray]) -> None:
    """Means by 0.15 and 0.05 deviations, a spread by 1.4; shares of words into the first tenth of the vocabulary."""
    numbers[1] += 150
    numbers[2] *= 1.4
    numbers[3] += 50
    for column, share in ((1, 0.25), (2, 0.5), (3, 0.03), (6, 0.25), (7, 0.5), (8, 0.03)):
        moved = int(share * len(words[column]))
        words[column][:moved] //= 10


def _batches(rows: int, seed: int) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Numbers, and indices into the vocabulary, a batch at a time; each a list of columns."""
    random = np.random.default_rng(seed)
    for start in range(0, rows, _BATCH):
        size = min(_BATCH, rows - start)
        numbers = [np.round(random.normal(0, 1000, size), 6) for _ in range(_COLUMNS)]
        yield numbers, [random.integers(0, len(_WORDS), size) for _ in range(_COLUMNS)]
