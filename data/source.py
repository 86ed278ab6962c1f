"""What a data set that ships with Headgate consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from schema.section import Section


class Found(NamedTuple):
    """Where a data set lies.

    Attributes:
      path: as `data.path` takes it.
      note: what whoever runs on it must know; empty where the data set is what it is called.
    """

    path: str
    note: str = ""


@dataclass(frozen=True)
class Source:
    """One data set.

    Attributes:
      about: a line on it.
      preset: a pipeline that runs on it.
      find: puts it into a folder unless it is there, as `data.source` has it.
      settings: of one span.
      spans: from the settings of all spans to what writes each span as a folder of the given name.
      file: in a span's folder; empty where the folder itself is the data.
      independent: whether a span is the same whatever the other spans are.
      few: like `find`, but with a few of the rows; for data sets that take long to make.
    """

    about: str
    preset: str
    find: Callable[[Path], Found]
    settings: type[Section]
    spans: Callable[[Sequence[Any]], Sequence[Callable[[Path], object]]]
    file: str = ""
    independent: bool = False
    few: Callable[[Path], Found] | None = None
