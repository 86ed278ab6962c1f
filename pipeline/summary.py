"""What a run came to: the record that `headgate run` ends with, as JSON and for people to read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from components.decisions import Decision
from components.tuning.trials import Trial, described

if TYPE_CHECKING:
    from rich.console import RenderableType

State = Literal["complete", "cached", "skipped", "failed"]
Status = Literal["pushed", "watched", "not_blessed", "blocked", "failed", "stopped"]

EXIT_CODES: dict[Status, int] = {"pushed": 0, "watched": 0, "stopped": 0, "failed": 1, "not_blessed": 3, "blocked": 4}

STATE_STYLES: dict[str, str] = {"complete": "green", "cached": "cyan", "skipped": "dim", "failed": "bold red"}
OUTCOME_STYLES = {"pass": "green", "warn": "yellow", "flag": "yellow", "block": "bold red"}
_HEADLINES: dict[Status, tuple[str, str]] = {
    "pushed": ("green", "released"),
    "watched": ("green", "nothing was trained"),
    "stopped": ("cyan", "ended before the release, as asked for"),
    "not_blessed": ("yellow", "not released: the model did not earn it"),
    "blocked": ("red", "blocked: the data did not pass"),
    "failed": ("bold red", "failed"),
}


@dataclass(frozen=True)
class StepResult:
    """How one step of a run ended.

    Attributes:
      id: the step's name in `pipeline/dag.py`.
      state: `cached` took its outputs from an earlier run, `skipped` was held back by a gate.
      seconds: wall time.
      detail: a few words on the result, such as `15,002 rows`.
    """

    id: str
    state: State
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class StepEnd:
    """How a step that an orchestrator started ended: the last line that `headgate node` prints.

    Attributes:
      step: its id; `begin` and `finish` are steps of the run itself.
      state: see StepResult.
      seconds: wall time.
      passed: verdict of a gate, the monitor or drift; of the release step, whether it released; None of any other.
      train: whether the monitor or drift lets a model be trained; None of any other step.
      status: what the run came to, of `finish` alone.
      error: the parts of an error's message; None without one.
      exit_code: of the process.
    """

    step: str
    state: State
    seconds: float
    passed: bool | None = None
    train: bool | None = None
    status: Status | None = None
    error: Mapping[str, Any] | None = None
    exit_code: int = 0


@dataclass(frozen=True)
class MonitorResult:
    """What the model in service came to on the span at hand.

    Attributes:
      span: the span.
      model: `name`, `version` and `uri` of the model that was asked; None where none was.
      rows: how many rows it was asked about.
      labelled: how many of them have a label.
      metrics: `overall` and `slices` on the labelled rows; None without any.
      released: the same at its release.
      drops: by metric, how much worse it does now than then.
      estimated: by metric, `value`, `low` and `high` as estimated from scores alone.
      estimate_error: estimate minus truth.
      train: whether a new model was asked for, by the monitor or by drift.
      rest: until when nothing is trained (`monitor.cooldown_hours`): ISO 8601, UTC; None where no cooldown was on.
      why: sentences on that.
    """

    span: int
    model: Mapping[str, Any] | None = None
    rows: int = 0
    labelled: int = 0
    metrics: Mapping[str, Any] | None = None
    released: Mapping[str, Any] | None = None
    drops: Mapping[str, float] | None = None
    estimated: Mapping[str, Mapping[str, float]] | None = None
    estimate_error: Mapping[str, float] | None = None
    train: bool = True
    rest: str | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class DriftResult:
    """Outcome of the drift step.

    Attributes:
      reference: what the training data were compared with, such as `taxi version 1, span 1`; None: nothing yet.
      compared: number of features compared.
      drifted: names of those above their bounds.
    """

    reference: str | None
    compared: int
    drifted: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlertResult:
    """What became of an alert.

    Attributes:
      receiver: `command NAME`, or `webhook at HOST`: no more of an address, which is a secret.
      delivered: whether it was taken.
      reason: why not.
    """

    receiver: str
    delivered: bool
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.receiver}: " + ("delivered" if self.delivered else f"not delivered, {self.reason}")


@dataclass(frozen=True)
class ReleaseResult:
    """A version in the TensorFlow Serving directory."""

    model: str
    version: int
    path: str


@dataclass(frozen=True)
class EdgeResult:
    """A model for devices.

    Attributes:
      name: of the variant.
      format: numbers in the file.
      bytes: size of the file.
      gzip_bytes: its size in gzip.
      sparsity: share of zeros in pruned layers; None where nothing was pruned.
      passed: whether the judge lets it be released with the full model.
      metrics: overall metrics on the test split.
      slices: the same by slice; part of `headgate show RUN --json`, not of `headgate run --json`.
    """

    name: str
    format: str
    bytes: int
    gzip_bytes: int
    sparsity: float | None
    passed: bool
    metrics: Mapping[str, float]
    slices: tuple[SliceResult, ...]


@dataclass(frozen=True)
class ThresholdResult:
    """The decision threshold of a binary model.

    Attributes:
      value: rows whose score is greater are positive.
      rule: how it was chosen, in words.
    """

    value: float
    rule: str


@dataclass(frozen=True)
class SliceResult:
    """Metrics of one value of a slice.

    Attributes:
      slice: the slice's name in the settings.
      value: which part of it, such as `19` or `Cash, 19`.
      rows: number of test rows in it.
      metrics: metric by name.
    """

    slice: str
    value: str
    rows: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Summary:
    """A run's outcome.

    Attributes:
      status: `stopped` is a run that was asked to end before the release (`--to`); `watched` one in which nothing was
        trained, because nothing asked for it or labels are not there yet.
      metrics: the new model's overall metrics on the test split.
      threshold: the decision threshold that they were taken at, of a binary model.
      slices: the same by slice; part of `headgate show RUN --json`, not of `headgate run --json`.
      analysis: intervals, curves, weak slices and the comparison with the model in service (`analysis.json`); part of
        `headgate show RUN --json` too.
      edge: the models for devices that were made of it.
      trials: what tuning tried, the best first; part of `headgate show RUN --json` too.
      monitor: the model in service on these data; its metrics by slice are part of `headgate show RUN --json` only.
      decisions: every rule that a gate applied.
      span: the span that was read; None if the run did not come that far.
      rows: rows that were read, without those in quarantine.
      quarantined: rows that did not parse.
      alerts: who was told of it.
      log: file with everything that TensorFlow, Beam and TFX said.
      report: the run's page; None if none was written.
      nothing_to_do: every step was cached and the release stands.
      stands_until: when the same run would train though nothing changed but the time: ISO 8601, UTC; None for never.
      error: one sentence, where `status` is `failed`.
      notes: what whoever looks at the run must know, such as that it ran on stand-in data.
    """

    run_id: str
    pipeline: str
    status: Status
    steps: tuple[StepResult, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    threshold: ThresholdResult | None = None
    slices: tuple[SliceResult, ...] = ()
    analysis: Mapping[str, Any] = field(default_factory=dict)
    edge: tuple[EdgeResult, ...] = ()
    trials: tuple[Trial, ...] = ()
    monitor: MonitorResult | None = None
    drift: DriftResult | None = None
    decisions: tuple[Decision, ...] = ()
    release: ReleaseResult | None = None
    span: int | None = None
    rows: int | None = None
    quarantined: int = 0
    alerts: tuple[AlertResult, ...] = ()
    log: str | None = None
    report: str | None = None
    nothing_to_do: bool = False
    stands_until: str | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Exit code of the command line."""
        return EXIT_CODES[self.status]

    @property
    def headline(self) -> str:
        """The outcome in a few words."""
        if self.nothing_to_do:
            return "nothing to do: nothing changed since the last run"
        words = _HEADLINES[self.status][1]
        if self.status == "watched" and self.monitor:
            return f"{words}: {self.monitor.why[0]}"
        return words

    def to_json(self, *, details: bool = False) -> dict[str, Any]:
        """The summary as plain data for `json.dumps`; what fills pages only if asked for."""
        record: dict[str, Any] = finite(asdict(self))
        for step in record["steps"]:
            step["seconds"] = round(step["seconds"], 3)
        if not details:
            for model in (record, *record["edge"]):
                del model["slices"]
            del record["trials"], record["analysis"]
            for metrics in ("metrics", "released"):
                if record["monitor"] and record["monitor"][metrics]:
                    del record["monitor"][metrics]["slices"]
        return record


def finite(value: Any) -> Any:
    """Plain data with None for the numbers that JSON does not have: NaN and the infinities."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def render(summary: Summary) -> RenderableType:
    """The summary for a terminal, or for any other Rich console."""
    from rich.console import Group
    from rich.text import Text

    headline = f"{summary.pipeline}: {summary.headline}", _HEADLINES[summary.status][0]
    parts: list[RenderableType] = [Text.assemble(headline, f"  (run {summary.run_id})")]
    if summary.error:
        parts.append(Text(summary.error))
    parts += [Text(f"note: {note}") for note in summary.notes]
    if summary.steps:
        parts += ["", _steps(summary.steps)]
    told = [decision for decision in summary.decisions if decision.outcome != "pass"]
    if summary.decisions:
        parts += ["", f"rules: {len(summary.decisions) - len(told)} of {len(summary.decisions)} passed"]
        parts += _told(told)
    if summary.metrics:
        values = "  ".join(f"{name} {value:.4f}" for name, value in summary.metrics.items())
        parts += ["", Text(f"metrics (test split): {values}")]
    if summary.edge:
        parts += ["", _edge(summary), ""]
    parts += [Text(line) for line in _facts(summary)]
    return Group(*parts)


def _steps(steps: tuple[StepResult, ...]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("step", "state"):
        table.add_column(heading)
    table.add_column("seconds", justify="right")
    table.add_column("")
    for step in steps:
        state = f"[{STATE_STYLES[step.state]}]{step.state}[/]"
        table.add_row(step.id, state, f"{step.seconds:.1f}" if step.seconds else "", Text(step.detail))
    return table


def _edge(summary: Summary) -> RenderableType:
    """The models for devices, with the metrics that rules bind."""
    from rich.table import Table

    judged = {each.rule.partition(":")[2] for each in summary.decisions if each.step == "edge"}
    metrics = [name for name in summary.metrics if name in judged]
    table = Table(box=None, pad_edge=False)
    table.add_column("for the edge")
    for heading in ("bytes", "in gzip", "zeros", *metrics):
        table.add_column(heading, justify="right")
    table.add_column("")
    for each in summary.edge:
        zeros = "" if each.sparsity is None else f"{each.sparsity:.0%}"
        values = (f"{each.metrics[name]:.4f}" if name in each.metrics else "-" for name in metrics)
        verdict = "[green]passed[/]" if each.passed else "[red]not released[/]"
        table.add_row(each.name, f"{each.bytes:,}", f"{each.gzip_bytes:,}", zeros, *values, verdict)
    return table


def _told(decisions: list[Decision], most: int = 10) -> list[RenderableType]:
    """Decisions that did not pass, those that block first, and no more than `most` of them."""
    from rich.text import Text

    order = ("block", "warn", "flag")
    ranked = sorted(decisions, key=lambda decision: order.index(decision.outcome))
    lines: list[RenderableType] = [
        Text.assemble("  ", (decision.outcome, OUTCOME_STYLES[decision.outcome]), f"  {decision.message}")
        for decision in ranked[:most]
    ]
    if len(ranked) > most:
        lines.append(Text(f"  and {len(ranked) - most} more: headgate show RUN"))
    return lines


def _facts(summary: Summary) -> list[str]:
    lines = []
    if summary.trials:
        best = summary.trials[0]
        found = f"{best.objective} {best.score:.4f} with {described(best.values)}"
        lines.append(f"tuned: {found} (best of {len(summary.trials)} trials)")
    if summary.threshold:
        lines.append(f"decision threshold: {summary.threshold.value:.4g} ({summary.threshold.rule})")
    if summary.quarantined:
        lines.append(f"quarantined: {summary.quarantined} rows did not parse")
    if summary.monitor and summary.monitor.rows:
        lines.append(_watched(summary.monitor, summary.decisions))
    if summary.drift:
        names = ", ".join(summary.drift.drifted) or "none"
        found = f"{summary.drift.compared} features compared with {summary.drift.reference}; drifted: {names}"
        lines.append(f"drift: {found if summary.drift.reference else 'nothing to compare with yet'}")
    if summary.release:
        release = summary.release
        lines.append(f"in service: {release.model} version {release.version}, {release.path}")
    lines += [f"alert: {each}" for each in summary.alerts]
    if summary.log:
        lines.append(f"log: {summary.log}")
    if summary.report:
        lines.append(f"report: {summary.report}")
    return lines


def _watched(monitor: MonitorResult, decisions: tuple[Decision, ...]) -> str:
    """The model in service in a line: the metrics that it was judged by, or what they are estimated to be."""
    judged = {each.rule.removeprefix("max_drop:") for each in decisions if each.step == "monitor"}
    model = monitor.model or {}
    about = f"{model.get('name')} version {model.get('version')} on span {monitor.span}"
    if monitor.metrics:
        released = (monitor.released or {}).get("overall", {})
        values = (
            f"{name} {value:.4f} ({released[name]:.4f} at its release)"
            for name, value in monitor.metrics["overall"].items()
            if name in released and name in judged
        )
        return f"monitor: {about}, {monitor.labelled:,} labelled rows: {', '.join(values)}"
    estimated = (f"{name} {each['low']:.3f} to {each['high']:.3f}" for name, each in (monitor.estimated or {}).items())
    return f"monitor: {about}, {monitor.rows:,} rows without labels; estimated: {', '.join(estimated) or 'nothing'}"
