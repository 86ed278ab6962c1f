"""TFMA's `EvalResult` as the records that charts of slices take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.charts import slices

_AREAS = ("auc", "auc_pr", "auc_precision_recall")


def intervals(eval_result: Any, metric: str, baseline: Any = None) -> dict[str, Any]:
    """A metric on each slice.

    Args:
      eval_result: from `tfma.load_eval_result`, of one model and one output; this pipeline's or another's.
      metric: its name in TFMA.
      baseline: the `EvalResult` of another model on the same rows.

    An AUC of exactly 0 is how TFMA writes that a slice has rows of a single class; here it is no value.

    Returns:
      What `slices.metric_by_slice` takes. `rows` are None where TFMA was not asked for `example_count`.
    """
    served = baseline.get_metrics_for_all_slices() if baseline else {}
    overall: dict[str, Any] = {}
    records = []
    for key, found in eval_result.get_metrics_for_all_slices().items():
        values = {metric: _value(metric, found)}
        if not key:
            overall = values
            continue
        columns, cells = zip(*key, strict=True)
        rows = _value("example_count", found)["value"]
        records.append(
            {"slice": ", ".join(columns), "value": ", ".join(map(_text, cells)), "metrics": values}
            | {"rows": None if rows is None else round(rows)}
            | {"served": {metric: _value(metric, served.get(key, {}))["value"]}}
        )
    return {"overall": overall, "slices": records}


def _value(metric: str, found: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """A metric's value on a slice: a number, or one with bounds; others, such as matrices, are none."""
    value = found.get(metric, {})
    if "boundedValue" in value:
        names = {"value": "value", "low": "lowerBound", "high": "upperBound"}
        return {ours: float(value["boundedValue"].get(theirs, "nan")) for ours, theirs in names.items()}
    number = float(value["doubleValue"]) if "doubleValue" in value else None
    return slices.interval(None if number == 0 and metric in _AREAS else number)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
