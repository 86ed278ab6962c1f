"""The model in service on a span: what it is asked, and what follows from its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tensorflow_model_analysis.proto import config_pb2

from components.decisions import Decision, Outcome
from components.evaluation import results
from components.evaluation.depth.metrics import Answers, measure
from components.evaluation.results import OVERALL, SliceKey, keys_of, slice_value
from components.monitor import asking, cbpe, columns, drops, profile
from components.monitor.age import Age
from components.monitor.asking import Asked
from components.monitor.drops import Drop, Part
from components.monitor.inputs import Inputs, Served
from components.monitor.record import Interval, Watched
from components.monitor.settings import MonitorStepSettings
from components.parts import MakePipeline
from schema.errors import ModelError

EVALUATION, CURRENT, REFERENCE = "evaluation", "current", "reference"
"""Folders in the report: TFMA's evaluation, and statistics of answers and embeddings now and at training."""

SHOWN = 5
"""How many rows a message names."""


@dataclass(frozen=True)
class _Found:
    """What came of asking, or of not asking.

    Attributes:
      watched: the record.
      decided: the decisions.
      asks: whether they ask for a new model.
    """

    watched: Watched
    decided: list[Decision]
    asks: bool


class Watch:
    """Asks the model in service about a span.

    Args:
      settings: of the step.
      config: what models are evaluated by.
      folder: of the report; evaluation and statistics are written there.
      age: how long ago the model was released, and the last one trained, where the settings have a rule on that.
      make_pipeline: for Beam's workers to ask; None: this process does.
    """

    def __init__(
        self,
        settings: MonitorStepSettings,
        config: config_pb2.EvalConfig,
        folder: Path,
        age: Age,
        make_pipeline: MakePipeline | None = None,
    ) -> None:
        self._settings = settings
        self._config = config
        self._folder = folder
        self._age = age
        self._make_pipeline = make_pipeline

    def __call__(self, inputs: Inputs) -> tuple[Watched, list[Decision]]:
        """What the monitor found, and its decisions."""
        found = self._found(inputs)
        held = [_labels_are_late(inputs)] if inputs.unlabelled else []
        if self._age.rest:
            held.append(self._resting(self._age.rest))
        # On the data that it was trained on, a new model would be the same.
        old = [self._old(inputs.served, self._age.overdue)] if inputs.unseen() and self._age.overdue else []
        train = (found.asks or bool(old) or self._settings.monitor.train == "always") and not held
        why = [each.message for each in (*held, *old)]
        if not train and not held:
            why.append("Nothing that the monitor saw asks for a new model.")
        watched = replace(found.watched, train=train, rest=self._age.rest, why=(*why, *found.watched.why))
        return watched, [*held, *old, *found.decided]

    def _resting(self, until: str) -> Decision:
        hours = self._settings.monitor.cooldown_hours
        message = (
            f"A model was trained less than {hours:g} hours ago: nothing is trained before {until} "
            "(monitor.cooldown_hours)."
        )
        return Decision("monitor", "cooldown", drops.OVERALL, "flag", message)

    def _old(self, served: Served | None, overdue: str) -> Decision:
        days = self._settings.monitor.max_age_days
        message = f"{served} is older than {days:g} days since {overdue} (monitor.max_age_days)."
        return Decision("monitor", "age", drops.OVERALL, "flag", message)

    def _found(self, inputs: Inputs) -> _Found:
        served, splits = inputs.served, inputs.unseen()
        if served is None:
            return _unasked(inputs, "No model is in service: there is none to ask.", asks=True)
        if not splits:
            return _unasked(inputs, f"{served} was trained on these very data: there is nothing new to ask it.")
        try:
            asked = asking.ask(
                {split: inputs.files[split] for split in splits},
                served.folder,
                self._config,
                self._settings.label,
                self._settings.monitor.max_rows,
                self._folder / EVALUATION,
                self._make_pipeline,
            )
        except ModelError as error:
            message = f"{served} cannot take these rows: {error.what}"
            return _unasked(inputs, message, asks=True, outcome="warn")
        if not asked.rows:
            return _unasked(inputs, f"There are no rows that {served} has not seen.")
        return self._judged(inputs.span, served, asked, splits)

    def _judged(self, span: int, served: Served, asked: Asked, splits: tuple[str, ...]) -> _Found:
        settings = self._settings
        truth = results.defined(asked.evaluation[OVERALL]) if asked.evaluation else None
        estimated = self._profiled(served, asked)
        compared = list(self._drops(served, asked))
        decided = [drops.decision(each, settings.monitor.action, span, str(served)) for each in compared]
        if asked.invalid:
            decided.append(self._invalid(served, asked))
        if estimated:
            decided.append(_told(estimated, truth))
        if estimated and truth is None:
            bounds, action = settings.monitor.drops(settings.label.task), settings.monitor.action
            decided += drops.estimated(estimated, served.metrics["overall"], bounds, action, span, str(served))
        about = f"{served} was asked about {asked.rows:,} of {asked.of:,} rows ({', '.join(splits)})."
        watched = Watched(
            span=span,
            model=served.record,
            rows=asked.rows,
            of=asked.of,
            labelled=asked.labelled,
            invalid=len(asked.invalid),
            metrics=results.plain(asked.evaluation, settings.slices) if asked.evaluation else None,
            released=served.metrics,
            released_from=served.metrics_from,
            drops=_worse(truth, served.metrics["overall"]) if truth else None,
            estimated=estimated or None,
            estimate_error=cbpe.errors(estimated, truth) if estimated and truth else None,
            why=(about, *(each.message for each in decided if each.outcome in ("warn", "block"))),
        )
        asks = bool(asked.invalid) or any(each.dropped for each in compared if isinstance(each, Drop))
        return _Found(watched, decided or [Decision("monitor", "monitor", drops.OVERALL, "pass", about)], asks)

    def _profiled(self, served: Served, asked: Asked) -> dict[str, Interval]:
        """Writes statistics of answers and embeddings for drift; returns metrics as estimated from the scores."""
        about = profile.read(served.folder)
        if about is None or not len(asked.scores):
            return {}
        label = self._settings.label
        now = columns.statistics(about.columns(asked.scores, asked.embeddings, label))
        for name, statistics in ((CURRENT, now), (REFERENCE, about.statistics)):
            folder = self._folder / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / profile.STATISTICS).write_bytes(statistics.SerializeToString())
        if about.calibration is None:
            return {}
        if label.task == "binary":
            return cbpe.binary(asked.scores[:, 0], about.threshold, about.calibration)
        return cbpe.multiclass(columns.confidence(asked.scores, about.threshold), about.calibration)

    def _drops(self, served: Served, asked: Asked) -> Iterator[Drop | Decision]:
        if asked.evaluation is None or asked.predictions is None:
            return
        settings, found = self._settings, asked.predictions
        bounds = settings.monitor.drops(settings.label.task)
        answers = Answers(found.task, found.label, found.new)
        parts = {("", ""): _part(asked.evaluation, OVERALL, answers)}
        for name in {name: None for bound in bounds.values() for name in bound.slices}:
            features = settings.slices[name].features(name)
            for key in keys_of(asked.evaluation, features):
                of_slice = answers.at(found.slices[key])
                parts[name, slice_value(key, features)] = _part(asked.evaluation, key, of_slice)
        yield from drops.drops(parts, served.metrics, served.test_rows, bounds, settings.min_slice_rows)

    def _invalid(self, served: Served, asked: Asked) -> Decision:
        more = f" and {len(asked.invalid) - SHOWN:,} more" if len(asked.invalid) > SHOWN else ""
        message = (
            f"{served} answers {len(asked.invalid):,} of {asked.rows:,} rows with NaN or infinity: "
            f"{', '.join(asked.invalid[:SHOWN])}{more}. They are left out of all metrics; look for values that its "
            "training data did not have."
        )
        outcome: Outcome = "block" if self._settings.monitor.action == "block" else "warn"
        return Decision(
            "monitor", "invalid_predictions", drops.OVERALL, outcome, message, len(asked.invalid), "== 0", asked.rows
        )


def _unasked(inputs: Inputs, message: str, *, asks: bool = False, outcome: Outcome = "pass") -> _Found:
    model = inputs.served.record if inputs.served else None
    decided = [Decision("monitor", "monitor", drops.OVERALL, outcome, message)]
    return _Found(Watched(span=inputs.span, model=model, why=(message,)), decided, asks)


def _labels_are_late(inputs: Inputs) -> Decision:
    message = (
        f"{inputs.unlabelled:,} of {inputs.rows:,} rows of span {inputs.span} have no label yet: nothing is trained "
        "before they come."
    )
    return Decision("monitor", "labels", drops.OVERALL, "flag", message, rows=inputs.unlabelled)


def _part(evaluation: results.Evaluation, key: SliceKey, answers: Answers) -> Part:
    found = evaluation[key]
    errors = {name: estimate.error for name, estimate in measure(answers).items()}
    return Part(found.rows, results.defined(found), errors)


def _worse(truth: Mapping[str, float], released: Mapping[str, float]) -> dict[str, float]:
    return {name: drops.worse_by(name, truth[name], then) for name, then in released.items() if name in truth}


def _told(estimated: Mapping[str, Interval], truth: Mapping[str, float] | None) -> Decision:
    """What was estimated without labels, beside the truth where that is known."""

    def one(name: str, each: Interval) -> str:
        bar = f"{name} {each.value:.3f} ({each.low:.3f} to {each.high:.3f})"
        return f"{bar}, in truth {truth[name]:.3f}" if truth and name in truth else bar

    message = f"Estimated from scores alone: {'; '.join(one(name, each) for name, each in estimated.items())}."
    outside = [
        name for name, each in estimated.items() if truth and not each.low <= truth.get(name, each.low) <= each.high
    ]
    if outside:
        message += f" The truth lies outside for {', '.join(outside)}: what the scores meant has changed."
    return Decision("monitor", "estimate", drops.OVERALL, "pass", message)
