"""What the DAG does with the answers of `headgate node`, in a real Airflow; a stub gives them at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stub_node
from airflow_service import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ANSWERS: dict[str, dict[str, dict[str, Any]]] = {
    "all-is-well": {"drift": {"passed": True, "train": True}, "release": {"passed": True}},
    "not-blessed": {"release": {"passed": False}, "finish": {"code": 3}},
    "drift-blocks": {"drift": {"passed": False, "train": True}, "finish": {"code": 4}},
    "no-new-model": {"drift": {"passed": True, "train": False}},
    "held-back": {"drift": {"code": 99}, "finish": {"code": 4}},
    "fails": {"train": {"code": 1}, "finish": {"code": 1}},
    "wrong-settings": {"begin": {"code": 2}, "finish": {"code": 1}},
}
"""By run."""

HOSTILE = "it's {{ 1/0 }} $(touch pwned) `touch pwned`"


@pytest.fixture(scope="module")
def runs(airflow: Airflow) -> Airflow:
    """Airflow, when all of these runs have ended."""
    stub_node.deploy(airflow.dags / HOSTILE, "stub", ANSWERS, retries=1, retry_delay=1, max_active_runs=16)
    airflow.wait_for_dag("stub")
    for run in ANSWERS:
        airflow.trigger("stub", dag_run_id=run)
    for run in ANSWERS:
        airflow.wait("stub", run)
    return airflow


def test_a_run_whose_steps_all_end_well_is_a_success(runs):
    assert runs.state("stub", "all-is-well") == "success"
    assert set(runs.states("stub", "all-is-well").values()) == {"success"}


def test_a_model_that_is_not_blessed_fails_the_run_and_releases_nothing(runs):
    states = runs.states("stub", "not-blessed")
    assert runs.state("stub", "not-blessed") == "failed"
    assert (states["train"], states["release"], states["finish"]) == ("success", "skipped", "failed")
    assert "not blessed" in runs.log("stub", "not-blessed", "finish")


def test_the_released_model_is_an_asset_that_only_a_release_updates(runs):
    [asset] = runs.get("assets", name_pattern="stub-model")["assets"]
    events = runs.get("assets/events", asset_id=asset["id"])["asset_events"]
    assert "all-is-well" in {event["source_run_id"] for event in events}
    assert "not-blessed" not in {event["source_run_id"] for event in events}


def test_the_verdict_of_drift_is_a_branch(runs):
    states = runs.states("stub", "no-new-model")
    assert runs.state("stub", "no-new-model") == "success"
    assert states == {
        **dict.fromkeys(("begin", "ingest", "drift", "verdict", "finish"), "success"),
        **dict.fromkeys(("train", "release"), "skipped"),
    }


def test_drift_that_blocks_fails_the_run_before_anything_is_trained(runs):
    assert runs.state("stub", "drift-blocks") == "failed"
    assert runs.states("stub", "drift-blocks")["train"] == "skipped"


def test_a_step_that_a_condition_holds_back_is_skipped_and_so_is_what_follows(runs):
    states = runs.states("stub", "held-back")
    assert runs.state("stub", "held-back") == "failed"
    assert {states[step] for step in ("drift", "verdict", "train", "release")} == {"skipped"}


def test_a_step_that_fails_is_tried_again(runs):
    train = runs.tasks("stub", "fails")["train"]
    assert (train["state"], train["try_number"]) == ("failed", 2)


def test_the_end_is_told_whatever_became_of_the_steps_and_once(runs):
    finish = runs.tasks("stub", "fails")["finish"]
    assert (finish["state"], finish["try_number"]) == ("failed", 1)
    assert runs.state("stub", "fails") == "failed"


def test_what_wrong_settings_end_is_not_tried_again(runs):
    begin = runs.tasks("stub", "wrong-settings")["begin"]
    assert (begin["state"], begin["try_number"]) == ("failed", 1)


def test_names_and_paths_are_never_read_as_commands(runs):
    assert 'asked for ["node", "begin", "--run-id", "stub.all-is-well"]' in runs.log("stub", "all-is-well", "begin")
    assert not list(runs.folder.rglob("pwned"))


def test_a_run_by_hand_may_name_its_span(runs):
    run = runs.trigger("stub", {"span": 7})
    assert runs.wait("stub", run) == "success"
    assert '"--span", "7"' in runs.log("stub", run, "ingest")


def test_a_span_that_is_no_number_is_refused_at_once(runs):
    run = runs.trigger("stub", {"span": "7; touch pwned"})
    assert runs.wait("stub", run) == "failed"
    begin = runs.tasks("stub", run)["begin"]
    assert (begin["state"], begin["try_number"]) == ("failed", 1)
    assert "A span is a number" in runs.log("stub", run, "begin")


def test_an_update_of_an_asset_starts_a_run_for_its_span(airflow):
    stub_node.deploy(airflow.dags, "arrivals", {}, asset="arrived")
    airflow.wait_for_dag("arrivals")
    airflow.update_asset("arrived", {"span": 12})
    [run] = airflow.wait_for_runs("arrivals", 1)
    assert airflow.wait("arrivals", run["dag_run_id"]) == "success"
    assert run["run_type"] == "asset_triggered"
    assert '"--span", "12"' in airflow.log("arrivals", run["dag_run_id"], "begin")


def test_intervals_that_have_passed_are_run_each_for_its_span(airflow):
    yesterday, day_before = (datetime.now(UTC).date() - timedelta(days=days) for days in (1, 2))
    stub_node.deploy(
        airflow.dags, "daily", {}, cron="@daily", start=day_before, catch_up=True, span="date", max_active_runs=2
    )
    airflow.wait_for_dag("daily")
    for day, run in zip((day_before, yesterday), airflow.wait_for_runs("daily", 2), strict=True):
        assert airflow.wait("daily", run["dag_run_id"]) == "success"
        assert f'"--span", "{day:%Y%m%d}"' in airflow.log("daily", run["dag_run_id"], "begin")
