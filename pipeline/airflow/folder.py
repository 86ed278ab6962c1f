"""The DAG folder that `headgate compile --airflow` writes: NAME.py beside the bundle NAME/."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.airflow.settings import ScheduleSettings
from pipeline.problems import choice
from pipeline.settings import PipelineSettings
from schema.errors import SettingsError

BRANCH = "drift"
"""The step whose verdict says whether a new model is trained."""

DAG_FILE = Path(__file__).with_name("dag_file.py")


PROGRAM = str(Path(sys.executable).with_name("headgate"))
"""The program `headgate` in the environment of this process."""


def write(
    folder: Path, settings: PipelineSettings, steps: Sequence[Mapping[str, Any]], headgate: str = PROGRAM
) -> Path:
    """Writes the DAG file, and what it reads into the bundle.

    Args:
      folder: the DAG folder; the bundle is there as `folder/NAME`.
      settings: the pipeline's.
      steps: `id`, `upstream` and `training` of each step, as in the bundle.
      headgate: path of the program that the tasks call.

    Returns:
      Path of the DAG file.

    Raises:
      SettingsError: `schedule.timeouts` names a step that the pipeline has not got.
    """
    plan = json.dumps(dag_plan(settings, steps, headgate), indent=1)
    (folder / settings.name / "dag.json").write_text(plan + "\n", encoding="utf-8")
    # The DAG file comes last and by rename: Airflow may be reading the folder.
    target = folder / f"{settings.name}.py"
    draft = target.with_suffix(".draft")
    shutil.copyfile(DAG_FILE, draft)
    draft.replace(target)
    return target


def dag_plan(settings: PipelineSettings, steps: Sequence[Mapping[str, Any]], headgate: str) -> dict[str, Any]:
    """What the DAG file reads: the tasks, what each waits for, and the schedule.

    Args:
      settings: the pipeline's.
      steps: `id`, `upstream` and `training` of each step.
      headgate: path of the program that the tasks call.

    Returns:
      Plain data for JSON.

    Raises:
      SettingsError: `schedule.timeouts` names a step that the pipeline has not got.
    """
    schedule = settings.schedule
    _check_timeouts(schedule, [step["id"] for step in steps])
    upstream = direct({step["id"]: step["upstream"] for step in steps})
    ends = sorted(set(upstream) - {name for names in upstream.values() for name in names})
    tasks = [_task("begin", [], False, schedule)]
    for step in steps:
        # What follows from drift waits for the branch after it.
        waits = [name for name in upstream[step["id"]] if name != BRANCH]
        follows = BRANCH in upstream[step["id"]]
        tasks.append(_task(step["id"], waits or ([] if follows else ["begin"]), step["training"], schedule))
    tasks.append(_task("finish", ends, False, schedule))
    kept = schedule.model_dump(mode="json", exclude={"timeout", "timeouts", "training_pool"})
    return {
        "pipeline": settings.name,
        "program": headgate,
        "model": f"{settings.served_as}-model",
        **kept,
        "after_verdict": [name for name, names in upstream.items() if BRANCH in names],
        "tasks": tasks,
    }


def direct(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Leaves out what follows: a step that waits for another need not wait for what that one waited for.

    Args:
      upstream: for each step those that it waits for, in an order in which they can run.

    Returns:
      The same with as few as will do (the transitive reduction), sorted.
    """
    before: dict[str, set[str]] = {}
    for step, names in upstream.items():
        before[step] = set(names).union(*(before[name] for name in names))
    return {
        step: sorted(name for name in names if not any(name in before[other] for other in names))
        for step, names in upstream.items()
    }


def _task(step: str, upstream: list[str], training: bool, schedule: ScheduleSettings) -> dict[str, Any]:
    return {
        "id": step,
        "upstream": upstream,
        "pool": schedule.training_pool if training else "default_pool",
        "timeout": schedule.timeouts.get(step, schedule.timeout),
    }


def _check_timeouts(schedule: ScheduleSettings, steps: Sequence[str]) -> None:
    for name in schedule.timeouts:
        if name not in steps:
            raise SettingsError(
                "A bound is set for a step that the pipeline has not got.",
                where=f"schedule.timeouts.{name}",
                expected=f"one of {', '.join(steps)}",
                received=name,
                fix=choice(name, steps),
            )
