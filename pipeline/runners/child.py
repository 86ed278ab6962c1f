"""A program that runs one node of a compiled pipeline, in a process of its own.

    python -m pipeline.runners.child IR STEP --workspace DIR --log FILE [--own MODULE ...]

It tells what happens on stdout, a JSON object a line: `{"message": ...}` as the step goes on, and at the end
`{"state": ...}` or `{"error": ...}`. Everything else that is printed or logged goes to the end of the log file.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.failures import told
from pipeline.imports import no_collection
from pipeline.metadata.place import Metadata
from pipeline.progress import SilentProgress, listening
from pipeline.quiet import quiet, screen
from pipeline.workspace import Workspace
from schema.errors import HeadgateError

PR_SET_PDEATHSIG = 1
"""Of `prctl(2)`: the signal that a process gets when the one that started it ends."""


class Relay(SilentProgress):
    """Passes on what happens, a line of JSON for each event."""

    def message(self, step: str | None, text: str) -> None:
        """See Progress."""
        self.tell(message=text)

    def tell(self, **event: Any) -> None:
        """Writes one event."""
        print(json.dumps(event), file=self._stream, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the node; returns the exit code: 0, or that of the error."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.child", description=__doc__)
    parser.add_argument("ir", type=Path, help="the compiled pipeline: a binary `Pipeline` message of TFX's IR")
    parser.add_argument("step", help="the node's id")
    parser.add_argument("--workspace", type=Path, required=True, help="it knows the database")
    parser.add_argument("--log", type=Path, required=True, help="the run's log file")
    parser.add_argument("--own", action="append", default=[], help="a module of the user's, blamed for its errors")
    options = parser.parse_args(arguments)
    with screen() as stream, quiet(options.log):
        relay = Relay(stream)
        _end_with_the_parent(relay)
        try:
            with listening(relay):
                state = _launch(options.ir, options.step, options.workspace)
        except KeyboardInterrupt:
            return 130
        except Exception as failure:
            error = told(failure, options.log, options.own)
            relay.tell(error={"kind": _kind(error), **error.parts})
            return error.exit_code
        relay.tell(state=state)
    return 0


def _launch(ir: Path, step: str, workspace: Path) -> str:
    with no_collection():
        from tfx.proto.orchestration import pipeline_pb2

        from pipeline.runners.launch import launch
    return launch(pipeline_pb2.Pipeline.FromString(ir.read_bytes()), step, Metadata.of(Workspace(workspace)))


def _kind(error: HeadgateError) -> str:
    """The nearest class of `schema.errors`: it has the exit code, and is there on the other side."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == HeadgateError.__module__)


def _end_with_the_parent(relay: Relay) -> None:
    """A step must not outlive its run: the next run would find it at work beside its own.

    Linux sends the signal if the parent ends from now on; if it did before, nobody reads what is told.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):
        relay.tell(message="in a process of its own")
        return
    raise SystemExit(HeadgateError.exit_code)


if __name__ == "__main__":
    sys.exit(main())
