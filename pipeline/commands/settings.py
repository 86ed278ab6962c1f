"""`headgate check` and `headgate init`: settings, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import AsJson, Assignments, Pipeline
from pipeline.commands.output import print_json


def check(
    pipeline: Pipeline = "taxi",
    assignments: Assignments = None,
    show: Annotated[bool, typer.Option("--show", help="Print every setting, defaults written out.")] = False,
    as_json: AsJson = False,
) -> None:
    r"""Check settings against the data, and that the engine they name is there; run nothing.

    \b
    Examples:
      headgate check pipeline.yaml
      headgate check taxi --show --set training.epochs=5
    """
    from pipeline.check import check as check_settings
    from pipeline.engine import engine_notes
    from pipeline.settings_file import load

    loaded = load(pipeline, assignments or [])
    checked = check_settings(loaded)
    notes = (*checked.notes, *engine_notes(loaded.settings.beam))
    if as_json:
        settings = {"settings": loaded.settings.model_dump(mode="json", by_alias=True)} if show else {}
        found = {"columns": checked.columns, "notes": notes}
        print_json({"status": "ok", "pipeline": loaded.settings.name, **found, **settings})
    elif show:
        typer.echo(loaded.text, nl=False)
    else:
        unused = f" Not used: {', '.join(checked.unused)}." if checked.unused else ""
        typer.echo(f"{loaded.document.name}: good. {len(checked.columns)} columns in the data.{unused}")
        for note in notes:
            typer.echo(f"note: {note}")


def init(
    data: Annotated[
        str, typer.Argument(help="A CSV or Parquet file with a header, or a folder of images; or its address.")
    ],
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="The column to predict; of a folder, a name.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("pipeline.yaml"),
) -> None:
    r"""Draft a settings file from your data.

    That is a table with a header, also one with a column of paths of images; a folder with a sub-folder of images for
    each class; or IDX or npz files.

    \b
    Examples:
      headgate init customers.csv --label churned --output customers.yaml
      headgate init photos --output photos.yaml
    """
    from pipeline.drafting.draft import draft
    from schema.remote import copies

    typer.echo(f"{output}: {draft(copies.fetch(data), label, output)}")
    typer.echo(f"Read it, then: headgate check {output} && headgate run {output}")
