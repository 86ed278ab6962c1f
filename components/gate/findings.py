"""What is wrong with the data, as found in one split, and the decisions that follow for all splits together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from components.decisions import Decision, Outcome
from components.gate.settings import GateSettings, Kind, Severity

SHOWN = 5
"""How many unexpected values a message lists."""

WHOLE = "overall"
"""Subject of findings about the data as a whole."""

OUTCOMES: dict[Severity, Outcome] = {"block": "block", "warn": "warn", "ignore": "pass"}


@dataclass(frozen=True)
class Finding:
    """One thing wrong with one feature in one split.

    Attributes:
      kind: what is wrong.
      feature: the feature; None for the data as a whole.
      split: where it was seen; empty for the data as a whole.
      expected: what would be right.
      seen: what is there instead.
      rows: how many rows it is about, where known.
      rows_exact: whether `rows` was counted; else it is read off a histogram.
      values: rows by unexpected value; `seen` is then told from them.
      margin: how far a share lies from its bound, negative; None where no number is bounded.
    """

    kind: Kind
    feature: str | None
    split: str
    expected: str
    seen: str = ""
    rows: int | None = None
    rows_exact: bool = True
    values: Mapping[str, int] = field(default_factory=dict)
    margin: float | None = None


def decide(findings: Iterable[Finding], settings: GateSettings) -> list[Decision]:
    """One decision for each feature and kind, over all splits; kinds that the settings ignore are left out.

    Of several findings on the same feature, kind and split the first is kept, and one about all splits stands for
    those about each.
    """
    grouped: dict[tuple[Kind, str | None], dict[str, Finding]] = {}
    for finding in findings:
        grouped.setdefault((finding.kind, finding.feature), {}).setdefault(finding.split, finding)
    decisions = []
    for (kind, feature), by_split in grouped.items():
        severity = settings.severity(kind, feature)
        if severity != "ignore":
            of_kind = [by_split[""]] if "" in by_split else list(by_split.values())
            decisions.append(_decision(kind, feature, of_kind, severity))
    return decisions


def _decision(kind: Kind, feature: str | None, findings: Sequence[Finding], severity: Severity) -> Decision:
    expected = findings[0].expected
    seen = _seen(findings)
    counts = [finding.rows for finding in findings if finding.rows is not None]
    rows = sum(counts) if counts else None
    exact = all(finding.rows_exact for finding in findings)
    about = f"`{feature}`" if feature else "The data"
    number = f" ({'' if exact else 'about '}{rows:,} row{'' if rows == 1 else 's'})" if rows is not None else ""
    return Decision(
        step="gate",
        rule=kind,
        subject=feature or WHOLE,
        outcome=OUTCOMES[severity],
        message=f"{about}: expected {expected}; saw {seen}{number}.{_advice(kind, feature, severity)}",
        value=seen,
        bound=expected,
        rows=rows,
        margin=min((finding.margin for finding in findings if finding.margin is not None), default=None),
    )


def _seen(findings: Sequence[Finding]) -> str:
    """What was seen, once where all splits agree, else split by split."""
    values: Counter[str] = Counter()
    for finding in findings:
        values.update(finding.values)
    splits = ", ".join(finding.split for finding in findings if finding.split)
    where = f" in {splits}" if splits else ""
    if values:
        return listed([f"{value} ({rows:,})" for value, rows in values.most_common()]) + where
    if len({finding.seen for finding in findings}) == 1:
        return f"{findings[0].seen}{where}"
    return "; ".join(f"{finding.seen} in {finding.split}" for finding in findings)


def _advice(kind: Kind, feature: str | None, severity: Severity) -> str:
    if severity == "warn":
        return ""
    place = f"gate.features.{feature}.{kind}" if feature else f"gate.severities.{kind}"
    return f" Mend the data; or, if this is how they are meant to be, set {place}: warn."


def listed(texts: Sequence[str]) -> str:
    """The first few of many texts, and how many more there are."""
    rest = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + rest
