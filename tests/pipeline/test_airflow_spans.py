"""Which span a run of the DAG reads: the DAG file on its own, with stand-ins for what it takes from Airflow."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest
import small_pipeline
import yaml

from pipeline.airflow.folder import write
from pipeline.settings import PipelineSettings

STEPS = [
    {"id": "ingest", "upstream": [], "training": False},
    {"id": "drift", "upstream": ["ingest"], "training": False},
    {"id": "release", "upstream": ["drift"], "training": False},
]

INTERVAL = datetime(2026, 1, 31, tzinfo=UTC)


class Task:
    """Takes any argument, and is put before others."""

    def __init__(self, **arguments):
        pass

    def __rshift__(self, other):
        return other


class RefusedError(Exception):
    """Airflow's exceptions, all in one."""


@pytest.fixture
def span(tmp_path, monkeypatch):
    """A function from settings of `schedule` and a task's context to the span."""
    said = {
        "AirflowException": RefusedError,
        "AirflowFailException": RefusedError,
        "AirflowSkipException": RefusedError,
    }
    parts = {"BaseBranchOperator": Task, "Label": lambda text: Task()}
    airflow = {
        "airflow": {},
        "airflow.providers.standard.operators.bash": {"BashOperator": Task},
        "airflow.sdk": {
            **dict.fromkeys(("DAG", "Asset", "CronDataIntervalTimetable", "TriggerRule"), MagicMock()),
            **parts,
        },
        "airflow.sdk.exceptions": said,
    }
    for name, content in airflow.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)

    def of(schedule, begin=INTERVAL, configuration=None, updates=()):
        document = {**yaml.safe_load(small_pipeline.SETTINGS), "schedule": schedule}
        (tmp_path / "sales").mkdir()
        file = write(tmp_path, PipelineSettings.model_validate(document), STEPS)
        specification = importlib.util.spec_from_file_location("dag_under_test", file)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        events = {"asset": [SimpleNamespace(extra=extra) for extra in updates]}
        run = SimpleNamespace(conf=configuration)
        return module._span({"dag_run": run, "triggering_asset_events": events, "data_interval_start": begin})

    return of


DAILY = {"cron": "@daily", "start": "2026-01-01"}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (DAILY, ""),
        ({**DAILY, "span": "date"}, "20260131"),
        ({**DAILY, "span": "days"}, "20484"),
        ({**DAILY, "span": "days", "first_span": 1}, "31"),
    ],
)
def test_a_run_reads_the_span_of_its_interval(span, schedule, expected):
    assert span(schedule) == expected


def test_days_are_those_of_utc(span):
    begin = datetime.fromisoformat("2026-01-31T23:30:00-05:00")
    assert span({**DAILY, "span": "date"}, begin) == "20260201"


def test_the_first_interval_reads_the_first_span(span):
    begin = INTERVAL - timedelta(days=30)
    assert span({**DAILY, "span": "days", "first_span": 7}, begin) == "7"


def test_a_span_that_is_named_wins(span):
    assert span({**DAILY, "span": "date"}, configuration={"span": 3}) == "3"


def test_without_an_interval_the_latest_span_is_read(span):
    assert span({"span": "date"}, begin=None) == ""


def test_of_several_updates_at_once_the_last_span_is_read(span):
    assert span({"asset": "arrived"}, begin=None, updates=[{"span": 3}, {"span": 5}, {}]) == "5"


def test_what_is_no_number_is_refused(span):
    with pytest.raises(RefusedError, match="A span is a number"):
        span(DAILY, configuration={"span": "$(reboot)"})
