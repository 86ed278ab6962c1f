"""What libraries say of a disk that takes no more, and what is told instead."""

from __future__ import annotations

import errno
import os

import pytest

from pipeline.disk import disk_error
from schema.errors import HeadgateError, ReleaseError


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError(f"OSError: [Errno 28] {FULL} [while running 'WriteShards']"),
        RuntimeError("Error when executing query: database or disk is full query:  INSERT INTO `EventPath`"),
        caused(HeadgateError("The workspace's database cannot be read."), RuntimeError("database or disk is full")),
    ],
    ids=["write", "quota", "Beam", "sqlite", "cause"],
)
def test_a_full_disk_is_known_by_what_each_library_says(tmp_path, error):
    told = disk_error(error, tmp_path / "not yet there")
    assert told.what == "The disk is full."
    assert told.where == str(tmp_path / "not yet there")
    assert " MiB are free now" in told.received
    assert "start the same command again" in told.fix


def test_the_file_is_named_where_the_error_names_it(tmp_path):
    path = tmp_path / "saved_model.pb.tmp1"
    assert disk_error(OSError(errno.ENOSPC, FULL, str(path)), tmp_path).where == str(path)
    assert disk_error(RuntimeError(f"ResourceExhaustedError: {path}; {FULL}"), tmp_path).where == str(path)


def test_a_disk_that_may_only_be_read(tmp_path):
    told = disk_error(OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path)), tmp_path)
    assert told.what == "The disk may only be read."


@pytest.mark.parametrize("error", [ValueError("the moon is full"), OSError(errno.ENOENT, "No such file")])
def test_other_errors_are_none_of_it(tmp_path, error):
    assert disk_error(error, tmp_path) is None


def test_what_the_release_step_tells_is_told_as_it_is(tmp_path):
    assert disk_error(caused(ReleaseError("could not be written"), OSError(errno.ENOSPC, FULL)), tmp_path) is None
