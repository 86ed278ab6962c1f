"""Deals the rows of one data set to spans."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from schema.errors import SettingsError
from schema.section import Section


class DealtSettings(Section):
    """Rows of one span of a data set that is dealt out."""

    rows: int | None = Field(None, ge=1)
    """Number of rows. Default: an even share of all there are."""


def deal(total: int, settings: Sequence[DealtSettings]) -> list[slice]:
    """The rows of each span: the first ones for span 1, the next ones for span 2; no row twice.

    Args:
      total: how many rows there are.
      settings: of each span. They may differ in `rows` alone.

    Raises:
      SettingsError: there are fewer rows than that, or the spans differ in more.
    """
    first = settings[0]
    for name in type(first).model_fields:
        values = list(dict.fromkeys(str(getattr(each, name)) for each in settings))
        if name != "rows" and len(values) > 1:
            raise SettingsError(
                f"`{name}` has one value for all spans: they are dealt from one set of rows.",
                where=name,
                expected="one value",
                received=", ".join(values),
            )
    counts = [each.rows or total // len(settings) for each in settings]
    if min(counts) < 1 or sum(counts) > total:
        raise SettingsError(
            "There are not enough rows.",
            where="rows",
            expected=f"at most {total:,} in all spans together, at least one in each",
            received=f"{sum(counts):,} in {len(counts)} spans",
            fix="ask for fewer rows, or for fewer spans",
        )
    ends = [sum(counts[: number + 1]) for number in range(len(counts))]
    return [slice(end - count, end) for count, end in zip(counts, ends, strict=True)]
