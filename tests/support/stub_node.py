"""A program in place of `headgate` that answers what a test tells it to, at once: what a DAG does with the answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import small_pipeline
import yaml

from pipeline.airflow import folder as dag_folder
from pipeline.settings import PipelineSettings

STEPS = [
    {"id": "ingest", "upstream": [], "training": False},
    {"id": "drift", "upstream": ["ingest"], "training": False},
    {"id": "train", "upstream": ["ingest", "drift"], "training": True},
    {"id": "release", "upstream": ["drift", "train"], "training": False},
]

PROGRAM = """\
#!{python}
import json, os, sys
from pathlib import Path
_, command, bundle, step, *options = sys.argv
answers = json.loads(Path(bundle, "answers.json").read_text())
answer = answers.get(os.environ["AIRFLOW_CTX_DAG_RUN_ID"], {{}}).get(step, {{}})
print("asked for", json.dumps([command, step, *options]), file=sys.stderr)
print(json.dumps({{"step": step, "state": "complete", "passed": None, "train": None, **answer}}))
sys.exit(answer.get("code", 0))
"""


def deploy(
    folder: Path, name: str, answers: Mapping[str, Mapping[str, Mapping[str, Any]]], **schedule: Any
) -> PipelineSettings:
    """Writes a DAG folder whose tasks call the stub.

    Args:
      folder: where to.
      name: the pipeline's.
      answers: by run id and step, what of its usual answer is another one, with `code` for the exit code.
      **schedule: settings of that section.
    """
    document = {**yaml.safe_load(small_pipeline.SETTINGS), "name": name, "schedule": schedule}
    settings = PipelineSettings.model_validate(document)
    bundle = folder / name
    bundle.mkdir(parents=True)
    (bundle / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    program = bundle / "headgate"
    program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o700)
    dag_folder.write(folder, settings, STEPS, str(program))
    return settings
