"""A whole pipeline in a real Airflow 3: from data to release, and when things go wrong on the way."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import small_pipeline
from airflow_service import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def deployed(airflow: Airflow, folder: Path, name: str, spans: dict[int, list[small_pipeline.Row]], **schedule: Any):
    """A pipeline with its data, compiled into Airflow's DAG folder; its records are on PostgreSQL."""
    pipeline = small_pipeline.make(folder)
    for path in (folder / "span-1").iterdir():
        path.unlink()
    (folder / "span-1").rmdir()
    for number, rows in spans.items():
        pipeline.span(number, rows)
    own = {"name": name, "metadata": {"url": airflow.metadata.url}, "schedule": {"retry_delay": 1, **schedule}}
    pipeline.change(lambda settings: settings.update(own))
    ended = pipeline.fresh("compile", "--airflow", str(airflow.dags))
    assert ended.code == 0, ended.stderr
    airflow.wait_for_dag(name)
    return pipeline


def versions(pipeline: small_pipeline.Pipeline, name: str) -> list[str]:
    """Versions of a model in the serving directory."""
    return sorted(path.name for path in (pipeline.workspace.serving / name).glob("[0-9]*"))


def node(bundle: Path, step: str) -> int | None:
    """The process that runs a step."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[2:5] == [b"node", os.fsencode(bundle), step.encode()]:
            return int(folder.name)
    return None


def test_new_data_start_a_run_that_ends_with_a_release(airflow, tmp_path):
    airflow.pool("gpu", 1)
    pipeline = deployed(airflow, tmp_path, "sales", {3: small_pipeline.sales()}, asset="new-sales", training_pool="gpu")
    airflow.update_asset("new-sales", {"span": 3})
    [run] = airflow.wait_for_runs("sales", 1)
    assert airflow.wait("sales", run["dag_run_id"], 600) == "success"
    tasks = airflow.tasks("sales", run["dag_run_id"])
    assert set(airflow.states("sales", run["dag_run_id"]).values()) == {"success"}
    assert {name for name, task in tasks.items() if task["pool"] == "gpu"} == {"train"}
    assert versions(pipeline, "sales") == ["1"]
    [summary] = pipeline.command("runs", "--json").json
    assert (summary["status"], summary["span"]) == ("pushed", 3)


def test_a_model_that_is_not_blessed_is_not_released(airflow, tmp_path):
    coin = random.Random(1)
    rows = [{**row, "again": coin.randint(0, 1)} for row in small_pipeline.sales()]
    pipeline = deployed(airflow, tmp_path, "chance", {1: rows})
    run = airflow.trigger("chance")
    assert airflow.wait("chance", run, 600) == "failed"
    states = airflow.states("chance", run)
    assert (states["judge"], states["release"], states["finish"]) == ("success", "skipped", "failed")
    assert "auc" in airflow.log("chance", run, "finish")
    assert versions(pipeline, "chance") == []


def test_a_step_that_is_killed_in_its_middle_is_tried_again_and_completes(airflow, tmp_path):
    pipeline = deployed(airflow, tmp_path, "killed", {1: small_pipeline.sales()})
    run = airflow.trigger("killed")
    airflow.wait_for_task("killed", run, "train", ["running"], 600)
    while (process := node(airflow.dags / "killed", "train")) is None:
        time.sleep(0.1)
    time.sleep(5)
    os.kill(process, signal.SIGKILL)
    assert airflow.wait("killed", run, 600) == "success"
    assert airflow.tasks("killed", run)["train"]["try_number"] == 2
    assert versions(pipeline, "killed") == ["1"]


def test_two_runs_at_once_do_not_harm_each_other(airflow, tmp_path):
    days = [datetime.now(UTC).date() - timedelta(days=2), datetime.now(UTC).date() - timedelta(days=1)]
    spans = {int(f"{day:%Y%m%d}"): small_pipeline.sales(seed=seed) for seed, day in enumerate(days)}
    by_date = {"cron": "@daily", "start": days[0].isoformat(), "catch_up": True, "span": "date"}
    pipeline = deployed(airflow, tmp_path, "twice", spans, **by_date, max_active_runs=2)
    runs = [run["dag_run_id"] for run in airflow.wait_for_runs("twice", 2)]
    assert [airflow.wait("twice", run, 600) for run in runs] == ["success", "success"]
    assert [set(airflow.states("twice", run).values()) for run in runs] == [{"success"}, {"success"}]
    assert versions(pipeline, "twice") == ["1", "2"]
    summaries = pipeline.command("runs", "--json").json
    assert {(each["status"], each["span"]) for each in summaries} == {("pushed", span) for span in spans}
