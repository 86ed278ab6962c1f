"""A run in a notebook: its data, drift, slices and threshold, drawn without any network.

Three lines are enough:

    from pipeline import notebook
    run = notebook.open("headgate-workspace")
    run.slices("auc")

The package is on the path of a notebook in this repository, and of any kernel of its environment.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from components import feature_statistics
from components.evaluation import decision, predictions
from components.evaluation.depth import record
from pipeline.charts import drift, judgement, profile, render, slices, training
from pipeline.charts.eval_result import intervals
from pipeline.charts.render import Shown, show
from pipeline.costs import Costs
from pipeline.history import History
from pipeline.quiet import quiet
from pipeline.summary import Summary
from pipeline.workspace import DEFAULT, VARIABLE, Workspace
from schema.errors import DataError, SettingsError


def open(workspace: str | Path | None = None, run: str | None = None, pipeline: str | None = None) -> Run:
    """Opens a run of a workspace.

    Args:
      workspace: its folder; default what `HEADGATE_WORKSPACE` says, else `headgate-workspace`.
      run: its id; default the latest.
      pipeline: for the latest of this pipeline.

    Raises:
      SettingsError: there is no such run.
    """
    place = Workspace(Path(workspace or os.environ.get(VARIABLE) or DEFAULT))
    history = History(place)
    if run is None:
        rows = history.runs(pipeline)
        if not rows:
            fix = "start a run: headgate run taxi, or headgate demo"
            raise SettingsError("No run is here to open.", where=str(place.root), received=pipeline, fix=fix)
        run = rows[0].run_id
    return Run(history, run)


class Run:
    """One run. Each method shows one thing, as charts with the numbers beneath.

    Args:
      history: of its workspace.
      run_id: the run.
    """

    def __init__(self, history: History, run_id: str) -> None:
        self._history = history
        self.id = run_id
        self.summary: Summary = history.summary(run_id)

    def __repr__(self) -> str:
        return f"Run {self.id} of {self.summary.pipeline}: {self.summary.status}"

    def _repr_html_(self) -> str:
        decided = [{"outcome": each.outcome, "rule": each.message} for each in self.summary.decisions]
        heading = f"<p><strong>{html.escape(repr(self))}</strong></p>"
        return heading + render.table([self.summary.metrics], "Metrics") + render.table(decided, "Decisions")

    @cached_property
    def analysis(self) -> dict[str, Any]:
        """The judgement in depth: `analysis.json`.

        Raises:
          DataError: the run was not judged, or its record is gone.
        """
        found = record.read(self._folder("judge", "blessing"))
        if not found:
            raise self._lacks("judgement in depth", "judge")
        return found

    @cached_property
    def features(self) -> list[str]:
        """Names of the features, the most drifted first."""
        ranked = [each["feature"] for each in self._compared() if not each.get("slice")]
        return list(dict.fromkeys([*ranked, *profile.by_name(self._current)]))

    def data(self, features: Sequence[str] = ()) -> Shown:
        """The distribution of features against what drift compared them with.

        Args:
          features: which, in order; default those that changed most.
        """
        reference = self._history.reference_statistics(self.id)
        before = _statistics(reference) if reference else None
        charts = profile.feature_profiles(
            self._current, before, features or self.features, len(features) or profile.MOST
        )
        return show(*charts.values(), table=profile.numbers(self._current, before))

    def drift(self, feature: str | None = None) -> Shown:
        """Drift over all spans of the pipeline, and what drifted in this run.

        Args:
          feature: the metrics of this one by span instead.
        """
        log = [
            {**record, "span": each.span, "reference": each.reference}
            for each in self._history.timeline(self.summary.pipeline).comparisons
            for record in each.features
        ]
        if feature is None:
            return show(drift.timeline(log), drift.ranking(self._compared()), table=_drift_table(log))
        own = [each for each in log if each["feature"] == feature]
        metrics = list(dict.fromkeys(name for each in own for name in each["bounds"] if name in each["metrics"]))
        return show(*(drift.metric_by_span(own, feature, metric) for metric in metrics), table=_drift_table(own))

    def in_service(self, metric: str | None = None) -> Shown:
        """The model in service on each new span: measured, estimated without labels, and at its release.

        Args:
          metric: default the first that the settings ask something of.
        """
        asked = self._history.timeline(self.summary.pipeline).performance
        monitors = [
            {"span": each.span, "labelled": each.labelled, "estimated": each.estimated}
            | {"metrics": {"overall": each.measured}, "released": {"overall": each.released}}
            for each in asked
        ]
        name = metric or self._main_metric()
        table = [
            {"span": each.span, "rows": each.rows, "labelled": each.labelled, "measured": each.measured.get(name)}
            | {"at release": each.released.get(name), "drop": each.drops.get(name)}
            | {"estimated": each.estimated.get(name, {}).get("value")}
            for each in asked
        ]
        return show(drift.performance(monitors, name), table=table)

    def slices(self, metric: str | None = None) -> Shown:
        """A metric on each slice with its interval, and the weakest slices that were found.

        Args:
          metric: default the first that the settings ask something of.
        """
        name = metric or self._main_metric()
        found = self.analysis["intervals"]
        charts = [slices.metric_by_slice(found, name)]
        if self.analysis["weak_slices"]:
            charts.append(slices.weak_slices(self.analysis["weak_slices"]))
        return show(*charts, table=_slice_table(found["slices"], name))

    def compare(self, metric: str | None = None) -> Shown:
        """The new model against the one in service: overall, and slice by slice.

        Args:
          metric: for the slices; default the first that the settings ask something of.
        """
        name, compared = metric or self._main_metric(), self.analysis["comparison"] or {}
        return show(
            judgement.comparison(compared),
            slices.differences(self.analysis["intervals"]["slices"], name),
            table=[{"metric": key, **value} for key, value in compared.items()],
        )

    def curves(self) -> Shown:
        """Calibration, ROC, precision and recall, confusion; of a number, its errors."""
        found, threshold = self.analysis["curves"], self.summary.threshold
        if self.analysis["task"] == "regression":
            return show(judgement.residuals(found), judgement.predicted_actual(found))
        charts = [judgement.calibration(found)]
        if self.analysis["task"] == "binary":
            charts += [judgement.roc(found), judgement.precision_recall(found)]
        charts.append(judgement.score_histogram(found, threshold.value if threshold else None))
        if self.analysis["confusion"]:
            charts.append(judgement.confusion(self.analysis["confusion"]))
        return show(*charts)

    def threshold(self, false_positive: float = 1.0, false_negative: float = 1.0) -> Shown:
        """What each decision threshold does, and what mistakes cost at it.

        Args:
          false_positive: cost of a negative row that is taken for positive.
          false_negative: cost of a positive row that is missed.
        """
        costs = self.costs(false_positive, false_negative)
        threshold = self.summary.threshold
        best, now = costs.least(), costs.at([threshold.value if threshold else decision.DEFAULT])[0]
        line = [vars(each) for each in costs.at(np.linspace(0.01, 0.99, 99).tolist())]
        return show(
            judgement.thresholds(self.analysis["curves"], now.threshold),
            judgement.costs(line, now.threshold, best.threshold),
            table=[{"choice": "least cost", **vars(best)}, {"choice": "in force", **vars(now)}],
        )

    def costs(self, false_positive: float = 1.0, false_negative: float = 1.0) -> Costs:
        """What mistakes cost on the test split: `costs().least()` has the threshold at which they cost least.

        To have it chosen in each run, on rows that do not judge: `evaluation.decision: {rule: cost, ...}`.

        Args:
          false_positive: cost of a negative row that is taken for positive.
          false_negative: cost of a positive row that is missed.

        Raises:
          DataError: the model is not binary.
        """
        table = predictions.read(self._folder("evaluate", "evaluation"))
        if table.task != "binary":
            raise self._lacks("decision threshold: its model is not binary", "evaluate")
        return Costs(table.new.scores, table.label == 1, false_positive, false_negative)

    def training(self) -> Shown:
        """Learning curves, with the gap between the training rows and the eval rows."""
        history = json.loads((self._folder("train", "model_run") / "training.json").read_text("utf-8"))["history"]
        epochs = [{"epoch": index, **dict(zip(history, row, strict=True))} for index, row in _rows(history)]
        return show(*(training.learning_curves(history, name) for name in training.metrics(history)), table=epochs)

    def eval_result(self, *, baseline: bool = False) -> Any:
        """TFMA's `EvalResult`, loaded with TFMA.

        Args:
          baseline: of the model in service, on the same rows.
        """
        folder = self._folder("evaluate", "evaluation")
        several = len(json.loads((folder / "eval_config.json").read_text("utf-8"))["evalConfig"]["modelSpecs"]) > 1
        if baseline and not several:
            raise self._lacks("model in service beside the new one", "evaluate")
        with quiet(Path(os.devnull)):  # what TensorFlow has to say on its way in is not about the run
            import tensorflow_model_analysis as tfma

            name = (tfma.BASELINE_KEY if baseline else tfma.CANDIDATE_KEY) if several else None
            return tfma.load_eval_result(str(folder), model_name=name)

    @cached_property
    def _current(self) -> statistics_pb2.DatasetFeatureStatistics:
        return _statistics(self._folder("statistics", "statistics"))

    def _compared(self) -> list[dict[str, Any]]:
        """Drift's records of this run, the worst first; none if drift did not run."""
        folder = self._history.folder(self.id, "drift", "report")
        return json.loads((folder / "drift.json").read_text("utf-8"))["features"] if folder else []

    def _main_metric(self) -> str:
        asked = self._history.settings(self.id)["evaluation"]["thresholds"]
        names = [*asked, *self.summary.metrics]
        if not names:
            raise self._lacks("metrics", "judge")
        return names[0]

    def _folder(self, step: str, output: str) -> Path:
        folder = self._history.folder(self.id, step, output)
        if folder is None:
            raise self._lacks(f"record of the step {step}", step)
        return folder

    def _lacks(self, what: str, step: str) -> DataError:
        return DataError(
            f"This run has no {what}.",
            where=f"run {self.id}, step {step}",
            expected="a run that came past this step, and whose files are still there",
            fix="list the runs with `headgate runs`, and open another: notebook.open(workspace, run=...)",
        )


def metrics_by_slice(eval_result: Any, metric: str, baseline: Any = None) -> Shown:
    """A metric on each slice of any TFMA `EvalResult`, of this pipeline's or another's.

    Args:
      eval_result: from `tfma.load_eval_result`, of one model and one output.
      metric: its name in TFMA.
      baseline: the `EvalResult` of another model on the same rows, to compare with.
    """
    found = intervals(eval_result, metric, baseline)
    return show(slices.metric_by_slice(found, metric), table=_slice_table(found["slices"], metric))


def _statistics(folder: Path) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics of the training rows."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    found.ParseFromString((folder / "Split-train" / "FeatureStats.pb").read_bytes())
    return feature_statistics.whole(found)


def _drift_table(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"span": each["span"], "feature": each["feature"], "slice": each.get("slice"), "score": drift.score(each)}
        | {"drifted": each["drifted"], "message": each["message"]}
        for each in log
    ]


def _slice_table(records: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, Any]]:
    return [
        {"slice": each["slice"], "value": each["value"], "rows": each["rows"]}
        | {metric: slices.interval(each["metrics"].get(metric))["value"]}
        | {key: slices.interval(each["metrics"].get(metric))[key] for key in ("low", "high")}
        | {"in service": (each.get("served") or {}).get(metric)}
        for each in records
    ]


def _rows(history: Mapping[str, Sequence[float]]) -> list[tuple[int, tuple[float, ...]]]:
    """The epochs of a training, a tuple of all its measures each."""
    return list(enumerate(zip(*history.values(), strict=True), start=1))
