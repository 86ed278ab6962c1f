"""A process that has imported all that a run needs, and forks for each command: so a run costs no start-up.

As a program, it takes commands from stdin and tells on stdout how each ended, a JSON object a line.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MODULES = (
    *("pipeline.cli", "pipeline.run", "pipeline.dag", "pipeline.runners.local", "pipeline.report.write"),
    *("pipeline.prometheus", "pipeline.notebook"),
    *("tfx.components.schema_gen.executor", "tfx.components.transform.executor", "tfx.components.trainer.executor"),
    *("tfx.components.tuner.executor", "tfx.components.statistics_gen.executor"),
    *("components.training.trainer", "components.tuning.tuner", "components.edge.make", "components.transform.images"),
    *("components.transform.preprocessing", "components.evaluation.evaluate", "tensorflow_model_analysis"),
    *("pipeline.settings_file", "pipeline.check"),
)

PR_SET_PDEATHSIG = 1


class Warm:
    """The process, from the outside. End it with `close`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout.readline() == "ready\n"

    def command(self, argv: Sequence[str], *fault: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
        """Runs `headgate ARGV`, with something that happens to it.

        Args:
          argv: the command's words.
          fault: the name of a function of `faults`, and its arguments.
          environment: variables beside those that are there.

        Returns:
          `code`, negative for a signal; `stdout`; `stderr`.
        """
        asked = {"argv": list(argv), "fault": fault, "environment": environment or {}}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Forks for each line on stdin."""
    for module in MODULES:
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    answers.write("ready\n")
    for line in sys.stdin:
        answers.write(json.dumps(_forked(**json.loads(line))) + "\n")


def _forked(argv: list[str], fault: list[str], environment: dict[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        files = {"stdout": Path(folder, "stdout"), "stderr": Path(folder, "stderr")}
        child = os.fork()
        if not child:
            _be_the_command(argv, fault, environment, files)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {"code": code, **{name: file.read_text() for name, file in files.items()}}


def _be_the_command(argv: list[str], fault: list[str], environment: dict[str, str], files: dict[str, Path]) -> None:
    code = 70
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.environ.update(environment)
        for number, file in enumerate(files.values(), start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv[:] = ["headgate", *argv]
        with _happening(fault):
            importlib.import_module("pipeline.cli").main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


@contextlib.contextmanager
def _happening(fault: list[str]) -> Iterator[None]:
    if fault:
        sys.path.insert(0, str(Path(__file__).parent))
        getattr(importlib.import_module("faults"), fault[0])(*fault[1:])
    yield


if __name__ == "__main__":
    serve()
