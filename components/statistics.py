"""The statistics step: TFX's StatisticsGen, which computes small inputs in memory, without Beam.

The statistics are TFDV's either way. Beam spreads them over workers and bounds memory, and costs many times the CPU
for it: each batch passes through its machinery once for each split, the top values and the number of distinct ones are
found by a shuffle of all values instead of by sketches, and histograms are made bucket by bucket in Python. So:

- up to `IN_MEMORY_BYTES` of examples, or `IN_MEMORY_ROWS` of images, batches go through `components.profile`, one after
  the other;
- above that, stock StatisticsGen runs on Beam.

The results differ by no more than the sketches' error. Up to 16,384 distinct values of a feature, the top values and
their counts are exact in memory, and so is the number of distinct values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import tensorflow_data_validation as tfdv
from absl import logging
from tensorflow_data_validation.utils import slicing_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx import types
from tfx.components.statistics_gen import executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder
from tfx_bsl.public.proto import slicing_spec_pb2

from components.feature_statistics import QUANTILE_BUCKETS, WHOLE
from components.ingest import tfrecord
from components.profile.table import TableProfile

IN_MEMORY_BYTES = 1 << 30
"""Above this many bytes of examples, Beam's workers take over. Measured: a gigabyte (three million rows of 20 columns)
takes half a minute on one core in memory, and five times the CPU on Beam, to which each worker adds ten seconds of
imports; with fewer than six workers Beam would be slower below this size. Memory does not set the limit: batches
stream through, and the generators keep sketches."""

IN_MEMORY_ROWS = 1_000_000
"""Above this many rows of images, Beam's workers take over. Their bytes are read and not looked at, which takes two
seconds a gigabyte: it is the rows that cost."""

_ROWS = 10_000
"""Rows to a batch. Below, the cost of each column of each batch shows; above, nothing is gained."""


def options(images: Iterable[str], slices: Iterable[Sequence[str]] = ()) -> tfdv.StatsOptions:
    """TFDV's defaults, but for the number of quantiles, which drift needs, for images and for slices.

    To TFDV, a feature of bytes is a string, whose values are counted: megabytes of values, each seen once. As an image
    (`image_domain`) it is bytes, of which the length is told.

    Args:
      images: names of the features that hold images.
      slices: columns by whose values the statistics are also told apart; of several, by each combination of values.
    """
    features = [
        schema_pb2.Feature(name=name, type=schema_pb2.BYTES, image_domain=schema_pb2.ImageDomain()) for name in images
    ]
    specs = [slicing_spec_pb2.SlicingSpec(feature_keys=columns) for columns in slices]
    return tfdv.StatsOptions(
        num_quantiles_histogram_buckets=QUANTILE_BUCKETS,
        schema=schema_pb2.Schema(feature=features) if features else None,
        slicing_config=slicing_spec_pb2.SlicingConfig(slicing_specs=specs) if specs else None,
    )


STATISTICS_KEY = standard_component_specs.STATISTICS_KEY
EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY


def compute(files: list[Path], options: tfdv.StatsOptions) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of TFRecord files of tf.Example, in memory: of all rows, then of each slice that the options name.

    Raises:
      DataError: a file is damaged.
    """
    images = [feature.name for feature in options.schema.feature] if options.schema else []
    slicers, _ = slicing_util.convert_slicing_config_to_slice_functions_and_sqls(options.slicing_config)
    found = {WHOLE: TableProfile(images)}
    for batch in _batches(files):
        found[WHOLE].add(batch)
        for name, rows in slicing_util.generate_slices(batch, slicers):
            found.setdefault(name, TableProfile(images)).add(rows)
    result = statistics_pb2.DatasetFeatureStatisticsList()
    for name, table in found.items():
        dataset = table.statistics()
        if slicers:
            dataset.name = name
        result.datasets.append(dataset)
    return result


def _batches(files: list[Path]) -> Iterator[pa.RecordBatch]:
    decoder = ExamplesToRecordBatchDecoder()
    for path in files:
        yield from map(decoder.DecodeBatch, tfrecord.read_whole(path, _ROWS))


class Executor(executor.Executor):
    """Computes the statistics of each split, in memory or by the stock executor."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `Split-*/FeatureStats.pb`.

        Raises:
          DataError: a file of the examples is damaged.
        """
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        options = tfdv.StatsOptions.from_json(exec_properties[standard_component_specs.STATS_OPTIONS_JSON_KEY])
        files = _small_input(examples, images=options.schema is not None)
        if files is None:
            super().Do(input_dict, output_dict, exec_properties)
            return
        artifact = artifact_utils.get_single_instance(output_dict[STATISTICS_KEY])
        artifact.split_names = json.dumps(list(files))
        artifact.span = examples.span
        for split, paths in files.items():
            logging.info("Computing statistics of split %s in memory.", split)
            folder = Path(artifact_utils.get_split_uri([artifact], split))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / executor.DEFAULT_FILE_NAME).write_bytes(compute(paths, options).SerializeToString())


def _small_input(examples: types.Artifact, *, images: bool) -> dict[str, list[Path]] | None:
    """The files of each split, if they are to be computed in memory."""
    files = {
        split: sorted(Path(artifact_utils.get_split_uri([examples], split)).iterdir())
        for split in artifact_utils.decode_split_names(examples.split_names)
    }
    size = sum(path.stat().st_size for paths in files.values() for path in paths)
    small = examples.get_int_custom_property("rows") <= IN_MEMORY_ROWS if images else size <= IN_MEMORY_BYTES
    return files if small else None


class StatisticsSpec(standard_component_specs.StatisticsGenSpec):
    """Interface of the statistics step: StatisticsGen's, and the code's fingerprint."""

    PARAMETERS = {
        **standard_component_specs.StatisticsGenSpec.PARAMETERS,
        "code": component_spec.ExecutionParameter(type=str, optional=True),
    }


class Statistics(base_beam_component.BaseBeamComponent):
    """StatisticsGen with the options above.

    Args:
      examples: channel of `Examples`.
      images: names of the features that hold images.
      slices: columns by whose values the statistics are also told apart, as of `options`.
      code: fingerprint of the code that the step depends on; a change of it makes the cache miss.

    Outputs:
      statistics: `ExampleStatistics`, as StatisticsGen writes it.
    """

    SPEC_CLASS = StatisticsSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        images: Iterable[str] = (),
        slices: Iterable[Sequence[str]] = (),
        code: str = "",
    ) -> None:
        super().__init__(
            StatisticsSpec(
                examples=examples,
                statistics=types.Channel(standard_artifacts.ExampleStatistics),
                stats_options_json=options(images, slices).to_json(),
                code=code,
            )
        )
