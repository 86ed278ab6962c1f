"""What a watcher remembers, so that the next one goes on where it stood: `watch/PIPELINE.json` in the workspace."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from schema.errors import HeadgateError
from serving import files


class Last(BaseModel):
    """The last run that a watcher started."""

    model_config = ConfigDict(frozen=True)

    span: int
    run_id: str | None
    """None where it ended before it was on record."""
    status: str
    ended: datetime


class State(BaseModel):
    """What has been seen and done.

    A span that is not listed is new. One whose files, or a pipeline whose settings, are no longer what is noted here
    is run again.
    """

    model_config = ConfigDict(frozen=True)

    settings: str = ""
    """Digest of the settings and of the curated schema that the last run was made with."""
    spans: dict[int, str] = {}
    """Fingerprint of the files of each span that has been dealt with."""
    failures: int = 0
    """How many runs failed in a row."""
    retry: datetime | None = None
    """After a failure: when the same is tried again."""
    tried: str = ""
    """What failed, as `Seen.mark` has it. Something else need not wait."""
    stands_until: datetime | None = None
    """When the last run is to be made again though nothing changes: a cooldown ends, or the model gets too old."""
    last: Last | None = None


def read(path: Path) -> State:
    """Reads the state; that of a first start where there is none.

    Raises:
      HeadgateError: the file does not parse.
    """
    try:
        return State.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    except (ValidationError, UnicodeDecodeError) as error:
        raise HeadgateError(
            "What the last watcher noted cannot be read.",
            where=str(path),
            received=str(error).partition("\n")[0],
            fix="delete the file: the latest span is then looked at anew, and has nothing to do if it was done",
        ) from error


def write(path: Path, state: State) -> None:
    """Writes the state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, state.model_dump_json(indent=1) + "\n")
