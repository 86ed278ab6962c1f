"""Evidently's page on two tables, for the benchmark `report`. Runs in Evidently's own environment."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from evidently import Report  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset, DataSummaryPreset  # type: ignore[import-not-found]


def run(reference: str, current: str, page: str) -> int:
    """Reads both tables and writes the page; returns its size in bytes. It takes no column without values."""
    tables = [pd.read_csv(path).dropna(axis="columns", how="all") for path in (current, reference)]
    columns = [column for column in tables[0] if column in tables[1]]
    snapshot = Report([DataDriftPreset(), DataSummaryPreset()]).run(*(table[columns] for table in tables))
    snapshot.save_html(page)
    return Path(page).stat().st_size
