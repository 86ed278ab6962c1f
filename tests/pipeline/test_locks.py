"""One process at a time works with a sqlite file; a server takes many."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_pipeline import invoke, make

from pipeline.locks import is_running, on_database, on_pipeline
from pipeline.metadata.place import Metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.workspace import Workspace
from schema.errors import HeadgateError


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path).ensure()


HOLD = """
import sys, time
from pathlib import Path
from pipeline.locks import on_database, on_pipeline
from pipeline.metadata.place import Metadata
from pipeline.workspace import Workspace

workspace = Workspace(Path(sys.argv[1]))
with on_pipeline(workspace, "sales"), on_database(workspace, Metadata.of(workspace), "a run of `sales`"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def elsewhere(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A run of `sales` in another process."""
    command = [sys.executable, "-c", HOLD, str(workspace.root)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_message_says_who_has_the_database_and_since_when(workspace: Workspace) -> None:
    with elsewhere(workspace) as other, pytest.raises(HeadgateError) as error:
        on_database(workspace, Metadata.of(workspace), "a run of `returns`").__enter__()
    assert error.value.exit_code == 1
    assert error.value.received.startswith(f"a run of `sales`, process {other.pid}, since 20")
    assert "headgate metadata copy" in error.value.fix


def test_a_run_of_another_pipeline_fails_at_once_and_looking_back_works(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    pipeline.change(lambda settings: settings.update(name="returns"))
    with elsewhere(pipeline.workspace.ensure()) as other:
        ended = pipeline.run()
        assert ended.code == 1
        assert ended.json["error"]["received"].startswith(f"a run of `sales`, process {other.pid}, since ")
        assert invoke(["runs", "--workspace", str(pipeline.workspace.root)]).code == 0


def test_a_step_of_an_orchestrator_waits(workspace: Workspace) -> None:
    with elsewhere(workspace) as other:
        other.kill()
        with on_database(workspace, Metadata.of(workspace), "a step", wait=30):
            pass


def test_the_same_pipeline_once_at_a_time(workspace: Workspace) -> None:
    with elsewhere(workspace) as other:
        with pytest.raises(HeadgateError, match="Another run of `sales`") as error, on_pipeline(workspace, "sales"):
            pass
        assert f"process {other.pid}" in error.value.received
        assert is_running(workspace, "sales")
        assert not is_running(workspace, "returns")


def test_a_run_is_over_with_its_process_however_that_ended(workspace: Workspace) -> None:
    with elsewhere(workspace) as other:
        other.kill()
        other.wait()
        assert not is_running(workspace, "sales")


def test_one_who_only_looks_keeps_no_run_from_starting(workspace: Workspace) -> None:
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        assert not is_running(workspace, "sales")
        with on_pipeline(workspace, "sales"):
            assert is_running(workspace, "sales")


def test_a_server_takes_many(workspace: Workspace) -> None:
    server = Metadata.at(workspace, MetadataSettings(url="postgresql://headgate@localhost/headgate"))
    with on_database(workspace, server, "a run"), on_database(workspace, server, "another"):
        pass
