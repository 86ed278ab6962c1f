"""The command line. Each command imports what it needs when it is called, so that help answers at once."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline.commands import (
    backup,
    compare,
    compile,
    data,
    demo,
    doctor,
    drift,
    lineage,
    metadata,
    node,
    records,
    report,
    run,
    schema,
    settings,
    watch,
)
from pipeline.commands.options import help_of
from pipeline.signals import EXIT_CODE, Terminated
from schema.errors import HeadgateError, first_line

TRACE = "HEADGATE_TRACE"
"""Set to 1, errors come with their trace: for whoever works on Headgate itself."""

USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""Typer tells wrong usage itself, with exit code 2; it exports no other name of the class."""


class Commands(TyperGroup):
    """The commands, with one way to end for each kind of failure."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; what it raises becomes a message on stderr and an exit code, never a trace.

        With `--json`, the message is a JSON object on stdout.
        """
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except HeadgateError as error:
            if os.environ.get(TRACE):
                raise
            _tell(error, as_json)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            typer.echo("Interrupted. The same command goes on where this one stood.", err=True)
            raise typer.Exit(130) from None
        except Terminated:
            typer.echo("Ended by SIGTERM. The same command goes on where this one stood.", err=True)
            raise typer.Exit(EXIT_CODE) from None
        except (typer.Exit, typer.Abort, USAGE_ERROR, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get(TRACE):
                raise
            from pipeline.disk import disk_error

            if disk := disk_error(error, Path.cwd()):
                _tell(disk, as_json)
                raise typer.Exit(disk.exit_code) from error
            first = first_line(error)
            told = f"{type(error).__name__}: {first}" if first else type(error).__name__
            fix = f"this is a fault of Headgate's own: {TRACE}=1 shows where it happened"
            _tell(HeadgateError("The command failed.", received=told, fix=fix), as_json)
            raise typer.Exit(1) from error


def _tell(error: HeadgateError, as_json: bool) -> None:
    if not as_json:
        typer.echo(str(error), err=True)
        return
    record: dict[str, Any] = dict(error.parts)
    if problems := getattr(error, "problems", ()):
        record["problems"] = [problem.parts for problem in problems]
    status = "blocked" if error.exit_code == 4 else "failed"
    typer.echo(json.dumps({"status": status, "error": record}, indent=1))


app = typer.Typer(
    cls=Commands,
    name="headgate",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="TensorFlow models from data to TensorFlow Serving, through gates that say why.\n\n"
    "\b\nExample:\n  headgate demo\n  headgate init trips.csv --label tipped && headgate run pipeline.yaml",
)
for command in (
    run.run,
    settings.check,
    settings.init,
    demo.demo,
    records.runs,
    records.show,
    drift.drift,
    compare.compare,
    report.report,
    report.ui,
    lineage.lineage,
    watch.watch,
    backup.backup,
    backup.restore,
    doctor.doctor,
):
    app.command(help=help_of(command))(command)
app.command("compile", help=help_of(compile.compile_))(compile.compile_)
app.command("node", help=help_of(node.node))(node.node)
app.add_typer(schema.app, name="schema")
app.add_typer(data.app, name="data")
app.add_typer(metadata.app, name="metadata")


def main() -> None:
    """The program `headgate`."""
    sys.exit(app(prog_name="headgate"))
