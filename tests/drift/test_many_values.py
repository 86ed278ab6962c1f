"""Columns with a value of its own in nearly every row: an id, a text, a time as text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks.harness import measure
from components.feature_statistics import by_name
from components.profile.files import profile
from pipeline.cli import app


def write(path, rows: int, seed: int) -> str:
    """A table with a random id, a running number as text, and a column of few values."""
    random = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, 100_000):
        size = min(100_000, rows - start)
        batch = pa.record_batch(
            {
                "id": pa.array(random.integers(0, 2**62, size)).cast(pa.string()),
                "order": pa.array(np.arange(start, start + size) + 10**9 * (seed + 1)).cast(pa.string()),
                "paid": pa.array(random.choice(["cash", "card"], size)),
            }
        )
        writer = writer or pq.ParquetWriter(path, batch.schema)
        writer.write_batch(batch)
    writer.close()
    return str(path)


def test_distinct_strings_are_no_drift_whatever_they_are(tmp_path):
    paths = [write(tmp_path / f"{seed}.parquet", 50_000, seed) for seed in range(2)]
    found = json.loads(CliRunner().invoke(app, ["compare", *paths, "--json"]).stdout)
    assert found["drifted"] == []
    told = {each["feature"]: each["message"] for each in found["features"]}
    assert "looks like an id" in told["id"]
    assert "looks like an id" not in told["paid"]
    printed = CliRunner().invoke(app, ["compare", *paths]).stdout
    assert "too many distinct values to compare, looks like an id: id, order" in printed


def test_statistics_of_distinct_strings_are_bounded(tmp_path):
    path = write(tmp_path / "table.parquet", 50_000, 0)
    found = by_name(profile(path).statistics)["id"].string_stats
    assert found.unique == pytest.approx(50_000, rel=0.03)
    assert len(found.rank_histogram.buckets) == 1000


@pytest.mark.slow
def test_memory_does_not_grow_with_distinct_strings(tmp_path):
    used = []
    for rows in (1_000_000, 10_000_000):
        paths = [write(tmp_path / f"{rows}-{seed}.parquet", rows, seed) for seed in range(2)]
        measured = measure("benchmarks.drift_ours:run", *paths, {"id": "psi", "order": "psi", "paid": "psi"}, 0.1)
        assert max(measured.value.values()) < 0.1
        used.append(measured.memory_bytes)
    assert used[1] < 1.5 * used[0]
