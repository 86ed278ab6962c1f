"""The step `transform`: TFX's Transform, by worker processes where they pay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.transform import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils, standard_component_specs
from tfx.types.artifact import Artifact

from components.beam import by_size
from components.parts import size_of

BYTES_A_SECOND, START_UP = 13e6, 25.0
"""What one core does with examples of 20 columns, and until a worker has imported TensorFlow (docs/scale.md)."""


class Executor(executor.Executor):
    """Learns the transform graph in this process, or by Beam's workers."""

    _beam_pipeline_args: list[str]

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See TFX's."""
        folders = artifact_utils.get_split_uris(input_dict[standard_component_specs.EXAMPLES_KEY], "train")
        size = size_of(path for folder in folders for path in Path(folder).iterdir())
        self._beam_pipeline_args = by_size(self._beam_pipeline_args, size / BYTES_A_SECOND, START_UP)
        super().Do(input_dict, output_dict, exec_properties)


class Transform(component.Transform):
    """Transform with the executor above."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
