"""Asks models about a split part by part, in this process or on Beam: the same metrics to the last bit.

A part (`components.parts`) is asked about by itself: what its rows add to each slice is combined there, and merged with
that of the other parts in their order. A network's scores depend in the last digit on how many rows it is given at
once, and sums on the order in which they are taken; neither changes with the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import apache_beam as beam
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation import extracts, output
from components.evaluation.combine import Accumulators, Combiner, Metrics
from components.evaluation.config import model_outputs
from components.evaluation.extracts import Row, SliceKey
from components.evaluation.predictions import Recorder
from components.parts import MakePipeline, Part, in_order, sampled, spread, telling, told

Placed = tuple[Part, int]
"""A part, and the number of its first row in the split, from 0."""


@dataclass(frozen=True)
class Evaluation:
    """What is to be done with a split.

    Attributes:
      config: which metrics, of which models, TFMA's defaults filled in: an EvalConfig, serialized.
      models: folders of SavedModels by TFMA's name of the model.
      thresholds: decision thresholds of the models.
      record: predictions.RecordSettings as JSON.
      rows: of the split.
      recorded: at most so many rows are in the predictions table.
      folder: of the ModelEvaluation.
    """

    config: bytes
    models: Mapping[str, str]
    thresholds: Mapping[str, float]
    record: str
    rows: int
    recorded: int
    folder: Path


class Evaluator:
    """Does an evaluation; loads the models when they are first asked."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._config = config_pb2.EvalConfig.FromString(evaluation.config)
        self._ask: extracts.Ask | None = None
        self._outputs = model_outputs(self._config)
        self.combiner = Combiner(self._config)

    def ask(self, placed: Placed) -> tuple[dict[SliceKey, Accumulators], Recorder]:
        """What the rows of a part add to each slice, and to the predictions table."""
        recorder = Recorder.from_json(self._evaluation.record)
        return self.combiner.combine(self._rows(*placed, recorder)), recorder

    def _rows(self, part: Part, start: int, recorder: Recorder) -> Iterator[list[Row]]:
        self._ask = self._ask or extracts.saved_models(self._evaluation.models)
        for each in extracts.answered(extracts.records(part.files), self._ask, self._config.slicing_specs):
            stop = start + each.data.num_rows
            chosen = sampled(start, stop, self._evaluation.rows, self._evaluation.recorded)
            if chosen.any():
                (each if chosen.all() else each.at(chosen)).record(recorder)
            start = stop
            yield each.rows(self._outputs)

    def metrics(self, parts: Iterable[Accumulators]) -> Metrics:
        """The metrics of a slice from what the parts add to it, in their order."""
        return self.combiner.metrics(reduce(self.combiner.merge, parts))

    def write(self, found: Iterable[tuple[SliceKey, Metrics]]) -> None:
        """Writes the ModelEvaluation, all rows first."""
        ordered = dict(sorted(found, key=lambda each: (len(each[0]), str(each[0]))))
        output.write(ordered, self._config, self._evaluation.models, self._evaluation.folder)

    def write_table(self, recorders: Iterable[Recorder]) -> None:
        """Writes the predictions table of the parts, in their order."""
        table = Recorder.from_json(self._evaluation.record)
        for each in recorders:
            table.merge(each)
        table.write(self._evaluation.folder, self._evaluation.thresholds, self._evaluation.rows)


def evaluate(parts: Sequence[Placed], evaluation: Evaluation) -> None:
    """Evaluates in this process.

    Raises:
      DataError: a file is damaged.
    """
    evaluator = Evaluator(evaluation)
    slices: dict[SliceKey, Accumulators] = {}
    recorders = []
    for placed in parts:
        found, recorder = evaluator.ask(placed)
        recorders.append(recorder)
        evaluator.combiner.merge_slices(slices, found)
    evaluator.write((key, evaluator.metrics([accumulators])) for key, accumulators in slices.items())
    evaluator.write_table(recorders)


def evaluate_on_beam(parts: Sequence[Placed], evaluation: Evaluation, work: Path, make_pipeline: MakePipeline) -> None:
    """Evaluates by Beam's workers.

    Args:
      parts: in any order.
      evaluation: what is to be done.
      work: a folder that all workers see.
      make_pipeline: makes Beam's pipeline.

    Raises:
      DataError: a file is damaged.
    """
    with told(work), make_pipeline() as pipeline:
        asked = spread(pipeline, parts) | "Ask" >> beam.ParDo(_Ask(evaluation, work)).with_outputs(
            "recorders", main="slices"
        )
        _ = (
            asked.slices
            | "EachSlice" >> beam.GroupByKey()
            | "Metrics" >> beam.ParDo(_Metrics(evaluation))
            | "AllSlices" >> beam.combiners.ToList()
            | "Write" >> beam.ParDo(_Write(evaluation))
        )
        _ = asked.recorders | "AllRows" >> beam.combiners.ToList() | "WriteTable" >> beam.ParDo(_WriteTable(evaluation))


class _Step(beam.DoFn):
    """Loads what it needs once, on the worker."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def setup(self) -> None:
        self._evaluator = Evaluator(self._evaluation)


class _Ask(_Step):
    """A part -> slice, (index, accumulators); and (index, recorder)."""

    def __init__(self, evaluation: Evaluation, work: Path) -> None:
        super().__init__(evaluation)
        self._work = work

    def process(self, placed: Placed) -> Iterator[Any]:
        with telling(self._work):
            found, recorder = self._evaluator.ask(placed)
            for key, accumulators in found.items():
                yield key, (placed[0].index, accumulators)
            yield beam.pvalue.TaggedOutput("recorders", (placed[0].index, recorder))


class _Metrics(_Step):
    def process(self, element: tuple[SliceKey, Iterable[tuple[int, Accumulators]]]) -> Iterator[Any]:
        key, parts = element
        yield key, self._evaluator.metrics(in_order(parts))


class _Write(_Step):
    def process(self, found: list[tuple[SliceKey, Metrics]]) -> None:
        self._evaluator.write(found)


class _WriteTable(_Step):
    def process(self, recorders: list[tuple[int, Recorder]]) -> None:
        self._evaluator.write_table(in_order(recorders))
