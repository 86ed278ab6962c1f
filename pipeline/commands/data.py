"""`headgate data`: the data sets that ship with Headgate, written as spans."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import AsJson, help_of
from pipeline.commands.output import print_json, print_table

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Data sets that ship with Headgate, to try pipelines on.",
)


def make(
    name: Annotated[str, typer.Argument(help="A data set; `headgate data list` shows them.")],
    spans: Annotated[int, typer.Option("--spans", min=1, help="How many spans to write.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where to. Default: a folder of its name.")
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", help="Rows of each span: short for --set rows=...")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of what is random: short for --set seed=...")] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="mnist: a folder of IDX files, or an .npz file.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, or one value for each span: KEY=1,1,0.5."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write spans anew that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    r"""Write a data set as spans, and say how to run on them.

    \b
    Examples:
      headgate data make textures --spans 3 --set lighting=1.0,1.0,0.5
      headgate data make taxi --spans 4 --output trips
      headgate data make mnist --from folder-of-idx-files
    """
    from data import spans as data_spans
    from data.sources import source
    from pipeline.quiet import quiet
    from pipeline.span_settings import span_settings

    found = source(name, "headgate data make")
    given = {key: value for key, value in (("rows", rows), ("seed", seed), ("from", from_)) if value is not None}
    settings = span_settings(found, spans, given, assignments or [], f"data make {name}")
    with quiet(Path(os.devnull)):  # Keras, which downloads MNIST, and TensorFlow under it
        made = data_spans.make(found, settings, output or Path(name), force=force)
    command = f"headgate run {found.preset} --set {shlex.quote(f'data.path={made.pattern}')}"
    if as_json:
        print_json(
            {"source": name, "pattern": made.pattern, "written": made.written, "kept": made.kept, "run": command}
        )
        return
    for numbers, what in ((made.written, "written"), (made.kept, "there already, and kept (--force writes it anew)")):
        if numbers:
            typer.echo(f"span {', '.join(map(str, numbers))}: {what}")
    typer.echo(f"data.path: {made.pattern}\nRun the latest span: {command}")


def list_(as_json: AsJson = False) -> None:
    r"""List the data sets and their settings.

    \b
    Example:
      headgate data list
    """
    from data.sources import SOURCES

    defaults = {
        name: {field.alias or key: field.default for key, field in source.settings.model_fields.items()}
        for name, source in SOURCES.items()
    }
    if as_json:
        print_json(
            [
                {"name": name, "about": source.about, "preset": source.preset, "settings": defaults[name]}
                for name, source in SOURCES.items()
            ]
        )
        return
    print_table(("name", "what"), ((name, source.about) for name, source in SOURCES.items()))
    typer.echo("\nsettings of `headgate data make NAME --set KEY=VALUE`, with their defaults:")
    print_table(
        ("name", "settings"),
        ((name, "  ".join(f"{key}={_shown(value)}" for key, value in defaults[name].items())) for name in SOURCES),
    )


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


app.command(name="make", help=help_of(make))(make)
app.command(name="list", help=help_of(list_))(list_)
