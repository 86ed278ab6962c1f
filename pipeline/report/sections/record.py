"""Sections on where the run comes from: lineage, steps, settings, environment."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from pipeline.report.gather import RunRecord
from pipeline.report.view import (
    Cell,
    Code,
    Column,
    Facts,
    Part,
    Section,
    Table,
    Text,
    Tone,
    moment,
    plural,
    text_cell,
    value_cell,
)
from pipeline.words import plain_name

STATES: dict[str, tuple[Tone, str]] = {
    "complete": ("good", "done"),
    "cached": ("info", "taken from an earlier run"),
    "skipped": ("quiet", "not run"),
    "failed": ("bad", "failed"),
}

FILES = 20
"""Source files that are listed unfolded."""


def lineage(run: RunRecord) -> Section | None:
    """From the files to the release."""
    rows = list(_lineage(run))
    if not rows:
        return None
    parts: list[Part] = [
        Table("From the files to the release", (Column("What"), Column("Which"), Column("Where")), rows, fixed=True)
    ]
    if run.sources:
        columns = (Column("File"), Column("Files", numeric=True), Column("Bytes", numeric=True), Column("Changed"))
        files = [
            (text_cell(each.path), value_cell(each.files), value_cell(each.bytes), text_cell(moment(each.modified)))
            for each in run.sources
        ]
        parts.append(Table("Files that were read", columns, files, closed=len(files) > FILES))
    return Section("lineage", "Lineage", parts)


def steps(run: RunRecord) -> Section | None:
    """What each step did, and how long it took."""
    found = run.summary.steps
    if not found:
        return None
    longest = max(each.seconds for each in found) or 1.0
    rows = []
    for each in found:
        tone, words = STATES[each.state]
        bar = each.seconds / longest if each.seconds > longest / 100 else None
        rows.append((text_cell(each.id), Cell(words, words, tone), Cell(f"{each.seconds:.1f}", each.seconds, bar=bar)))
    parts: list[Part] = [
        Table("State and time of each step", (Column("Step"), Column("State"), Column("Seconds", numeric=True)), rows)
    ]
    if run.summary.log:
        parts.append(Text(f"All that TensorFlow, Beam and TFX said: `{run.summary.log}`."))
    return Section("steps", "Steps", parts)


def settings(run: RunRecord) -> Section | None:
    """All settings, defaults written out."""
    if not run.settings:
        return None
    text = yaml.safe_dump(dict(run.settings), sort_keys=False, allow_unicode=True, width=100)
    return Section("settings", "Settings", [Code("All settings, defaults written out", text)])


def environment(run: RunRecord) -> Section | None:
    """What the run ran on."""
    found = dict(run.environment)
    if not found:
        return Section(
            "environment", "Environment", [Text("It was not recorded by the version of Headgate that ran this.")]
        )
    packages = found.pop("packages", {})
    facts = {plain_name(name): str(value) for name, value in found.items() if value not in (None, "")}
    rows = [(text_cell(name), text_cell(version)) for name, version in packages.items()]
    parts: list[Part] = [Facts(facts)]
    if rows:
        parts.append(Table("Packages", (Column("Package"), Column("Version")), rows, closed=True))
    return Section("environment", "Environment", parts)


def _lineage(run: RunRecord) -> Iterator[tuple[Cell, Cell, Cell]]:
    if run.sources:
        files = sum(each.files for each in run.sources)
        yield _link("files", plural(files, "file"), run.sources[0].path if len(run.sources) == 1 else "listed below")
    if run.row.span is not None:
        yield _link("span", str(run.row.span), str((run.settings.get("data") or {}).get("path") or ""))
    fingerprints = run.release
    for name, folder in run.lineage.items():
        which = fingerprints.schema_fingerprint[:12] if fingerprints and name == "schema" else ""
        yield _link(name, which, folder)
    release = run.summary.release
    if release:
        yield _link("release", f"{release.model} version {release.version}", release.path)
    if fingerprints:
        yield _link("code that trained it", fingerprints.code_fingerprint[:12], "")
        yield _link("settings", fingerprints.settings_fingerprint[:12], "")


def _link(what: str, which: str, where: str) -> tuple[Cell, Cell, Cell]:
    return text_cell(what), text_cell(which), text_cell(where)
