"""Runs that are recorded on real database servers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from database_service import Database, DatabaseService
from small_pipeline import PROGRAM, Ended, Pipeline, invoke, make, started

from pipeline.metadata.place import Metadata

pytestmark = pytest.mark.slow

PASSWORD = "HEADGATE_METADATA_PASSWORD"  # noqa: S105


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseService:
    """Each of the servers in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(server: DatabaseService, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty database on it; the environment has the password."""
    fresh = server.fresh()
    monkeypatch.setenv(PASSWORD, fresh.password)
    return fresh


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline that has released a model, all of it recorded in a sqlite file."""
    pipeline = make(tmp_path_factory.mktemp("copied"))
    ended = pipeline.run()
    assert ended.json["status"] == "pushed", ended.stderr
    return pipeline


@pytest.fixture
def moved(ran: Pipeline, database: Database) -> Iterator[Pipeline]:
    """The same, on its way to a server."""
    yield ran
    ran.workspace.metadata_url.unlink(missing_ok=True)


def looked_back(pipeline: Pipeline) -> list[str]:
    """What every command says that looks back, but for when a page was written."""
    commands = (["runs"], ["show"], ["show", "--json"], ["drift", "--json"], ["lineage", "--json"])
    return [on(pipeline, *command).stdout for command in commands]


def on(pipeline: Pipeline, *command: str) -> Ended:
    """A command on the pipeline's workspace, which is all that it is told."""
    return invoke([*command, "--workspace", str(pipeline.workspace.root)])


def copy(pipeline: Pipeline, database: Database) -> Ended:
    return on(pipeline, "metadata", "copy", "--to", database.url)


class TestCopy:
    """Everything is there afterwards as it was before, or nothing is."""

    def test_looking_back_and_the_next_run_find_what_they_found(self, moved: Pipeline, database: Database) -> None:
        before = looked_back(moved)
        ended = copy(moved, database)
        assert ended.code == 0, ended.stderr
        assert looked_back(moved) == before
        size = json.loads(on(moved, "metadata", "show", "--json").stdout)
        assert (size["where"], size["runs"]) == (database.url, 1)
        assert moved.run("--set", f"metadata.url={database.url}").json["nothing_to_do"]
        again = moved.run("--to", "gate", "--from", "ingest").states
        assert {again[step] for step in ("ingest", "statistics", "gate")} == {"cached"}

    def test_twice_is_as_once(self, moved: Pipeline, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:  # killed between the copy and the note of it
            patch.setattr(Metadata, "remember", lambda *_: 1 / 0)
            assert copy(moved, database).code == 1
        assert "nothing to do" in copy(moved, database).stdout
        assert "nothing to do" in copy(moved, database).stdout

    def test_killed_in_the_middle_it_has_copied_nothing(
        self, moved: Pipeline, database: Database, server: DatabaseService
    ) -> None:
        program = (
            "import itertools, os\n"
            "from pipeline.cli import main\n"
            "from pipeline.metadata import copy\n"
            "counts, calls = copy.counts, itertools.count()\n"
            "copy.counts = lambda *a: counts(*a) if next(calls) < 2 else os.kill(os.getpid(), 9)  # all rows are sent\n"
            "main()\n"
        )
        command = ["metadata", "copy", "--to", database.url, "--workspace", str(moved.workspace.root)]
        killed = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, timeout=100)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert server.ask("SELECT COUNT(*) FROM Context", database.name) == "0"
        assert not moved.workspace.metadata_url.exists()
        assert copy(moved, database).stdout.startswith("copied")

    def test_a_database_with_other_runs_is_refused(
        self, moved: Pipeline, database: Database, server: DatabaseService
    ) -> None:
        copy(moved, database)
        moved.workspace.metadata_url.unlink()
        server.ask("UPDATE Context SET create_time_since_epoch = 1", database.name)
        ended = copy(moved, database)
        assert ended.code == 2
        assert "The database is not empty." in ended.stderr

    def test_a_run_with_a_server_in_its_settings_says_what_to_do(self, ran: Pipeline, database: Database) -> None:
        ended = ran.run("--set", f"metadata.url={database.url}")
        assert ended.code == 2
        assert f"headgate metadata copy --workspace {ran.workspace.root} --to {database.url}" in ended.stdout


def on_server(folder: Path, database: Database, name: str = "sales", wait: float = 60) -> Pipeline:
    """A pipeline whose runs are recorded on a server; several share the folder's workspace."""
    pipeline = make(folder)
    pipeline.change(lambda settings: settings.update(name=name, metadata={"url": database.url, "wait": wait}))
    return pipeline


@contextlib.contextmanager
def running(*pipelines: Pipeline, workspace: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Runs of several pipelines, at the same time, in one workspace."""
    processes = [
        subprocess.Popen(
            [PROGRAM, "run", str(each.file), "--workspace", str(workspace), "--json", "--no-report"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=each.folder,
        )
        for each in pipelines
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_two_pipelines_at_once_outlive_ten_seconds_without_the_database(
    server: DatabaseService, database: Database, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    pipelines = [on_server(tmp_path / name, database, name) for name in ("sales", "returns")]
    with running(*pipelines, workspace=workspace) as processes:
        wait_until(lambda: executions(server, database) > 4)
        rows = json.loads(invoke(["runs", "--workspace", str(workspace), "--json"]).stdout)
        assert {row["status"] for row in rows} == {"running"}
        server.stop()
        time.sleep(10)
        server.start()
        said = [process.communicate(timeout=300) for process in processes]
    assert [json.loads(out)["status"] for out, _ in said] == ["pushed", "pushed"], said
    rows = json.loads(invoke(["runs", "--workspace", str(workspace), "--json"]).stdout)
    assert {(row["pipeline"], row["status"]) for row in rows} == {("sales", "pushed"), ("returns", "pushed")}
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if database.password.encode() in path.read_bytes()]
    assert database.password not in str(said)


def executions(server: DatabaseService, database: Database) -> int:
    """How many steps have started."""
    try:
        return int(server.ask("SELECT COUNT(*) FROM Execution", database.name))
    except subprocess.CalledProcessError:  # the tables are being made
        return 0


def wait_until(what: object, seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def test_a_database_that_is_gone_for_good_fails_the_run_and_the_next_one_completes_it(
    postgres: DatabaseService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database = postgres.fresh()
    monkeypatch.setenv(PASSWORD, database.password)
    pipeline = on_server(tmp_path, database, wait=1)
    with started(pipeline, "transform: started") as process:
        postgres.stop()
        try:
            said, _ = process.communicate(timeout=200)
        finally:
            postgres.start()
    assert process.returncode == 1
    assert "The database server does not answer." in said
    assert database.url in said
    assert "Traceback" not in said
    assert pipeline.serving() == {}
    ended = pipeline.run()
    assert ended.json["status"] == "pushed"
    assert ended.states["ingest"] == ended.states["statistics"] == "cached"
    assert [row.status for row in pipeline.history.runs()] == ["pushed", "interrupted"]


def test_looking_back_imports_neither_tfx_nor_tensorflow(
    postgres: DatabaseService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database = postgres.fresh()
    monkeypatch.setenv(PASSWORD, database.password)
    pipeline = on_server(tmp_path, database)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pipeline.metadata.place import Metadata\n"
        "from pipeline.settings_file import load\n"
        "from pipeline.workspace import Workspace\n"
        "from pipeline.history import History\n"
        "workspace = Workspace(Path(sys.argv[2])).ensure()\n"
        "metadata = Metadata.of(workspace, load(sys.argv[1]).settings.metadata)\n"
        "metadata.prepare()\n"
        "metadata.remember(workspace)\n"
        "assert History(workspace).runs() == []\n"
        "print([name for name in ('tfx', 'tensorflow', 'apache_beam') if name in sys.modules])\n"
    )
    arguments = [str(pipeline.file), str(pipeline.workspace.root)]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=100)
    assert result.stdout == "[]\n", result.stderr


def test_postgresql_reads_pgpass(postgres: DatabaseService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database = postgres.fresh()
    monkeypatch.delenv(PASSWORD, raising=False)
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:{database.user}:{database.password}\n")
    file.chmod(0o600)
    environment = {**os.environ, "PGPASSFILE": str(file)}
    pipeline = on_server(tmp_path / "p", database)
    pipeline.workspace.ensure().metadata_url.write_text(json.dumps({"url": database.url}))
    command = [PROGRAM, "metadata", "show", "--workspace", str(pipeline.workspace.root)]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert database.url in shown.stdout, shown.stderr
