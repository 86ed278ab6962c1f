"""The label of a draft: which column, which task, which classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.label import LabelSettings
from pipeline.drafting.profile import Column, Kind
from pipeline.problems import choice
from schema.errors import SettingsError

NAMES = ("label", "target", "class", "outcome", "response", "y")
NEGATIVE = ("no", "false", "n", "f", "negative", "0", "-1", "good", "ok", "normal", "pass")
MOST_CLASSES = 50


@dataclass(frozen=True)
class Label:
    """The label of a draft.

    Attributes:
      settings: the `label` section.
      column: its column.
      why: how it was chosen.
    """

    settings: LabelSettings
    column: Column
    why: str


def choose_label(columns: Sequence[Column], name: str | None) -> Label:
    """Chooses the label and says why: the one given; one with a usual name; the last with two values.

    Raises:
      SettingsError: there is no such column, it cannot be a label, or none can be guessed.
    """
    by_name = {column.name: column for column in columns}
    if name is not None:
        if name not in by_name:
            names = ", ".join(by_name)
            fix = choice(name, by_name)
            raise SettingsError(
                f"The data have no column `{name}`.", where="--label", expected=f"one of {names}", fix=fix
            )
        return _label(by_name[name], "as you said")
    for usual in NAMES:
        for column in columns:
            if column.name.lower() == usual:
                return _label(column, "guessed by its name")
    binary = [column for column in columns if column.distinct == 2 and column.kind in ("int", "string")]
    if binary:
        return _label(binary[-1], "guessed: the last column with two values")
    raise SettingsError(
        "Which column is the label cannot be guessed.",
        expected=f"a column named {', '.join(NAMES)}, or one with two values",
        received=", ".join(by_name),
        fix="name it with --label",
    )


def label_of(name: str, counts: Mapping[int | str, int], why: str, where: str) -> Label:
    """The label of rows that are counted by class, such as the images of a folder.

    Args:
      name: of the label.
      counts: rows by label value.
      why: where the values come from.
      where: the data, for messages.

    Raises:
      SettingsError: there are fewer than two classes.
    """
    if len(counts) < 2:
        raise SettingsError(
            "There is nothing to tell apart: the data have fewer than two classes.",
            where=where,
            expected="two classes or more",
            received=", ".join(map(str, counts)) or "none",
            fix="a folder of images has a sub-folder for each class",
        )
    rows = sum(counts.values())
    common = sorted(counts, key=lambda value: -counts[value])
    kind: Kind = "string" if isinstance(common[0], str) else "int"
    shares = tuple(counts[value] / rows for value in common)
    column = Column(name, kind, rows, 0.0, len(counts), tuple(common), shares)
    return Label(_classes(name, list(counts)), column, why)


def _label(column: Column, why: str) -> Label:
    if (column.kind == "int" and 2 <= column.distinct <= 20) or (
        column.kind == "string" and 2 <= column.distinct <= MOST_CLASSES
    ):
        settings = _classes(column.name, [value for value in column.values if not isinstance(value, float)])
    elif column.kind in ("int", "float") and column.distinct > 1:
        settings = LabelSettings(name=column.name, task="regression")
    else:
        raise SettingsError(
            f"The column `{column.name}` cannot be a label.",
            expected=f"numbers, or text with 2 to {MOST_CLASSES} different values",
            received=f"{column.kind} with {column.distinct} different values",
            fix="name another one with --label",
        )
    return Label(settings, column, why)


def _classes(name: str, values: Sequence[int | str]) -> LabelSettings:
    """A label with classes: numbers in their order; names in the alphabet's, what means no before others."""
    if isinstance(values[0], int):
        ordered = sorted(values)
    else:
        ordered = sorted(values, key=lambda each: (str(each).lower() not in NEGATIVE, each))
    return LabelSettings(name=name, task="binary" if len(values) == 2 else "multiclass", classes=tuple(ordered))


def thresholds(label: Label) -> tuple[dict[str, object], dict[str, object], str]:
    """Thresholds that a fair model passes, change thresholds, and a comment on the first."""
    if label.settings.task == "binary":
        return {"auc": {"min": 0.6}}, {"auc": 0.02}, "0.5 is a guess by coin; raise it once you know what the data give"
    if label.settings.task == "multiclass":
        least = math.floor(90 * label.column.shares[0]) / 100
        return {"accuracy": {"min": least}}, {"accuracy": 0.02}, "about what always naming the commonest class gives"
    most = float(f"{label.column.variance:.3g}")
    change = float(f"{0.05 * label.column.variance:.2g}")
    return {"mean_squared_error": {"max": most}}, {"mean_squared_error": change}, "what always naming the mean gives"
