"""Runs the pipeline on this machine, one step after the other, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import inputs_utils, launcher, partial_run_utils, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import context_lib

from pipeline.history import STATES
from pipeline.summary import State, StepResult
from schema.errors import HeadgateError

IMPLICIT = "_"
"""TFX's compiler names the input behind a condition `_STEP.OUTPUT`; a component's own inputs have plain names."""


def register_run(database: Path, pipeline: str, run_id: str) -> None:
    """Registers a run in ML Metadata before its first step, so that even a run that fails at once is on record.

    Args:
      database: the sqlite file; created if need be.
      pipeline: the pipeline's name.
      run_id: the run's name.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(database))) as handle:
        context_lib.register_context_if_not_exists(handle, constants.PIPELINE_CONTEXT_TYPE_NAME, pipeline)
        context_lib.register_context_if_not_exists(handle, constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)


class LocalRunner:
    """Runs a TFX pipeline's nodes in order, like TFX's LocalDagRunner, and tells what becomes of each.

    Args:
      pipeline: the TFX pipeline.
      run_id: name of the run in ML Metadata.
      from_step: first step to run; what comes before is taken from the latest run.
      to_step: last step to run.
    """

    def __init__(self, pipeline: Any, run_id: str, from_step: str | None = None, to_step: str | None = None) -> None:
        self._ir = compiler.Compiler().compile(pipeline)
        runtime_parameter_utils.substitute_runtime_parameter(
            self._ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        self._deployment = runner_utils.extract_local_deployment_config(self._ir)
        connection = self._deployment.metadata_connection_config
        self._connection = getattr(connection, connection.WhichOneof("connection_config"))
        if from_step or to_step:
            partial_run_utils.mark_pipeline(
                self._ir, from_nodes=[from_step] if from_step else None, to_nodes=[to_step] if to_step else None
            )

    @property
    def steps(self) -> Sequence[str]:
        """Node ids in the order in which they run."""
        return [node.pipeline_node.node_info.id for node in self._ir.nodes]

    def run(self, started: Callable[[str], None], finished: Callable[[StepResult], None]) -> None:
        """Runs the steps.

        Args:
          started: called with a step's id before it runs; not where a gate holds it back.
          finished: called with what became of it.

        Raises:
          Exception: whatever a step raised; `finished` has been called with the state `failed` before.
        """
        skipped: set[str] = set()
        for node in self._ir.nodes:
            step = node.pipeline_node.node_info.id
            if node.pipeline_node.execution_options.HasField("skip"):
                continue
            begin = time.monotonic()
            try:
                if node.pipeline_node.execution_options.run.perform_snapshot:
                    self._take_over(step)
                # What hangs on a skipped step is skipped without asking TFX: of several conditions it asks any one
                # first, and fails on the report of a gate that never ran.
                if not skipped.isdisjoint(node.pipeline_node.upstream_nodes) or self._held_back(node.pipeline_node):
                    skipped.add(step)
                    finished(StepResult(step, "skipped", 0.0))
                    continue
                started(step)
                state = self._launch(node.pipeline_node)
            except BaseException as error:
                finished(StepResult(step, "failed", time.monotonic() - begin, str(error).partition("\n")[0]))
                raise
            finished(StepResult(step, state, time.monotonic() - begin))

    def _held_back(self, node: Any) -> bool:
        """Whether a gate before this step keeps it from running."""
        with metadata.Metadata(self._connection) as handle:
            inputs = inputs_utils.resolve_input_artifacts(pipeline_node=node, metadata_handle=handle)
        return isinstance(inputs, inputs_utils.Skip)

    def _launch(self, node: Any) -> State:
        step = node.node_info.id
        info = launcher.Launcher(
            pipeline_node=_without_conditions(node),
            mlmd_connection=metadata.Metadata(self._connection),
            pipeline_info=self._ir.pipeline_info,
            pipeline_runtime_spec=self._ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(self._deployment, step),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(self._deployment, step),
        ).launch()
        with metadata.Metadata(self._connection) as handle:
            [execution] = handle.store.get_executions_by_id([info.execution_id])
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

    def _take_over(self, step: str) -> None:
        """Makes what the steps before `step` gave in the latest run a part of this one."""
        try:
            with metadata.Metadata(self._connection) as handle:
                partial_run_utils.snapshot(handle, self._ir)
        except LookupError as error:
            raise HeadgateError(
                f"The latest run has no results that `{step}` could start from.",
                where=f"--from {step}",
                expected="a run in which all steps before it came to an end",
                received=str(error).partition("\n")[0],
                fix="run without --from: what did not change is taken from the cache",
            ) from error


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
