"""Drafts a settings file from the user's data: what `headgate init` writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.drafting.columns import feature_lines, gate_lines, kept, slice_lines
from pipeline.drafting.images import Picture, column_of_images, latest_span, look, of_arrays, of_folder
from pipeline.drafting.label import Label, choose_label, thresholds
from pipeline.drafting.profile import Column, profile, read_sample
from pipeline.drafting.text import flow, path_from, pipeline_name
from schema.errors import SettingsError

STEPS = 3000
"""How many steps a network needs, more or less, before it sees something in an image."""


@dataclass(frozen=True)
class Draft:
    """What was found in the data.

    Attributes:
      data: the first lines of the section `data`.
      label: the label.
      columns: other columns of a table, features or not.
      picture: the image, if there is one.
    """

    data: Sequence[str]
    label: Label
    columns: Sequence[Column] = ()
    picture: Picture | None = None

    def __str__(self) -> str:
        label = self.label
        about = f"the label is `{label.settings.name}` ({label.why}), a {label.settings.task} task."
        table = f"{len(kept(self.columns))} of {len(self.columns) + 1} columns are features"
        if self.picture is None:
            return f"{table}; {about}"
        images = f"the image `{self.picture.name}`: {self.picture.seen}"
        return f"{images}; {table}; {about}" if self.columns else f"{images}; {about}"


def draft(data: Path, label: str | None, output: Path) -> str:
    """Writes a settings file for data.

    Args:
      data: a CSV or Parquet file; or a folder of images, IDX or npz files.
      label: the column to predict, or a name for the classes of a folder; None to guess.
      output: the file to write.

    Returns:
      What was drafted, in a sentence.

    Raises:
      SettingsError: `output` exists, there is no such label, or none can be guessed.
      DataError: the data cannot be read.
    """
    if output.exists():
        raise SettingsError("The file exists already.", where=str(output), fix="name another one with --output")
    if not data.exists():
        expected = "a CSV or Parquet file, or a folder of images"
        raise SettingsError("There is no such file.", where=str(data), expected=expected)
    arrays = data.is_dir() or re.search(r"(\.npz|idx3-ubyte(\.gz)?)$", data.name.lower())
    found = _images(data, label or "label", output) if arrays else _table(data, label, output)
    try:
        output.write_text(compose(found, data), encoding="utf-8")
    except OSError as error:
        raise SettingsError("The file cannot be written.", where=str(output), received=error.strerror) from error
    return str(found)


def _images(data: Path, label: str, output: Path) -> Draft:
    """A folder of images, or of arrays, or one file of arrays."""
    from components.ingest.settings import DataSettings
    from components.ingest.spans import resolve

    sample, pattern = latest_span(data) if data.is_dir() else (data, str(data))
    found = resolve(DataSettings(path=str(sample)))
    picture, chosen = of_folder(sample, label) if found.format == "images" else of_arrays(found, label)
    path = path_from(output, Path(pattern))
    return Draft([f"  path: {flow(path)}"], chosen, picture=picture)


def _table(data: Path, label: str | None, output: Path) -> Draft:
    """A CSV or Parquet file; a column of images, or of their paths, makes it a manifest of images."""
    table, delimiter = read_sample(data)
    columns = profile(table)
    images = column_of_images(columns)
    chosen = choose_label([column for column in columns if column is not images], label)
    lines = [f"  path: {flow(path_from(output, data))}   # for spans: in/span-{{SPAN}}/*.csv"]
    if not re.search(r"\.(csv|csv\.gz|parquet)$", data.name.lower()):
        lines.append("  format: csv")
    if delimiter != ",":
        lines.append(f"  delimiter: {flow(delimiter)}")
    others = [column for column in columns if column not in (chosen.column, images)]
    picture = _look(images, table, data.parent) if images else None
    if picture is None and not kept(others):
        raise SettingsError("No column of the data can be a feature.", received="\n".join(feature_lines(others)))
    return Draft(lines, chosen, others, picture)


def _look(column: Column, table: pa.Table, folder: Path) -> Picture:
    if column.kind == "image":
        return look(column.name, table[column.name].drop_null().to_pylist())
    return look(column.name, [folder / str(value) for value in column.values])


def compose(draft: Draft, data: Path) -> str:
    """The text of the settings file."""
    settings, rows = draft.label.settings, draft.label.column.rows
    lines = [
        f"# Drafted by `headgate init` from {data.name}. `headgate check` shows every default with --show.",
        f"name: {pipeline_name(data)}",
        "",
        "data:",
        *draft.data,
        "  split: " + ("{train: 6, eval: 2, test: 2}" if rows < 2000 else "{train: 8, eval: 1, test: 1}"),
        "",
        "label:",
        f"  name: {flow(settings.name)}   # {draft.label.why}",
        f"  task: {settings.task}",
    ]
    if settings.classes:
        order = "   # negative, positive" if settings.task == "binary" else ""
        lines.append(f"  classes: {flow(settings.classes)}{order}")
    lines += ["", "features:"]
    if draft.picture:
        lines += ["  images:", f"    {flow(draft.picture.name)}: {_size(draft.picture)}   # {draft.picture.seen}"]
    lines += [*feature_lines(draft.columns), "", *gate_lines(draft.columns)]
    if draft.picture:
        lines += [*_model(draft.picture), ""]
    return "\n".join([*lines, *_training(draft), "", *_evaluation(draft)]) + "\n"


def _size(picture: Picture) -> str:
    return flow(picture.settings.model_dump())


def _model(picture: Picture) -> list[str]:
    """As many convolutions as the image has pixels for."""
    side = min(picture.settings.height, picture.settings.width)
    filters = [32, 64][: 2 if side >= 8 else 1]
    return [
        "model:",
        "  build: cnn",
        "  convolutions:",
        *(f"    - {{filters: {each}}}" for each in filters),
        "  layers:",
        "    - {units: 128, dropout: 0.2}",
    ]


def _training(draft: Draft) -> list[str]:
    label, rows = draft.label, draft.label.column.rows
    lines = ["training:"]
    if draft.picture:
        epochs = min(max(STEPS * 32 // rows, 30), 200)
        lines += [
            f"  epochs: {epochs}   # at most: it stops when the eval split no longer improves",
            "  batch_size: 32",
            "  learning_rate: 0.0003",
            f"  early_stopping: {{patience: {epochs // 4}}}",
        ]
        if draft.picture.photo:
            changes = {"flip": "horizontal", "rotate": 10, "translate": 0.1, "zoom": 0.1}
            lines.append(f"  augmentation: {flow(changes)}   # while training only")
    else:
        lines += [
            "  epochs: 20   # at most: it stops when the eval split no longer improves",
            f"  batch_size: {32 if rows < 10_000 else 128}",
        ]
    rarest = min(label.column.shares)
    if label.settings.task != "regression" and rarest < 0.2 / len(label.settings.classes):
        lines.append(f"  class_weights: balanced   # the rarest class has {rarest:.1%} of the rows")
    return lines


def _evaluation(draft: Draft) -> list[str]:
    bounds, changes, note = thresholds(draft.label)
    images = draft.picture and draft.label.settings.task == "binary"
    decision = (
        "  decision: {rule: f_beta}   # the score above which a row is positive: where F1 is best on the eval split"
    )
    return [
        "evaluation:",
        *([decision] if images else []),
        *slice_lines(draft.columns),
        f"  thresholds: {flow(bounds)}   # {note}",
        f"  change_thresholds: {flow(changes)}   # how much worse than the model in service it may be",
    ]
