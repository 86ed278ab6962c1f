"""A run that an orchestrator drives a step at a time, each in a process of its own: what `headgate node` does."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from components import gpus
from pipeline import bundle as bundles
from pipeline.bundle import Bundle
from pipeline.check import check
from pipeline.deferred import defer
from pipeline.device import training_environment
from pipeline.failures import told
from pipeline.imports import no_collection
from pipeline.lifecycle import Run, enter, own_modules, plan
from pipeline.locks import STEP_WAIT, on_database
from pipeline.metadata.place import Metadata
from pipeline.parameters import SPAN
from pipeline.problems import choice
from pipeline.progress import Progress
from pipeline.quiet import quiet
from pipeline.steps import TRAINING
from pipeline.summary import State, Status, StepEnd, StepResult, Summary
from pipeline.workspace import Workspace
from schema.errors import DataError, HeadgateError, SettingsError

BEGIN, FINISH = "begin", "finish"
"""What comes before a run's first step, and after its last."""

HELD_BACK = 99
"""Exit code of a step that a condition holds back: Airflow's for a task that is skipped."""

LONGEST = 200
"""Characters of a run's id; ML Metadata takes 255."""

KINDS = {kind.exit_code: kind for kind in (HeadgateError, SettingsError, DataError)}


class Node:
    """A step of a run.

    Args:
      folder: the bundle.
      step: `begin`, the step's id, or `finish`.
      run_id: the orchestrator's name of the run.
      span: the span that the run reads; None for the one that the settings name, or the latest.
      progress: told what happens.

    Attributes:
      workspace: the workspace's folder.
      summary: what the run came to, after `finish`.

    Raises:
      SettingsError: the bundle cannot be read, or has no such step.
    """

    def __init__(self, folder: Path, step: str, run_id: str, span: int | None, progress: Progress) -> None:
        self._bundle = bundles.read(folder)
        known = (BEGIN, *(each.id for each in self._bundle.steps), FINISH)
        if step not in known:
            raise SettingsError(
                f"The pipeline `{self._bundle.pipeline}` has no step `{step}`.",
                where=str(folder),
                expected=f"one of {', '.join(known)}",
                fix=choice(step, known),
            )
        self.summary: Summary | None = None
        self.workspace = Path(self._bundle.workspace)
        self._step, self._span, self._progress = step, span, progress
        self._loaded = self._bundle.loaded(span)
        settings, workspace = self._loaded.settings, Workspace(self.workspace)
        enter(workspace, Path(self._bundle.base))
        self._run = Run(_run_id(run_id), settings, workspace, Metadata.of(workspace, settings.metadata))
        self._history = self._run.history

    def launch(self) -> StepEnd:
        """Does the step; how it ended is on record when this returns.

        Returns:
          How it ended. A step that failed is told, not raised.

        Raises:
          SettingsError: the run is another pipeline's.
          HeadgateError: the database cannot be had.
        """
        doing = f"`{self._step}` of the run `{self._run.id}`"
        with quiet(self._run.log), on_database(self._run.workspace, self._run.metadata, doing, STEP_WAIT):
            _refuse_other_pipeline(self._run)
            begin = time.monotonic()
            try:
                ended = {BEGIN: self._begin, FINISH: self._finish}.get(self._step, self._launch)()
            except Exception as error:
                ended = self._failed(error)
            except BaseException:  # SIGTERM, Ctrl-C: what was at work is closed now, and not by the next attempt
                if self._step not in (BEGIN, FINISH):
                    self._history.attempt(self._run.id, self._step)
                raise
            ended = replace(ended, seconds=round(time.monotonic() - begin, 3))
            if self._step != FINISH and self._history.owner(self._run.id) is not None:
                self._history.note_step(self._run.id, ended)
        self._progress.step_finished(StepResult(self._step, ended.state, ended.seconds))
        return ended

    def _failed(self, error: Exception) -> StepEnd:
        problem = told(error, self._run.log, own_modules(self._run.settings))
        status: Status | None = "failed" if self._step == FINISH else None
        code = problem.exit_code
        return StepEnd(self._step, "failed", 0.0, status=status, error=problem.parts, exit_code=code)

    def _begin(self) -> StepEnd:
        """Checks, and registers the run. What an earlier attempt came to stays, the span that it found included."""
        settings = self._run.settings
        self._run.metadata.prepare(settings.name)
        self._history.register(settings.name, self._run.id)
        self._run.record(status="running", orchestrated="yes", log=str(self._run.log))
        known = self._history.step_ends(self._run.id).get(BEGIN)
        if known and known.state == "complete":
            return known
        self._bundle.refuse_other_schema(settings)
        self._bundle.refuse_other_code(settings, *(step.id for step in self._bundle.steps))
        job = plan(self._loaded, self._run.workspace, tell=partial(self._progress.message, BEGIN))
        check(replace(self._loaded, settings=job.settings))
        self._history.close_interrupted(settings.name)
        self._run.begin(job, orchestrated="yes", notes="\n".join(self._bundle.notes))
        return StepEnd(BEGIN, "complete", 0.0)

    def _launch(self) -> StepEnd:
        """One of the pipeline's own steps."""
        parameters = self._parameters()
        self._bundle.refuse_other_code(self._run.settings, self._step)
        if self._is_held_back():
            return StepEnd(self._step, "skipped", 0.0, exit_code=HELD_BACK)
        state = self._history.attempt(self._run.id, self._step) or self._execute(parameters)
        verdict = self._history.verdict(self._run.id, self._step)
        return StepEnd(self._step, state, 0.0, passed=verdict.get("passed"), train=verdict.get("train"))

    def _execute(self, parameters: Mapping[str, int | str]) -> State:
        """Has TFX run the step."""
        self._run.record(status="running")
        self._progress.step_started(self._step)
        with gpus.hidden() as chosen:
            training = self._step in TRAINING
            environment = training_environment(self._run.settings.accelerator, chosen) if training else None
        with gpus.exposed(gpus.NONE if environment is None else environment.get(gpus.VARIABLE)):
            with no_collection():
                defer()
                from pipeline.runners.launch import bind, launch

            ir = self._bundle.ir()
            bind(ir, self._run.id, parameters)
            return launch(ir, self._step, self._run.metadata)

    def _parameters(self) -> dict[str, int | str]:
        """What `begin` found for this run."""
        begun = self._history.owner(self._run.id) and self._history.property(self._run.id, "parameters")
        if not begun:
            raise HeadgateError(
                f"The run `{self._run.id}` has not begun.",
                where=str(self._run.workspace.root),
                fix=f"headgate node {self._bundle.folder} {BEGIN} --run-id {self._run.id}",
            )
        parameters: dict[str, int | str] = json.loads(begun)
        if self._span is not None and self._span != parameters[SPAN]:
            raise SettingsError(
                f"The run `{self._run.id}` began with another span.",
                where=f"--span {self._span}",
                expected=f"{parameters[SPAN]}",
                fix="give every step of a run the same --span, or none but its first",
            )
        return parameters

    def _is_held_back(self) -> bool:
        """Whether a condition keeps this step from running.

        Raises:
          HeadgateError: a step before it has not come to its end.
        """
        ends = self._history.step_ends(self._run.id)
        if self._step in _held_back(self._bundle, ends):
            return True
        for step in next(each.upstream for each in self._bundle.steps if each.id == self._step):
            if step not in ends or ends[step].state == "failed":
                raise HeadgateError(
                    f"The step `{step}`, which `{self._step}` waits for, has not come to its end.",
                    where=f"run {self._run.id}",
                    fix=f"run it first: headgate node {self._bundle.folder} {step} --run-id {self._run.id}",
                )
        return False

    def _finish(self) -> StepEnd:
        """Closes the run: its outcome, alerts, Prometheus."""
        if self._history.owner(self._run.id) is None:
            raise HeadgateError(
                f"The run `{self._run.id}` was never begun.", where=str(self._run.workspace.root), fix="see `begin`"
            )
        ends = self._history.step_ends(self._run.id)
        results = [StepResult(each.step, each.state, each.seconds) for each in ends.values()]
        failure = _failure(self._bundle, ends, self._run.log)
        self.summary = self._run.end(failure, results, time.time() - self._history.began(self._run.id))
        return StepEnd(FINISH, "complete", 0.0, status=self.summary.status, exit_code=self.summary.exit_code)


def _held_back(bundle: Bundle, ends: Mapping[str, StepEnd]) -> set[str]:
    """Steps that a condition holds back, by the verdicts so far, and those that follow from them."""
    held_back: set[str] = set()
    for step in bundle.steps:  # in an order in which they can run
        verdicts = (getattr(ends[before], name) for before, name in step.conditions if before in ends)
        if not held_back.isdisjoint(step.upstream) or False in verdicts:
            held_back.add(step.id)
    return held_back


def _failure(bundle: Bundle, ends: Mapping[str, StepEnd], log: Path) -> HeadgateError | None:
    """What ended a run before its last step; None if nothing did."""
    held_back = _held_back(bundle, ends)
    for step in (BEGIN, *(each.id for each in bundle.steps)):
        end = ends.get(step)
        if end and end.error:
            return KINDS[end.exit_code](**dict(end.error))
        if not end and step not in held_back:
            return HeadgateError(
                f"The step `{step}` did not come to its end.",
                where=str(log),
                fix="see what the orchestrator has to say of it; then start it again, and `finish` after it",
            )
    return None


def _refuse_other_pipeline(run: Run) -> None:
    owner = run.history.owner(run.id)
    if owner and owner != run.settings.name:
        raise SettingsError(
            "This run is another pipeline's.",
            where=f"--run-id {run.id}",
            expected="a name of its own for each run, such as PIPELINE.DATE",
            received=f"a run of `{owner}`",
        )


def _run_id(given: str) -> str:
    if given.strip() and given.isprintable() and len(given) <= LONGEST:
        return given
    raise SettingsError(
        "This is no name for a run.",
        where="--run-id",
        expected=f"1 to {LONGEST} printable characters",
        received=repr(given[:LONGEST]),
    )
