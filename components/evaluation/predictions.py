"""The predictions table: what the models say of each row of the test split, beside what the row is.

`predictions.parquet` stands beside TFMA's files in the ModelEvaluation. Its columns:

    label            class index, or the number to predict
    new/score        of the new model: probability of the positive class, a list of one for each class, or a number
    new/withstood    1 where its answer under FGSM is right, if that is asked for
    served/...       the same of the model in service, if there is one
    slices           numbers of the slices that the row is in
    column/NAME      a column of the data; one with several values in a row is left out

The schema's metadata have, as JSON under `headgate`: `task`, `classes`, `thresholds` of the models, `rows` of the test
split, whether the table is a sample of them, and `slices`: TFMA's keys by number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.evaluation.results import OVERALL, SliceKey, no_rows
from components.label import Task
from schema.section import Section

FILE_NAME = "predictions.parquet"

ROLES = {"": "new", "candidate": "new", "baseline": "served"}
"""What TFMA's names of models are called in the table."""

_METADATA = b"headgate"


class RecordSettings(Section):
    """What is recorded of each row."""

    task: Task
    """Of the label."""
    classes: tuple[int | str, ...] = ()
    """Label values in class order; empty for a regression."""
    columns: tuple[str, ...] = ()
    """Columns of the data that slices may be cut by."""
    label: str
    """Output of `evaluation_features` that has the label."""
    attack: str | None = None
    """Output of `evaluation_features` that tells whether a model withstands FGSM, where it computes that."""


@dataclass(frozen=True)
class Model:
    """What a model says of the rows.

    Attributes:
      scores: float32 [rows]; [rows, classes] of a multiclass model.
      threshold: above which a score is positive, of a binary model.
      withstood: bool [rows], whether its answer under FGSM is right; None where that is not known.
    """

    scores: npt.NDArray[np.float32]
    threshold: float
    withstood: npt.NDArray[np.bool_] | None


@dataclass(frozen=True)
class Predictions:
    """The table as arrays.

    Attributes:
      task: of the label.
      classes: label values in class order; empty for a regression.
      rows: of the test split.
      sampled: whether only a uniform sample of them is here.
      label: [rows here] class index, or the number to predict.
      new: the new model.
      served: the model in service, if there is one.
      slices: positions of the rows of each slice.
      columns: columns of the data by name, one value or none in a row.
    """

    task: Task
    classes: tuple[int | str, ...]
    rows: int
    sampled: bool
    label: npt.NDArray[Any]
    new: Model
    served: Model | None
    slices: Mapping[SliceKey, npt.NDArray[np.intp]]
    columns: Mapping[str, pa.Array]

    @property
    def finite(self) -> npt.NDArray[np.bool_]:
        """[rows here] whether the new model's scores are numbers."""
        return finite(self.new.scores.reshape(self.label.size, -1))


def finite(scores: np.ndarray) -> npt.NDArray[np.bool_]:
    """Which rows have scores that are numbers, neither NaN nor infinite.

    Args:
      scores: [rows, units].
    """
    return np.asarray(np.isfinite(scores).all(axis=1))


class Recorder:
    """Gathers the table batch by batch.

    Args:
      settings: what to record.
    """

    def __init__(self, settings: RecordSettings) -> None:
        self._settings = settings
        self._numbers: dict[SliceKey, int] = {}
        self._tables: list[pa.Table] = []
        self._several: set[str] = set()

    @classmethod
    def from_json(cls, settings: str) -> Recorder:
        """One for `RecordSettings` as JSON."""
        return cls(RecordSettings.model_validate_json(settings))

    def add(
        self,
        keys: Sequence[Sequence[Iterable[SliceKey]]],
        features: Mapping[str, Mapping[str, np.ndarray]],
        scores: Mapping[str, np.ndarray],
        data: pa.RecordBatch,
    ) -> None:
        """Records some rows.

        Args:
          keys: TFMA's keys of the slices that each row is in, for each specification of slices.
          features: outputs of `evaluation_features` by TFMA's name of the model.
          scores: [rows, units] by TFMA's name of the model.
          data: the rows.
        """
        settings = self._settings
        columns: dict[str, Any] = {"label": pa.array(next(iter(features.values()))[settings.label])}
        for name, role in ROLES.items():
            if name in scores:
                columns[f"{role}/score"] = _scores(scores[name])
                if settings.attack and settings.attack in features[name]:
                    columns[f"{role}/withstood"] = pa.array(features[name][settings.attack][:, 0] > 0)
        slices = [[self._number(key) for key in chain.from_iterable(of_row) if key != OVERALL] for of_row in keys]
        columns["slices"] = pa.array(slices, pa.list_(pa.int32()))
        for name in settings.columns:
            if name in data.schema.names:
                values = _single(data.column(name))
                if values is None:
                    self._several.add(f"column/{name}")
                else:
                    columns[f"column/{name}"] = values
        self._tables.append(pa.table(columns))

    def merge(self, other: Recorder) -> None:
        """Appends what another recorder, with the same settings, has gathered."""
        numbers = np.array([self._number(key) for key in other._numbers], np.int32)
        for table in other._tables:
            slices = table.column("slices").combine_chunks()
            lengths = pc.list_value_length(slices).to_numpy(zero_copy_only=False)
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
            renumbered = numbers[slices.flatten().to_numpy()]
            at = table.column_names.index("slices")
            self._tables.append(table.set_column(at, "slices", pa.ListArray.from_arrays(offsets, renumbered)))
        self._several |= other._several

    def write(self, folder: Path, thresholds: Mapping[str, float], rows: int) -> None:
        """Writes the table.

        Args:
          folder: of the ModelEvaluation.
          thresholds: decision thresholds by TFMA's name of the model.
          rows: of the test split.
        """
        if not self._tables:
            return
        table = pa.concat_tables(self._tables, promote_options="permissive")
        table = table.drop_columns([name for name in self._several if name in table.column_names])
        facts = {
            "task": self._settings.task,
            "classes": self._settings.classes,
            "thresholds": {ROLES[name]: value for name, value in thresholds.items()},
            "rows": rows,
            "sampled": table.num_rows < rows,
            "slices": list(self._numbers),
        }
        pq.write_table(table.replace_schema_metadata({_METADATA: json.dumps(facts)}), folder / FILE_NAME)

    def _number(self, key: SliceKey) -> int:
        return self._numbers.setdefault(tuple((name, _text(value)) for name, value in key), len(self._numbers))


def read(folder: str | Path) -> Predictions:
    """Reads the table of a ModelEvaluation.

    Raises:
      DataError: there is none, since the test split had no rows.
    """
    path = Path(folder, FILE_NAME)
    if not path.is_file():
        raise no_rows(str(folder))
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[_METADATA])
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    return Predictions(
        task=facts["task"],
        classes=tuple(facts["classes"]),
        rows=facts["rows"],
        sampled=facts["sampled"],
        label=columns["label"].to_numpy(zero_copy_only=False),
        new=_model(columns, "new", facts["thresholds"]["new"]),
        served=_model(columns, "served", facts["thresholds"]["served"]) if "served/score" in columns else None,
        slices=_slices(columns["slices"], facts["slices"]),
        columns={
            name.removeprefix("column/"): values for name, values in columns.items() if name.startswith("column/")
        },
    )


def _model(columns: Mapping[str, pa.Array], role: str, threshold: float) -> Model:
    scores, withstood = columns[f"{role}/score"], columns.get(f"{role}/withstood")
    units = scores.type.list_size if pa.types.is_fixed_size_list(scores.type) else None
    numbers = (scores.flatten() if units else scores).to_numpy(zero_copy_only=False)
    return Model(
        scores=numbers.reshape(-1, units) if units else numbers,
        threshold=threshold,
        withstood=None if withstood is None else withstood.to_numpy(zero_copy_only=False),
    )


def _slices(numbers: pa.Array, keys: Sequence[Any]) -> dict[SliceKey, npt.NDArray[np.intp]]:
    lengths = pc.list_value_length(numbers).to_numpy(zero_copy_only=False)
    row, number = np.repeat(np.arange(len(numbers)), lengths), numbers.flatten().to_numpy(zero_copy_only=False)
    order = np.argsort(number, kind="stable")
    groups = np.split(row[order], np.searchsorted(number[order], np.arange(1, len(keys)))) if keys else []
    return {tuple((name, value) for name, value in key): rows for key, rows in zip(keys, groups, strict=True)}


def _scores(scores: np.ndarray) -> pa.Array:
    numbers = pa.array(scores.ravel())
    return numbers if scores.shape[1] == 1 else pa.FixedSizeListArray.from_arrays(numbers, scores.shape[1])


def _single(column: pa.Array) -> pa.Array | None:
    """A column of lists as one of single values, null where there is none; None where a row has several."""
    if pa.types.is_null(column.type):
        return column
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if lengths.max(initial=0) > 1:
        return None
    values = column.flatten().take(pa.array(np.cumsum(lengths) - 1, mask=lengths == 0))
    if not pa.types.is_binary(values.type) and not pa.types.is_large_binary(values.type):
        return values
    coded = values.dictionary_encode()
    return pa.array([_text(value) for value in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
