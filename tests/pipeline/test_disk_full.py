"""A disk that is full at every point of a run, and folders that may only be read."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest
from small_disk import needs_mounts, small_disk
from small_pipeline import Ended, Pipeline, invoke, sales
from warm_process import Warm

from serving import releases

pytestmark = pytest.mark.slow

STEP = 100
"""Kilobytes by which the disk's room grows from run to run."""


def ended(warm: Warm, pipeline: Pipeline, *options: str, fault: Sequence[str] = ()) -> Ended:
    told = warm.command(pipeline.argv("run", "--json", *options)[1:], *fault)
    return Ended(told["code"], told["stdout"], told["stderr"])


def why(told: Ended) -> str:
    """The error, which an early one tells in its parts."""
    error = told.json["error"]
    return error if isinstance(error, str) else "\n".join(filter(None, error.values()))


@pytest.fixture
def on_a_small_disk(released, tmp_path):
    kept = tmp_path / "kept"
    shutil.copytree(released.workspace.root, kept, symlinks=True)
    with small_disk(released.workspace.root, megabytes=64) as disk:
        shutil.copytree(kept, released.workspace.root, symlinks=True, dirs_exist_ok=True)
        yield released, disk


def test_a_full_disk_is_told_wherever_it_is_met_and_with_room_the_command_completes(warm, on_a_small_disk):
    pipeline, disk = on_a_small_disk
    pipeline.span(2, sales(seed=2))
    before, places, room = pipeline.serving(), set(), 0
    while True:
        disk.leave(room)
        told = ended(warm, pipeline, "--no-report")
        if told.code == 0:
            break
        assert told.code == 1, told
        places.add(next((step["id"] for step in told.json.get("steps", ()) if step["state"] == "failed"), ""))
        if "The release could not be written" in why(told):
            assert "No space left on device" in why(told)
            assert "Free some disk space" in why(told)
        else:
            assert "The disk is full." in why(told), told
            assert " MiB are free now" in why(told)
            assert "make room, and start the same command again" in why(told)
        assert pipeline.serving() == before
        assert invoke(["runs", "--workspace", str(pipeline.workspace.root)]).code == 0
        room += STEP
    assert len(places) > 3
    disk.leave(None)
    assert told.json["release"]["version"] == 2
    assert releases.verify(releases.in_service(pipeline.workspace.serving, "sales")) == []
    assert ended(warm, pipeline).json["nothing_to_do"]


def test_logs_and_pages_that_cannot_be_written_do_not_fail_a_run(warm, settled):
    needs_mounts()
    settled.span(2, sales(seed=2))
    place = settled.workspace
    files = [place.log("sales", "run"), place.drift("sales"), place.monitor("sales"), place.prometheus("sales")]
    told = ended(warm, settled, fault=("read_only", *(str(file.parent) for file in files), str(place.reports)))
    assert told.code == 0, told
    assert told.json["release"]["version"] == 2
    notes = "\n".join(told.json["notes"])
    assert all(str(file.parent) in notes for file in files)
    assert "report: not written" in told.stderr
    assert settled.history.latest_drift("sales")["span"] == 2


def test_a_serving_directory_that_may_only_be_read(warm, released):
    needs_mounts()
    released.span(2, sales(seed=2))
    before = released.serving()
    told = ended(warm, released, "--no-report", fault=("read_only", str(released.workspace.serving)))
    assert told.code == 1
    assert "what was in service before still is" in why(told)
    assert "Give write access to the serving directory" in why(told)
    assert released.serving() == before
    again = ended(warm, released, "--no-report")
    assert (again.code, again.ran) == (0, ["in_service", "release"])


def test_a_workspace_that_may_only_be_read(warm, released):
    needs_mounts()
    released.span(2, sales(seed=2))
    place = str(released.workspace.root)
    told = ended(warm, released, fault=("read_only", place))
    assert told.code == 2
    assert "The workspace cannot be written to." in why(told)
    for command in ("runs", "show", "drift", "lineage"):
        shown = warm.command([command, "--workspace", place], "read_only", place)
        assert shown["code"] == 0, shown
