"""A program that runs one step in a container of Kubeflow's: what the file of `headgate compile --kubeflow` calls.

    python -m pipeline.runners.kubeflow_step STEP --workspace DIR --pipeline NAME --run-id ID

`begin` also takes the settings and the run's parameters, and compiles the pipeline into the workspace: on the code of
the image, so that code and bundle always belong together. What conditions ask for goes into files that Kubeflow reads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.bundle import RECORD
from pipeline.commands.node import launch
from pipeline.parameters import LATEST
from pipeline.runners.container import IMAGE_BASE
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError

BEGIN = "begin"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the step; returns the exit code of `headgate node`."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.kubeflow_step", description=__doc__)
    parser.add_argument("step", help="begin, a step's id, or finish")
    parser.add_argument("--workspace", type=Path, required=True, help="where the volume is mounted")
    parser.add_argument("--pipeline", required=True, help="the pipeline's name")
    parser.add_argument("--run-id", required=True, help="Kubeflow's name of the run")
    parser.add_argument("--settings", help="of begin: the settings as YAML")
    parser.add_argument("--span", type=int, default=LATEST, help="of begin: the span to read; -1 for the latest")
    parser.add_argument("--data-path", default="", help="of begin: in place of data.path")
    parser.add_argument("--epochs", type=int, help="of begin: in place of training.epochs")
    parser.add_argument("--passed", type=Path, help="file for the verdict")
    parser.add_argument("--train", type=Path, help="file for whether a model is to be trained")
    options = parser.parse_args(arguments)
    bundle = options.workspace / "bundles" / options.pipeline / options.run_id
    try:
        if options.step == BEGIN:
            _compile(options, bundle)
        elif not (bundle / RECORD).exists():
            raise SettingsError(
                "The pipeline that `begin` compiled is not in the workspace.",
                where=str(bundle),
                expected="a run that began, and one workspace for all containers",
                fix="see the log of `begin`; if it went well, set kubeflow.volume to a PersistentVolumeClaim",
            )
    except HeadgateError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    ended = launch(bundle, options.step, options.run_id, options.span if options.span != LATEST else None)
    for file, verdict in ((options.passed, ended.passed), (options.train, ended.train)):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("true" if verdict else "false", encoding="ascii")
    return ended.exit_code


def _compile(options: argparse.Namespace, bundle: Path) -> None:
    """Compiles the pipeline for this run, its parameters filled in."""
    from pipeline.compilation import compile_bundle
    from pipeline.settings_file import load

    bundle.mkdir(parents=True, exist_ok=True)
    file = bundle / "settings.yaml"
    file.write_text(options.settings, encoding="utf-8")
    overrides = [f"training.epochs={options.epochs}"] if options.epochs is not None else []
    if options.data_path:
        overrides.append(f"data.path={options.data_path}")
    loaded = replace(load(str(file), overrides), base=IMAGE_BASE)
    compile_bundle(loaded, Workspace(options.workspace), bundle)


if __name__ == "__main__":
    sys.exit(main())
