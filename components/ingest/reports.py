"""What the workers tell the executor: a file of JSON for each piece of the input.

Errors of users travel this way as well. Raised in a worker, Beam would retry them, and wrap them in its own trace.
"""

from __future__ import annotations

import json
import traceback
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from absl import logging

from components.ingest.rejects import Reject
from components.ingest.survey import Survey
from components.ingest.text import Evidence
from schema import errors
from schema.errors import HeadgateError


@dataclass(frozen=True)
class FileReport:
    """What became of one piece.

    Attributes:
      rows: good rows of each split, in the order of `splits.NAMES`.
      quarantined: rows in quarantine.
      dropped: rows that `data.prepare` dropped.
      first: the first row in quarantine.
    """

    rows: tuple[int, ...]
    quarantined: int
    dropped: int
    first: Reject | None


Places = list[tuple[int, int]]
"""Where the pieces of a file begin; see `pieces`."""


def write(path: Path, work: Callable[[], Survey | FileReport | Places]) -> None:
    """Does the work and leaves its result, or its error of the Headgate family, as a file that appears at once."""
    try:
        done = work()
        content: dict[str, Any] = {"result": done if isinstance(done, list) else asdict(done)}
    except HeadgateError as error:
        logging.error("%s\n%s", error, traceback.format_exc())
        content = {"error": vars(error), "kind": type(error).__name__}
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)


def read_places(path: Path) -> Places:
    """Reads where the pieces of a file begin, or raises the error that ended the search."""
    return [(start, line) for start, line in _read(path)]


def read_survey(path: Path) -> Survey:
    """Reads the survey of a piece, or raises the error that ended it."""
    result = _read(path)
    return Survey(tuple(result["names"]), {name: Evidence(**counts) for name, counts in result["evidence"].items()})


def read_file_report(path: Path) -> FileReport:
    """Reads the report of a piece, or raises the error that ended it."""
    result = _read(path)
    first = Reject(**result["first"]) if result["first"] else None
    return FileReport(tuple(result["rows"]), result["quarantined"], result["dropped"], first)


def _read(path: Path) -> Any:
    content = json.loads(path.read_text(encoding="utf-8"))
    if "error" in content:
        raise getattr(errors, content["kind"])(**content["error"])
    return content["result"]
