"""A pipeline driven a step at a time, each in a process of its own, as an orchestrator drives it."""

from __future__ import annotations

import signal
import time

import pytest
from driven import ALL, Driven, compiled, ended
from small_pipeline import STEPS, make, sales, write_csv

pytestmark = pytest.mark.slow

AIRFLOW_S = "sales.manual__2026-01-31T00:00:00+00:00"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Driven, dict[str, object]]:
    """A first run, under a name as Airflow gives."""
    driven = compiled(make(tmp_path_factory.mktemp("sales")))
    return driven, driven.nodes(AIRFLOW_S)


def test_a_run_comes_to_the_same_as_a_local_one(run, tmp_path):
    driven, said = run
    assert {step: each.code for step, each in said.items()} == dict.fromkeys(ALL, 0), said
    assert {said[step].end["state"] for step in STEPS} == {"complete"}
    assert said["finish"].end["status"] == "pushed"
    local = make(tmp_path).run().json
    driven_run = driven.pipeline.show(AIRFLOW_S, "--json").json
    assert driven_run["metrics"] == pytest.approx(local["metrics"], rel=1e-4)
    assert [step["id"] for step in driven_run["steps"]] == [step["id"] for step in local["steps"]]
    assert driven_run["release"]["version"] == local["release"]["version"] == 1
    assert driven.pipeline.run().json["nothing_to_do"]


def test_verdicts_are_told_to_the_orchestrator(run):
    _, said = run
    assert said["gate"].end["passed"] is True
    assert (said["drift"].end["passed"], said["drift"].end["train"]) == (True, True)
    assert said["release"].end["passed"] is True
    assert said["ingest"].end["passed"] is None


def test_a_finished_step_is_not_run_again(run):
    driven, _ = run
    again = driven.node("train", AIRFLOW_S)
    assert (again.code, again.end["state"]) == (0, "complete")
    assert again.end["seconds"] < 30


def test_files_of_a_run_have_plain_names(run):
    driven, _ = run
    [log] = [path for path in (driven.pipeline.folder / "w/logs/sales").iterdir() if "manual" in path.name]
    assert not set(":+") & set(log.name)
    [page] = (driven.pipeline.folder / "w/reports/sales").iterdir()
    assert page.stem == log.stem


def test_a_second_run_takes_what_did_not_change_from_the_cache(run):
    driven, _ = run
    said = driven.nodes("sales.second", ("begin", "ingest", "statistics"))
    assert [each.end["state"] for each in said.values()] == ["complete", "cached", "cached"]
    assert [row.status for row in driven.pipeline.history.runs() if row.run_id == "sales.second"] == ["running"]
    unfinished = driven.node("finish", "sales.second")
    assert (unfinished.code, unfinished.end["status"]) == (1, "failed")
    assert "The step `in_service` did not come to its end." in driven.pipeline.show("sales.second").stdout


def test_a_run_may_be_given_its_span(run):
    driven, _ = run
    driven.pipeline.span(2, sales(seed=2))
    assert driven.node("begin", "sales.one", "--span", "1").code == 0
    assert driven.node("ingest", "sales.one").end["state"] == "cached"  # span 1, as in the first run
    other = driven.node("statistics", "sales.one", "--span", "2")
    assert other.code == 2
    assert "began with another span" in other.stderr


def test_what_a_gate_stops_is_skipped_and_the_run_blocked(run):
    driven, _ = run
    rows = [{**row, "amount": "much"} for row in sales(seed=3)]
    write_csv(driven.pipeline.folder / "span-3/sales.csv", rows)
    said = driven.nodes("sales.blocked", ALL[: ALL.index("gate") + 1])
    failed = [step for step, each in said.items() if each.code]
    if failed:  # what is no number is refused as it is read
        assert said[failed[0]].code == 4
    else:
        assert said["gate"].end["passed"] is False
        assert driven.node("transform", "sales.blocked").code == 99
    assert driven.node("finish", "sales.blocked").code == 4


def test_steps_out_of_order_are_refused(run):
    driven, _ = run
    unknown = driven.node("ingest", "sales.never")
    assert (unknown.code, unknown.end["error"]["what"]) == (1, "The run `sales.never` has not begun.")
    driven.node("begin", "sales.early")
    early = driven.node("train", "sales.early")
    assert early.code == 1
    assert "has not come to its end" in early.stderr
    assert "Traceback" not in early.stderr


def test_a_step_that_was_killed_is_repeated_under_the_same_run(run):
    driven, _ = run
    driven.pipeline.span(4, sales(seed=4))
    driven.node("begin", "sales.killed")
    process = driven.start("ingest", "sales.killed")
    folder = driven.pipeline.folder / "w/artifacts/sales/ingest/examples"
    before = set(folder.iterdir())
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline and set(folder.iterdir()) == before:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = driven.node("ingest", "sales.killed")
    assert (again.code, again.end["state"]) == (0, "complete")
    assert len(set(folder.iterdir()) - before) == 1


def test_two_runs_at_once_do_not_harm_each_other(run):
    driven, _ = run
    for run_id in ("sales.a", "sales.b"):
        assert driven.node("begin", run_id, "--span", "1").code == 0
    for step in ("ingest", "statistics"):
        both = [driven.start(step, run_id) for run_id in ("sales.a", "sales.b")]
        assert [ended(process).code for process in both] == [0, 0]
