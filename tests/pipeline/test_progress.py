"""What a run shows: on a terminal, in a pipe, and to a program."""

from __future__ import annotations

import io
import logging

import pytest

from pipeline.progress import LOGGER, PlainProgress, RichProgress, SilentProgress, shown
from pipeline.summary import StepResult, Summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(progress) -> None:
    progress.start("r1", "taxi", ["ingest", "train", "release"])
    progress.step_finished(StepResult("ingest", "cached", 0.0))
    progress.step_started("train")
    logging.getLogger(LOGGER).info("epoch %d/%d loss 0.412", 3, 10)
    progress.step_finished(StepResult("train", "complete", 12.34, "10 epochs"))
    progress.step_finished(StepResult("release", "skipped", 0.0))
    progress.finish(Summary("r1", "taxi", "not_blessed"))


def test_in_a_pipe_each_event_is_a_line():
    stream = io.StringIO()
    with shown(stream) as progress:
        run(progress)
    assert stream.getvalue().splitlines() == [
        "taxi: run r1, 3 steps",
        "ingest: cached",
        "train: started",
        "train: epoch 3/10 loss 0.412",
        "train: complete in 12.3 s (10 epochs)",
        "release: skipped",
    ]


def test_on_a_terminal_a_table_shows_each_step_and_what_it_is_doing(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    with shown(stream) as progress:
        assert isinstance(progress, RichProgress)
        run(progress)
    last = stream.getvalue().rpartition("step")[2]
    for told in ("ingest", "cached", "train", "complete", "12.3", "10 epochs", "release", "skipped"):
        assert told in last


def test_what_is_said_while_no_step_runs_is_a_line_of_its_own(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for stream in (io.StringIO(), Terminal()):
        with shown(stream) as progress:
            progress.message(None, "collecting [images]")
            progress.start("r1", "taxi", ["train"])
            progress.message(None, "note: not [MNIST]")
        assert "collecting [images]\n" in stream.getvalue()
        assert "note: not [MNIST]" in stream.getvalue()


def test_the_running_step_shows_its_last_message():
    progress = RichProgress(Terminal())
    progress.start("r1", "taxi", ["train"])
    progress.step_started("train")
    progress.message(None, "epoch [1]")
    state, _, now = progress._cells("train")
    progress.close()
    assert "running" in state
    assert now == r"epoch \[1]" or now == "epoch [1]"


def test_silent_progress_only_remembers():
    stream = Terminal()
    with shown(stream, silent=True) as progress:
        assert type(progress) is SilentProgress
        run(progress)
    assert stream.getvalue() == ""
    assert progress.run_id == "r1"


def test_the_screen_is_given_back_after_a_failure():
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), shown(stream) as progress:
        progress.start("r1", "taxi", ["train"])
        raise KeyboardInterrupt
    shown_again, hidden = (stream.getvalue().rfind(f"\x1b[?25{code}") for code in "hl")
    assert shown_again > hidden >= 0, "the cursor"
    assert logging.getLogger(LOGGER).handlers == []


def test_messages_outside_of_a_step_are_lines_of_their_own():
    stream = io.StringIO()
    PlainProgress(stream).message(None, "nothing to do")
    assert stream.getvalue() == "nothing to do\n"
