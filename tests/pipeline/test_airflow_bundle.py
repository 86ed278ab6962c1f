"""The DAG folder that `headgate compile --airflow` writes, and the settings it follows from; no Airflow is needed."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import small_pipeline
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.airflow.folder import DAG_FILE, dag_plan, direct, write
from pipeline.airflow.settings import ScheduleSettings
from pipeline.settings import PipelineSettings
from schema.errors import SettingsError

STEPS = [
    {"id": "ingest", "upstream": [], "training": False},
    {"id": "statistics", "upstream": ["ingest"], "training": False},
    {"id": "gate", "upstream": ["ingest", "statistics"], "training": False},
    {"id": "drift", "upstream": ["ingest", "gate", "statistics"], "training": False},
    {"id": "transform", "upstream": ["drift", "gate", "ingest"], "training": False},
    {"id": "train", "upstream": ["drift", "gate", "ingest", "transform"], "training": True},
    {"id": "release", "upstream": ["drift", "gate", "train"], "training": False},
]


def settings(**schedule: object) -> PipelineSettings:
    document = yaml.safe_load(small_pipeline.SETTINGS)
    return PipelineSettings.model_validate({**document, "schedule": schedule})


def test_each_step_is_a_task_between_begin_and_finish():
    tasks = {task["id"]: task for task in dag_plan(settings(), STEPS, "headgate")["tasks"]}
    assert list(tasks) == ["begin", *(step["id"] for step in STEPS), "finish"]
    assert tasks["ingest"]["upstream"] == ["begin"]
    assert tasks["finish"]["upstream"] == ["release"]


def test_a_task_waits_for_no_more_than_it_must():
    tasks = {task["id"]: task for task in dag_plan(settings(), STEPS, "headgate")["tasks"]}
    assert tasks["gate"]["upstream"] == ["statistics"]
    assert tasks["train"]["upstream"] == ["transform"]


def test_what_follows_from_drift_waits_for_its_verdict():
    plan = dag_plan(settings(), STEPS, "headgate")
    assert plan["after_verdict"] == ["transform"]
    assert next(task["upstream"] for task in plan["tasks"] if task["id"] == "transform") == []


def test_only_the_steps_that_train_take_slots_of_their_pool():
    plan = dag_plan(settings(training_pool="gpu"), STEPS, "headgate")
    assert {task["id"] for task in plan["tasks"] if task["pool"] == "gpu"} == {"train"}


def test_a_step_may_have_a_time_limit_of_its_own():
    plan = dag_plan(settings(timeout=600, timeouts={"train": 7200}), STEPS, "headgate")
    assert {task["id"]: task["timeout"] for task in plan["tasks"] if task["timeout"] != 600} == {"train": 7200}


def test_a_time_limit_for_a_step_that_is_not_there_is_refused():
    with pytest.raises(SettingsError) as error:
        dag_plan(settings(timeouts={"trian": 7200}), STEPS, "headgate")
    assert error.value.where == "schedule.timeouts.trian"
    assert "train" in str(error.value.fix)


def test_the_folder_holds_the_dag_file_beside_the_bundle(tmp_path):
    (tmp_path / "sales").mkdir()
    written = write(tmp_path, settings(cron="@daily", start="2026-01-01"), STEPS)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "sales",
        "sales.py",
        "sales/dag.json",
    ]
    assert written.read_bytes() == DAG_FILE.read_bytes()


def test_the_dag_file_imports_airflow_and_pythons_own_library_alone():
    tree = ast.parse(DAG_FILE.read_text(encoding="utf-8"))
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names - set(sys.stdlib_module_names) == {"airflow"}


def test_the_dag_file_differs_from_pipeline_to_pipeline_in_nothing_but_its_name():
    assert "sales" not in Path(DAG_FILE).read_text(encoding="utf-8")


@given(st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8))
def test_what_can_run_after_what_stays_the_same(sets):
    upstream = {str(step): [str(name) for name in names if name < step] for step, names in enumerate(sets)}
    assert closure(direct(upstream)) == closure(upstream)


def closure(upstream: dict[str, list[str]]) -> dict[str, set[str]]:
    before: dict[str, set[str]] = {}
    for step, names in upstream.items():
        before[step] = set(names).union(*(before[name] for name in names))
    return before


@pytest.mark.parametrize("cron", ["@daily", "30 4 * * 1", "*/5 * * * *", "0 0 1,15 * MON-FRI"])
def test_a_schedule_that_can_be_read(cron):
    assert ScheduleSettings(cron=cron, start="2026-01-01").cron == cron


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cron": "daily", "start": "2026-01-01"}, "five fields"),
        ({"cron": "0 0 * * $(date)", "start": "2026-01-01"}, "five fields"),
        ({"cron": "@daily"}, "`cron` needs `start`"),
        ({"cron": "@daily", "start": "2026-01-01", "asset": "sales-data"}, "give one of them"),
        ({"catch_up": True}, "`catch_up` needs `cron`"),
        ({"cron": "@daily", "start": "2026-01-01", "catch_up": True}, "the latest span"),
        ({"first_span": 3}, "`first_span` needs"),
        ({"asset": "new data"}, "pattern"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(given, told):
    with pytest.raises(ValidationError, match=told):
        ScheduleSettings.model_validate(given)
