"""Evidently's comparison of two tables, for the benchmark `drift`. Runs in Evidently's own environment."""

from __future__ import annotations

import pandas as pd
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]


def run(reference: str, current: str, metrics: dict[str, str], threshold: float) -> dict[str, float]:
    """The data-drift preset, with the metric that is named for each column.

    Returns:
      The metric's value for each column.
    """
    numbers = [column for column, metric in metrics.items() if metric == "wasserstein"]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[column for column in metrics if column not in numbers]
    )
    then, now = (Dataset.from_pandas(pd.read_parquet(path), definition) for path in (reference, current))
    preset = DataDriftPreset(per_column_method=metrics, threshold=threshold)
    found = Report([preset]).run(now, then).dict()
    return {each["config"]["column"]: float(each["value"]) for each in found["metrics"] if "column" in each["config"]}
