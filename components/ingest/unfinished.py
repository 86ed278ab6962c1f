"""Files that say by their name that they are not whole yet: a span of several files may lack some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from components.ingest.settings import DataSettings
from components.ingest.spans import Input, expression

ENDINGS = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".inprogress", "._COPYING_")
"""What browsers, scp clients, Hadoop and scripts put behind the name that a file is to get."""

FOLDERS = ("_temporary",)
"""Where Hadoop and Spark write files until a job has come to its end."""


def unfinished(data: DataSettings, found: Input) -> list[Path]:
    """Finds what is still on its way to a run's input.

    Args:
      data: the settings.
      found: the input that they were resolved to. Remote objects appear whole: there is nothing to find.

    Returns:
      Files that are going to be a part of the same span, once they have their own name, and folders of writers.
    """
    return [] if found.remote else sorted(_unfinished(data, found))


def _unfinished(data: DataSettings, found: Input) -> Iterator[Path]:
    wanted = re.compile(expression(str(Path(data.path or "").expanduser())))
    for folder in {file.parent for file in found.files}:
        for path in folder.iterdir():
            if path.name in FOLDERS:
                yield path
            ending = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
            if ending is None:
                continue
            whole = path.with_name(path.name.removesuffix(ending))
            match = wanted.fullmatch(str(whole))
            if not whole.exists() and (found.folders or (match and _same(match, found))):
                yield path


def _same(match: re.Match[str], found: Input) -> bool:
    """Whether a file is of the span and version that were found."""
    named = match.groupdict()
    return int(named.get("span") or found.span) == found.span and int(named.get("version") or 0) == (found.version or 0)
