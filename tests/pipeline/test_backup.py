"""`headgate backup` and `headgate restore`: a workspace comes back as it was, in its place or another."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import tarfile
import threading

import pytest
from small_pipeline import Pipeline, invoke

from pipeline.backup import _renamed, back_up, restore
from pipeline.history import History
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError
from serving import releases


@pytest.fixture
def archive(released, tmp_path):
    """A backup of a workspace whose version 1 is in service."""
    path = tmp_path / "w.tar.gz"
    back_up(released.workspace, path)
    return path


def test_a_workspace_that_is_lost_comes_back(released, archive):
    shutil.rmtree(released.workspace.root)
    restore(archive, released.workspace)
    assert releases.in_service(released.workspace.serving, "sales").version == 1
    again = released.run()
    assert again.code == 0
    assert again.json["nothing_to_do"]


def test_in_another_place_the_model_in_service_is_known(released, archive):
    """Its address in ML Metadata, in the manifest and in models.config is that of the new place."""
    moved = Pipeline(released.folder / "moved")
    moved.folder.mkdir()
    restore(archive, moved.workspace)
    shutil.rmtree(released.workspace.root)  # whatever still led there would be missed now

    release = releases.in_service(moved.workspace.serving, "sales")
    assert release.path.is_relative_to(moved.workspace.root)
    ended = invoke(["run", str(released.file), "--workspace", str(moved.workspace.root), "--no-report", "--json"])
    assert ended.code == 0, ended
    assert ended.json["nothing_to_do"] or ended.json["monitor"]["model"]["version"] == 1


def test_nothing_names_the_old_place(released, archive, tmp_path):
    moved = Workspace(tmp_path / "moved")
    restore(archive, moved)
    old = f"{released.workspace.root}/"
    with sqlite3.connect(moved.metadata) as database:
        for query in ("SELECT uri FROM Artifact", "SELECT string_value FROM ContextProperty"):
            values = [row[0] for row in database.execute(query) if row[0]]
            assert values
            assert not [value for value in values if old in value]
    assert old not in (moved.serving / "models.config").read_text()
    assert old not in (moved.serving / "sales/1/assets.extra/manifest.json").read_text()


def test_the_history_is_the_same(released, archive, tmp_path):
    restore(archive, Workspace(tmp_path / "moved"))
    [before], [after] = History(released.workspace).runs(), History(Workspace(tmp_path / "moved")).runs()
    assert before.run_id == after.run_id


def test_a_run_that_goes_on_is_no_hindrance(released, tmp_path):
    """Files that come and go, and a database that is written to all the while."""
    stop = threading.Event()

    def work():
        with sqlite3.connect(released.workspace.metadata, timeout=30) as database:
            number = 0
            while not stop.is_set():
                number += 1
                database.execute("INSERT INTO Context (type_id, name) VALUES (1, ?)", (f"busy-{number}",))
                database.commit()
                path = released.workspace.root / f"artifacts/sales/busy-{number % 5}"
                path.write_text("x" * 1000)
                (released.workspace.root / f"artifacts/sales/busy-{(number + 1) % 5}").unlink(missing_ok=True)

    busy = threading.Thread(target=work)
    busy.start()
    try:
        for number in range(5):
            back_up(released.workspace, tmp_path / f"{number}.tar")
    finally:
        stop.set()
        busy.join()
    moved = Workspace(tmp_path / "moved")
    restore(tmp_path / "4.tar", moved)
    with sqlite3.connect(moved.metadata) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert History(moved).runs()


def test_an_archive_is_its_owners_alone(archive):
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_commands_say_what_they_did(released, tmp_path):
    archive, root = tmp_path / "w.tar", tmp_path / "again"
    said = invoke(["backup", str(archive), "--workspace", str(released.workspace.root)])
    assert (said.code, str(released.workspace.root) in said.stdout) == (0, True)
    said = invoke(["restore", str(archive), "--workspace", str(root), "--json"])
    assert said.json["workspace"] == str(root)
    assert said.json["backup"]["workspace"] == str(released.workspace.root)


def test_a_workspace_without_a_run_has_nothing_to_back_up(tmp_path):
    with pytest.raises(SettingsError, match="nothing to back up"):
        back_up(Workspace(tmp_path / "none"), tmp_path / "w.tar")


def test_an_archive_is_never_written_over(released, archive):
    with pytest.raises(SettingsError, match="a new file outside of the workspace"):
        back_up(released.workspace, archive)
    with pytest.raises(SettingsError, match="a new file outside of the workspace"):
        back_up(released.workspace, released.workspace.root / "w.tar")


def test_a_backup_is_not_restored_over_a_workspace(released, archive):
    with pytest.raises(SettingsError, match="into a folder of its own"):
        restore(archive, released.workspace)


@pytest.mark.parametrize("damage", ["cut", "foreign", "text"])
def test_a_damaged_archive_leaves_nothing_behind(archive, tmp_path, damage):
    broken = tmp_path / "broken.tar.gz"
    if damage == "cut":
        broken.write_bytes(archive.read_bytes()[:5000])
    elif damage == "text":
        broken.write_text("no archive")
    else:
        with tarfile.open(broken, "w:gz") as tar:
            other = tmp_path / "backup.json"
            other.write_text(json.dumps({"something": "else"}))
            tar.add(other, "backup.json")
    before = set(tmp_path.iterdir())
    with pytest.raises(HeadgateError, match="nothing was changed"):
        restore(broken, Workspace(tmp_path / "moved"))
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["../outside", "/outside", "workspace/link"])
def test_an_archive_that_reaches_out_of_its_folder_is_refused(tmp_path, name):
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        member = tarfile.TarInfo(name)
        if name.endswith("link"):
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(member)
    with pytest.raises(HeadgateError, match="nothing was changed") as error:
        restore(evil, Workspace(tmp_path / "w"))
    assert f"{name} is no file or folder of a workspace" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar"]


def test_there_is_no_such_archive(tmp_path):
    with pytest.raises(SettingsError, match="no such backup"):
        restore(tmp_path / "none.tar", Workspace(tmp_path / "w"))


def test_a_full_disk_leaves_no_half_archive(released, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(SettingsError, match="No space left"):
        back_up(released.workspace, tmp_path / "w.tar")
    assert not list(tmp_path.glob("*w.tar*"))


@pytest.mark.parametrize(
    "text, moved",
    [
        ("/srv/w/artifacts/a", "/new/artifacts/a"),
        ('{"log": "/srv/w/drift/a.jsonl"}', '{"log": "/new/drift/a.jsonl"}'),
        ("/srv/w", "/new"),
        ("/srv/w2/a", "/srv/w2/a"),
        ("/x/srv/w/a", "/x/srv/w/a"),
        ("s3://b/srv/w/a", "s3://b/srv/w/a"),
    ],
)
def test_only_the_workspaces_own_paths_are_renamed(text, moved):
    assert _renamed("/srv/w", "/new")(text) == moved
