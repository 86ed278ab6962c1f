"""A workspace whose runs are on PostgreSQL: `pg_dump` first, `headgate backup` second, and both come back."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from small_pipeline import invoke

from pipeline.metadata.place import Metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.workspace import Workspace

pytestmark = pytest.mark.slow


def test_database_and_folder_come_back(postgres, tmp_path, monkeypatch):
    database = postgres.fresh()
    monkeypatch.setenv("HEADGATE_METADATA_PASSWORD", database.password)
    workspace = Workspace(tmp_path / "w").ensure()
    place = Metadata.at(workspace, MetadataSettings(url=database.url))
    place.prepare()
    place.remember(workspace)
    _add(place, "kept")
    (workspace.root / "drift").mkdir()
    (workspace.root / "drift/sales.jsonl").write_text("{}\n")

    _pg(database, "pg_dump", "--format=custom", "--file", tmp_path / "headgate.dump")
    said = invoke(["backup", str(tmp_path / "w.tar"), "--workspace", str(workspace.root)])
    assert said.code == 0, said
    assert f"{database.url}, which needs a backup of its own" in said.stdout
    assert database.password.encode() not in (tmp_path / "w.tar").read_bytes()

    _add(place, "later")
    shutil.rmtree(workspace.root)
    postgres.disconnect(database)
    postgres.ask(f"DROP DATABASE {database.name}")
    postgres.ask(f"CREATE DATABASE {database.name} OWNER {database.user}")
    _pg(database, "pg_restore", "--dbname", _address(database), tmp_path / "headgate.dump")
    assert invoke(["restore", str(tmp_path / "w.tar"), "--workspace", str(workspace.root)]).code == 0

    found = Metadata.of(workspace)
    assert found.where == database.url, "the workspace remembers where its runs are"
    assert [context.name for context in found.open().get_contexts_by_type("pipeline_run")] == ["kept"]
    assert (workspace.root / "drift/sales.jsonl").exists()


def _add(place, name):
    store = place.open()
    type_id = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    store.put_contexts([mlmd.Context(type_id=type_id, name=name)])


def _address(database):
    return f"host={database.host} port={database.port} user={database.user} dbname={database.name}"


def _pg(database, program, *arguments):
    command = [program, *arguments]
    if program == "pg_dump":
        command.append(_address(database))
    environment = os.environ | {"PGPASSWORD": database.password}
    subprocess.run([str(word) for word in command], env=environment, check=True, timeout=60)
