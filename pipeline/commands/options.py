"""Arguments and options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from pipeline import workspace

Pipeline = Annotated[str, typer.Argument(help="A preset's name, such as taxi or images, or a YAML file.")]

RanPipeline = Annotated[
    str | None, typer.Argument(help="A pipeline's name, or its YAML file. Default: that of the latest run.")
]

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as training.epochs=5. Repeatable."),
]

WorkspaceFolder = Annotated[
    Path,
    typer.Option("--workspace", "-w", metavar="DIR", envvar=workspace.VARIABLE, help="The folder that runs write to."),
]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for a program to read.")]

DEFAULT_WORKSPACE = Path(workspace.DEFAULT)


def help_of(command: Callable[..., object]) -> str:
    r"""A command's docstring as its help: a line of `\b` keeps the paragraph after it as it is."""
    return inspect.cleandoc(command.__doc__ or "").replace(r"\b", "\b")
