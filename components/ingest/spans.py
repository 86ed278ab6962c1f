"""Which files a run reads: resolves `data.path` and `data.span` to files, a span and a fingerprint."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.ingest.formats import labels_beside, recognise
from components.ingest.settings import DataSettings, Format
from schema.errors import SettingsError
from schema.remote import copies
from schema.remote.addresses import here, is_remote
from schema.remote.files import Entry
from schema.remote.tree import Tree, placeholders

_TOKEN = re.compile(r"\{(\w*)\}|\*\*/|\*|\?|\[!?[^\]]+\]")
_LISTED = 10
"""How many names an error message lists."""


@dataclass(frozen=True)
class Input:
    """The input of one run.

    Attributes:
      format: format of the files.
      files: the files, sorted by name; at least one.
      folders: the folders that hold them, where `data.path` names folders.
      span: number of the span; 0 where the path has no `{SPAN}`.
      version: number of the version; None where the path has no `{VERSION}`.
      fingerprint: changes when a file is added, removed, renamed or written to.
      remote: what to fetch, by its name below `address`, where `files` are copies that may still have to be made.
      address: the remote folder; empty where the input is local.
    """

    format: Format
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    span: int
    version: int | None
    fingerprint: str
    remote: Mapping[str, Entry] = field(default_factory=dict)
    address: str = ""

    def fetch(self) -> None:
        """Makes the copies that `files` names; does nothing where the input is local.

        Raises:
          DataError: a file changed since the input was resolved.
        """
        if self.remote:
            copies.fetch(self.address, self.fingerprint, entries=self.remote)

    def first(self) -> Input:
        """The input with its first file alone, where it is no folder: all that a look at the columns needs."""
        if self.folders or self.format == "idx":
            return self
        name = self.files[0].relative_to(here(self.address, self.fingerprint)).as_posix() if self.remote else ""
        return replace(self, files=self.files[:1], remote={name: self.remote[name]} if name else {})


@dataclass(frozen=True)
class _Match:
    path: Path
    span: str
    version: str


def resolve(data: DataSettings) -> Input:
    """Finds the files of `data.path`: those of `data.span`, or of the latest span; of the latest version.

    Where it matches files and folders, the files are meant.

    `{SPAN}` and `{VERSION}` stand for digits, with or without leading zeros. Wildcards are those of the shell.

    Raises:
      SettingsError: nothing matches, or the pattern cannot be read.
    """
    pattern = _pattern(data)
    if not is_remote(pattern):
        return _resolve(data, pattern)
    with placeholders(pattern) as tree:
        return _elsewhere(_resolve(data, str(here(pattern, tree.key))), tree)


def _resolve(data: DataSettings, pattern: str) -> Input:
    if "{" not in pattern:
        if data.span is not None:
            raise SettingsError(
                "`data.span` is set, but `data.path` does not say where the span's number stands.",
                where=f"data.path: {pattern}",
                expected="a path with {SPAN}, such as in/span-{SPAN}/*.csv",
                received=f"span {data.span}",
                fix="put {SPAN} into the path, or remove `data.span`",
            )
        return _input(data, _plain(pattern), 0, None)
    matches = _matches(pattern)
    matches = _of_span(matches, pattern, data.span)
    span = int(matches[0].span)
    version = None
    if "{VERSION}" in pattern:
        matches = _one_spelling(_of_latest_version(matches), "version", pattern)
        version = int(matches[0].version)
    return _input(data, sorted(match.path for match in matches), span, version)


def fingerprints(data: DataSettings) -> dict[int, str]:
    """What there is to read: a fingerprint of the files of each span, or of `data.span` alone; of the latest versions.

    Args:
      data: the settings. Where the path has no `{SPAN}`, all files are span 0.

    Returns:
      Fingerprints by span; empty where no file matches.

    Raises:
      SettingsError: the pattern cannot be read.
    """
    pattern = _pattern(data)
    if "{" not in pattern:
        paths = _files_or_folders([Path(name) for name in _glob(pattern)])
        return {0: fingerprint(paths)} if paths else {}
    found: dict[int, list[_Match]] = {}
    for match in _matches(pattern):
        if data.span in (None, int(match.span)):
            found.setdefault(int(match.span), []).append(match)
    return {span: fingerprint([match.path for match in _of_latest_version(found[span])]) for span in sorted(found)}


def _of_latest_version(matches: Sequence[_Match]) -> list[_Match]:
    latest = max(int(match.version or 0) for match in matches)
    return [match for match in matches if int(match.version or 0) == latest]


def _input(data: DataSettings, paths: Sequence[Path], span: int, version: int | None) -> Input:
    form, files = recognise(data, paths)
    folders = tuple(path for path in paths if path.is_dir())
    return Input(form, files, folders, span, version, fingerprint([*files, *_labels(form, files)]))


def _labels(form: Format, files: Sequence[Path]) -> list[Path]:
    return [labels_beside(file) for file in files] if form == "idx" else []


def _elsewhere(found: Input, tree: Tree) -> Input:
    """What was found among placeholders, as the remote files that they stand for."""
    names = sorted(tree.name(file) for file in (*found.files, *_labels(found.format, found.files)))
    entries = {name: tree.entries[name] for name in names}
    key = tree.version(names)
    files, folders = (
        tuple(here(tree.address, key) / tree.name(path) for path in paths) for paths in (found.files, found.folders)
    )
    return replace(found, files=files, folders=folders, fingerprint=key, remote=entries, address=tree.address)


def fingerprint(files: Sequence[Path]) -> str:
    """Digest of the files' names (below their common folder), sizes and times of change; 16 hex digits."""
    base = os.path.commonpath([file.parent for file in files])
    digest = hashlib.sha256()
    for file in sorted(files):
        stat = file.stat() if file.exists() else file.lstat()  # a link to nothing
        digest.update(os.fsencode(f"{os.path.relpath(file, base)}\0{stat.st_size}\0{stat.st_mtime_ns}\n"))
    return digest.hexdigest()[:16]


def _pattern(data: DataSettings) -> str:
    if data.path is None:
        raise SettingsError(
            "The input has no path.",
            where="data.path",
            expected="a file, a glob or a pattern with {SPAN}",
            received=f"only `source: {data.source}`",
            fix="set `data.path`, or run the pipeline by `headgate run`, which fetches the source",
        )
    pattern = data.path if is_remote(data.path) else str(Path(data.path).expanduser())
    unknown = [name for name in re.findall(r"\{(.*?)\}", pattern) if name not in ("SPAN", "VERSION")]
    if unknown or ("{VERSION}" in pattern and "{SPAN}" not in pattern):
        raise SettingsError(
            "`data.path` cannot be read as a pattern.",
            where=f"data.path: {data.path}",
            expected="{SPAN}, and {VERSION} only beside {SPAN}",
            received="{" + unknown[0] + "}" if unknown else "{VERSION} without {SPAN}",
            fix="write the numbers' places as {SPAN} and {VERSION}",
        )
    return pattern


def _plain(pattern: str) -> list[Path]:
    exact = Path(pattern)
    found = _files_or_folders([exact] if exact.exists() else sorted(Path(name) for name in _glob(pattern)))
    if not found:
        raise SettingsError(
            "No input file was found.",
            where=f"data.path: {pattern}",
            expected="at least one file",
            received=_neighbours(exact),
            fix=f"correct `data.path`; it is relative to {Path.cwd()}",
        )
    return found


def _files_or_folders(paths: Sequence[Path]) -> list[Path]:
    """The files, if there are any; else the folders."""
    return [path for path in paths if path.is_file()] or [path for path in paths if path.is_dir()]


def _glob(pattern: str) -> list[str]:
    return glob.glob(pattern, recursive=True)  # noqa: PTH207  Path.glob takes no absolute patterns


def _neighbours(path: Path) -> str:
    """What there is where the path stops existing."""
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    names = sorted(entry.name for entry in parent.iterdir() if not entry.name.startswith("."))
    return f"in {parent}: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more if names else "nothing"


def _matches(pattern: str) -> list[_Match]:
    """All files that the pattern matches, whatever their span and version; all folders, if there is no file."""
    wanted = re.compile(expression(pattern))
    paths = [Path(name) for name in _glob(re.sub(r"\{\w+\}", "[0-9]*", pattern)) if wanted.fullmatch(name)]
    found = [(path, wanted.fullmatch(str(path))) for path in _files_or_folders(paths)]
    return [_Match(path, hit["span"], hit.groupdict().get("version") or "") for path, hit in found if hit]


def expression(pattern: str) -> str:
    """The glob as a regular expression whose groups `span` and `version` hold the digits."""
    parts, end = [], 0
    for token in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[end : token.start()]))
        text, name, end = token[0], (token[1] or "").lower(), token.end()
        if name:
            parts.append(f"(?P={name})" if f"(?P<{name}>" in "".join(parts) else f"(?P<{name}>[0-9]+)")
        elif text == "**/":
            parts.append("(?:.*/)?")
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(text, text.replace("[!", "[^")))
    return "".join(parts) + re.escape(pattern[end:])


def _of_span(matches: list[_Match], pattern: str, span: int | None) -> list[_Match]:
    spans = sorted({int(match.span) for match in matches})
    wanted = spans[-1] if span is None and spans else span
    chosen = [match for match in matches if int(match.span) == wanted]
    if not chosen:
        raise SettingsError(
            "No input file was found." if span is None else f"Span {span} was not found.",
            where=f"data.path: {pattern}",
            expected="at least one file" + ("" if span is None else f" of span {span}"),
            received=f"spans {_listed([str(number) for number in spans])}" if spans else _neighbours(Path(pattern)),
            fix="correct `data.path`" if span is None else "set `data.span` to a span that exists, or leave it out",
        )
    return _one_spelling(chosen, "span", pattern)


def _one_spelling(matches: list[_Match], what: str, pattern: str) -> list[_Match]:
    spellings = sorted({getattr(match, what) for match in matches})
    if len(spellings) > 1:
        raise SettingsError(
            f"One {what} is written in two ways.",
            where=f"data.path: {pattern}",
            expected=f"each {what} written once",
            received=" and ".join(spellings),
            fix="rename or remove one of them",
        )
    return matches
