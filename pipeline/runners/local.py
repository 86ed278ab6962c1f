"""Runs the pipeline on this machine, one step after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfx.dsl.compiler import compiler
from tfx.orchestration.portable import partial_run_utils

from pipeline.metadata.handle import Handle
from pipeline.metadata.place import Metadata
from pipeline.runners.launch import bind, held_back, launch
from pipeline.runners.process import NodeProcess
from pipeline.summary import State, StepResult
from schema.errors import HeadgateError


class LocalRunner:
    """Runs a TFX pipeline's nodes in order, like TFX's LocalDagRunner, and tells what becomes of each.

    Args:
      pipeline: the TFX pipeline.
      run_id: name of the run in ML Metadata.
      parameters: values for what the pipeline leaves open.
      metadata: the database.
      from_step: first step to run; what comes before is taken from the latest run.
      to_step: last step to run.
      apart: takes the steps that run in a process of their own; None where all run in this one.
    """

    def __init__(
        self,
        pipeline: Any,
        run_id: str,
        parameters: Mapping[str, int | str],
        metadata: Metadata,
        from_step: str | None = None,
        to_step: str | None = None,
        apart: NodeProcess | None = None,
    ) -> None:
        self._ir = compiler.Compiler().compile(pipeline)
        bind(self._ir, run_id, parameters)
        self._metadata = metadata
        self._apart = apart
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
                upstream = node.pipeline_node.upstream_nodes
                if not skipped.isdisjoint(upstream) or held_back(self._ir, step, self._metadata):
                    skipped.add(step)
                    finished(StepResult(step, "skipped", 0.0))
                    continue
                started(step)
                state = self._launch(step)
            except BaseException as error:
                finished(StepResult(step, "failed", time.monotonic() - begin, str(error).partition("\n")[0]))
                raise
            finished(StepResult(step, state, time.monotonic() - begin))

    def _launch(self, step: str) -> State:
        if self._apart and step in self._apart.steps:
            return self._apart.launch(self._ir, step)
        return launch(self._ir, step, self._metadata)

    def _take_over(self, step: str) -> None:
        """Makes what the steps before `step` gave in the latest run a part of this one."""
        try:
            with Handle(self._metadata) as handle:
                partial_run_utils.snapshot(handle, self._ir)
        except LookupError as error:
            raise HeadgateError(
                f"The latest run has no results that `{step}` could start from.",
                where=f"--from {step}",
                expected="a run in which all steps before it came to an end",
                received=str(error).partition("\n")[0],
                fix="run without --from: what did not change is taken from the cache",
            ) from error
