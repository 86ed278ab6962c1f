"""Logs of JSON lines, such as the drift log: only ever appended to."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schema.errors import HeadgateError, first_line

PROGRESS = logging.getLogger("headgate.progress")


def head(context: Any) -> dict[str, Any]:
    """What each record begins with: `time`, `run_id` and `execution_id`.

    Args:
      context: of the executor that writes it, as TFX gives it; None outside of a run.
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "run_id": context.pipeline_run_id if context else None,
        "execution_id": context._unique_id if context else None,
    }


@contextmanager
def dispensable(path: str) -> Iterator[None]:
    """Around the writing of what is a view of a record: that it cannot be written is told, and fails nothing."""
    try:
        yield
    except Exception as error:
        PROGRESS.info("note: %s could not be written: %s", path, getattr(error, "strerror", None) or first_line(error))
        logging.getLogger(__name__).warning("%s could not be written", path, exc_info=True)


def append(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Appends records as JSON lines: all in one write, on disk when this returns.

    Two processes that append at the same time do not mix their lines, since each writes once with O_APPEND. A
    line that a killed process or a full disk cut short is closed first, so that it spoils no other.

    Raises:
      HeadgateError: the disk took only a part of the lines.
    """
    lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            lines = b"\n" + lines
        written = os.write(descriptor, lines)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if written < len(lines):
        raise HeadgateError(
            "A log could not be written in full.",
            where=str(path),
            expected=f"{len(lines)} bytes",
            received=f"{written} bytes",
            fix="make room on the disk and run again; a line cut short is passed over when the log is read",
        )


def read(path: Path) -> list[dict[str, Any]]:
    """Records of a log, oldest first; lines that were cut short are passed over. Empty without a log."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records
