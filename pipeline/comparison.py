"""Two tables compared column by column, without a pipeline: from files to verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from components.drift.compare import FeatureDrift
from components.drift.compare import compare as compare_statistics
from components.drift.settings import DriftSettings
from components.feature_statistics import by_name, looks_like_id, row_count
from components.profile.files import Profile, find, profile
from pipeline.document import Document, override
from pipeline.problems import choice, one_error, translate
from pipeline.settings_file import load
from schema.errors import DataError, SettingsError
from schema.section import Section


class Terms(Section):
    """How tables are compared."""

    drift: DriftSettings = DriftSettings()
    features: tuple[str, ...] = ()
    """Columns that are compared. Default: all."""
    label: str | None = None
    """Compared too, where it is there."""
    delimiter: str = ","
    """Of CSV files."""
    prepared: bool = False
    """Whether columns that neither table has are made of others by `data.prepare`, and so are no mistake."""


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what was found.

    Attributes:
      reference: the one side.
      current: the other.
      drifts: a record for each column, the one furthest above its threshold first.
    """

    reference: Profile
    current: Profile
    drifts: tuple[FeatureDrift, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that drifted, worst first."""
        return tuple(drift.feature for drift in self.drifts if drift.drifted)


def terms(pipeline: str | None, assignments: Sequence[str]) -> Terms:
    """The terms of a pipeline, or the defaults; with some of them overridden.

    Args:
      pipeline: a preset's name or a settings file: its columns, label and `drift` section.
      assignments: such as `drift.bounds.psi=0.1`.

    Raises:
      SettingsError: what is wrong with the settings.
    """
    if pipeline is not None:
        settings = load(pipeline, assignments).settings
        return Terms(
            drift=settings.drift,
            features=tuple(settings.features.columns),
            label=settings.label.name,
            delimiter=settings.data.delimiter,
            prepared=settings.data.prepare is not None,
        )
    document = override(Document({}, "the defaults"), list(assignments))
    try:
        return Terms.model_validate(document.data)
    except ValidationError as error:
        raise one_error(translate(error, document, Terms), "--set") from None


def compare(reference: str, current: str, terms: Terms) -> Comparison:
    """Compares files.

    Args:
      reference: a Parquet or CSV file, a folder of them, or a glob.
      current: what is compared with it, likewise.
      terms: columns and bounds.

    Raises:
      SettingsError: there is no such file, or neither side has a column that the terms name.
      DataError: a file cannot be read, or the reference has no rows.
    """
    find(current)  # told before the reference is read
    only = {*terms.features, *([terms.label] if terms.label else [])}
    then, now = (profile(source, terms.delimiter, only) for source in (reference, current))
    names = list(dict.fromkeys([*then.columns, *now.columns]))
    if not terms.prepared:
        _refuse_unknown(terms.features, names)
    if not row_count(then.statistics):
        raise DataError(
            "The reference has no rows.",
            where=str(then.files[0]),
            expected="rows to compare with",
            received=f"{then.refusals:,} rows that cannot be read" if then.refused else "none",
            fix=f"look at the first: {then.refused.reason}" if then.refused else "name other files",
        )
    drifts = compare_statistics(
        now.statistics,
        then.statistics,
        settings=terms.drift,
        features=[name for name in terms.features or names if name in names],
        label=terms.label if terms.label in names else None,
    )
    return Comparison(then, now, tuple(drifts))


def _refuse_unknown(wanted: Iterable[str], names: Sequence[str]) -> None:
    for name in wanted:
        if name not in names:
            raise SettingsError(
                f"Neither table has the column `{name}`.",
                expected=f"one of {', '.join(names)}",
                received=name,
                fix=choice(name, names),
            )


def record(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain data: that of `drift.json`, with both sides in words."""
    compared = sum(bool(drift.metrics) for drift in comparison.drifts)
    return {
        "reference": _side(comparison.reference),
        "current": _side(comparison.current),
        "compared": compared,
        "drifted": list(comparison.drifted),
        "share": len(comparison.drifted) / compared if compared else 0.0,
        "features": [asdict(drift) for drift in comparison.drifts],
    }


def _side(side: Profile) -> dict[str, Any]:
    return {
        "files": [str(file) for file in side.files],
        "rows": row_count(side.statistics),
        "unreadable_rows": side.refusals,
    }


def rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    """A row of the table for people for each column: its metric that is furthest above, or nearest to, its bound."""
    for drift in comparison.drifts:
        metric = max(drift.bounds, key=lambda name: drift.metrics[name] / (drift.bounds[name] or 1e-9), default=None)
        value, bound = (f"{drift.metrics[metric]:.4f}", f"{drift.bounds[metric]:.4g}") if metric else (None, None)
        verdict = f"drifted: {', '.join(drift.by)}" if drift.drifted else "ok" if drift.metrics else "not compared"
        yield drift.feature, drift.type, metric, value, bound, verdict


def notes(comparison: Comparison) -> Iterator[str]:
    """What there is to say about the tables as a whole."""
    for name, side in (("reference", comparison.reference), ("current", comparison.current)):
        more = f" and {len(side.files) - 1} more files" if len(side.files) > 1 else ""
        yield f"{name}: {row_count(side.statistics):,} rows of {side.files[0]}{more}"
        if side.refused:
            yield f"  {side.refusals:,} rows cannot be read and are left out; the first, {side.refused.place}: " + (
                side.refused.reason
            )
    compared = {drift.feature for drift in comparison.drifts}
    ids = [name for name, each in by_name(comparison.current.statistics).items() if looks_like_id(each)]
    if found := [name for name in ids if name in compared]:
        yield f"too many distinct values to compare, looks like an id: {', '.join(found)}"
