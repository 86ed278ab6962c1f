"""`headgate compare`: whether two tables look alike, without a pipeline."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.options import AsJson, Assignments
from pipeline.commands.output import print_json, print_table

DRIFTED = 4
"""Exit code of `--fail`, as of a run that drift blocks."""


def compare(
    reference: Annotated[
        str,
        typer.Argument(metavar="REFERENCE", help="A Parquet or CSV file, a folder of them, or a glob; or an address."),
    ],
    current: Annotated[str, typer.Argument(metavar="CURRENT", help="What is compared with it, likewise.")],
    feature: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="Only this column. Repeatable.")
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option("--pipeline", metavar="PIPELINE", help="Take the columns and bounds of this pipeline."),
    ] = None,
    assignments: Assignments = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", metavar="CHARACTER", help="Of CSV files, if it is no comma.")
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help=f"End with exit code {DRIFTED} if a column drifted.")] = False,
    as_json: AsJson = False,
) -> None:
    r"""Compare two tables column by column: what drifted, worst first.

    The files are read in a stream, so they may be larger than the memory. Bounds are those of the section `drift`.

    \b
    Examples:
      headgate compare january.parquet february.parquet
      headgate compare 'jan/*.csv' 'feb/*.csv' --set drift.bounds.psi=0.1 --fail
      headgate compare trips.csv new.csv --pipeline taxi --json
    """
    from pipeline import comparison

    terms = comparison.terms(pipeline, assignments or [])
    if feature:
        terms = terms.model_copy(update={"features": tuple(feature), "label": None})
    if delimiter is not None:
        if len(delimiter.encode()) != 1 or delimiter in '"\r\n':
            raise typer.BadParameter(f"one ASCII character, no quote and no line end; received {delimiter!r}")
        terms = terms.model_copy(update={"delimiter": delimiter})
    found = comparison.compare(reference, current, terms)
    if as_json:
        print_json(comparison.record(found))
    else:
        typer.echo("\n".join(comparison.notes(found)) + "\n")
        print_table(("column", "type", "metric", "value", "threshold", "verdict"), comparison.rows(found))
        typer.echo(f"\n{len(found.drifted)} of {len(found.drifts)} columns drifted.")
    if fail and found.drifted:
        raise typer.Exit(DRIFTED)
