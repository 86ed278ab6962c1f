"""Errors that users see. Every room raises these; the command line maps them to exit codes.

HeadgateError            exit code 1: something failed
├── SettingsError        exit code 2: the settings or the command cannot be used as they are
├── DataError            exit code 4: the data are not fit to train on
├── ModelError           exit code 1: a model cannot take the rows that it is asked about
└── ReleaseError         exit code 1: the serving directory cannot be read or written
"""

from __future__ import annotations

from typing import ClassVar

from schema.remote.addresses import told


class HeadgateError(Exception):
    """An error told in the five parts that a reader needs to act on it; copies of remote files by their addresses.

    Args:
      what: what was wrong, one sentence.
      where: file, line, feature or row it was found at.
      expected: what would have been right.
      received: what was there instead.
      fix: what to do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(told(what))
        self.what = told(what)
        self.where = where and told(where)
        self.expected = expected and told(expected)
        self.received = received and told(received)
        self.fix = fix and told(fix)

    @property
    def parts(self) -> dict[str, str | None]:
        """The five parts by name: what it takes to make the same error again."""
        return {name: getattr(self, name) for name in ("what", "where", "expected", "received", "fix")}

    def __str__(self) -> str:
        rest = list(self.parts.items())[1:]
        return "\n".join([self.what, *(f"  {name}: {text}" for name, text in rest if text)])


def first_line(error: BaseException) -> str:
    """The first line that an error of somebody else's says, at most 300 characters of it; empty if it says nothing."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:300]


def raised_at(error: BaseException) -> str:
    """The file and line that an error was raised at, as ` (FILE, line N)`; empty where nobody knows."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    return f" ({last.tb_frame.f_code.co_filename}, line {last.tb_lineno})" if last else ""


class SettingsError(HeadgateError):
    """The settings file, an override or an argument cannot be used as it is."""

    exit_code = 2


class DataError(HeadgateError):
    """The data cannot be used: nothing is trained and the release in service stays."""

    exit_code = 4


class ModelError(HeadgateError):
    """A model cannot take the rows that it is asked about."""


class ReleaseError(HeadgateError):
    """The serving directory cannot be read or written safely."""
