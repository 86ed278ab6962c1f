"""ML Metadata on real database servers."""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import random
import string
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ml_metadata
import pytest
from database_service import Database, DatabaseService
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata import server as servers
from pipeline.metadata.place import Metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError

pytestmark = pytest.mark.slow


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> DatabaseService:
    """Each of the servers in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(server: Any, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty database on it; the environment has the password."""
    fresh = server.fresh()
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", fresh.password)
    return fresh


def place(url: str, folder: Path = Path("nowhere"), wait: float = 60) -> Metadata:
    return Metadata.at(Workspace(folder), MetadataSettings(url=url, wait=wait))


def prepared(database: Database, wait: float = 60) -> ml_metadata.MetadataStore:
    found = place(database.url, wait=wait)
    found.prepare()
    return found.open()


def run_type(store: ml_metadata.MetadataStore, name: str = "pipeline_run") -> int:
    return store.put_context_type(mlmd.ContextType(name=name))


class TestTexts:
    """What is written is read again, whatever it holds and however long it is."""

    @pytest.mark.parametrize("length", [10, 3_000, 9_000, 300_000])
    def test_of_any_length(self, database: Database, length: int) -> None:
        store = prepared(database)
        text = "".join(random.Random(length).choices(string.printable, k=length))
        store.put_contexts([run(run_type(store), "long", settings=text)])
        assert noted(store, "long") == text

    def test_of_any_characters(self, database: Database) -> None:
        store = prepared(database)
        text = """ \\ \\\\ \\' \\" ' '' " % $0 {} \n ☃ 🚀 é'); DROP TABLE Context; -- \\"""
        store.put_contexts([run(run_type(store), "🚀 \\ run", settings=text)])
        assert noted(store, "🚀 \\ run") == text

    def test_backslashes_in_a_uri_are_found_by_it(self, database: Database) -> None:
        store = prepared(database)
        kind = store.put_artifact_type(mlmd.ArtifactType(name="Examples"))
        store.put_artifacts([mlmd.Artifact(type_id=kind, uri="/data/a\\b")])
        assert [each.uri for each in store.get_artifacts_by_uri("/data/a\\b")] == ["/data/a\\b"]


def run(kind: int, name: str, **properties: str) -> mlmd.Context:
    context = mlmd.Context(type_id=kind, name=name)
    for key, value in properties.items():
        context.custom_properties[key].string_value = value
    return context


def noted(store: ml_metadata.MetadataStore, name: str) -> str:
    return store.get_context_by_type_and_name("pipeline_run", name).custom_properties["settings"].string_value


def test_a_pipelines_runs_are_one_workspaces(database: Database, tmp_path: Path) -> None:
    place(database.url, tmp_path / "one").prepare("sales")
    place(database.url, tmp_path / "one").prepare("sales", "returns")
    place(database.url, tmp_path / "two").prepare("stock")
    with pytest.raises(SettingsError, match="runs of `sales` from another workspace") as error:
        place(database.url, tmp_path / "two").prepare("sales")
    assert error.value.expected == str(tmp_path / "one")


@pytest.mark.parametrize("password", ["correct horse", "'; \\' \\", 'p@ss:/?#w%20rd"', "pässword 🐴"])
def test_a_password_may_have_any_characters(
    server: DatabaseService, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = server.fresh(password)
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", password)
    assert run_type(prepared(database))


class TestRefusals:
    """What cannot work is refused at once, in words, with exit code 2; a server that is not there with 1."""

    def test_a_wrong_password(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", "S3cret")
        error = refusal(database.url)
        assert isinstance(error, SettingsError)
        assert "password" in error.received.lower()
        assert "S3cret" not in str(error)

    def test_no_such_database(self, database: Database) -> None:
        error = refusal(database.url + "_not")
        assert isinstance(error, SettingsError)
        assert "_not" in error.received

    def test_no_such_host(self, database: Database) -> None:
        assert isinstance(refusal(database.url.replace("127.0.0.1", "no.such.host.invalid")), SettingsError)

    def test_nobody_answers(self, database: Database) -> None:
        error = refusal(database.url.replace(str(database.port), "1"))
        assert error.what == "The database server does not answer."
        assert error.exit_code == 1

    @pytest.mark.parametrize(("version", "word"), [(9, "older"), (11, "greater")])
    def test_another_version_of_ml_metadata(
        self, server: DatabaseService, database: Database, version: int, word: str
    ) -> None:
        prepared(database)
        server.ask(f"UPDATE MLMDEnv SET schema_version = {version}", database.name)  # noqa: S608
        error = refusal(database.url)
        assert isinstance(error, SettingsError)
        assert word in error.received

    def test_a_user_that_may_only_read(
        self, server: DatabaseService, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = prepared(database)
        kind = run_type(store)
        store.put_contexts([run(kind, "one", settings="{}")])
        reader = server.reader(database)
        monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", reader.password)
        reading = place(reader.url).open()
        assert noted(reading, "one") == "{}"
        with pytest.raises(SettingsError, match="has no right") as error:
            reading.put_contexts([run(kind, "two", settings="{}")])
        assert reader.password not in str(error.value)


def refusal(url: str) -> HeadgateError:
    with pytest.raises(HeadgateError) as error:
        place(url).open()
    with pytest.raises(HeadgateError) as again:
        place(url).prepare()
    assert again.value.what == error.value.what
    return error.value


class TestAbsence:
    """A server that is gone is waited for, as long as the settings say."""

    def test_for_a_while(self, server: DatabaseService, database: Database) -> None:
        store = prepared(database)
        kind = run_type(store)
        server.stop()
        with ThreadPoolExecutor(1) as other:
            written = other.submit(store.put_contexts, [run(kind, "one", settings="{}")])
            time.sleep(1)
            assert not written.done()
            server.start()
            written.result(60)
        assert noted(store, "one") == "{}"
        assert noted(place(database.url).open(), "one") == "{}"

    def test_a_connection_that_somebody_ended(self, server: DatabaseService, database: Database) -> None:
        store = prepared(database)
        run_type(store)
        server.disconnect(database)
        assert store.get_contexts_by_type("pipeline_run") == []

    def test_for_good(self, server: DatabaseService, database: Database) -> None:
        store = prepared(database, wait=0.5)
        server.stop()
        try:
            with pytest.raises(HeadgateError, match="does not answer") as error:
                run_type(store)
            assert error.value.exit_code == 1
            with pytest.raises(HeadgateError, match="does not answer"):  # the time is over for this one, too
                place(database.url, wait=0.5).open()
        finally:
            server.start()
        assert run_type(store)
        assert servers.presence(database.url).missed is None


def test_many_writers_at_once_register_each_type_once_and_lose_nothing(
    server: DatabaseService, database: Database
) -> None:
    writers, rounds = 5, 8
    context = multiprocessing.get_context("fork")
    start = context.Barrier(writers)
    processes = [context.Process(target=write, args=(database.url, start, who, rounds)) for who in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert [process.exitcode for process in processes] == [0] * writers
    store = place(database.url).open()
    names = collections.Counter(each.name for each in store.get_context_types())
    names.update(each.name for each in store.get_execution_types())
    assert set(names.values()) == {1}
    for number in range(rounds):
        assert len(store.get_executions_by_type(f"step{number}")) == writers


def write(url: str, start: Any, who: int, rounds: int) -> None:
    """What one writer does: new types, shared contexts, an execution each."""
    where = place(url)
    start.wait()
    where.prepare()
    store = where.open()
    for number in range(rounds):
        kind = store.put_context_type(mlmd.ContextType(name=f"kind{number}"), can_add_fields=True, can_omit_fields=True)
        step = mlmd.ExecutionType(name=f"step{number}", properties={f"by{who % 2}": mlmd.STRING})
        made = store.put_execution_type(step, can_add_fields=True, can_omit_fields=True)
        with contextlib.suppress(ml_metadata.errors.AlreadyExistsError):
            store.put_contexts([mlmd.Context(type_id=kind, name="shared")])
        shared = store.get_context_by_type_and_name(f"kind{number}", "shared")
        store.put_execution(mlmd.Execution(type_id=made), [], [shared])
