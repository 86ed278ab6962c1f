"""The table that ingestion and statistics are measured on: 10 columns of floats, 10 of strings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS = 200_000
_COLUMNS = 10
_WORDS = np.array([f"word{index:04d}" for index in range(1000)])
_BATCH = 100_000


def write_csv(path: Path, rows: int) -> None:
    """Writes the table: normal numbers with six decimals, words from a vocabulary of 1,000; the same every time."""
    random = np.random.default_rng(0)
    schema = pa.schema(
        [(f"number{index}", pa.float64()) for index in range(_COLUMNS)]
        + [(f"word{index}", pa.string()) for index in range(_COLUMNS)]
    )
    options = pa.csv.WriteOptions(quoting_style="none")
    with pa.csv.CSVWriter(path, schema, write_options=options) as writer:
        for start in range(0, rows, _BATCH):
            size = min(_BATCH, rows - start)
            numbers = [np.round(random.normal(0, 1000, size), 6) for _ in range(_COLUMNS)]
            words = [_WORDS[random.integers(0, len(_WORDS), size)] for _ in range(_COLUMNS)]
            writer.write_batch(pa.record_batch([*numbers, *words], schema=schema))
