"""Where findings go: the report's `drift.json`, and TensorBoard's scalars."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import tensorflow as tf
from tfx.types.artifact import Artifact

from components import decisions
from components.decisions import Decision
from components.drift.compare import FeatureDrift
from components.drift.reference import Reference

FILE_NAME = "drift.json"


def write(
    report: Artifact,
    span: int,
    reference: Reference | None,
    drifts: Sequence[FeatureDrift],
    records: Sequence[Decision],
) -> None:
    """Writes `drift.json` and `decisions.json` into a DriftReport, and sets its properties.

    `drifted`, `compared` and `share` are about features as a whole; slices have records only.
    """
    features = [drift for drift in drifts if drift.slice is None]
    drifted = [drift.feature for drift in features if drift.drifted]
    report.span = span
    report.compared = sum(bool(drift.metrics) for drift in features)
    report.drifted = len(drifted)
    report.passed = int(decisions.passed(records))
    decisions.write(records, report.uri)
    content = {
        "span": span,
        "reference": asdict(reference) if reference else None,
        "compared": report.compared,
        "drifted": drifted,
        "share": len(drifted) / len(features) if features else 0.0,
        "features": [asdict(drift) for drift in drifts],
    }
    Path(report.uri, FILE_NAME).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def write_scalars(drifts: Sequence[FeatureDrift], span: int, folder: str) -> None:
    """One TensorBoard scalar for the score and each metric of each feature, grouped by metric, the span as step."""
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default(step=span):
        for drift in drifts:
            if drift.slice is None:
                for metric, value in {"score": drift.score, **drift.metrics}.items():
                    tf.summary.scalar(f"{metric}/{drift.feature}", value)
    writer.close()
