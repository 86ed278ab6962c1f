"""Rich views where there is no terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 1000
"""No line is wrapped: a program, or a person with a pager, does that better."""


def plain(view: RenderableType) -> str:
    """A Rich view as plain lines, for a pipe or a file."""
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=WIDTH, color_system=None).print(view)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
