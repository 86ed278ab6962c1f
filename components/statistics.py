"""The statistics step: StatisticsGen's artifact, from profiles of our own (`components.profile`).

TFDV's generators on Beam cost many times the CPU of these: each batch passes through Beam's machinery once for each
split, the top values and the number of distinct ones are found by a shuffle of all values instead of by sketches, and
histograms are made bucket by bucket in Python. And they tell other numbers than the same generators in memory.

Profiles can be merged, so there is one computation for small data and large: in this process, or by Beam's workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv
from absl import logging
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx_bsl.public.proto import slicing_spec_pb2

from components.beam import by_size, on_workers
from components.feature_statistics import QUANTILE_BUCKETS
from components.parts import size_of
from components.profile import examples as profiles
from components.profile.examples import Wanted

BYTES_A_SECOND, START_UP = 45e6, 5.0
"""What one core does with examples of 20 columns, and until a worker begins (docs/scale.md)."""


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


class Executor(base_beam_executor.BaseBeamExecutor):
    """Computes the statistics of each split, in this process or by Beam's workers."""

    _beam_pipeline_args: list[str]

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
        wanted = Wanted(
            images=tuple(feature.name for feature in options.schema.feature) if options.schema else (),
            slices=tuple(tuple(each.feature_keys) for each in options.slicing_config.slicing_specs)
            if options.slicing_config
            else (),
        )
        files = {
            split: sorted(Path(artifact_utils.get_split_uri([examples], split)).iterdir())
            for split in artifact_utils.decode_split_names(examples.split_names)
        }
        artifact = artifact_utils.get_single_instance(output_dict[STATISTICS_KEY])
        artifact.split_names = json.dumps(list(files))
        artifact.span = examples.span
        folder = Path(artifact.uri)
        size = size_of(path for paths in files.values() for path in paths)
        self._beam_pipeline_args = by_size(self._beam_pipeline_args, size / BYTES_A_SECOND, START_UP)
        if on_workers(self._beam_pipeline_args):
            profiles.compute_on_beam(files, wanted, folder, self._make_beam_pipeline)
            return
        for split, paths in files.items():
            logging.info("Computing statistics of split %s in memory.", split)
            profiles.write(profiles.compute(paths, wanted), folder, split)


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
