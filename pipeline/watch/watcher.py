"""Looks for new data, again and again, and runs the pipeline on what it finds, each time in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any

from filelock import FileLock, Timeout

from components.ingest.spans import fingerprints
from pipeline.runners.process import own_program
from pipeline.settings_file import Loaded
from pipeline.watch.plan import Seen, Task, begin, ended, plan, unsettled
from pipeline.watch.state import Last, read, write
from pipeline.workspace import Workspace
from schema.curation import curated_path
from schema.errors import HeadgateError, SettingsError

SETTLED, UNSETTLED = -1, -2
"""What a look found that made no run: nothing to do, or files that are still being written."""

LISTEN_SECONDS = 0.5
"""How often a watcher that waits for a run sees whether it is to end."""

GRACE_SECONDS = 60
"""How long a run that is told to end has for it."""


@dataclass(frozen=True)
class Told:
    """Something that a watcher tells.

    Attributes:
      text: in words.
      run: the run's summary, as `headgate run --json` prints it, where the event is the end of one.
    """

    text: str
    run: dict[str, Any] | None = None


class Watcher:
    """Runs a pipeline whenever there is a reason to.

    Args:
      load: reads the settings; called at every look, so that a change of the file is seen.
      arguments: what `headgate run` is given beside the span: pipeline, overrides, workspace.
      workspace: where everything goes.
      tell: told what happens.
    """

    def __init__(
        self, load: Callable[[], Loaded], arguments: Sequence[str], workspace: Workspace, tell: Callable[[Told], None]
    ) -> None:
        self._load = load
        self._arguments = list(arguments)
        self._workspace = workspace
        self._tell = tell
        self._loaded = load()
        self._since: dict[int, tuple[str, float]] = {}
        self._said = ""
        self._stop = Event()

    def watch(self) -> None:
        """Looks and runs until `stop` is called.

        Raises:
          SettingsError: there is nothing that could be watched.
          HeadgateError: another watcher is at work, or what the last one noted cannot be read.
        """
        with self._only_one():
            while not self._stop.is_set():
                if self._look() in (SETTLED, UNSETTLED):
                    self._stop.wait(self._loaded.settings.watch.every_seconds)

    def once(self) -> int:
        """Does what is due, until a run ends badly; spans that are not settled are waited for.

        Returns:
          Exit code of the last run; 0 where nothing was due.
        """
        code = 0
        with self._only_one():
            while not (code or self._stop.is_set()):
                found = self._look()
                if found == SETTLED:
                    break
                if found == UNSETTLED:
                    self._stop.wait(1)
                else:
                    code = found
        return code

    def stop(self) -> None:
        """Ends the watch; a run that is going on is told to end, too."""
        self._stop.set()

    def _look(self) -> int:
        """Looks once, and makes at most one run; returns its exit code, or SETTLED or UNSETTLED where it made none."""
        try:
            self._loaded = self._load()
            seen = self._see(self._loaded)
        except SettingsError as error:
            self._say(str(error))
            return SETTLED
        path = self._workspace.watch(self._loaded.settings.name)
        state = begin(read(path), seen)
        task = plan(state, seen, _now())
        if task is None:
            if not seen.spans:
                self._say(f"no file matches {self._loaded.settings.data.path} yet")
            return UNSETTLED if unsettled(state, seen) else SETTLED
        self._said = ""
        self._tell(Told(f"span {task.span}: {task.why}" + ("" if task.whole else "; newer spans are there too")))
        code, summary = self._run(task)
        if self._stop.is_set():  # what was broken off is not done
            return code
        last = Last(span=task.span, run_id=summary.get("run_id"), status=_status(code, summary), ended=_now())
        write(path, ended(state, seen, task, code, last, _moment(summary.get("stands_until"))))
        self._tell(Told(f"span {task.span}: {_outcome(last, summary)}", summary))
        return code

    def _see(self, loaded: Loaded) -> Seen:
        settings = loaded.settings
        if settings.data.path is None:
            raise SettingsError(
                "There are no files to watch.",
                where="data.path",
                expected="a path that new files match, such as in/span-{SPAN}/*.csv",
                received=f"only `source: {settings.data.source}`",
                fix="set `data.path`",
            )
        schema = curated_path(settings.schema_, settings.name, loaded.file)
        digest = hashlib.sha256(settings.model_dump_json(by_alias=True).encode())
        digest.update(schema.read_bytes() if schema else b"")
        spans, now = fingerprints(settings.data), time.monotonic()
        for span, mark in spans.items():
            if self._since.get(span, ("", 0))[0] != mark:
                self._since[span] = (mark, now)
        wait = settings.watch.settle_seconds
        settled = frozenset(span for span in spans if now - self._since[span][1] >= wait)
        return Seen(digest.hexdigest()[:16], spans, settled)

    def _run(self, task: Task) -> tuple[int, dict[str, Any]]:
        span = ["--set", f"data.span={task.span}"] if "{SPAN}" in str(self._loaded.settings.data.path) else []
        whole = [] if task.whole else ["--to", "drift"]
        command = [*own_program("pipeline.cli"), "run", *self._arguments, *span, *whole, "--json"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            while True:
                try:
                    output, _ = process.communicate(timeout=LISTEN_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if self._stop.is_set():
                        _end(process)
        try:
            return process.returncode, json.loads(output)
        except ValueError:
            return process.returncode, {}

    def _say(self, text: str) -> None:
        """Tells something that may be found again at every look, once."""
        if text != self._said:
            self._said = text
            self._tell(Told(text))

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        name = self._loaded.settings.name
        path = self._workspace.ensure().watch(name).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=0):
                yield
        except Timeout as error:
            raise HeadgateError(
                f"Another `headgate watch` of `{name}` is at work in this workspace.",
                where=str(path),
                fix="end that one, or give this one a workspace of its own with --workspace",
            ) from error


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _status(code: int, summary: dict[str, Any]) -> str:
    """The run's own word; that of its exit code where it was killed."""
    return str(summary.get("status") or ("failed" if code > 0 else f"killed by {signal.Signals(-code).name}"))


def _outcome(last: Last, summary: dict[str, Any]) -> str:
    """The end of a run in a line."""
    error, release = summary.get("error"), summary.get("release")
    parts = [last.status.replace("_", " ")]
    if isinstance(error, dict):
        parts.append(" ".join(filter(None, (error.get("what"), error.get("where")))))
    elif error:
        parts.append(str(error))
    if release:
        parts.append(f"{release['model']} version {release['version']}")
    if summary.get("monitor") and last.status == "watched":
        parts.append(summary["monitor"]["why"][0])
    parts += [each["message"] for each in summary.get("decisions", ()) if each["outcome"] == "block"][:1]
    return f"{': '.join(parts)}" + (f" (run {last.run_id})" if last.run_id else "")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _now() -> datetime:
    return datetime.now(UTC)
