"""Copies of remote files: fetched once, told by their addresses, and never half there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from schema.errors import DataError, HeadgateError, SettingsError
from schema.remote import copies, files, places
from schema.remote.addresses import cache, here, is_remote, join, told


def test_a_copy_is_told_by_its_address(memory: str) -> None:
    copy = here(f"{memory}/in/a b.csv", "0123456789abcdef")
    assert told(f"{copy}, line 3; {copy.parent}") == f"{memory}/in/a b.csv, line 3; {memory}/in"
    assert HeadgateError("No.", where=str(copy)).where == f"{memory}/in/a b.csv"
    assert told("/data/in/a.csv") == "/data/in/a.csv"


def test_local_places_stay_as_they_are(tmp_path: Path) -> None:
    assert not is_remote("/data/s3/a.csv")
    assert (here("in/a.csv"), copies.fetch(tmp_path)) == (Path("in/a.csv"), tmp_path)
    assert (join("/a", "b"), join("s3://a/", "b", "c")) == ("/a/b", "s3://a/b/c")


def test_what_did_not_change_is_not_fetched_again(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b/c"):
        files.write(f"{memory}/m/{name}", b"1")
    asked: list[str] = []
    download = files.download
    monkeypatch.setattr(files, "download", lambda address, targets: (asked.extend(targets), download(address, targets)))
    folder = copies.fetch(f"{memory}/m")
    files.write(f"{memory}/m/a", b"2")
    files.remove(f"{memory}/m", ["b/c"])
    files.write(f"{memory}/m/d", b"3")
    assert copies.fetch(f"{memory}/m") == folder
    assert asked == ["a", "b/c", "a", "d"]
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {"a": b"2", "d": b"3"}


def test_a_copy_that_somebody_deleted_is_fetched_again(memory: str) -> None:
    files.write(f"{memory}/a", b"1")
    copies.fetch(f"{memory}/a").unlink()
    assert copies.fetch(f"{memory}/a").read_bytes() == b"1"


def test_only_what_is_wanted_is_fetched(memory: str) -> None:
    for name in ("small", "large"):
        files.write(f"{memory}/m/{name}", b"1")
    folder = copies.fetch(f"{memory}/m", only=lambda name: name == "small")
    assert [path.name for path in folder.iterdir()] == ["small"]


def test_a_folder_is_sent_as_it_is(memory: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/new").write_text("1")
    files.write(f"{memory}/m/old", b"0")
    copies.send(tmp_path, f"{memory}/m")
    assert list(files.listing(f"{memory}/m")) == ["sub/new"]


def test_an_empty_folder_is_there_too(memory: str, tmp_path: Path) -> None:
    copies.send(tmp_path, f"{memory}/m")
    assert places.exists(f"{memory}/m")


def test_an_upload_that_did_not_arrive_is_noticed(memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("12345")
    monkeypatch.setattr(files, "upload", lambda address, sources: files.write(f"{address}/a", b"123"))
    with pytest.raises(HeadgateError, match="did not arrive") as caught:
        copies.send(tmp_path, f"{memory}/m")
    assert (caught.value.where, caught.value.received) == (f"{memory}/m/a", "3 bytes")


def test_a_file_that_changes_while_it_is_read_leaves_no_copy(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(f"{memory}/a", b"1")
    download = files.download

    def slow(address: str, targets: Any) -> None:
        download(address, targets)
        files.write(f"{memory}/a", b"2")

    monkeypatch.setattr(files, "download", slow)
    with pytest.raises(DataError, match="changed while it was read"):
        copies.fetch(f"{memory}/a")
    assert not here(f"{memory}/a").exists()


def test_copies_that_nobody_uses_are_removed(memory: str) -> None:
    files.write(f"{memory}/a", b"1")
    files.write(f"{memory}/b", b"1")
    old, new = copies.fetch(f"{memory}/a"), copies.fetch(f"{memory}/b")
    [record] = [path for path in (cache() / "records").glob("*.json") if str(old) in path.read_text()]
    os.utime(record, (0, time.time() - (copies.KEPT_DAYS + 1) * 86400))
    copies._prune.cache_clear()
    copies.fetch(f"{memory}/b")
    assert (old.exists(), new.exists()) == (False, True)


def test_copies_are_for_their_owner_alone(memory: str) -> None:
    files.write(f"{memory}/a", b"1")
    copies.fetch(f"{memory}/a")
    assert cache().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ImportError("Install s3fs to access S3"), "What reads s3:// is not installed."),
        (PermissionError("Access Denied"), "Access was denied."),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"), "There are no credentials"),
        (FileNotFoundError("The specified bucket does not exist"), "There is no such bucket."),
        (FileNotFoundError("bucket/in/a.csv"), "There is no such file."),
    ],
)
def test_errors_of_libraries_are_explained(error: Exception, what: str) -> None:
    with pytest.raises(SettingsError, match=what) as caught, files.explained("s3://bucket/in/a.csv"):
        raise error
    assert (caught.value.where, caught.value.fix is not None) == ("s3://bucket/in/a.csv", True)


def test_any_other_error_is_the_storage_s() -> None:
    with pytest.raises(HeadgateError, match="failed, after retries") as caught, files.explained("s3://bucket/a"):
        raise OSError("Could not connect to the endpoint URL")
    assert caught.value.received == "Could not connect to the endpoint URL"
    assert caught.value.exit_code == 1


def test_nothing_of_it_is_imported_where_no_path_is_remote() -> None:
    code = "import sys, pipeline.run, serving.releases, pipeline.history; print('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
