"""Drafts a settings file from a file of data: what `headgate init` writes."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.label import LabelSettings
from pipeline.problems import choice
from pipeline.profile import Column, profile, read_sample
from schema.errors import SettingsError

LABEL_NAMES = ("label", "target", "class", "outcome", "response", "y")
NEGATIVE = ("no", "false", "n", "f", "negative", "0", "-1")
MOST_CLASSES = 50
MOST_SLICES = 4


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


def draft(data: Path, label: str | None, output: Path) -> str:
    """Writes a settings file for a file of data.

    Args:
      data: a CSV or Parquet file.
      label: the column to predict; None to guess.
      output: the file to write.

    Returns:
      What was drafted, in a sentence.

    Raises:
      SettingsError: `output` exists, there is no such label, or none can be guessed.
      DataError: the data cannot be read.
    """
    if output.exists():
        raise SettingsError("The file exists already.", where=str(output), fix="name another one with --output")
    if not data.is_file():
        raise SettingsError("There is no such file.", where=str(data), expected="a CSV or Parquet file")
    table, delimiter = read_sample(data)
    columns = profile(table)
    chosen = choose_label(columns, label)
    text = compose(data, output, delimiter, columns, chosen)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError("The file cannot be written.", where=str(output), received=error.strerror) from error
    used = sum(1 for column in columns if column is not chosen.column and left_out(column) is None)
    return (
        f"{used} of {len(columns)} columns are features; the label is `{chosen.column.name}` ({chosen.why}), "
        f"a {chosen.settings.task} task."
    )


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
    for usual in LABEL_NAMES:
        for column in columns:
            if column.name.lower() == usual:
                return _label(column, "guessed by its name")
    binary = [column for column in columns if column.distinct == 2 and column.kind in ("int", "string")]
    if binary:
        return _label(binary[-1], "guessed: the last column with two values")
    raise SettingsError(
        "Which column is the label cannot be guessed.",
        expected=f"a column named {', '.join(LABEL_NAMES)}, or one with two values",
        received=", ".join(by_name),
        fix="name it with --label",
    )


def _label(column: Column, why: str) -> Label:
    if column.kind == "int" and column.distinct == 2:
        classes = tuple(int(value) for value in sorted(column.values))
        settings = LabelSettings(name=column.name, classes=classes)
    elif column.kind == "int" and 2 < column.distinct <= 20:
        settings = LabelSettings(
            name=column.name, task="multiclass", classes=tuple(int(value) for value in sorted(column.values))
        )
    elif column.kind in ("int", "float") and column.distinct > 1:
        settings = LabelSettings(name=column.name, task="regression")
    elif column.kind == "string" and 2 <= column.distinct <= MOST_CLASSES:
        names = sorted((str(value) for value in column.values), key=lambda each: (each.lower() not in NEGATIVE, each))
        settings = LabelSettings(
            name=column.name, task="binary" if len(names) == 2 else "multiclass", classes=tuple(names)
        )
    else:
        raise SettingsError(
            f"The column `{column.name}` cannot be a label.",
            expected=f"numbers, or text with 2 to {MOST_CLASSES} different values",
            received=f"{column.kind} with {column.distinct} different values",
            fix="name another one with --label",
        )
    return Label(settings, column, why)


def left_out(column: Column) -> str | None:
    """Why a column should be no feature; None if it should."""
    present = column.rows * (1 - column.missing)
    if column.kind == "empty":
        return "no row has a value"
    if column.kind == "other":
        return "nested or binary; make numbers or text of it with data.prepare"
    if column.kind == "time":
        return "a time; make hour, day or age of it with data.prepare"
    if column.kind == "int" and column.low > 1e8 and re.search(r"(?i)(time|date)", column.name):
        return "a time; make hour, day or age of it with data.prepare"
    if column.distinct == 1:
        return f"always {column.values[0]}"
    if column.missing > 0.9:
        return f"missing in {column.missing:.0%} of the rows"
    if column.kind == "string" and column.distinct > 20 and column.distinct > 0.5 * present:
        return "free text" if column.words > 3 else "nearly every row has a value of its own: an id?"
    if column.kind == "int" and column.distinct == present and present > 20 and _counts_up(column):
        return "every row has a number of its own: an id?"
    return None


def _counts_up(column: Column) -> bool:
    """Whether the distinct integers of a column are dense enough to have been numbered, or it is called an id."""
    dense = column.high - column.low + 1 <= 2 * column.distinct
    return dense or re.search(r"(?i)(^|[_ -])(id|key|no|number|uuid)$", column.name) is not None


def column_settings(column: Column) -> dict[str, object]:
    """The `features.columns` entry of a column."""
    settings: dict[str, object] = {}
    if column.kind == "string":
        settings["type"] = "string"
    elif column.kind == "int":
        settings["type"] = "int"
    if column.kind == "string" or categorical(column):
        if column.distinct <= 20:
            settings |= {"transform": "one_hot", "size": column.distinct}
        else:
            settings |= {"transform": "vocabulary", "size": min(1000, column.distinct)}
    else:
        skewed = column.low >= 0 and column.skew > 2
        settings["transform"] = ["log", "zscore"] if skewed else "zscore"
    if column.missing:
        if "zscore" in str(settings["transform"]):
            settings["impute"] = "median"
        settings["indicator"] = True
    return settings


def categorical(column: Column) -> bool:
    """Whether a column's values are names rather than amounts: text, or few small whole numbers."""
    return column.kind == "string" or (
        column.kind == "int" and column.distinct <= 20 and 0 <= column.low <= column.high < 100
    )


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


def compose(data: Path, output: Path, delimiter: str, columns: Sequence[Column], label: Label) -> str:
    """The text of the settings file."""
    rows = columns[0].rows
    path = os.path.relpath(data.resolve(), output.resolve().parent)
    path = str(data.resolve()) if path.count("..") > 2 else path
    lines = [
        f"# Drafted by `headgate init` from {data.name}. `headgate check` shows every default with --show.",
        f"name: {pipeline_name(data)}",
        "",
        "data:",
        f"  path: {_flow(path)}   # for spans: in/span-{{SPAN}}/*.csv",
    ]
    if not re.search(r"\.(csv|csv\.gz|parquet)$", data.name.lower()):
        lines.append("  format: csv")
    if delimiter != ",":
        lines.append(f"  delimiter: {_flow(delimiter)}")
    lines.append("  split: " + ("{train: 6, eval: 2, test: 2}" if rows < 2000 else "{train: 8, eval: 1, test: 1}"))
    lines += ["", "label:", f"  name: {_flow(label.settings.name)}   # {label.why}", f"  task: {label.settings.task}"]
    if label.settings.classes:
        lines.append(f"  classes: {_flow(list(label.settings.classes))}")
        if label.settings.task == "binary":
            lines[-1] += "   # negative, positive"
    lines += ["", *_features(columns, label), *_gate(columns, label), "", *_training(rows, label)]
    return "\n".join([*lines, "", *_evaluation(columns, label)]) + "\n"


def _features(columns: Sequence[Column], label: Label) -> list[str]:
    lines = ["features:", "  columns:"]
    for column in columns:
        if column is label.column:
            continue
        key, reason = _flow(column.name), left_out(column)
        if reason:
            lines.append(f"    # {key}: left out, {_one_line(reason)}")
        else:
            share = "less than 0.1%" if column.missing < 0.001 else f"{column.missing:.1%}"
            note = f"   # missing in {share} of the rows" if column.missing else ""
            lines.append(f"    {key}: {_flow(column_settings(column))}{note}")
    if not any(line.startswith("    ") and not line.startswith("    #") for line in lines):
        raise SettingsError("No column of the data can be a feature.", received="\n".join(lines[2:]))
    return lines


def _gate(columns: Sequence[Column], label: Label) -> list[str]:
    """Columns with many values see new ones all the time."""
    wide = [each for each in _kept(columns, label) if each.kind == "string" and each.distinct > 20]
    if not wide:
        return []
    return ["", "gate:", "  features:", *(f"    {_flow(each.name)}: {{unexpected_value: warn}}" for each in wide)]


def _training(rows: int, label: Label) -> list[str]:
    lines = ["training:", "  epochs: 20   # at most: it stops when the eval split no longer improves"]
    lines.append(f"  batch_size: {32 if rows < 10_000 else 128}")
    if label.settings.task != "regression" and min(label.column.shares) < 0.1:
        lines.append("  class_weights: balanced   # the rarest class has less than a tenth of the rows")
    return lines


def _evaluation(columns: Sequence[Column], label: Label) -> list[str]:
    bounds, changes, note = thresholds(label)
    slices = [each for each in _kept(columns, label) if categorical(each) and each.distinct <= 20][:MOST_SLICES]
    lines = ["evaluation:"]
    if slices:
        lines += ["  slices:   # metrics are told for each value of these"]
        lines += [f"    {_flow(each.name)}: {_flow(each.name)}" for each in slices]
    lines += [f"  thresholds: {_flow(bounds)}   # {note}"]
    lines += [f"  change_thresholds: {_flow(changes)}   # how much worse than the model in service it may be"]
    return lines


def _kept(columns: Sequence[Column], label: Label) -> list[Column]:
    return [column for column in columns if column is not label.column and left_out(column) is None]


def pipeline_name(data: Path) -> str:
    """A pipeline's name made of a file's."""
    name = re.sub(r"[^a-z0-9_-]+", "_", data.name.lower().partition(".")[0]).strip("_-")
    return name if name[:1].isalpha() else f"pipeline_{name}".rstrip("_")


def _flow(value: object) -> str:
    """A value as YAML on one line; quoted where a reader could take it for something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", value)
    return (
        str(value)
        if plain and str(value).lower() not in ("null", "true", "false", "yes", "no", "y", "n", "on", "off", "~")
        else json.dumps(value, ensure_ascii=False)
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:100]
