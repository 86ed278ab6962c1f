"""Whole pipelines in a real Airflow 3, their records on PostgreSQL: from data to release, and what may go wrong."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import small_pipeline
from airflow_service import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

PATIENCE = 2000
"""Seconds; on an idle machine a run takes one minute."""

DAYS = [datetime.now(UTC).date() - timedelta(days=days) for days in (2, 1)]
SPANS = [int(f"{day:%Y%m%d}") for day in DAYS]


@pytest.fixture(scope="module")
def sales(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> small_pipeline.Pipeline:
    """A pipeline that new data start."""
    airflow.pool("gpu", 1)
    pipeline = deployed(airflow, tmp_path_factory.mktemp("sales"), {3: {}}, asset="new-sales", training_pool="gpu")
    airflow.update_asset("new-sales", {"span": 3})
    return pipeline


@pytest.fixture(scope="module")
def chance(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> small_pipeline.Pipeline:
    """A pipeline whose labels are a matter of chance."""
    pipeline = deployed(airflow, tmp_path_factory.mktemp("chance"), {1: {"chance": True}})
    airflow.trigger("chance")
    return pipeline


@pytest.fixture(scope="module")
def daily(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> small_pipeline.Pipeline:
    """A pipeline with two days to catch up with, both at once."""
    by_date = {"cron": "@daily", "start": DAYS[0].isoformat(), "catch_up": True, "span": "date"}
    spans = {span: {"seed": span} for span in SPANS}
    return deployed(airflow, tmp_path_factory.mktemp("sales-by-date"), spans, **by_date, max_active_runs=2)


def deployed(
    airflow: Airflow, folder: Path, spans: dict[int, dict[str, Any]], **schedule: Any
) -> small_pipeline.Pipeline:
    """A pipeline with its data, compiled into Airflow's DAG folder."""
    name = folder.name.rstrip("0123456789")
    pipeline = small_pipeline.make(folder)
    (folder / "span-1/sales.csv").unlink()
    for number, kind in spans.items():
        pipeline.span(number, rows(**kind))
    own = {"name": name, "metadata": {"url": airflow.metadata.url}, "schedule": {"retry_delay": 1, **schedule}}
    pipeline.change(lambda settings: settings.update(own))
    pipeline.change(lambda settings: settings["training"].update(epochs=40))  # there is time to kill it
    compiled = pipeline.fresh("compile", "--airflow", str(airflow.dags), timeout=PATIENCE)
    assert compiled.code == 0, compiled.stderr
    airflow.wait_for_dag(name)
    return pipeline


def rows(seed: int = 1, chance: bool = False) -> list[small_pipeline.Row]:
    """Sales; by chance, their label follows from nothing."""
    coin = random.Random(seed)
    return [row | ({"again": coin.randint(0, 1)} if chance else {}) for row in small_pipeline.sales(seed=seed)]


def versions(pipeline: small_pipeline.Pipeline) -> list[str]:
    """Versions in the serving directory."""
    return sorted(path.name for path in pipeline.workspace.serving.glob("*/[0-9]*"))


def process_of(step: str, bundle: Path) -> int:
    """The process that runs a step of a bundle."""
    wanted = [b"node", os.fsencode(bundle), step.encode()]
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().split(b"\0")[2:5] == wanted:
                return int(folder.name)
    raise AssertionError(f"no process runs {step}")


def test_a_step_that_is_killed_in_its_middle_is_tried_again_and_the_run_ends_with_a_release(
    airflow, sales, chance, daily
):
    [run] = [each["dag_run_id"] for each in airflow.wait_for_runs("sales", 1)]
    airflow.wait_for_task("sales", run, "train", ["running"], PATIENCE)
    airflow.wait_until(lambda: "epoch 2/" in airflow.log("sales", run, "train"), "nothing was trained", PATIENCE)
    os.kill(process_of("train", airflow.dags / "sales"), signal.SIGKILL)
    assert airflow.wait("sales", run, PATIENCE) == "success"
    tasks = airflow.tasks("sales", run)
    assert {task["state"] for task in tasks.values()} == {"success"}
    assert {name for name, task in tasks.items() if task["try_number"] > 1} == {"train"}
    assert versions(sales) == ["1"]


def test_new_data_are_what_started_it_and_what_it_read(airflow, sales, monkeypatch):
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", airflow.metadata.password)
    [run] = airflow.wait_for_runs("sales", 1)
    airflow.wait("sales", run["dag_run_id"], PATIENCE)
    assert run["run_type"] == "asset_triggered"
    [record] = sales.history.runs("sales")
    assert record.run_id.startswith("sales.asset_triggered__")
    assert (record.status, record.span) == ("pushed", 3)


def test_only_what_trains_takes_a_slot_of_the_gpus(airflow, sales):
    [run] = airflow.wait_for_runs("sales", 1)
    tasks = airflow.tasks("sales", run["dag_run_id"])
    assert {name for name, task in tasks.items() if task["pool"] == "gpu"} == {"train"}


def test_a_model_that_is_not_blessed_is_not_released(airflow, chance):
    [run] = [each["dag_run_id"] for each in airflow.wait_for_runs("chance", 1)]
    assert airflow.wait("chance", run, PATIENCE) == "failed"
    states = airflow.states("chance", run)
    assert (states["judge"], states["release"], states["finish"]) == ("success", "skipped", "failed")
    assert "to pass it must be" in airflow.log("chance", run, "finish")
    assert airflow.tasks("chance", run)["finish"]["try_number"] == 1
    assert versions(chance) == []


def test_two_runs_at_once_do_not_harm_each_other(airflow, daily):
    runs = [run["dag_run_id"] for run in airflow.wait_for_runs("sales-by-date", 2)]
    assert [airflow.wait("sales-by-date", run, PATIENCE) for run in runs] == ["success", "success"]
    assert [set(airflow.states("sales-by-date", run).values()) for run in runs] == [{"success"}, {"success"}]
    first, second = (airflow.get(f"dags/sales-by-date/dagRuns/{run}") for run in runs)
    assert first["end_date"] > second["start_date"]
    assert versions(daily) == ["1", "2"]


def test_each_run_reads_the_span_of_its_interval(airflow, daily, monkeypatch):
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", airflow.metadata.password)
    for run in airflow.wait_for_runs("sales-by-date", 2):
        airflow.wait("sales-by-date", run["dag_run_id"], PATIENCE)
    assert {(each.status, each.span) for each in daily.history.runs("sales-by-date")} == {
        ("pushed", span) for span in SPANS
    }
