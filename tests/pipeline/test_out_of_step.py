"""Workspaces whose database and artifacts no longer belong together: what commands say, and that a run mends it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_pipeline import Ended, Pipeline, invoke, sales
from warm_process import Warm

from serving import releases

pytestmark = pytest.mark.slow


def run(warm: Warm, pipeline: Pipeline) -> Ended:
    told = warm.command(pipeline.argv("run", "--json", "--no-report")[1:])
    return Ended(told["code"], told["stdout"], told["stderr"])


def looks_back(pipeline: Pipeline) -> None:
    """Every command that looks back shows what it can."""
    place = ("--workspace", str(pipeline.workspace.root))
    for command in (["runs"], ["show"], ["drift"], ["lineage", "sales@1"], ["report"]):
        ended = invoke([*command, *place])
        assert ended.code == 0, (command, ended)


def output(pipeline: Pipeline, step: str, name: str) -> Path:
    """The newest output of a step."""
    return max(pipeline.workspace.artifacts("sales").glob(f"{step}/{name}/*"), key=lambda path: int(path.name))


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def truncated(folder: Path) -> None:
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-10])


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def other_rate(settings) -> None:
    settings["training"]["learning_rate"] = 0.03


def other_slices(settings) -> None:
    settings["evaluation"]["slices"]["weekday"] = "weekday"


def other_bound(settings) -> None:
    settings["evaluation"]["thresholds"]["auc"]["min"] = 0.62


@pytest.mark.parametrize(
    ("step", "name", "damage", "change"),
    [
        ("ingest", "examples", emptied, other_rate),
        ("ingest", "examples", truncated, other_rate),
        ("transform", "transform_graph", truncated, other_rate),
        ("train", "model", truncated, other_slices),
        ("evaluate", "evaluation", emptied, other_bound),
    ],
)
def test_results_that_somebody_touched_are_told_once_and_made_anew(warm, settled, step, name, damage, change):
    folder, before = output(settled, step, name), settled.serving()
    damage(folder)
    looks_back(settled)
    settled.change(change)
    told = run(warm, settled)
    assert told.code == 1
    assert "Results of an earlier step are no longer as they were made." in told.json["error"]
    assert f"where: {folder}" in told.json["error"]
    assert "start the same command again: they are made anew" in told.json["error"]
    assert settled.serving() == before
    again = run(warm, settled)
    assert again.code == 0, again
    assert step in again.ran
    looks_back(settled)


def test_results_that_are_gone_are_made_anew_at_once(warm, released):
    for step, name in (("ingest", "examples"), ("transform", "transform_graph")):
        removed(output(released, step, name))
    looks_back(released)
    again = run(warm, released)
    assert again.code == 0, again
    assert {"ingest", "transform", "train"} <= set(again.ran)


def test_statistics_that_drift_compares_with_are_done_without_once_they_are_told(warm, settled):
    folder = output(settled, "statistics", "statistics")
    truncated(folder)
    settled.span(2, sales(seed=2))
    told = run(warm, settled)
    assert told.code == 1
    assert f"where: {folder}" in told.json["error"]
    again = run(warm, settled)
    assert (again.code, again.json["release"]["version"]) == (0, 2), again


def test_a_release_whose_folder_is_gone_is_released_again(warm, released):
    shutil.rmtree(released.workspace.serving / "sales/1")
    looks_back(released)
    again = run(warm, released)
    assert (again.code, again.json["release"]["version"]) == (0, 2), again
    assert releases.verify(releases.in_service(released.workspace.serving, "sales")) == []


def test_a_database_that_was_deleted_begins_anew_in_folders_of_its_own(warm, released):
    stray = output(released, "ingest", "examples") / "Split-train/data_tfrecord-00007-of-00008"
    shutil.copy(next(stray.parent.iterdir()), stray)
    released.workspace.metadata.unlink()
    before = released.serving()
    assert invoke(["runs", "--workspace", str(released.workspace.root)]).code == 0
    assert released.serving() == before
    again = run(warm, released)
    assert again.code == 0, again
    assert not stray.exists()
    assert releases.verify(releases.in_service(released.workspace.serving, "sales")) == []
    looks_back(released)
    assert run(warm, released).json["nothing_to_do"]


def test_an_old_database_that_was_restored_goes_on_from_where_it_stood(warm, released):
    backup = released.folder / "backup.db"
    shutil.copy(released.workspace.metadata, backup)
    released.span(2, sales(seed=2))
    assert run(warm, released).json["release"]["version"] == 2
    shutil.copy(backup, released.workspace.metadata)
    looks_back(released)
    again = run(warm, released)
    assert again.code == 0, again
    release = releases.in_service(released.workspace.serving, "sales")
    assert releases.verify(release) == []
    assert release.manifest.span == 2
    looks_back(released)
