"""SIGKILL at every step, at its start, in its middle, while it is put on record and after.

Each time the same command goes on, and in the end nothing tells that anything happened.
"""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from faults import POINTS
from ml_metadata.proto import metadata_store_pb2 as mlmd
from small_pipeline import SETTINGS, Pipeline, Snapshot, invoke, make, sales
from warm_process import Warm

from pipeline.history.store import Store
from pipeline.metadata.place import Metadata
from pipeline.steps import STEPS
from serving import releases

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

EVERYTHING = (
    SETTINGS
    + """\
tuning:
  objective: val_auc
  trials: 2
  epochs: 1
  space:
    training.learning_rate: {low: 0.01, high: 0.05, scale: log}
edge:
  variants:
    phone: {format: float32}
"""
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Pipeline:
    """A pipeline with every step there is."""
    pipeline = make(tmp_path_factory.mktemp("killed") / "sales", EVERYTHING)
    # What models for devices can read.
    pipeline.change(lambda settings: settings["features"].update(columns={"amount": {}}))
    return pipeline


def run(warm: Warm, pipeline: Pipeline, *fault: str):
    return warm.command(pipeline.argv("run", "--json", "--no-report")[1:], *fault)


def at_work(pipeline: Pipeline) -> int:
    """Executions that ML Metadata takes for running."""
    executions = Store(Metadata.of(pipeline.workspace)).ask("get_executions")
    return sum(each.last_known_state in (mlmd.Execution.NEW, mlmd.Execution.RUNNING) for each in executions)


def kept(pipeline: Pipeline) -> set[str]:
    """Every folder of the workspace's artifacts and of TensorBoard's, numbers and digests left out."""
    roots = (pipeline.workspace.artifacts("sales"), pipeline.workspace.tensorboard("sales"))
    folders = (path.relative_to(root.parent) for root in roots for path in root.rglob("*") if path.is_dir())
    return {re.sub(r"/([0-9]+|[0-9a-f]{16})(?=/|$)", "/N", str(folder)) for folder in folders}


def outputs(pipeline: Pipeline) -> set[Path]:
    """The folder of every output of a step."""
    return set(pipeline.workspace.artifacts("sales").glob("*/[a-z]*/*"))


def known(pipeline: Pipeline) -> set[Path]:
    """The folder of every artifact on record."""
    return {Path(each.uri) for each in Store(Metadata.of(pipeline.workspace)).ask("get_artifacts")}


def test_whenever_it_is_killed_the_same_command_goes_on_to_the_same_end(warm, pipeline):
    assert run(warm, pipeline)["code"] == 0
    snapshot = Snapshot(pipeline.folder)
    pipeline.span(2, sales(seed=2))
    undisturbed, folders = json.loads(run(warm, pipeline)["stdout"]), kept(pipeline)
    assert undisturbed["release"]["version"] == 2

    snapshot.put_back()
    pipeline.span(2, sales(seed=2))
    before = pipeline.serving()
    for step in STEPS:
        for point in POINTS:
            ended = run(warm, pipeline, "kill", step, point)
            assert ended["code"] == -signal.SIGKILL, (step, point, ended)
            assert at_work(pipeline) <= 1, (step, point)
            assert len(outputs(pipeline) - known(pipeline)) <= 2, (step, point)  # what it had begun to write
            if step != "release" or point == "start":
                assert pipeline.serving() == before, (step, point)
            in_service = releases.in_service(pipeline.workspace.serving, "sales")
            assert releases.verify(in_service) == [], (step, point)
            [row, *_] = json.loads(invoke(["runs", "--workspace", str(pipeline.workspace.root), "--json"]).stdout)
            assert row["status"] == "interrupted"
            shown = pipeline.show(row["run_id"], "--json")
            assert shown.code == 0
            if (step, point) == ("release", "start"):
                assert shown.json["decisions"] == undisturbed["decisions"]

    again = run(warm, pipeline)
    assert again["code"] == 0, again
    ended = json.loads(again["stdout"])
    assert ended["metrics"] == pytest.approx(undisturbed["metrics"])
    assert ended["release"]["version"] == 2
    versions = pipeline.workspace.serving / "sales"
    assert {path.name for path in versions.iterdir()} == {"1", "2", ".last_version"}
    assert all(releases.verify(each) == [] for each in releases.releases(pipeline.workspace.serving, "sales"))
    assert at_work(pipeline) == 0
    assert outputs(pipeline) <= known(pipeline)
    assert kept(pipeline) == folders
    assert json.loads(run(warm, pipeline)["stdout"])["nothing_to_do"]
