"""What becomes of an exception that a step raised: a message for a person; the trace goes to the log."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

from pipeline.disk import disk_error
from schema.errors import HeadgateError, first_line


def told(error: Exception, log: Path, own_modules: Sequence[str]) -> HeadgateError:
    """A step's exception as an error in parts, its trace logged.

    Args:
      error: what the step raised.
      log: the run's log file.
      own_modules: top-level names of the user's own modules, to be blamed where they are.

    Returns:
      The error itself if it is one already.
    """
    logging.getLogger(__name__).error("the run failed", exc_info=error)
    if disk := disk_error(error, log):
        return disk
    if isinstance(error, HeadgateError):
        return error
    place = _own_place(error, own_modules)
    return HeadgateError(
        f"{type(error).__name__}: {first_line(error)}",
        where=place or f"the trace is in {log}",
        fix=f"correct the function; the trace is in {log}" if place else None,
    )


def _own_place(error: Exception, own_modules: Sequence[str]) -> str | None:
    """The line of the user's own code that an error came from, if it did."""
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__")).partition(".")[0] in own_modules:
            place = f"{frame.f_code.co_filename}, line {line}, in {frame.f_code.co_name}"
    return place
