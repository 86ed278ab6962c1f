"""What a run shows while it runs: a live table on a terminal, a line for each event elsewhere."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from pipeline.summary import STATE_STYLES, StepResult, Summary

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

LOGGER = "headgate.progress"
"""Steps say what they are doing to this logger: `logging.getLogger("headgate.progress").info("epoch 3/10")`."""


class Progress(Protocol):
    """Told by the runner what happens, in this order: `start`, for each step `step_started`, any number of
    `message` and `step_finished`, then `finish`. A cached or skipped step may be finished without a start.
    """

    def start(self, run_id: str, pipeline: str, steps: Sequence[str]) -> None:
        """A run begins; `steps` are all the step ids, in order."""

    def step_started(self, step: str) -> None:
        """A step begins."""

    def step_finished(self, result: StepResult) -> None:
        """A step ended."""

    def message(self, step: str | None, text: str) -> None:
        """What `step` (None: the one that is running) is doing now, in a few words; or, while none is running, what
        there is to say about the run.
        """

    def finish(self, summary: Summary) -> None:
        """The run ended."""


class SilentProgress:
    """Shows nothing; remembers which run it is about, as the others do.

    Args:
      stream: what the others write to (see `pipeline.quiet.screen`).

    Attributes:
      run_id: None until a run has started.
      running: the step that is running, if any.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.run_id: str | None = None
        self.running: str | None = None

    def start(self, run_id: str, pipeline: str, steps: Sequence[str]) -> None:
        """See Progress."""
        self.run_id = run_id

    def step_started(self, step: str) -> None:
        """See Progress."""
        self.running = step

    def step_finished(self, result: StepResult) -> None:
        """See Progress."""
        self.running = None

    def message(self, step: str | None, text: str) -> None:
        """See Progress."""

    def finish(self, summary: Summary) -> None:
        """See Progress."""
        self.close()

    def close(self) -> None:
        """Takes down what is on the screen; the last call, also after a failure."""


class PlainProgress(SilentProgress):
    """A line for each event."""

    def start(self, run_id: str, pipeline: str, steps: Sequence[str]) -> None:
        """See Progress."""
        super().start(run_id, pipeline, steps)
        self._line(f"{pipeline}: run {run_id}, {len(steps)} steps")

    def step_started(self, step: str) -> None:
        """See Progress."""
        super().step_started(step)
        self._line(f"{step}: started")

    def step_finished(self, result: StepResult) -> None:
        """See Progress."""
        super().step_finished(result)
        took = f" in {result.seconds:.1f} s" if result.seconds else ""
        self._line(f"{result.id}: {result.state}{took}" + (f" ({result.detail})" if result.detail else ""))

    def message(self, step: str | None, text: str) -> None:
        """See Progress."""
        name = step or self.running
        self._line(f"{name}: {text}" if name else text)

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class RichProgress(SilentProgress):
    """A table that is redrawn in place: step, state, seconds, what it is doing."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._steps: list[str] = []
        self._results: dict[str, StepResult] = {}
        self._now: dict[str, str] = {}
        self._since = 0.0
        self._live: Live | None = None

    def start(self, run_id: str, pipeline: str, steps: Sequence[str]) -> None:
        """See Progress."""
        from rich.console import Console
        from rich.live import Live

        super().start(run_id, pipeline, steps)
        self._steps, self._results, self._now = list(steps), {}, {}
        # The streams are not redirected: what is printed inside goes to the log file.
        self._live = Live(
            get_renderable=self._table,
            console=Console(file=self._stream),
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,  # the summary that follows has the same table, finished
        )
        self._live.start()

    def step_started(self, step: str) -> None:
        """See Progress."""
        super().step_started(step)
        self._since = time.monotonic()

    def step_finished(self, result: StepResult) -> None:
        """See Progress."""
        super().step_finished(result)
        self._results[result.id] = result

    def message(self, step: str | None, text: str) -> None:
        """See Progress."""
        name = step or self.running
        if name:
            self._now[name] = text
        elif self._live:
            self._live.console.print(text, markup=False, highlight=False)  # above the table
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """See SilentProgress."""
        if self._live:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        table.add_column("step", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        table.add_column("now", no_wrap=True, overflow="ellipsis")
        for step in self._steps:
            table.add_row(step, *self._cells(step))
        return table

    def _cells(self, step: str) -> tuple[str, str, str]:
        result = self._results.get(step)
        if result:
            state = f"[{STATE_STYLES[result.state]}]{result.state}[/]"
            return state, f"{result.seconds:.1f}" if result.seconds else "", _plain(result.detail)
        if step == self.running:
            return "[bold]running[/]", f"{time.monotonic() - self._since:.1f}", _plain(self._now.get(step, ""))
        return "[dim]waiting[/]", "", ""


def _plain(text: str) -> str:
    """`text` with nothing in it that Rich would take for markup."""
    from rich.markup import escape

    return escape(text)


class _Forward(logging.Handler):
    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.message(None, record.getMessage())


@contextlib.contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """While inside, what steps log to `LOGGER` reaches `progress` as messages of the running step."""
    logger = logging.getLogger(LOGGER)
    handler, level = _Forward(progress), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextlib.contextmanager
def shown(stream: TextIO, *, silent: bool = False) -> Iterator[SilentProgress]:
    """The progress that fits `stream` (see `pipeline.quiet.screen`), taken down on the way out.

    It listens to what steps log while inside.
    """
    kind = SilentProgress if silent else RichProgress if stream.isatty() else PlainProgress
    progress = kind(stream)
    try:
        with listening(progress):
            yield progress
    finally:
        progress.close()
