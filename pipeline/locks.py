"""Locks on a workspace. Linux takes them back when the process that holds them ends, however it does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.metadata.place import Metadata
from pipeline.workspace import Workspace
from schema.errors import HeadgateError

STEP_WAIT = 4 * 3600
"""Seconds that a step which an orchestrator starts waits for the database."""


MOMENT = 1
"""Seconds to wait for a lock that somebody may hold for a moment only, to see whether it is free."""


@contextmanager
def on_database(workspace: Workspace, metadata: Metadata, doing: str, wait: float = 0) -> Iterator[None]:
    """Keeps a sqlite file for one process: two that write to it meet in an error. A server takes many.

    Args:
      workspace: the workspace.
      metadata: its database.
      doing: what the process does, for others to read, such as "a run of `taxi`".
      wait: seconds to wait for it.

    Raises:
      HeadgateError: another process has it; with what that does, since when, and its number.
    """
    if metadata.address is not None:
        yield
        return
    path = workspace.database_lock
    try:
        with FileLock(path, timeout=wait):
            _note(path, doing)
            yield
    except Timeout:
        raise HeadgateError(
            "Another process works with this workspace's database, which is a sqlite file: it takes one at a time.",
            where=str(metadata.file),
            received=_holder(path),
            fix="wait for it; or move the database to a server, which takes many: headgate metadata copy",
        ) from None


@contextmanager
def on_pipeline(workspace: Workspace, pipeline: str) -> Iterator[None]:
    """Lets `headgate run` run a pipeline once at a time; while it is held, a run that says it is running is.

    Raises:
      HeadgateError: another process has it.
    """
    path = workspace.lock(pipeline)
    try:
        with FileLock(path, timeout=MOMENT):
            _note(path, f"a run of `{pipeline}`")
            yield
    except Timeout:
        raise HeadgateError(
            f"Another run of `{pipeline}` is going on in this workspace.",
            where=str(path),
            received=_holder(path),
            fix="wait for it, or give this run a workspace of its own with --workspace",
        ) from None


def is_running(workspace: Workspace, pipeline: str) -> bool:
    """Whether `headgate run` is at work on a pipeline."""
    try:
        with FileLock(workspace.lock(pipeline), timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # in a workspace that may only be read, nobody runs anything
        return False


def _note(path: Path, doing: str) -> None:
    """Notes who holds a lock: in a file beside it, since one who tries to get it empties the lock's own."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    _notes(path).write_text(json.dumps({"doing": doing, "process": os.getpid(), "since": since}), encoding="utf-8")


def _holder(path: Path) -> str | None:
    try:
        noted = json.loads(_notes(path).read_text(encoding="utf-8"))
        return f"{noted['doing']}, process {noted['process']}, since {noted['since']}"
    except (OSError, ValueError, KeyError):  # it is being written
        return None


def _notes(path: Path) -> Path:
    return path.with_suffix(".holder.lock")
