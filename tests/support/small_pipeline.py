"""A pipeline small enough to run whole in a test: 700 sales, four features, one epoch."""

from __future__ import annotations

import csv
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components import fingerprint
from pipeline.cli import app
from pipeline.history import History
from pipeline.workspace import Workspace

PROGRAM = str(Path(sys.executable).with_name("headgate"))

STEPS = (
    "ingest",
    "statistics",
    "schema",
    "in_service",
    "gate",
    "monitor",
    "drift",
    "transform",
    "train",
    "evaluate",
    "judge",
    "release",
)

SETTINGS = """\
name: sales
data:
  path: span-{SPAN}/sales.csv
label:
  name: again
features:
  columns:
    amount: {}
    miles: {transform: [log, zscore], impute: median, indicator: true}
    weekday: {type: int, transform: identity, size: 8}
    shop: {type: string, size: 10}
model:
  layers: [{units: 8}]
training:
  epochs: 1
  batch_size: 16
  learning_rate: 0.02
  early_stopping: null
evaluation:
  slices:
    shop: shop
    amount: {columns: amount, boundaries: [20, 40]}
  thresholds:
    auc: {min: 0.6, slices: {shop: {min: 0.1}}}
  change_thresholds: {auc: 0.3}
  max_gap: {auc: 0.5}
  min_slice_rows: 10
"""

Row = dict[str, Any]


def sales(rows: int = 700, seed: int = 1) -> list[Row]:
    """Sales whose label follows from `amount` and `shop`; some miles and shops are missing."""
    random_ = random.Random(seed)
    return [_sale(random_) for _ in range(rows)]


def _sale(random_: random.Random) -> Row:
    amount = round(random_.uniform(1, 60), 2)
    shop = random_.choice(["north", "south", "west", None])
    return {
        "amount": amount,
        "miles": round(random_.expovariate(0.2), 3) if random_.random() > 0.1 else None,
        "weekday": random_.randint(1, 7),
        "shop": shop,
        "again": int(amount + (15 if shop == "north" else 0) + random_.gauss(0, 5) > 30),
    }


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Path:
    """Writes rows as CSV; None is an empty field."""
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
      code: exit code.
      stdout: all that it printed there.
      stderr: all that it printed there.
    """

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout; anything beside it is an error."""
        return json.loads(self.stdout)

    @property
    def states(self) -> dict[str, str]:
        """State of each step."""
        return {step["id"]: step["state"] for step in self.json["steps"]}

    @property
    def ran(self) -> list[str]:
        """Steps that were neither cached nor skipped."""
        return [step for step, state in self.states.items() if state == "complete"]


@dataclass(frozen=True)
class Pipeline:
    """A settings file with its data, and a workspace.

    Attributes:
      folder: holds `pipeline.yaml`, the data, and the workspace `w`.
    """

    folder: Path

    @property
    def file(self) -> Path:
        """The settings file."""
        return self.folder / "pipeline.yaml"

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return Workspace(self.folder / "w")

    @property
    def history(self) -> History:
        """What ML Metadata holds now."""
        return History(self.workspace)

    def span(self, number: int, rows: Iterable[Row], columns: Sequence[str] | None = None) -> Path:
        """Writes a span of data."""
        return write_csv(self.folder / f"span-{number}/sales.csv", rows, columns)

    def rows(self, number: int) -> list[Row]:
        """The rows of a span, as text."""
        with (self.folder / f"span-{number}/sales.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edits the settings file."""
        settings = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        edit(settings)
        self.file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def run(self, *options: str) -> Ended:
        """`headgate run FILE --json` in this process, without a page of the run: most tests have no use for one."""
        return self.command("run", *options, "--no-report", "--json")

    def show(self, run_id: str, *options: str) -> Ended:
        """`headgate show RUN` in this process."""
        return invoke(["show", run_id, "--workspace", str(self.workspace.root), *options])

    def command(self, *arguments: str) -> Ended:
        """A command on this file and workspace, in this process, such as `run` or `schema accept`."""
        return invoke(self._arguments(arguments))

    def fresh(self, *arguments: str, timeout: int = 300) -> Ended:
        """The same in a process of its own."""
        result = subprocess.run(
            self.argv(*arguments), capture_output=True, text=True, timeout=timeout, cwd=self.folder, check=False
        )
        return Ended(result.returncode, result.stdout, result.stderr)

    def argv(self, *arguments: str) -> list[str]:
        """The command line of a process of its own."""
        return [PROGRAM, *self._arguments(arguments)]

    def _arguments(self, arguments: Sequence[str]) -> list[str]:
        words = 2 if arguments[0] == "schema" else 1
        return [*arguments[:words], str(self.file), "--workspace", str(self.workspace.root), *arguments[words:]]

    def serving(self) -> dict[str, bytes]:
        """Everything in the serving directory, by path, but for the lock."""
        root = self.workspace.serving
        files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != ".lock")
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


def invoke(arguments: list[str]) -> Ended:
    """A command of `headgate` in this process."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def make(folder: Path, settings: str = SETTINGS) -> Pipeline:
    """A pipeline with one span of data that has never run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(settings, encoding="utf-8")
    pipeline = Pipeline(folder)
    pipeline.span(1, sales())
    return pipeline


@contextmanager
def own_code_forgotten(folder: Path) -> Iterator[None]:
    """On the way out, this process knows nothing of modules below the folder, as if it were a fresh one."""
    path, variable = sys.path[:], os.environ.get("PYTHONPATH")
    try:
        yield
    finally:
        forget_code(folder)
        sys.path[:] = path
        if variable is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = variable


def forget_code(folder: Path) -> None:
    """Forgets modules below the folder, and their fingerprints: a run in a fresh process would read them anew."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(folder):
            del sys.modules[name]
    importlib.invalidate_caches()
    fingerprint._content.cache_clear()


@contextmanager
def started(pipeline: Pipeline, line: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, from the moment on which it says `line`; it is dead afterwards."""
    process = subprocess.Popen(
        pipeline.argv("run", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=pipeline.folder,
        # Where the tests run as a shell's background job, the signal is ignored, and that is handed down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        said = []
        for text in process.stdout:
            said.append(text)
            if text.startswith(line):
                break
        else:
            pytest.fail(f"`{line}` was never said:\n{''.join(said)}")
        yield process
    finally:
        process.kill()
        process.communicate()


class Snapshot:
    """A folder as it was, to be put back at the same place: artifacts' addresses are absolute."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copy = Path(tempfile.mkdtemp(prefix="saved-", dir=folder.parent), folder.name)
        shutil.copytree(folder, self._copy, symlinks=True)

    def put_back(self) -> None:
        """Makes the folder what it was, times of change included."""
        shutil.rmtree(self._folder)
        shutil.copytree(self._copy, self._folder, symlinks=True)
