"""A workspace with runs whose pages have every section, written by hand: see `recorded`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import chart_records
from ml_metadata.proto import metadata_store_pb2 as mlmd
from recorded import Output, Recorder, drift_report, feature
from tensorflow_metadata.proto.v0 import statistics_pb2

from components import log

RUN = "20260101-120000-aaaa"
"""The run that `full` records, of span 2."""

SETTINGS: dict[str, Any] = {
    "name": "sales",
    "data": {"path": "sales.csv"},
    "evaluation": {"thresholds": {"auc": {"min": 0.8}}, "change_thresholds": {}},
}

CURVE = {"loss": [0.6, 0.4, 0.3], "val_loss": [0.6, 0.45, 0.5], "auc": [0.7, 0.8, 0.9], "val_auc": [0.7, 0.8, 0.79]}

PASSED = {
    "step": "judge",
    "rule": "threshold:auc",
    "subject": "overall",
    "outcome": "pass",
    "message": "overall: auc is 0.9000",
    "value": 0.9,
    "bound": ">= 0.8",
    "rows": 400,
    "margin": 0.1,
}

FAILED = PASSED | {"outcome": "block", "message": "auc is 0.7000, asked for: 0.8", "value": 0.7, "margin": -0.1}

ANOMALY = {
    "step": "gate",
    "rule": "unexpected_value",
    "subject": "shop",
    "outcome": "warn",
    "message": "`shop` has a value that the schema does not know: 'east'",
    "value": "east",
    "bound": None,
    "rows": 3,
    "margin": None,
}


def statistics(shift: float = 0.0, extra: Iterable[str] = ()) -> bytes:
    """TFDV's statistics of 100 rows, as a file holds them."""
    numbers = {name: [float(value) + shift for value in range(100)] for name in ("amount", *extra)}
    data = chart_records.statistics(numbers, {"shop": {"north": 60, "south": 40}})
    data.num_examples = 100
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[data]).SerializeToString()


def full(root: Path, name: str = "shop") -> Recorder:
    """A pushed run of span 2 with all that steps can leave.

    Args:
      root: the workspace.
      name: of a feature, a slice's value and a label; a test may give one that nobody would.
    """
    recorder = Recorder(root)
    reference = recorder.workspace.root / "reference"
    (reference / "Split-train").mkdir(parents=True)
    (reference / "Split-train/FeatureStats.pb").write_bytes(statistics(extra=["vanished"]))
    recorder.run(RUN, settings=SETTINGS, environment={"python": "3.11", "packages": {"tfx": "1.21.0"}}, notes="a note")
    files = {f"Split-{split}/FeatureStats.pb": statistics(20.0, [name]) for split in ("train", "eval", "test")}
    source = {"path": "/data/sales.csv", "files": 1, "bytes": 1234, "modified": "2026-01-01T10:00:00+00:00"}
    recorder.step(RUN, "ingest", outputs={"examples": Output("Examples", {"span": 2}, {"sources.json": [source]})})
    recorder.step(RUN, "statistics", outputs={"statistics": Output("ExampleStatistics", {}, files)})
    gate = Output("HeadgateGateReport", {}, {"decisions.json": [ANOMALY]})
    recorder.step(RUN, "gate", outputs={"report": gate})
    recorder.step(
        RUN, "monitor", outputs={"report": Output("HeadgateMonitorReport", {}, {"monitor.json": monitored()})}
    )
    drifted = drift_report(2, [feature("amount", 0.3), feature(name, 1.7, message="psi 0.34 > 0.2")])
    drifted["reference"]["uri"] = str(reference)
    recorder.compared(RUN, drifted)
    history = {"epochs": 3, "history": CURVE, "train": {"auc": 0.9}, "eval": {"auc": 0.8}}
    recorder.step(RUN, "train", outputs={"model_run": Output("ModelRun", {}, {"training.json": history})})
    recorder.step(RUN, "judge", outputs={"blessing": judged(name)})
    log.append(recorder.workspace.drift("sales"), [each | {"run_id": RUN} for each in chart_records.drift_log(3, 4)])
    return recorder


def judged(name: str = "shop", decisions: Iterable[dict[str, Any]] = (PASSED,)) -> Output:
    """What the judge leaves."""
    slices = chart_records.intervals()
    slices["slices"][0]["value"] = name
    metrics = {
        "overall": {"auc": 0.9},
        "slices": [],
        "baseline": {"auc": 0.88},
        "threshold": {"value": 0.5, "rule": "f1"},
    }
    weak = {"where": f"{name} = 1", "columns": [name], "rows": 40, "metric": "auc", "value": 0.6, "rest": 0.9}
    analysis = {
        "task": "binary",
        "rows": 400,
        "sampled": False,
        "confidence": 0.95,
        "intervals": slices,
        "comparison": chart_records.comparison(),
        "weak_slices": [weak | {"difference": -0.3, "p_value": 0.001, "significant": True}],
        "curves": chart_records.curves(),
        "confusion": {"labels": [name, "other"], "new": [[40, 3], [2, 50]], "served": None},
    }
    contents = {"decisions.json": list(decisions), "metrics.json": metrics, "analysis.json": analysis}
    return Output("ModelBlessing", {}, contents)


def monitored() -> dict[str, Any]:
    """What the monitor leaves."""
    return chart_records.monitors(2)[1] | {
        "span": 2,
        "model": {"name": "sales", "version": 1, "uri": "somewhere"},
        "rows": 100,
        "drops": {"auc": 0.02},
        "estimate_error": {"auc": 0.01},
        "train": True,
        "why": ["Training is asked for by settings."],
    }


def killed(root: Path) -> Recorder:
    """A run that was killed within its second step."""
    recorder = Recorder(root)
    recorder.run(RUN, status="running", seconds="")
    recorder.step(RUN, "ingest", outputs={"examples": Output("Examples", {"span": 1}, {"sources.json": []})})
    recorder.step(RUN, "statistics", state=mlmd.Execution.RUNNING)
    return recorder
