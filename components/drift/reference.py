"""What data are compared with: the model in service's training data, the previous span, or one that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tfx.types.artifact import Artifact

from components.decisions import Decision, Outcome
from schema.errors import SettingsError

Kind = Literal["in_service", "previous_span", "pinned_span"]

PAST_SPANS = 6
"""Earlier spans that tell what is usual from one to the next."""


@dataclass(frozen=True)
class Reference:
    """What the data are compared with.

    Attributes:
      uri: address of the statistics artifact.
      span: its span.
      kind: `in_service` where the model in service was trained on it, `pinned_span` where the settings name the span,
        else `previous_span`.
    """

    uri: str
    span: int
    kind: Kind

    def __str__(self) -> str:
        return f"span {self.span} ({self.kind.replace('_', ' ')})"


def choose(wanted: str | int, inputs: Mapping[str, Sequence[Artifact]]) -> tuple[Artifact, Kind] | None:
    """The statistics to compare with.

    Args:
      wanted: `drift.reference`: `in_service`, `previous_span`, or the number of a span.
      inputs: the step's: `statistics` of this run; `in_service`, `previous_span` and `spans`, each of which may be
        absent or empty.

    Returns:
      The artifact and what it is; None where there is nothing to compare with yet.

    Raises:
      SettingsError: there are no statistics of the span that the settings name.
    """
    if isinstance(wanted, int):
        return _of_span(wanted, [*inputs.get("spans", ()), *inputs["statistics"]]), "pinned_span"
    kinds: tuple[Kind, ...] = ("in_service", "previous_span") if wanted == "in_service" else ("previous_span",)
    return next(((artifact, kind) for kind in kinds for artifact in inputs.get(kind, ())), None)


def _of_span(wanted: int, statistics: Sequence[Artifact]) -> Artifact:
    for artifact in statistics:
        if artifact.span == wanted:
            return artifact
    spans = ", ".join(str(span) for span in sorted({artifact.span for artifact in statistics}))
    raise SettingsError(
        f"There are no statistics of span {wanted} to compare with: it never ran, or its artifacts were deleted.",
        where="drift.reference",
        expected=f"a span with statistics: {spans}",
        received=str(wanted),
        fix=f"name one of those, or make its statistics again: --set data.span={wanted} --to statistics",
    )


def remarks(wanted: str | int, span: int, inputs: Mapping[str, Sequence[Artifact]]) -> list[Decision]:
    """What a reader should know about the reference: that there is none, or another than was asked for.

    Args:
      wanted: `drift.reference`.
      span: the span at hand.
      inputs: as for `choose`, and `model`, the Model in service; may be absent or empty.
    """
    found = choose(wanted, inputs)
    told = []
    if wanted == "in_service" and inputs.get("model") and not inputs.get("in_service"):
        instead = f"compared with span {found[0].span} instead" if found else "nothing to compare with"
        told.append(
            _remark(
                "flag",
                f"The statistics that the model in service was trained on are gone: {instead}. "
                "The next release brings its own.",
            )
        )
    elif found is None:
        told.append(_remark("pass", "No model is in service and there is no earlier span: nothing to compare with."))
    if found and found[0].uri != inputs["statistics"][0].uri:
        if found[0].span > span:
            told.append(_remark("pass", f"Span {span} came late: it is compared with the newer span {found[0].span}."))
        elif found[0].span == span:
            told.append(_remark("pass", f"Span {span} came before: its data are compared with what they were then."))
    return told


def no_slices(reference: Reference) -> Decision:
    """The remark that a reference was made before slices were asked for."""
    return _remark("pass", f"The statistics of {reference} tell no slices apart: only whole columns are compared.")


def _remark(outcome: Outcome, message: str) -> Decision:
    return Decision("drift", "reference", "overall", outcome, message)


def past(reference: int, span: int, spans: Sequence[Artifact]) -> list[Artifact]:
    """Statistics of the spans that led up to the reference, itself included, oldest first.

    What came after it must not teach: had the data begun to drift, the drift would pass for what is usual.

    Args:
      reference: number of the reference's span.
      span: number of the span at hand, which is left out.
      spans: statistics of all spans.
    """
    earlier = [artifact for artifact in spans if artifact.span <= reference and artifact.span != span]
    return sorted(earlier, key=lambda artifact: artifact.span)[-PAST_SPANS:]
