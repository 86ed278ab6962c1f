"""Drives a compiled pipeline a step at a time, as an orchestrator would."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from small_pipeline import PROGRAM, STEPS, Pipeline

from pipeline import bundle

ALL = ("begin", *STEPS, "finish")


@dataclass(frozen=True)
class Said:
    """How a step ended.

    Attributes:
      code: exit code.
      end: the JSON object in the last line of stdout.
      stderr: what it told a person.
    """

    code: int
    end: dict[str, Any]
    stderr: str


@dataclass(frozen=True)
class Driven:
    """A bundle, and the pipeline that it was compiled from."""

    pipeline: Pipeline
    folder: Path

    def start(self, step: str, run_id: str, *options: str) -> subprocess.Popen[str]:
        """Starts a step in a process of its own, in a folder that is nobody's."""
        command = [PROGRAM, "node", str(self.folder), step, "--run-id", run_id, "--json", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd="/", env={**os.environ}, **pipes)

    def node(self, step: str, run_id: str, *options: str) -> Said:
        """Runs a step to its end."""
        return ended(self.start(step, run_id, *options))

    def nodes(self, run_id: str, steps: Sequence[str] = ALL) -> dict[str, Said]:
        """Runs steps one after the other, whatever becomes of them."""
        return {step: self.node(step, run_id) for step in steps}


def ended(process: subprocess.Popen[str]) -> Said:
    """Waits for a step."""
    out, error = process.communicate(timeout=600)
    return Said(process.returncode, json.loads(out.splitlines()[-1]), error)


def compiled(pipeline: Pipeline) -> Driven:
    """Compiles a pipeline for Airflow, whose folder holds the bundle."""
    made = pipeline.fresh("compile", "--airflow", str(pipeline.folder / "dags"), "--json")
    assert made.code == 0, made.stderr
    folder = Path(made.json["bundle"])
    assert bundle.read(folder).pipeline == "sales"
    return Driven(pipeline, folder)
