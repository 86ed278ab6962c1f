"""Launches one node of a compiled pipeline in this process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.dsl.io.filesystem_registry import DEFAULT_FILESYSTEM_REGISTRY
from tfx.dsl.io.plugins.local import LocalFilesystem
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import inputs_utils, runtime_parameter_utils
from tfx.proto.orchestration import executable_spec_pb2

from pipeline.history.store import STATES
from pipeline.metadata.handle import Handle
from pipeline.metadata.place import Metadata
from pipeline.runners import remote_fileio as remote_fileio  # for TFX, which finds it by what it registers
from pipeline.runners.launcher import CleanLauncher
from pipeline.summary import State
from schema.errors import HeadgateError
from schema.remote.addresses import is_remote

# TFX prefers TensorFlow's way to files; Python's own does the same here, and need not be imported.
DEFAULT_FILESYSTEM_REGISTRY.register(LocalFilesystem, priority=-1)

IMPLICIT = "_"
"""TFX's compiler names the input behind a condition `_STEP.OUTPUT`; a component's own inputs have plain names."""


def bind(ir: Any, run_id: str, parameters: Mapping[str, int | str]) -> None:
    """Fills in what a compiled pipeline leaves open: the run's id, and its parameters (`pipeline.parameters`)."""
    values = {PIPELINE_RUN_ID_PARAMETER_NAME: run_id, **parameters}
    runtime_parameter_utils.substitute_runtime_parameter(ir, values)


def held_back(ir: Any, step: str, metadata: Metadata) -> bool:
    """Whether a gate keeps a step from running, whose upstream steps have all come to their ends.

    Args:
      ir: the compiled pipeline, the run's id filled in.
      step: the node's id.
      metadata: the database.
    """
    with Handle(metadata) as handle:
        inputs = inputs_utils.resolve_input_artifacts(pipeline_node=_node(ir, step), metadata_handle=handle)
    return isinstance(inputs, inputs_utils.Skip)


def launch(ir: Any, step: str, metadata: Metadata) -> State:
    """Runs a node whose conditions have been met.

    Args:
      ir: the compiled pipeline (`tfx.proto.orchestration.pipeline_pb2.Pipeline`), the run's id filled in.
      step: the node's id.
      metadata: the database; what the compiled pipeline names has no password.

    Returns:
      What ML Metadata says became of it: `complete` or `cached`.

    Raises:
      Exception: whatever the step raised.
      HeadgateError: its inputs are not there.
    """
    node = _node(ir, step)
    deployment = runner_utils.extract_local_deployment_config(ir)
    executor = runner_utils.extract_executor_spec(deployment, step)
    info = CleanLauncher(
        pipeline_node=_without_conditions(node),
        mlmd_connection=Handle(metadata),
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=_named(executor, ir, step),
        cached_spec=executor,
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, step),
        custom_executor_operators=_operators(ir, metadata),
    ).launch()
    [execution] = metadata.open().get_executions_by_id([info.execution_id])
    state = STATES.get(execution.last_known_state, "failed")
    # The launcher returns normally when inputs cannot be resolved; only ML Metadata knows.
    if state == "failed":
        raise HeadgateError(
            f"The inputs of step `{step}` could not be found.",
            where=f"execution {info.execution_id} in ML Metadata",
            expected="outputs of the steps before it",
            fix="run the pipeline without --from, or see the log for the artifact that is missing",
        )
    return state


def _named(spec: Any, ir: Any, step: str) -> Any:
    """A step's executor, whose Beam jobs bear the names of the pipeline, the step and the run where clusters list them.

    Dataflow takes lower-case letters, digits and `-` only.
    """
    if isinstance(spec, executable_spec_pb2.BeamExecutableSpec):
        run = ir.runtime_spec.pipeline_run_id.field_value.string_value
        name = re.sub("[^a-z0-9]+", "-", f"{ir.pipeline_info.id}-{step}-{run}".lower())
        named = executable_spec_pb2.BeamExecutableSpec()
        named.CopyFrom(spec)
        named.beam_pipeline_args_placeholders.add().value.string_value = f"--job_name={name}"
        return named
    return spec


def _operators(ir: Any, metadata: Metadata) -> dict[Any, Any]:
    """What runs the executors, where it is not TFX's own: it is not where artifacts are remote."""
    root = ir.runtime_spec.pipeline_root.field_value.string_value
    if not is_remote(root):
        return {}
    from pipeline.runners import staging

    staging.claim(root, staging.database_of(metadata))
    return staging.OPERATORS


def _node(ir: Any, step: str) -> Any:
    [node] = [each.pipeline_node for each in ir.nodes if each.pipeline_node.node_info.id == step]
    return node


def _without_conditions(node: Any) -> Any:
    """A node whose conditions have been met, without them.

    TFX counts the artifacts that a condition looks at as inputs, so its cache would run a step again whenever the
    gate before it was asked again, even if the answer was the same.
    """
    if not node.inputs.conditionals:
        return node
    plain = type(node)()
    plain.CopyFrom(node)
    plain.inputs.conditionals.clear()
    for key in [key for key in node.inputs.inputs if key.startswith(IMPLICIT)]:
        del plain.inputs.inputs[key]
    return plain
