"""Asks the model in service about the rows of a span, in this process or on Beam: the same answers either way.

The rows are asked about part by part (`components.parts`), and the answers of the parts put together in their order.
"""

from __future__ import annotations

import shutil
import uuid
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation import extracts, output, predictions, results, saved_model
from components.evaluation.combine import Accumulators, Combiner
from components.evaluation.config import LABEL, SIGNATURE, for_models, model_outputs
from components.evaluation.extracts import Answers, Row, SliceKey
from components.evaluation.predictions import Predictions, Recorder, RecordSettings
from components.evaluation.results import Evaluation
from components.evaluation.saved_model import FEATURES_SIGNATURE
from components.label import LabelSettings
from components.monitor.columns import EMBEDDINGS
from components.monitor.profile import usable
from components.parts import MakePipeline, Part, in_order, parts_of, row_counts, sampled, spread, telling, told
from schema.errors import ModelError, first_line

Floats = npt.NDArray[np.floating]

_ANSWERS = "answers.npz"


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
    make_pipeline: MakePipeline | None = None,
) -> Asked:
    """Asks a model about rows, and evaluates its answers where there are labels.

    Args:
      files: TFRecord files of tf.Example, by split.
      model: folder of the SavedModel.
      config: from `evaluation.config.eval_config`.
      label: the `label` section.
      most: if there are more rows than this, a sample of so many is taken (`parts.sampled`).
      folder: where to write the evaluation, as the step evaluate does.
      make_pipeline: for Beam's workers to ask; None: this process does.

    Raises:
      ModelError: the model cannot take these rows.
      DataError: a file is damaged.
    """
    facts = saved_model.facts(str(model))
    config = for_models(tfma.utils.update_eval_config_with_defaults(config, has_baseline=False), {"": facts})
    parts = [part for split, paths in files.items() for part in parts_of(split, paths)]
    work = folder.parent / ".work"
    work.mkdir(parents=True)
    try:
        counts = row_counts(parts, work, make_pipeline)
        question = Question(
            config.SerializeToString(), str(model), facts.threshold, label, sum(counts), most, folder, work
        )
        placed = list(zip(range(len(parts)), parts, accumulate(counts, initial=0), counts, strict=False))
        if make_pipeline is None:
            asker = _Asker(question)
            asker.write([asker.ask(part, start, rows) for _, part, start, rows in placed])
        else:
            _ask_on_beam(question, placed, make_pipeline)
        with np.load(work / _ANSWERS, allow_pickle=False) as found:
            answers = dict(found)
    finally:
        shutil.rmtree(work)
    labelled = int(answers["labelled"])
    splits = dict.fromkeys(files, 0)
    for part, rows in zip(parts, counts, strict=True):
        splits[part.split] += rows
    return Asked(
        of=sum(counts),
        scores=answers["scores"],
        embeddings=answers.get("embeddings"),
        labelled=labelled,
        invalid=tuple(_places(answers["invalid"], splits)),
        evaluation=results.load(str(folder))[0] if labelled else None,
        predictions=predictions.read(folder) if labelled else None,
    )


@dataclass(frozen=True)
class Question:
    """What a model is asked.

    Attributes:
      config: which metrics, TFMA's defaults filled in: an EvalConfig, serialized.
      model: folder of the SavedModel.
      threshold: its decision threshold.
      label: the `label` section.
      rows: that there are.
      most: rows that it is asked about.
      folder: where to write the evaluation.
      work: where to leave the answers.
    """

    config: bytes
    model: str
    threshold: float
    label: LabelSettings
    rows: int
    most: int
    folder: Path
    work: Path


@dataclass(frozen=True)
class _Answers:
    """What a model says of some rows.

    Attributes:
      scores: of the rows that got numbers for an answer, [rows, units] for each batch.
      embeddings: [rows, width] for each batch; none of a model that tells none.
      invalid: numbers of the rows that did not, for each batch.
      slices: what the labelled rows add to each slice.
      recorder: has the labelled rows.
      labelled: how many these are.
    """

    scores: list[Floats]
    embeddings: list[Floats]
    invalid: list[npt.NDArray[np.int64]]
    slices: Mapping[SliceKey, Accumulators]
    recorder: Recorder
    labelled: int


class _Asker:
    """Asks; loads the model when it is first asked."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._config = config_pb2.EvalConfig.FromString(question.config)
        self._outputs = model_outputs(self._config)
        self._combiner = Combiner(self._config)
        self._model: Any = None
        self._last_embeddings: Floats | None = None

    def ask(self, part: Part, start: int, rows: int) -> _Answers:
        """Asks about a part of so many rows, the first of which has the number `start`."""
        question = self._question
        chosen = sampled(start, start + rows, question.rows, question.most)
        numbers = start + np.flatnonzero(chosen)
        found = _Answers([], [], [], {}, self._recorder(), 0)
        if not len(numbers):
            return found
        records = extracts.compressed(extracts.records(part.files), chosen)
        labelled: list[int] = []
        try:
            self._model = self._model or tf.saved_model.load(question.model)
            slices = self._combiner.combine(self._labelled_rows(records, numbers, found, labelled))
        except tf.errors.OpError as error:
            raise ModelError(first_line(error), where=question.model) from error
        return replace(found, slices=slices, labelled=sum(labelled))

    def write(self, parts: Sequence[_Answers]) -> None:
        """Writes what came of all parts, given in their order: the evaluation, and the answers for `ask`."""
        question, recorder = self._question, self._recorder()
        slices: dict[SliceKey, Accumulators] = {}
        for part in parts:
            recorder.merge(part.recorder)
            self._combiner.merge_slices(slices, part.slices)
        labelled = sum(part.labelled for part in parts)
        if slices:
            metrics = {key: self._combiner.metrics(accumulators) for key, accumulators in slices.items()}
            output.write(metrics, self._config, {"": question.model}, question.folder)
            recorder.write(question.folder, {"": question.threshold}, labelled)
        arrays: dict[str, npt.NDArray[Any]] = {
            "scores": np.concatenate([each for part in parts for each in part.scores] or [np.zeros((0, 1))]),
            "invalid": np.concatenate([np.zeros(0, np.int64), *(each for part in parts for each in part.invalid)]),
            "labelled": np.array(labelled),
        }
        if embeddings := [each for part in parts for each in part.embeddings]:
            arrays["embeddings"] = np.concatenate(embeddings)
        partial = question.work / f"{uuid.uuid4().hex}.npz"
        np.savez(partial, **arrays)  # type: ignore[arg-type]
        partial.replace(question.work / _ANSWERS)

    def _recorder(self) -> Recorder:
        label, attack = self._question.label, next(iter(self._outputs), None)
        return Recorder(RecordSettings(task=label.task, classes=label.values, label=LABEL, attack=attack))

    def _labelled_rows(
        self, records: Iterator[list[bytes]], numbers: npt.NDArray[np.int64], found: _Answers, labelled: list[int]
    ) -> Iterator[list[Row]]:
        """Yields the rows with a label and an answer, for metrics; gathers what the model says of all."""
        for each in extracts.answered(records, self._answers, self._config.slicing_specs):
            scores, embeddings = each.answers.scores[""], self._last_embeddings
            finite = usable(scores, embeddings)
            here, numbers = numbers[: len(finite)], numbers[len(finite) :]
            found.invalid.append(here[~finite])
            found.scores.append(scores[finite])
            if embeddings is not None:
                found.embeddings.append(embeddings[finite])
            part = each.at(finite & _has_label(each.data, self._question.label.name))
            labelled.append(part.data.num_rows)
            if part.data.num_rows:
                part.record(found.recorder)
                yield part.rows(self._outputs)

    def _answers(self, examples: list[bytes]) -> Answers:
        if EMBEDDINGS in self._model.signatures:
            self._last_embeddings = extracts.call(self._model, EMBEDDINGS, examples)[EMBEDDINGS]
        return Answers(
            features={"": extracts.call(self._model, FEATURES_SIGNATURE, examples)},
            scores={"": extracts.call(self._model, SIGNATURE, examples)["scores"]},
        )


_Placed = tuple[int, Part, int, int]
"""The number of a part, the part, the number of its first row, and how many it has."""


def _ask_on_beam(question: Question, placed: Sequence[_Placed], make_pipeline: MakePipeline) -> None:
    with told(question.work), make_pipeline() as pipeline:
        _ = (
            spread(pipeline, placed)
            | "Ask" >> beam.ParDo(_Ask(question))
            | "All" >> beam.combiners.ToList()
            | "Write" >> beam.ParDo(_Write(question))
        )


class _Ask(beam.DoFn):
    """A part -> its number, answers."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def setup(self) -> None:
        self._asker = _Asker(self._question)

    def process(self, placed: _Placed) -> Iterator[tuple[int, _Answers]]:
        number, part, start, rows = placed
        with telling(self._question.work):
            yield number, self._asker.ask(part, start, rows)


class _Write(beam.DoFn):
    def __init__(self, question: Question) -> None:
        self._question = question

    def process(self, answers: list[tuple[int, _Answers]]) -> None:
        _Asker(self._question).write(in_order(answers))


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
