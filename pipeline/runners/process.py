"""Runs nodes in processes of their own, each as if it ran in this one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.summary import State
from schema.errors import DataError, HeadgateError, ReleaseError, SettingsError

ROOT = Path(__file__).resolve().parents[2]
"""Where Headgate's own packages lie."""

KINDS = {kind.__name__: kind for kind in (HeadgateError, SettingsError, DataError, ReleaseError)}


def own_program(module: str) -> list[str]:
    """How a command line begins that runs the `main` of a module of ours.

    As `python -m MODULE`, but a `pipeline.py` of the user's own is not taken for ours.
    """
    start = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import components, schema, serving; "
        f"from {module} import main; del sys.path[0]; sys.exit(main())"
    )
    return [sys.executable, "-P", "-c", start, str(ROOT)]


@dataclass(frozen=True)
class NodeProcess:
    """Runs certain steps in a process of their own.

    Attributes:
      steps: which.
      workspace: where the run writes to; it knows the database.
      environment: the process' environment variables.
      log: the run's log file.
      own_modules: top-level names of the user's own modules.
      message: told what a step says it is doing.
    """

    steps: Collection[str]
    workspace: Path
    environment: Mapping[str, str]
    log: Path
    own_modules: Sequence[str]
    message: Callable[[str, str], None]

    def launch(self, ir: Any, step: str) -> State:
        """Runs a node to its end; the process is gone afterwards, however that came.

        Args:
          ir: the compiled pipeline, the run's id filled in.
          step: the node's id.

        Returns:
          What became of it.

        Raises:
          HeadgateError: the step failed, with the kind and parts that it had there; or its process was killed.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "pipeline.pb")
            file.write_bytes(ir.SerializeToString())
            command = [*own_program("pipeline.runners.child"), str(file), step]
            command += ["--workspace", str(self.workspace), "--log", str(self.log)]
            command += [word for module in self.own_modules for word in ("--own", module)]
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=dict(self.environment)
            ) as process:
                try:
                    last = self._listen(process, step)
                    code = process.wait()
                except BaseException:
                    process.kill()
                    raise
        if "state" in last:
            return last["state"]
        if "error" in last:
            raise KINDS[last["error"].pop("kind")](**last["error"])
        raise _died(step, code, self.log)

    def _listen(self, process: subprocess.Popen[str], step: str) -> dict[str, Any]:
        """Passes messages on; returns the last event."""
        event: dict[str, Any] = {}
        for line in process.stdout or ():
            event = json.loads(line)
            if "message" in event:
                self.message(step, event["message"])
        return event


def _died(step: str, code: int, log: Path) -> HeadgateError:
    """The error for a process that ended without a word."""
    killed = code == -signal.SIGKILL
    return HeadgateError(
        f"The process of the step `{step}` " + ("was killed." if killed else "broke down."),
        where=f"the end of {log}",
        received=signal.Signals(-code).name if code < 0 else f"exit code {code}",
        fix="if the machine's memory ran out: lower training.batch_size, or set training.cache to disk"
        if killed
        else None,
    )
