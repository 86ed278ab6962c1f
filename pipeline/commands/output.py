"""How commands print what they found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipeline.summary import Summary


def print_json(record: Any) -> None:
    """Prints one JSON value on stdout."""
    typer.echo(json.dumps(record, indent=1, ensure_ascii=False))


def print_summary(summary: Summary) -> None:
    """Prints a run's outcome."""
    from pipeline.summary import render

    print_rendered(render(summary))


def print_rendered(view: RenderableType) -> None:
    """Prints a view: in colour on a terminal, as plain lines elsewhere."""
    from pipeline.terminal.console import plain

    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(view)
    else:
        typer.echo(plain(view), nl=False)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints columns, each as wide as its widest cell; None is a dash."""
    cells = [list(headings), *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
