"""What can happen to a run, each a function that is called in the run's process before it begins."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLONE_NEWNS = 0x00020000
"""Of `unshare(2)`: mounts of its own."""

POINTS = ("start", "middle", "publish", "after")
"""Of a step: nothing is written yet; its outputs are being written; they are, but are not on record; it is done."""


def kill(step: str, point: str) -> None:
    """SIGKILL at a point of a step."""
    from tfx.orchestration.portable import execution_publish_utils, launcher, resolver_node_handler

    launched: list[str] = []

    def now(at: str) -> None:
        if at == point and launched[-1:] == [step]:
            os.kill(os.getpid(), signal.SIGKILL)

    def launch(self: Any, *, original: Any = launcher.Launcher.launch) -> Any:
        launched.append(self._pipeline_node.node_info.id)
        if self._system_node_handler:
            now("start")
        return original(self)

    def executor(self: Any, info: Any, *, original: Any = launcher.Launcher._run_executor) -> Any:
        now("start")
        if point == "middle" and launched[-1] == step:
            _at_the_first_file([artifact.uri for each in info.output_dict.values() for artifact in each])
        result = original(self, info)
        now("middle")
        return result

    def published(name: str) -> Any:
        original = getattr(execution_publish_utils, name)

        def publish(*arguments: Any, **named: Any) -> Any:
            now("publish")
            now("middle")
            result = original(*arguments, **named)
            now("after")
            return result

        return publish

    launcher.Launcher.launch = launch
    launcher.Launcher._run_executor = executor
    for name in ("publish_succeeded_execution", "publish_internal_execution"):
        setattr(execution_publish_utils, name, published(name))
    assert resolver_node_handler.execution_publish_utils is execution_publish_utils


def _at_the_first_file(folders: list[str]) -> None:
    """Kills as soon as something stands in one of these folders."""

    def watch() -> None:
        while not any(path.is_file() for folder in folders for path in Path(folder).rglob("*")):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def ask_to_end(step: str) -> None:
    """SIGTERM as a step begins to work."""
    _before(step, lambda: os.kill(os.getpid(), signal.SIGTERM))


def change(step: str, path: str, text: str) -> None:
    """Somebody appends to a file as a step begins to work."""

    def append() -> None:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)

    _before(step, append)


def read_only(*folders: str) -> None:
    """Folders that nobody can write to, root neither; only this process sees them so."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNS):
        raise PermissionError("no mount namespace of its own")
    _mount("--make-rprivate", "/")
    for folder in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
        _mount("--bind", folder, folder)
        _mount("-o", "remount,bind,ro", folder)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _before(step: str, happens: Callable[[], None]) -> None:
    from tfx.orchestration.portable import launcher

    def executor(self: Any, info: Any, *, original: Any = launcher.Launcher._run_executor) -> Any:
        if self._pipeline_node.node_info.id == step:
            happens()
        return original(self, info)

    launcher.Launcher._run_executor = executor
