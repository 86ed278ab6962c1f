"""Pipelines on a real Flink cluster: one JobManager, two TaskManagers, each a process of its own."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flink_service
import numpy as np
import pytest
from small_pipeline import Ended, Pipeline, Snapshot, make, own_code_forgotten, sales, started
from tensorflow_metadata.proto.v0 import statistics_pb2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

ON_FLINK = ("ingest", "statistics", "drift", "transform", "evaluate")
"""The steps whose work is done on the cluster."""


@dataclass(frozen=True)
class Twice:
    """A run on a second span of data, once on this machine and once on Flink, each time after the same first run.

    Attributes:
      pipelines: by where they ran.
      ended: how the run ended, by where.
      jobs: what the cluster's JobManager lists.
    """

    pipelines: dict[str, Pipeline]
    ended: dict[str, Ended]
    jobs: list[dict[str, Any]]

    def files(self, pattern: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Files below the pipeline's artifacts by path, here and on Flink."""
        found = []
        for pipeline in self.pipelines.values():
            root = pipeline.workspace.root / "artifacts/sales"
            found.append({str(path.relative_to(root)): path for path in sorted(root.glob(pattern))})
        return found[0], found[1]


@pytest.fixture(scope="module")
def twice(flink, tmp_path_factory):
    folder = tmp_path_factory.mktemp("twice")
    pipeline = make(folder / "sales")
    with own_code_forgotten(pipeline.folder):
        assert pipeline.run().code == 0
        pipeline.span(2, sales(seed=2))
        before = Snapshot(pipeline.folder)
        ended = {"here": pipeline.run()}
        here = Pipeline(shutil.copytree(pipeline.folder, folder / "here"))
        before.put_back()
        pipeline.change(lambda settings: settings.update(beam=flink.settings))
        ended["flink"] = pipeline.run()
    return Twice({"here": here, "flink": pipeline}, ended, flink.jobs())


def test_two_lines_of_the_settings_move_a_pipeline_to_flink(twice):
    here, there = twice.ended.values()
    assert (here.code, there.code) == (0, 0), there
    assert there.json["release"]["version"] == 2
    assert there.states == here.states


@pytest.mark.parametrize("step", ON_FLINK)
def test_the_job_manager_lists_the_jobs_of_a_step(twice, step):
    run = twice.ended["flink"].json["run_id"]
    jobs = [job for job in twice.jobs if job["name"] == f"sales-{step}-{run}"]
    assert jobs
    assert {job["state"] for job in jobs} == {"FINISHED"}


def test_ingest_writes_the_same_examples(twice):
    here, there = twice.files("ingest/examples/*/Split-*/*")
    assert len(here) == 6
    assert here.keys() == there.keys()
    for name, path in here.items():
        assert rows(path) == rows(there[name]), name


def rows(path):
    """The examples in a file, in their order. The order of the features in an example is nobody's promise."""
    import tensorflow as tf

    return [
        tf.train.Example.FromString(row.numpy()).SerializeToString(deterministic=True)
        for row in tf.data.TFRecordDataset(str(path))
    ]


def test_statistics_are_the_same(twice):
    def read(path):
        found = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        for dataset in found.datasets:
            dataset.features.sort(key=lambda feature: feature.path.step[0])
        return found

    here, there = twice.files("statistics/statistics/*/Split-*/FeatureStats.pb")
    assert len(here) == 6
    assert here.keys() == there.keys()
    for name, path in here.items():
        assert read(path) == read(there[name]), name


def test_the_transform_graph_gives_the_same_values(twice):
    import tensorflow as tf

    [*_, examples] = twice.files("ingest/examples/*/Split-test/*")[0].values()
    serialized = tf.constant([row.numpy() for row in tf.data.TFRecordDataset(str(examples))])
    here, there = (
        tf.saved_model.load(str([*models.values()][-1].parent)).signatures["transform_features"](serialized)
        for models in twice.files("train/model/*/Format-Serving/saved_model.pb")
    )
    assert here.keys() == there.keys()
    for name in here:
        np.testing.assert_allclose(here[name], there[name], rtol=1e-6, atol=1e-6, err_msg=name)


def test_metrics_are_the_same(twice):
    here, there = (ended.json["metrics"] for ended in twice.ended.values())
    assert "auc" in here
    assert there == pytest.approx(here, abs=1e-6)


def test_drift_is_the_same(twice):
    def compared(pipeline):
        lines = map(json.loads, pipeline.workspace.drift("sales").read_text().splitlines())
        return {(line["group"], line["feature"]): (line["drifted"], line["metrics"]) for line in lines}

    here, there = (compared(pipeline) for pipeline in twice.pipelines.values())
    assert here
    assert here.keys() == there.keys()
    for key, (drifted, metrics) in here.items():
        assert there[key] == (drifted, pytest.approx(metrics, abs=1e-6)), key


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


def waiting(folder, beam):
    """A pipeline that stops in the middle of a job of the step `ingest`."""
    pipeline = make(folder)
    (folder / "own.py").write_text(WAITS)

    def edit(settings):
        settings["data"]["prepare"] = "own:prepare"
        settings["beam"] = beam

    pipeline.change(edit)
    return pipeline


def until(path, seconds=300):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.1)


def shards(pipeline):
    """What the step `ingest` wrote, by name."""
    [folder] = (pipeline.workspace.root / "artifacts/sales/ingest/examples").iterdir()
    return {str(path.relative_to(folder)): rows(path) for path in folder.glob("Split-*/*")}


def test_a_task_manager_that_is_killed_costs_time_and_nothing_else(flink, tmp_path):
    (tmp_path / "sales").mkdir()
    with flink_service.worker_pool(tmp_path / "sales", tmp_path / "workers.log") as workers:
        pipeline = waiting(tmp_path / "sales", {**flink.settings, "worker_pool": workers})
        with started(pipeline, "ingest: started", "--to", "ingest", "--no-report") as run:
            until(pipeline.folder / "at-work")
            flink.kill_task_manager()
            flink.add_task_manager()
            (pipeline.folder / "go-on").touch()
            said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    interrupted = flink.jobs()[-1]
    assert interrupted["state"] == "FINISHED"
    assert "is no longer reachable" in flink.get(f"jobs/{interrupted['jid']}/exceptions")["root-exception"]
    undisturbed = waiting(tmp_path / "local", {})
    (undisturbed.folder / "go-on").touch()
    with own_code_forgotten(undisturbed.folder):
        assert undisturbed.run("--to", "ingest").code == 0
    assert shards(pipeline) == shards(undisturbed)


def test_an_interrupted_run_leaves_no_job_on_the_cluster(flink, tmp_path):
    pipeline = waiting(tmp_path / "sales", flink.settings)
    with started(pipeline, "ingest: started", "--to", "ingest", "--no-report") as run:
        until(pipeline.folder / "at-work")
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=300)
    assert run.returncode == 130, said
    assert flink.ended(flink.jobs()[-1]["jid"]) == "CANCELED"


def test_a_cluster_that_is_lost_fails_the_run_with_a_message(tmp_path):
    cluster = flink_service.FlinkCluster(tmp_path / "flink")
    try:
        pipeline = waiting(tmp_path / "sales", cluster.settings)
        with started(pipeline, "ingest: started", "--to", "ingest", "--no-report") as run:
            until(pipeline.folder / "at-work")
            cluster.stop()
            (pipeline.folder / "go-on").touch()
            said, _ = run.communicate(timeout=300)
    finally:
        cluster.stop()
    assert run.returncode == 1
    assert "The Flink cluster was lost while a job ran." in said
    assert f"at http://{cluster.master}" in said
    assert "/logs/sales/" in said
    assert "Traceback" not in said
