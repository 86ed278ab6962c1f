"""The rows of a split as TFMA's metrics take them: labels and predictions, and the slices that each row is in.

These are TFMA's extractors without Beam: what they read from, and what wins where two sources have a column, is the
same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics.metric_types import StandardMetricInputs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.evaluation.config import LABEL, SIGNATURE
from components.evaluation.predictions import Recorder, finite
from components.evaluation.saved_model import FEATURES_SIGNATURE
from components.ingest import tfrecord

ROWS = 4096
"""Rows to a batch: what a call of the model costs no longer shows."""

CALL_BYTES = 8 << 20
"""Fewer rows to a call of the model, where the network's inputs are larger: what its layers make of them is larger by
far."""

INPUTS = (constants.LABELS_KEY, constants.PREDICTIONS_KEY, constants.TRANSFORMED_FEATURES_KEY)
"""TFMA's keys of what metrics read."""

SliceKey = tuple[tuple[str, Any], ...]
"""TFMA's key of a slice: pairs of column and value; empty for all rows."""

Values = tuple[Any, ...]
"""What a row has in a column: nothing, a value, or several."""

Row = tuple[frozenset[SliceKey], StandardMetricInputs]
"""The slices that a row is in, and what the metrics read."""


@dataclass(frozen=True)
class Answers:
    """What models say of some rows, by TFMA's name of the model; a single model has the name "".

    Attributes:
      features: the label and the buckets of numeric slices, [rows] each.
      scores: [rows, units].
    """

    features: Mapping[str, Mapping[str, np.ndarray]]
    scores: Mapping[str, np.ndarray]


Ask = Callable[[list[bytes]], Answers]
"""Asks models about serialized tf.Examples."""


def saved_models(folders: Mapping[str, str]) -> Ask:
    """Loads SavedModels to be asked.

    Args:
      folders: of the SavedModels, by TFMA's name of the model.
    """
    loaded = {name: tf.saved_model.load(folder) for name, folder in folders.items()}

    def ask(examples: list[bytes]) -> Answers:
        return Answers(
            features={name: call(model, FEATURES_SIGNATURE, examples) for name, model in loaded.items()},
            scores={name: call(model, SIGNATURE, examples)["scores"] for name, model in loaded.items()},
        )

    return ask


def batches(
    files: Iterable[Path],
    ask: Ask,
    slices: Iterable[config_pb2.SlicingSpec],
    outputs: Collection[str] = (),
) -> Iterator[list[Row]]:
    """Reads examples and asks models about them.

    Rows for which a model's scores are not numbers are left out: TFMA has no way with them.

    Args:
      files: TFRecord files of tf.Example.
      ask: asks the models.
      slices: TFMA's specifications of slices.
      outputs: what metrics read of what `evaluation_features` computes, where a model computes it.

    Yields:
      At most `ROWS` rows.

    Raises:
      DataError: a file is damaged.
    """
    for each in answered(records(files), ask, slices):
        yield each.rows(outputs)


@dataclass(frozen=True)
class Answered:
    """Some rows, and what models say of them.

    Attributes:
      data: the rows.
      answers: of the models.
      keys: the slices that each row is in, under each specification.
    """

    data: pa.RecordBatch
    answers: Answers
    keys: list[tuple[tuple[SliceKey, ...], ...]]

    def at(self, chosen: np.ndarray) -> Answered:
        """The rows that have a flag in `chosen`, [rows]."""
        features = {
            model: {name: values[chosen] for name, values in outputs.items()}
            for model, outputs in self.answers.features.items()
        }
        scores = {model: values[chosen] for model, values in self.answers.scores.items()}
        return Answered(
            self.data.filter(pa.array(chosen)), Answers(features, scores), list(compress(self.keys, chosen))
        )

    def record(self, recorder: Recorder) -> None:
        """Gives the rows to a recorder."""
        recorder.add(self.keys, self.answers.features, self.answers.scores, self.data)

    def rows(self, outputs: Collection[str] = ()) -> list[Row]:
        """The rows as metrics read them, but for those on which a model's scores are not numbers; see `batches`."""
        features = self.answers.features
        labels = _rows({name: of_model[LABEL] for name, of_model in features.items()})
        computed = _rows({name: _by_row(of_model, outputs, self.data.num_rows) for name, of_model in features.items()})
        inputs = zip(labels, _rows(self.answers.scores), computed, strict=True)
        usable = np.logical_and.reduce([finite(scores) for scores in self.answers.scores.values()])
        return [
            (
                frozenset(chain.from_iterable(of_row)),
                StandardMetricInputs(dict(zip(INPUTS, values, strict=True))),
            )
            for of_row, values in compress(zip(self.keys, inputs, strict=True), usable)
        ]


def records(files: Iterable[Path]) -> Iterator[list[bytes]]:
    """The records of TFRecord files, at most `ROWS` at a time.

    Raises:
      DataError: a file is damaged.
    """
    return chain.from_iterable(tfrecord.read_whole(path, ROWS) for path in files)


def answered(batches: Iterable[list[bytes]], ask: Ask, slices: Iterable[config_pb2.SlicingSpec]) -> Iterator[Answered]:
    """Asks models about serialized tf.Examples, batch by batch, and finds the slices that each row is in."""
    slicers = [_Slicer(spec) for spec in slices]
    decoder = ExamplesToRecordBatchDecoder()
    for examples in batches:
        answers = ask(examples)
        data = decoder.DecodeBatch(examples)
        keys = list(zip(*(each.keys(list(answers.features.values()), data) for each in slicers), strict=True))
        yield Answered(data, answers, keys)


def compressed(batches: Iterable[list[bytes]], chosen: np.ndarray) -> Iterator[list[bytes]]:
    """The chosen ones of the records, some `ROWS` at a time; `chosen` has a flag for each."""
    kept: list[bytes] = []
    start = 0
    for examples in batches:
        kept += compress(examples, chosen[start : start + len(examples)])
        start += len(examples)
        if len(kept) >= ROWS:
            yield kept
            kept = []
    if kept:
        yield kept


def call(model: Any, signature: str, examples: list[bytes]) -> dict[str, np.ndarray]:
    """What a signature of a loaded SavedModel gives for serialized tf.Examples, one or more."""
    rows = _rows_to_a_call(model)
    starts = range(0, len(examples), rows)
    parts = [model.signatures[signature](tf.constant(examples[start : start + rows])) for start in starts]
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def _rows_to_a_call(model: Any) -> int:
    if "transform_features" not in model.signatures:
        return ROWS
    inputs = model.signatures["transform_features"].structured_outputs.values()
    return max(CALL_BYTES // sum(math.prod(each.shape[1:]) * each.dtype.size for each in inputs), 1)


def _rows(values: Mapping[str, Any]) -> Iterable[Any]:
    """The values of each row: by model, or the value itself where there is a single model."""
    if len(values) == 1:
        return next(iter(values.values()))
    return (dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True))


def _by_row(outputs: Mapping[str, np.ndarray], wanted: Collection[str], rows: int) -> list[dict[str, Any]]:
    """The outputs that metrics read, row by row."""
    read = {name: values for name, values in outputs.items() if name in wanted}
    return [{name: values[row] for name, values in read.items()} for row in range(rows)]


class _Slicer:
    """Finds the slices that rows are in under one of TFMA's specifications."""

    def __init__(self, spec: config_pb2.SlicingSpec) -> None:
        self._columns = tuple(spec.feature_keys)
        self._spec = slicer_lib.SingleSliceSpec(spec=spec)
        self._known: dict[tuple[Values, ...], tuple[SliceKey, ...]] = {}

    def keys(self, features: list[Mapping[str, np.ndarray]], data: pa.RecordBatch) -> list[tuple[SliceKey, ...]]:
        """The keys for each row; none where a column has no value, several where it has several."""
        if not self._columns:
            return [((),)] * data.num_rows
        columns = (_values(column, features, data) for column in self._columns)
        return [self._of(row) for row in zip(*columns, strict=True)]

    def _of(self, values: tuple[Values, ...]) -> tuple[SliceKey, ...]:
        if values not in self._known:  # few rows bring new ones
            columns = zip(self._columns, values, strict=True)
            features = {column: np.array(each, object) for column, each in columns if each}
            self._known[values] = tuple(slicer_lib.get_slices_for_features_dicts([], features, [self._spec]))
        return self._known[values]


def _values(column: str, features: list[Mapping[str, np.ndarray]], data: pa.RecordBatch) -> Iterable[Values]:
    """The values that each row has in a column: the models', if they compute it, else those of the data."""
    computed = [outputs[column].tolist() for outputs in features if column in outputs]
    if computed:
        return zip(*computed, strict=True)
    if column not in data.schema.names:
        return [()] * data.num_rows
    return (tuple(values or ()) for values in data.column(column).to_pylist())
