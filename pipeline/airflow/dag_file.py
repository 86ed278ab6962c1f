# mypy: disable-error-code="import-not-found, misc"
"""A pipeline of Headgate as an Airflow DAG: `headgate compile --airflow` copies this file, and no other, as NAME.py.

All that differs from pipeline to pipeline stands in NAME/dag.json. Nothing but Airflow and Python's own library is
imported: each step runs as `headgate node` in the environment of the project, for whose TFX and TensorFlow Airflow's
own has no room, and whose imports would cost every parse half a minute.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, BaseBranchOperator, CronDataIntervalTimetable, Label, TriggerRule
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

BUNDLE = Path(__file__).with_suffix("")
PLAN = json.loads((BUNDLE / "dag.json").read_text(encoding="utf-8"))

COMMAND = (
    'exec "$HEADGATE_PROGRAM" node "$HEADGATE_BUNDLE" "$HEADGATE_STEP" --run-id "$HEADGATE_RUN_ID" '
    '${HEADGATE_SPAN:+--span "$HEADGATE_SPAN"}'
)
"""Names, paths and run ids come by the environment: the shell never reads them as words of its own."""

HELD_BACK = 99
"""Exit code of a step that a condition holds back."""

FINAL = {2: "the settings or the command", 3: "not blessed", 4: "blocked", 5: "refused by the canary"}
"""Exit codes of failures that come again however often they are tried."""


class Node(BashOperator):
    """One step of the pipeline; the task's id is that of the step, or `begin` or `finish`."""

    def get_env(self, context: Any) -> dict[str, str]:
        """The worker's environment, in which the passwords are, and what COMMAND needs."""
        run = context["dag_run"]
        return super().get_env(context) | {
            "HEADGATE_PROGRAM": os.environ.get("HEADGATE_PROGRAM", PLAN["program"]),
            "HEADGATE_BUNDLE": str(BUNDLE),
            "HEADGATE_STEP": self.task_id,
            # ML Metadata has one name space for the runs of all pipelines; a run's name is also that of files.
            "HEADGATE_RUN_ID": re.sub(r"[^A-Za-z0-9_.-]", "-", f"{run.dag_id}.{run.run_id}"),
            "HEADGATE_SPAN": _span(context),
        }

    def execute(self, context: Any) -> Any:
        """Runs the step; what it says at the end is the task's XCom."""
        try:
            said = super().execute(context)
        except (AirflowFailException, AirflowSkipException):
            raise
        except AirflowException as error:
            code = self.subprocess_hook.sub_process.returncode
            # What a whole run came to does not change either if it is asked again.
            if code in FINAL or (code == 1 and self.task_id == "finish"):
                raise AirflowFailException(f"Exit code {code}: {FINAL.get(code, 'the run failed')}.") from error
            raise
        if self.task_id == "release" and said["passed"] is False:
            raise AirflowSkipException("Nothing was released: the model is not blessed.")
        return said


class Verdict(BaseBranchOperator):
    """Whether drift, or the monitor, asks for a new model."""

    def choose_branch(self, context: Any) -> list[str]:
        """The steps that go on from here, or the run's end."""
        said = context["ti"].xcom_pull(task_ids="drift")
        trains = said["passed"] is not False and said["train"] is not False
        return PLAN["after_verdict"] if trains else ["finish"]


def _span(context: Any) -> str:
    """The span that a run is for; empty for the latest one.

    In this order: `{"span": N}` as the run's configuration or with the update of an asset that started it, then the
    interval that it is scheduled for.
    """
    updates = (update for each in context["triggering_asset_events"].values() for update in each)
    named = [context["dag_run"].conf, *(update.extra for update in updates)]
    given = [each["span"] for each in named if each and "span" in each]
    if not all(isinstance(each, int) for each in given):
        raise AirflowFailException(f'A span is a number, as in {{"span": 7}}; received {given}.')
    if given:
        return str(max(given))
    begin = context.get("data_interval_start")
    if begin is None or PLAN["span"] == "latest":
        return ""
    day = begin.astimezone(UTC).date()
    if PLAN["span"] == "date":
        return f"{day:%Y%m%d}"
    if PLAN["first_span"] is None:
        return str((day - date(1970, 1, 1)).days)
    return str(PLAN["first_span"] + (day - date.fromisoformat(PLAN["start"])).days)


def _dag() -> DAG:
    schedule: Any = None
    if PLAN["cron"]:
        schedule = CronDataIntervalTimetable(PLAN["cron"], timezone="UTC")
    elif PLAN["asset"]:
        schedule = [Asset(PLAN["asset"])]
    return DAG(
        PLAN["pipeline"],
        description="A pipeline of Headgate: from data to release",
        schedule=schedule,
        start_date=datetime.fromisoformat(PLAN["start"]).replace(tzinfo=UTC) if PLAN["start"] else None,
        catchup=PLAN["catch_up"],
        max_active_runs=PLAN["max_active_runs"],
        tags={"headgate"},
        default_args={
            "retries": PLAN["retries"],
            "retry_delay": timedelta(seconds=PLAN["retry_delay"]),
            "retry_exponential_backoff": 2,
            "max_retry_delay": timedelta(hours=1),
        },
    )


with _dag() as dag:
    tasks: dict[str, Any] = {"verdict": Verdict(task_id="verdict")}
    for each in PLAN["tasks"]:
        tasks[each["id"]] = Node(
            task_id=each["id"],
            bash_command=COMMAND,
            skip_on_exit_code=HELD_BACK,
            output_processor=json.loads,
            pool=each["pool"],
            execution_timeout=timedelta(seconds=each["timeout"]),
            # The end is told whatever became of the steps, and is what the state of the DAG's run follows from.
            trigger_rule=TriggerRule.ALL_DONE if each["id"] == "finish" else TriggerRule.ALL_SUCCESS,
            outlets=[Asset(PLAN["model"])] if each["id"] == "release" else [],
        )
    for each in PLAN["tasks"]:
        for name in each["upstream"]:
            tasks[name] >> tasks[each["id"]]
    tasks["drift"] >> tasks["verdict"]
    for name in PLAN["after_verdict"]:
        tasks["verdict"] >> Label("a new model") >> tasks[name]
    tasks["verdict"] >> Label("nothing to train") >> tasks["finish"]
