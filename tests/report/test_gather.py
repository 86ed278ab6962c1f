from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock
from recorded import Recorder
from reported import RUN, full, killed

from pipeline.report.contents import SECTIONS, sections
from pipeline.report.gather import RunRecord, gather
from pipeline.report.verdict import verdict
from pipeline.report.view import Section, Text
from schema.errors import SettingsError

LEFT_OUT = {"trials", "edge"}
"""Sections for which the recorded run has nothing."""


def shown(run: RunRecord) -> dict[str, Section]:
    return {section.id: section for section in sections(run)}


def told(section: Section) -> str:
    return " ".join(part.text for part in section.parts if isinstance(part, Text))


def test_sections_come_in_the_order_of_the_contents_and_those_without_content_are_left_out(tmp_path):
    found = shown(gather(full(tmp_path).workspace, RUN))

    assert list(found) == [name for name in SECTIONS if name not in LEFT_OUT]
    assert not any("cannot be shown" in told(section) for section in found.values())


def test_what_is_only_in_the_reference_is_told(tmp_path):
    assert "`vanished`" in told(shown(gather(full(tmp_path).workspace, RUN))["profile"])


def test_a_run_that_was_killed_says_so_and_shows_what_is_there(tmp_path):
    run = gather(killed(tmp_path).workspace, RUN)

    assert verdict(run).headline == "Interrupted"
    assert "start the same command again" in verdict(run).next
    assert set(shown(run)) == {"lineage", "steps", "settings", "environment"}


def test_a_run_that_goes_on_is_running(tmp_path):
    recorder = killed(tmp_path)
    with FileLock(recorder.workspace.lock("sales")):
        assert verdict(gather(recorder.workspace, RUN)).headline == "Running"


DAMAGED = {
    "analysis": "judge/blessing/*/analysis.json",
    "metrics": "judge/blessing/*/metrics.json",
    "training": "train/model_run/*/training.json",
    "statistics": "statistics/statistics/*/Split-train/FeatureStats.pb",
    "drift": "drift/report/*/drift.json",
    "monitor": "monitor/report/*/monitor.json",
}
"""Files by what they are called among what could not be read."""


def test_artifacts_that_cannot_be_read_are_told_in_their_sections(tmp_path):
    recorder = full(tmp_path)
    paths = {name: _only(recorder, file) for name, file in DAMAGED.items()}
    for path in paths.values():
        path.write_bytes(path.read_bytes()[:-7])

    run = gather(recorder.workspace, RUN)
    found = shown(run)

    assert all(str(path) in run.unreadable[name] for name, path in paths.items())
    for section, name in {
        "training": "training",
        "profile": "statistics",
        "drift": "drift",
        "monitor": "monitor",
    }.items():
        assert str(paths[name]) in told(found[section])
    assert {"decisions", "lineage", "settings"} <= set(found)


def test_artifacts_that_are_gone_are_told_too(tmp_path):
    recorder = full(tmp_path)
    paths = {name: _only(recorder, file) for name, file in DAMAGED.items() if name != "analysis"}
    for path in paths.values():
        path.unlink()

    unreadable = gather(recorder.workspace, RUN).unreadable

    assert all(f"{path}: No such file or directory" == unreadable[name] for name, path in paths.items())


def test_a_judgement_without_an_analysis_is_that_of_an_older_version(tmp_path):
    recorder = full(tmp_path)
    _only(recorder, DAMAGED["analysis"]).unlink()

    run = gather(recorder.workspace, RUN)

    assert run.analysis is None
    assert "analysis" not in run.unreadable


def test_a_record_of_another_shape_spoils_its_own_section_only(tmp_path):
    recorder = full(tmp_path)
    _only(recorder, "train/model_run/*/training.json").write_text('{"epochs": 3}', encoding="utf-8")

    found = shown(gather(recorder.workspace, RUN))

    assert "cannot be shown (KeyError: 'history')" in told(found["training"])
    assert "cannot be shown" not in told(found["drift"])


def test_an_unknown_run_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="no such run"):
        gather(full(tmp_path).workspace, "another")


def _only(recorder: Recorder, pattern: str) -> Path:
    [path] = recorder.workspace.artifacts("sales").glob(pattern)
    return path
