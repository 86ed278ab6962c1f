"""Asks the model in service about the rows of a span."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation import extracts, in_memory, output, predictions, results, saved_model
from components.evaluation.config import LABEL, SIGNATURE, for_models, model_outputs
from components.evaluation.extracts import Answers, Row
from components.evaluation.predictions import Predictions, Recorder, RecordSettings
from components.evaluation.results import Evaluation
from components.evaluation.saved_model import FEATURES_SIGNATURE
from components.ingest import tfrecord
from components.label import LabelSettings
from components.monitor.columns import EMBEDDINGS
from components.monitor.profile import usable

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Asked:
    """What a model says of the rows of a span.

    Attributes:
      of: rows that there are.
      scores: of those that were asked about and got numbers for an answer, [rows, units].
      embeddings: [rows, width]; None of a model that tells none.
      labelled: how many of them have a label.
      invalid: places of the rows whose answer is no number, such as `row 12 of the split train`.
      evaluation: metrics on the labelled rows; None without any.
      predictions: labels, scores and slices of the labelled rows; None without any.
    """

    of: int
    scores: Floats
    embeddings: Floats | None
    labelled: int
    invalid: tuple[str, ...]
    evaluation: Evaluation | None
    predictions: Predictions | None

    @property
    def rows(self) -> int:
        """How many rows the model was asked about."""
        return len(self.scores) + len(self.invalid)


def ask(
    files: Mapping[str, Sequence[Path]],
    model: Path,
    config: config_pb2.EvalConfig,
    label: LabelSettings,
    most: int,
    folder: Path,
) -> Asked:
    """Asks a model about rows, and evaluates its answers where there are labels.

    Args:
      files: TFRecord files of tf.Example, by split.
      model: folder of the SavedModel.
      config: from `evaluation.config.eval_config`.
      label: the `label` section.
      most: if there are more rows than this, so many are taken at even distances.
      folder: where to write the evaluation, as the step evaluate does.

    Raises:
      tf.errors.OpError: the model cannot take these rows.
      DataError: a file is damaged.
    """
    facts = saved_model.facts(str(model))
    config = for_models(tfma.utils.update_eval_config_with_defaults(config, has_baseline=False), {"": facts})
    counts = {split: sum(1 for path in paths for _ in tfrecord.lengths(path)) for split, paths in files.items()}
    chosen = np.zeros(sum(counts.values()), bool)
    chosen[:: max(1, -(-chosen.size // most))] = True
    outputs = model_outputs(config)
    asking = _Asking(model, label, outputs)
    records = extracts.compressed(extracts.records(path for paths in files.values() for path in paths), chosen)
    found = in_memory.evaluate(asking.labelled_rows(records, config), config)
    evaluation = None
    if found:
        output.write(found, config, {"": str(model)}, folder)
        asking.recorder.write(folder, {"": facts.threshold}, asking.labelled)
        evaluation, _ = results.load(str(folder))
    finite = np.concatenate([np.zeros(0, bool), *asking.finite])
    return Asked(
        of=chosen.size,
        scores=np.concatenate(asking.scores) if asking.scores else np.zeros((0, 1)),
        embeddings=np.concatenate(asking.embeddings) if asking.embeddings else None,
        labelled=asking.labelled,
        invalid=tuple(_places(np.flatnonzero(chosen)[~finite], counts)),
        evaluation=evaluation,
        predictions=predictions.read(folder) if evaluation is not None else None,
    )


class _Asking:
    """Asks batch by batch, and gathers what the model says.

    Args:
      model: folder of the SavedModel.
      label: the `label` section.
      outputs: of `evaluation_features` that metrics are computed from.
    """

    def __init__(self, model: Path, label: LabelSettings, outputs: set[str]) -> None:
        self._model = tf.saved_model.load(str(model))
        self._label = label
        self._outputs = outputs
        attack = next(iter(outputs), None)
        self.recorder = Recorder(RecordSettings(task=label.task, classes=label.values, label=LABEL, attack=attack))
        self.scores: list[Floats] = []
        self.embeddings: list[Floats] = []
        self.finite: list[npt.NDArray[np.bool_]] = []
        self.labelled = 0
        self._last_embeddings: Floats | None = None

    def labelled_rows(self, records: Iterator[list[bytes]], config: config_pb2.EvalConfig) -> Iterator[list[Row]]:
        """Yields the rows with a label and an answer, for metrics."""
        for each in extracts.answered(records, self._answers, config.slicing_specs):
            scores = each.answers.scores[""]
            embeddings = self._last_embeddings
            finite = usable(scores, embeddings)
            self.finite.append(finite)
            self.scores.append(scores[finite])
            if embeddings is not None:
                self.embeddings.append(embeddings[finite])
            part = each.at(finite & _has_label(each.data, self._label.name))
            self.labelled += part.data.num_rows
            if part.data.num_rows:
                part.record(self.recorder)
                yield part.rows(self._outputs)

    def _answers(self, examples: list[bytes]) -> Answers:
        if EMBEDDINGS in self._model.signatures:
            self._last_embeddings = extracts.call(self._model, EMBEDDINGS, examples)[EMBEDDINGS]
        return Answers(
            features={"": extracts.call(self._model, FEATURES_SIGNATURE, examples)},
            scores={"": extracts.call(self._model, SIGNATURE, examples)["scores"]},
        )


def _has_label(data: pa.RecordBatch, label: str) -> npt.NDArray[np.bool_]:
    """Whether each row has a value in the label's column, [rows]."""
    if label not in data.schema.names or pa.types.is_null(data.column(label).type):
        return np.zeros(data.num_rows, bool)
    lengths = pc.fill_null(pc.list_value_length(data.column(label)), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False) > 0)


def _places(rows: npt.NDArray[Any], counts: Mapping[str, int]) -> Iterator[str]:
    """Rows of all splits, one after the other, as places: each split's rows are counted from 1."""
    starts = [0, *accumulate(counts.values())]
    for row in rows.tolist():
        split = bisect_right(starts, row) - 1
        yield f"row {row - starts[split] + 1} of the split {list(counts)[split]}"
