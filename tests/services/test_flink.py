"""Pipelines on a real Flink cluster: one JobManager, two TaskManagers, each a process of its own."""

from __future__ import annotations

import time

import flink_service
import pytest
from small_pipeline import make, started

pytestmark = pytest.mark.slow

WAITS = '''
"""Passes rows on as they are; the first time on a worker, it waits until the test has done its harm."""

import threading
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def prepare(rows):
    on_a_worker = threading.current_thread() is not threading.main_thread()
    if on_a_worker and not (FOLDER / "at-work").exists():
        (FOLDER / "at-work").touch()
        while not (FOLDER / "go-on").exists():
            time.sleep(0.1)
    return rows
'''


def waiting(folder, cluster, **beam):
    """A pipeline that stops in the middle of a job of the step `ingest`."""
    pipeline = make(folder)
    (folder / "own.py").write_text(WAITS)

    def edit(settings):
        settings["data"]["prepare"] = "own:prepare"
        settings["beam"] = {**cluster.settings, **beam}

    pipeline.change(edit)
    return pipeline


def until(path, seconds=120):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.1)


def shards(pipeline):
    """What the step `ingest` wrote, by name."""
    [folder] = (pipeline.workspace.root / "artifacts/sales/ingest/examples").iterdir()
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_task_manager_that_is_killed_costs_time_and_nothing_else(flink, tmp_path):
    (tmp_path / "sales").mkdir()
    with flink_service.worker_pool(tmp_path / "sales", tmp_path / "workers.log") as workers:
        pipeline = waiting(tmp_path / "sales", flink, worker_pool=workers)
        with started(pipeline, "ingest: started", "--to", "ingest", "--no-report") as run:
            until(pipeline.folder / "at-work")
            flink.kill_task_manager()
            flink.add_task_manager()
            (pipeline.folder / "go-on").touch()
            said, _ = run.communicate(timeout=200)
    assert run.returncode == 0, said
    interrupted = flink.jobs()[-1]
    assert interrupted["state"] == "FINISHED"
    assert "is no longer reachable" in flink.get(f"jobs/{interrupted['jid']}/exceptions")["root-exception"]
    undisturbed = make(tmp_path / "local")
    assert undisturbed.run("--to", "ingest").code == 0
    assert shards(pipeline) == shards(undisturbed)


def test_a_cluster_that_is_lost_fails_the_run_with_a_message(tmp_path):
    cluster = flink_service.FlinkCluster(tmp_path / "flink")
    try:
        pipeline = waiting(tmp_path / "sales", cluster)
        with started(pipeline, "ingest: started", "--to", "ingest", "--no-report") as run:
            until(pipeline.folder / "at-work")
            cluster.stop()
            (pipeline.folder / "go-on").touch()
            said, _ = run.communicate(timeout=200)
    finally:
        cluster.stop()
    assert run.returncode == 1
    assert "The Flink cluster was lost while a job ran." in said
    assert f"at http://{cluster.master}" in said
    assert "/logs/sales/" in said
    assert "Traceback" not in said
